"""The story of a full disk, as a program: it runs on a small disk that nobody else sees.

The folder it is given holds `data`, where that disk is.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from troubled_world import nobody_heard_of_it, nothing_works, troubled, works_again


@contextmanager
def full(data: Path) -> Iterator[None]:
    """No room at all. (Somebody reads meanwhile, so that the log of the database can only grow.)"""
    ballast = data / "ballast"
    with closing(sqlite3.connect(f"file:{data / 'callbridge.db'}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("select count(*) from attempts").fetchone()
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        yield
        ballast.unlink()
        reader.execute("ROLLBACK")


async def main(folder: Path) -> None:
    """Raises AssertionError."""
    async with troubled(folder) as world:
        calm = await world.span(3.0)
        with full(world.data):
            span = await nothing_works(world, "is full")
        await works_again(world, "is full")
    nobody_heard_of_it(world, calm, span)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
