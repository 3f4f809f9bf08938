"""The database is locked, full, refused, or gone, while people talk: nobody on the line notices (faults C42).

A disk is made full by a small one of its own (tmpfs, in a mount namespace that goes with the process). A disk that went
read-only under open files is one whose writes fail: `RLIMIT_FSIZE`, set from outside while the bridge runs, does that
to files of the database's size, needs no rights, and lets the log be written. Permissions would not do: they are asked
for when a file is opened, and root is never refused.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from postgres_server import Server, empty_schema
from troubled_world import nobody_heard_of_it, nothing_works, troubled, works_again

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

pytestmark = pytest.mark.sockets


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes, and does not finish."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_locked_by_another_program(tmp_path: Path) -> None:
    """For a moment, which is waited out; and for longer than anybody waits, which is told."""

    async def story() -> None:
        async with troubled(tmp_path) as world:
            calm = await world.span(3.0)
            with locked(world.db):
                short = await world.span(3.0)
            await world.dials_again()
            with locked(world.db):
                long = await nothing_works(world, "locked by another program", 7.0)
            await works_again(world, "locked by another program")
        nobody_heard_of_it(world, calm, short)
        nobody_heard_of_it(world, calm, long)

    asyncio.run(story())


def test_on_a_full_disk(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    mount = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c"]
    mount += [f'mount -t tmpfs -o size=32m tmpfs "{data}" && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*mount, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no small disk can be made here")
    story = [sys.executable, str(Path(__file__).with_name("full_disk_story.py")), str(tmp_path)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([*mount, *story], check=False, capture_output=True, text=True, timeout=120, env=env)
    assert told.returncode == 0, told.stderr


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process's limits cannot be set here")
def test_on_a_disk_that_takes_no_writes_any_more(tmp_path: Path) -> None:
    async def story() -> None:
        async with troubled(tmp_path) as world:
            calm = await world.span(3.0)
            soft, hard = resource.prlimit(world.house.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(world.house.pid, resource.RLIMIT_FSIZE, (65_536, hard))
            span = await nothing_works(world, "is it there, whole and writable?")
            resource.prlimit(world.house.pid, resource.RLIMIT_FSIZE, (soft, hard))
            await works_again(world, "is it there, whole and writable?")
        nobody_heard_of_it(world, calm, span)

    asyncio.run(story())


def test_when_the_file_is_gone_until_it_is_put_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with troubled(tmp_path) as world:
            calm, away = await world.span(3.0), world.data / "away"
            world.db.rename(away)
            span = await nothing_works(world, "not there any more")
            assert not world.db.exists(), "an empty one would know nobody who must not be called"
            away.rename(world.db)
            await works_again(world, "not there any more")
        nobody_heard_of_it(world, calm, span)

    asyncio.run(story())


def test_when_postgres_dies_and_comes_back(tmp_path: Path, postgres: Server) -> None:
    if postgres.data is None:
        pytest.skip("this PostgreSQL is not ours to stop")

    url = empty_schema(postgres)

    async def story() -> None:
        async with troubled(tmp_path, url=url) as world:
            calm = await world.span(3.0)
            await asyncio.to_thread(postgres.crash)
            span = await nothing_works(world, "cannot be reached")
            await asyncio.to_thread(postgres.start)
            await works_again(world, "cannot be reached")
        nobody_heard_of_it(world, calm, span)

    asyncio.run(story())
