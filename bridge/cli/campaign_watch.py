"""`callbridge campaign watch`: a campaign as it goes, until it is over. Leaving it changes nothing."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bridge.cli import campaign_view as view
from bridge.cli.call_view import console, printable
from bridge.errors import BridgeError, UsageError

LOOK_S = 1.0
PLAIN_S = 10.0
"""Without a terminal a line is written every so often."""
_OVER = ("done", "cancelled")

Look = Callable[[], Mapping[str, Any]]


def watch(look: Look, *, interactive: bool | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show it until it is over. Raises UsageError when there is no such campaign; other trouble is waited out."""
    terminal = sys.stdout is not None and sys.stdout.isatty() if interactive is None else interactive
    found = look()
    with _screen(terminal) as put:
        trouble = ""
        while True:
            put(found, trouble)
            if found["campaign"]["state"] in _OVER:
                return
            sleep(LOOK_S if terminal else PLAIN_S)
            try:
                found, trouble = look(), ""
            except UsageError:
                raise
            except BridgeError as error:  # the server is restarted: it comes back, and so do the figures
                trouble = str(error)


@contextlib.contextmanager
def _screen(terminal: bool) -> Iterator[Callable[[Mapping[str, Any], str], None]]:
    if not terminal:
        yield lambda found, trouble: print(line(found, trouble), flush=True)
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=console(), auto_refresh=False, transient=False) as live:

        def put(found: Mapping[str, Any], trouble: str) -> None:
            lines = view.report(found, time.time()) + ([f"trouble    {printable(trouble)}"] if trouble else [])
            live.update(Text("\n".join(lines)), refresh=True)

        yield put


def line(found: Mapping[str, Any], trouble: str = "") -> str:
    """The whole of it on one line, for logs and pipes."""
    if trouble:
        return f"trouble: {printable(trouble)}"
    parts = [
        found["campaign"]["state"],
        f"{found['finished']:,} of {found['contacts']:,}",
        f"{found['open_calls']} calls",
        f"{found['calls_last_minute']}/min",
        view.money(found),
    ]
    sentence = found["standstill"]["sentence"]
    return ", ".join(parts) + (f" - {printable(sentence)}" if sentence and found["campaign"]["state"] != "done" else "")
