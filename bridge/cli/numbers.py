"""`callbridge numbers`: the account's numbers and whom they point at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bridge import config
from bridge.config import Settings, check_public_url
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.web.number_desk import Changed, NumberDesk

app = typer.Typer(help="The account's numbers, and whom their calls are told to.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="One of the account's numbers: +1415...")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
T = TypeVar("T")


@app.command("list")
def list_numbers(json_: Json = False) -> None:
    """Every number, whom it points at, and whom it pointed at before callbridge changed it."""
    settings = config.load().settings
    rows = _work(settings, lambda desk: desk.rows(settings.public_url))
    if json_:
        print(json.dumps({"numbers": rows}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print("the account owns no number")
        return
    table = Table("number", "points at", "before", "", box=None, pad_edge=False)
    for shown in rows:
        notes = [word for word, true in (("here", shown["here"]), ("no calls", not shown["voice"])) if true]
        notes += [f"answered by {shown['ruled_by']}"] if shown["ruled_by"] else []
        before = "" if shown["before"] is None else shown["before"]["voice_url"] or "nobody"
        table.add_row(shown["number"], shown["hooks"]["voice_url"] or "nobody", before, ", ".join(notes))
    Console(markup=False, highlight=False, soft_wrap=True).print(table)


@app.command()
def attach(
    number: Number,
    url: Annotated[str, typer.Option("--url", help="Where we are reached; default: PUBLIC_URL.")] = "",
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Point a number here. What it pointed at is kept, for `restore`."""
    settings = config.load().settings
    base = url or settings.public_url
    if not base:
        raise UsageError("where to? Give --url https://..., or put PUBLIC_URL into .env")
    check_public_url(base)
    _change(settings, f"Point {number} at {base}?", lambda desk: desk.attach(number, base), yes, json_)


@app.command()
def detach(number: Number, yes: Yes = False, json_: Json = False) -> None:
    """Point a number at nobody: who calls hears an error. What it pointed at is kept, for `restore`."""
    settings = config.load().settings
    _change(settings, f"Let nobody answer {number}?", lambda desk: desk.detach(number), yes, json_)


@app.command()
def restore(
    number: Number,
    force: Annotated[bool, typer.Option("--force", help="Also over a change that somebody else made.")] = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Point a number at whom it pointed at before callbridge changed it."""
    settings = config.load().settings
    question = f"Put back what {number} pointed at before?"
    _change(settings, question, lambda desk: desk.restore(number, force=force), yes, json_)


def _change(
    settings: Settings, question: str, work: Callable[[NumberDesk], Awaitable[Changed]], yes: bool, as_json: bool
) -> None:
    from bridge.cli.asking import confirmed

    if not confirmed(question, yes=yes):
        raise UsageError("nothing was changed")
    done = _work(settings, work)
    if as_json:
        print(json.dumps(asdict(done) | {"warning": done.warning}, indent=1))
        return
    print(f"{done.number} points at {done.after.voice_url or 'nobody'} (before: {done.before.voice_url or 'nobody'})")
    if done.warning:
        print(f"warning: {done.warning}")


def _work(settings: Settings, work: Callable[[NumberDesk], Awaitable[T]]) -> T:
    from bridge.carriers.registry import CARRIERS
    from bridge.store.number_book import NumberBook
    from bridge.web.number_desk import NumberDesk

    desk = NumberDesk(CARRIERS["twilio"](settings).control, NumberBook(settings.data))

    async def run() -> T:
        return await work(desk)

    return asyncio.run(run())
