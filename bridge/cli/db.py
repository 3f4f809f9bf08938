"""`callbridge db`: bring the database up, copy it, forget people."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bridge import config
from bridge.errors import UsageError

app = typer.Typer(help="Look after the database.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


@app.command()
def upgrade(json_: Json = False) -> None:
    """Bring the database to the schema of this callbridge. A file is copied beside itself first."""
    from bridge.store.database import Database
    from bridge.store.schema import CURRENT

    settings = config.load().settings

    async def work() -> tuple[str, str]:
        db = await Database.open(settings.database_url, settings.data, upgrade=True)
        await db.close()
        return db.address.shown, db.was

    shown, was = asyncio.run(work())
    if json_:
        print(json.dumps({"database": shown, "from": was, "to": CURRENT.head}))
    elif was == CURRENT.head:
        print(f"{shown} is at schema {was} already")
    else:
        print(f"{shown} is at schema {CURRENT.head} now ({f'it was at {was}' if was else 'it was new'})")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; must not exist yet.")], json_: Json = False
) -> None:
    """Copy the SQLite database, also while calls and campaigns go on."""
    from bridge.store.address import read_address
    from bridge.store.schema import back_up

    settings = config.load().settings
    address = read_address(settings.database_url, settings.data)
    if address.path is None:
        raise UsageError(f"{address.shown} is a server: use its own tool, pg_dump, to copy it")
    if not address.path.is_file():
        raise UsageError(f"there is no database {address.path} yet")
    if file.exists():
        raise UsageError(f"{file} exists: name another file")
    back_up(address.path, file)
    size = file.stat().st_size
    print(json.dumps({"file": str(file), "bytes": size}) if json_ else f"{file}: {size:,} bytes")


@app.command()
def purge(
    older_than: Annotated[str, typer.Option(help="Age, as 30d, 12h or 8w.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it would be.")] = False,
    json_: Json = False,
) -> None:
    """Forget calls, transcripts, recordings and the people of ended campaigns; who must not be called stays known."""
    from bridge.store.database import Database
    from bridge.store.folder import CallFolders
    from bridge.store.purge import Purged, forget

    settings = config.load().settings
    before = time.time() - seconds(older_than)

    async def work() -> Purged:
        db = await Database.open(settings.database_url, settings.data)
        try:
            return await forget(db, CallFolders(settings.data), before, dry_run=dry_run)
        finally:
            await db.close()

    gone = asyncio.run(work())
    if json_:
        print(json.dumps(asdict(gone) | {"dry_run": dry_run}))
        return
    print("would be removed:" if dry_run else "removed:")
    for what, count in asdict(gone).items():
        if what != "clean":
            print(f"  {what:<9} {count:>8,}")
    if not gone.clean:
        print("another program reads the database: its log is emptied when you run this again after it is done")


def seconds(age: str) -> float:
    """An age as people write it. Raises UsageError."""
    found = re.fullmatch(r"(\d+)\s*([hdw])", age.strip().lower())
    if found is None:
        raise UsageError(f"--older-than is {age!r}: it must look like 30d, 12h or 8w")
    return float(int(found[1]) * _UNITS[found[2]])
