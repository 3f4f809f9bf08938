"""What databases say when they cannot, as our errors. One sentence each, and no data of anybody's in it."""

from __future__ import annotations

import sqlite3

import sqlalchemy.exc as sa

from bridge.errors import DatabaseBusy, DatabaseFull, DatabaseLost, StoreConflict, StoreError

CAUGHT = (sa.SQLAlchemyError, sqlite3.Error, OSError, UnicodeError)
"""What drivers raise. TimeoutError is an OSError; half a surrogate pair is a UnicodeError."""

_BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}
_LOST = {"SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_PERM"}
# Sources: PostgreSQL's appendix A. 40001 serialization, 40P01 deadlock, 55P03 lock_timeout, 53300 too many clients.
_BUSY_STATES = {"40001", "40P01", "55P03", "53300"}
# 57P01 to 57P03: the server stops or starts; 57014: a statement ran into its limit; 25006: a standby or read-only.
_LOST_STATES = {"57P01", "57P02", "57P03", "57014", "25006"}
AGAIN_STATES = {"40001", "40P01"}
"""The server undid the transaction and asks for another try."""


def as_store_error(error: BaseException, where: str) -> StoreError:
    """The error of ours for one of `CAUGHT`. `where` names the database."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, where)
    state = sqlstate(error)
    if isinstance(error, sa.IntegrityError):
        return StoreConflict(f"the database {where} refused what contradicts it ({first_line(cause)})")
    if isinstance(error, sa.TimeoutError) or state in _BUSY_STATES:
        return DatabaseBusy(f"the database {where} is busy ({first_line(cause)})")
    if state == "53100":
        return DatabaseFull(f"the disk of the database {where} is full: make room; work goes on by itself then")
    if lost(error):
        return DatabaseLost(f"the database {where} cannot be reached ({first_line(cause)})")
    return StoreError(f"the database {where} refused ({first_line(cause)})")


def lost(error: BaseException) -> bool:
    """Is the connection gone, and with it the transaction?"""
    if isinstance(error, sa.DBAPIError):
        state = sqlstate(error)
        return error.connection_invalidated or state.startswith("08") or state in _LOST_STATES
    return isinstance(error, OSError)


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code for what went wrong; "" when there is none."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def first_line(error: BaseException) -> str:
    """What a driver says, without the lines that may quote what was to be stored."""
    said = str(error).strip().splitlines()
    text = said[0] if said else type(error).__name__
    return text.partition(">: ")[2] or text  # SQLAlchemy puts the class of asyncpg's error before its words


def _of_sqlite(error: sqlite3.Error, where: str) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") or ""
    kind = "_".join(name.split("_")[:2])
    if isinstance(error, sqlite3.IntegrityError):
        return StoreConflict(f"the database {where} refused what contradicts it ({error})")
    if kind in _BUSY:
        return DatabaseBusy(f"the database {where} is locked by another program")
    if kind == "SQLITE_FULL":
        return DatabaseFull(f"the disk of the database {where} is full: make room; work goes on by itself then")
    if kind in _LOST:
        return DatabaseLost(f"the database {where} cannot be used ({error}): is it there, whole and writable?")
    return StoreError(f"the database {where} refused ({error})")
