"""`callbridge do-not-call`: who may never be dialled, over all campaigns."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge import config
from bridge.errors import ServiceUnavailable, StoreError

if TYPE_CHECKING:
    from bridge.client import AdminClient
    from bridge.config import Settings

app = typer.Typer(help="Numbers that nobody may dial any more.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its country code: +14155550123.")]
_TOGETHER = 500
_SHOWN = 10
"""Refused lines that are told; `--json` has all."""


@app.command("list")
def list_numbers(
    limit: Annotated[int, typer.Option(help="How many; the newest first.", min=1)] = 100, json_: Json = False
) -> None:
    """The newest numbers."""
    settings = config.load().settings
    try:
        rows = _from_server(settings, limit)
    except (ServiceUnavailable, StoreError):
        rows = _from_database(settings, limit)
    if json_:
        print(json.dumps({"do_not_call": rows}, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import printable

    for row in rows:
        because = f"  ({printable(row['reason'])})" if row["reason"] else ""
        print(f"{row['phone']:<16}  {row['added_at'][:16].replace('T', ' ')}  {row['source']}{because}")
    if not rows:
        print("nobody is on the do-not-call list")


@app.command()
def add(
    number: Number, reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "", json_: Json = False
) -> None:
    """Nobody dials this number from now on; wherever it waits in a campaign, it is skipped."""
    from bridge.cli.asking import who
    from bridge.client import client_of

    with client_of(config.load().settings) as client:
        body = {"phones": [number], "reason": reason, "source": "operator", "by": who()}
        found = client.post("/do-not-call", body)
    if json_:
        print(json.dumps(found))
    else:
        print(f"{number} is on the do-not-call list" + ("" if found["new"] else " already"))


@app.command()
def remove(
    number: Number, why: Annotated[str, typer.Option(help="Why; it is kept with your name.")], json_: Json = False
) -> None:
    """Take a number off the list, after a mistake."""
    from bridge.cli.asking import who
    from bridge.client import client_of

    with client_of(config.load().settings) as client:
        found = client.post("/do-not-call", {"phone": number, "why": why, "by": who()}, method="DELETE")
    print(json.dumps(found) if json_ else f"{found['phone']} may be called again")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX with a column of numbers.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    json_: Json = False,
) -> None:
    """Put a whole list of numbers on it. Exit code 1 when a line holds no number."""
    from bridge.cli.asking import who
    from bridge.client import client_of

    refused: list[str] = []
    given = new = 0
    numbers = _numbers(file, refused)
    with client_of(config.load().settings) as client:
        while phones := list(islice(numbers, _TOGETHER)):
            body = {"phones": phones, "reason": reason or file.name, "source": "import", "by": who()}
            found = client.post("/do-not-call", body)
            given, new = given + found["given"], new + found["new"]
    if json_:
        print(json.dumps({"given": given, "new": new, "refused": refused}, ensure_ascii=False))
    else:
        print(f"{new:,} new of {given:,} numbers")
        for sentence in refused[:_SHOWN]:
            print(sentence, file=sys.stderr)
        if len(refused) > _SHOWN:
            print(f"... and {len(refused) - _SHOWN:,} more", file=sys.stderr)
    if refused:
        raise typer.Exit(1)


def _numbers(file: Path, refused: list[str]) -> Iterator[str]:
    """The numbers of a file; of lines that hold none, `refused` is told. Raises ContactFileError."""
    from bridge.dialer.phone_list import read_phones

    for found in read_phones(file):
        if isinstance(found, str):
            yield found
        else:
            refused.append(f"line {found.line}: {found.sentence}")


def _from_server(settings: Settings, limit: int) -> list[dict[str, Any]]:
    from bridge.client import client_of

    with client_of(settings) as client:
        return list(islice(_pages(client), limit))


def _pages(client: AdminClient) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = client.get("/do-not-call", limit=_TOGETHER, after=after)
        yield from page["do_not_call"]
        after = page["next"]
        if not after:
            return


def _from_database(settings: Settings, limit: int) -> list[dict[str, Any]]:
    from bridge.cli.campaign_source import opened
    from bridge.dialer.shown import do_not_call_row
    from bridge.store.do_not_call import DoNotCallList

    async def work() -> list[dict[str, Any]]:
        async with opened(settings) as db:
            return [do_not_call_row(row) for row in await DoNotCallList(db).page(limit)]

    return asyncio.run(work())
