"""Messages that came in one read lead to one write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Message = TypeVar("Message")

FEW = 2
"""So many often come together without being late (a frame and a mark, a delta and its words), and lead to one write as
it is."""


def as_one_write(
    messages: Sequence[Message], read: Callable[[Sequence[Message]], None], on_together: Callable[[bool], None]
) -> None:
    """Have `read` take the messages; `on_together` is told before (True) and after (False) when they are many."""
    if len(messages) <= FEW:
        read(messages)
        return
    on_together(True)
    try:
        read(messages)
    finally:
        on_together(False)
