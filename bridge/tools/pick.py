"""Picking what matters out of a JSON answer, so that the model reads one word and not ten kilobytes.

data.items[0].status      names and positions
data.items[*].title       of each entry
/data/items/0/status      a JSON pointer (RFC 6901), for names with dots in them
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from bridge.errors import AgentError
from bridge.tools.base import JSON

Step = str | int | None
"""A name, a position; None: of each."""

_STEP = re.compile(r"(?:^|\.)(?P<name>[^.\[\]]+)|\[(?P<index>-?\d{1,9})\]|\[\*?\]")


class Pick:
    """One path, or several. Raises AgentError for what is no path."""

    def __init__(self, wanted: str | Sequence[str]) -> None:
        self._single = isinstance(wanted, str)
        paths = [wanted] if isinstance(wanted, str) else list(wanted)
        if not paths:
            raise AgentError("pick: no path is given")
        self._paths = {path: read_path(path) for path in paths}

    def of(self, document: JSON) -> JSON:
        """What stands there; for several paths an object of path to value, null for what is not there.

        Raises LookupError when nothing of it is there.
        """
        if self._single:
            (steps,) = self._paths.values()
            return take(document, steps)
        found: dict[str, JSON] = {}
        missing = 0
        for path, steps in self._paths.items():
            try:
                found[path] = take(document, steps)
            except LookupError:
                found[path] = None
                missing += 1
        if missing == len(found):
            raise LookupError("none of it is there")
        return found


def read_path(path: str) -> tuple[Step, ...]:
    """A path as steps. Raises AgentError."""
    if not isinstance(path, str) or not path:
        raise AgentError(f"pick: {path!r} is no path; write data.items[0].status or /data/items/0/status")
    if path.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    return tuple(_dotted(path))


def take(document: JSON, steps: Sequence[Step]) -> JSON:
    """Follow the steps. Raises LookupError where they lead out of the document."""
    for at, step in enumerate(steps):
        if step is None:
            return list(_of_each(document, steps[at + 1 :]))
        document = _enter(document, step)
    return document


def _of_each(document: JSON, rest: Sequence[Step]) -> Iterator[JSON]:
    for entry in _entries(document):
        # Entries may differ: those which have it are told.
        with contextlib.suppress(LookupError):
            yield take(entry, rest)


def _entries(document: JSON) -> list[JSON]:
    if isinstance(document, list):
        return document
    raise LookupError("not a list")


def _enter(document: JSON, step: str | int) -> JSON:
    if isinstance(document, dict):
        return document[str(step)]
    if isinstance(document, list):
        if isinstance(step, str) and not (step.isascii() and step.isdecimal() and len(step) < 10):
            raise LookupError("not a position")
        return document[int(step)]
    raise LookupError("nothing is inside")


def _dotted(path: str) -> Iterator[Step]:
    text = path.removeprefix("$").removeprefix(".")  # JSONPath's way to begin
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise AgentError(f"pick: {path!r} cannot be read from {text[at:]!r} on; write data.items[0].status")
        at = step.end()
        if step["index"]:
            yield int(step["index"])
        else:
            yield None if step["name"] in (None, "*") else step["name"]
