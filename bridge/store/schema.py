"""Is the schema of a database the one that this code knows? New databases get it; older ones are brought up.

A file of SQLite's is copied beside itself first, then migrated. A server may have other dialers at work, so there a
person says when: `callbridge db upgrade`. What a newer callbridge has made is left alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bridge.errors import StoreError
from bridge.store.address import Address
from bridge.store.tables import metadata

STEPS = ("0001", "0002", "0003", "0004")
"""Those that end in the tables of `tables.py`."""
_ONE = threading.Lock()
"""Alembic keeps what it is working on in global names."""
_LOCK = 7_226_117_283
"""PostgreSQL's advisory lock for migrations; any number that is always the same."""
VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic itself makes it."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The steps there are, oldest first, and the folders they are in."""

    known: tuple[str, ...] = STEPS
    folders: tuple[Path, ...] = (Path(__file__).parent / "migrations" / "versions",)

    @property
    def head(self) -> str:
        """The newest step."""
        return self.known[-1]

    def must_be_current(self, conn: sa.Connection) -> None:
        """Raises StoreError when the database has another schema."""
        found = version(conn)
        if found != self.head:
            raise StoreError(f"the database has the schema {found or 'of nobody'}, this callbridge needs {self.head}")

    def bring_up(self, conn: sa.Connection, address: Address, upgrade: bool) -> str:
        """Make a new database's tables, migrate an older file; returns the step it was at, "" when it was empty.

        `upgrade` allows to migrate an older PostgreSQL. Raises StoreError when it must not be done.
        """
        found = version(conn)
        if found == self.head:
            return found
        if conn.dialect.name == "postgresql":
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            found = version(conn)  # another may have been at it just now
        if found == self.head:
            return found
        if found and found not in self.known:
            raise StoreError(
                f"the database {address.shown} was made by a newer callbridge (schema {found}, this one knows "
                f"{self.head}): use that one, or a backup from before"
            )
        if not found and sa.inspect(conn).has_table("contacts"):
            raise StoreError(f"the database {address.shown} holds tables that are not callbridge's: choose another one")
        if found and address.path is not None:
            back_up(address.path, address.path.with_name(f"{address.path.name}.before-{self.head}"))
        elif found and not upgrade:
            raise StoreError(
                f"the database {address.shown} has the older schema {found}: stop what uses it, then run "
                "`callbridge db upgrade`"
            )
        if not found and self.known == STEPS:
            _make(conn)
        else:
            self.by_steps(conn)
        return found

    def by_steps(self, conn: sa.Connection) -> None:
        """Take the steps that this database has not taken."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.set_main_option("version_locations", "\n".join(map(str, self.folders)).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = conn
        # Of two who migrate one server, the second still waits for the advisory lock; other files have other threads.
        with _ONE:
            command.upgrade(config, "head")


CURRENT = Schema()


def _make(conn: sa.Connection) -> None:
    """The tables as they are now, at once, without the steps that led to them (a test holds that both are the same).

    So nobody who starts anew waits for Alembic, or keeps it in memory with all that it brings along: 10 MB.
    """
    metadata.create_all(conn)
    conn.execute(sa.schema.CreateTable(VERSION))
    conn.execute(VERSION.insert().values(version_num=STEPS[-1]))


def version(conn: sa.Connection) -> str:
    """The step a database is at; "" for an empty one."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return ""
    return conn.execute(sa.select(VERSION.c.version_num)).scalar() or ""


def back_up(path: Path, target: Path) -> None:
    """Copy a database file, whoever uses it meanwhile, as one state of it. Raises StoreError.

    The copy takes its name when it is whole.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
        part.replace(target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"the database {path} cannot be copied to {target}: {error}") from None
