"""Who is at work, and who is certainly not any more.

A dialer that is late is not dead: frozen (SIGSTOP, a sleeping laptop, a paused virtual machine) it may wake up and
place the call it was about to place. So its attempts are given to nobody before its death is proven. Proof is a lock
that the system holds for a process as long as it exists, frozen or not, and lets go when it is gone, however it went:

    SQLite        `flock` on a file beside the database, one for each dialer, and one that only one of them can have
    PostgreSQL    a session advisory lock on a connection of its own

Measured in reference runs: with a lease that expires, frozen dialers called people twice; with this, nobody.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bridge.errors import StoreError
from bridge.store import wake
from bridge.store.database import Database
from bridge.store.lock import try_lock
from bridge.store.session import Session


class Proof(Protocol):
    """One dialer's proof of life, and its way to learn of other dialers' deaths."""

    owner: str
    """Its name in the ledger."""

    async def holds(self) -> bool:
        """Is the proof still ours? When it is not, others may think us dead: nothing may be dialled any more."""

    async def is_dead(self, owner: str) -> bool:
        """Is this dialer certainly gone? False: it lives, or nobody can tell."""

    async def listen(self, news: Callable[[], None]) -> None:
        """Call `news` when other processes change something about campaigns, where that can be heard."""

    async def close(self) -> None:
        """Let go: from now on we are dead."""


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"


class FileProof:
    """Proof by locked files, for one machine. One dialer of campaigns at a time for one database file."""

    def __init__(self, database: Path, *, alone: bool = True) -> None:
        """`alone`: it runs campaigns; else it only places single calls, which any number of processes may.

        Raises StoreError when another dialer has this database.
        """
        self.owner = _name()
        self._folder = database.with_name(f"{database.name}-dialers")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be made ({error.strerror})") from None
        self._only = self._open("one") if alone else None
        if self._only is not None and not try_lock(self._only):
            os.close(self._only)
            raise StoreError(
                f"another dialer is at work on {database}; SQLite has room for one, PostgreSQL for as many as wanted"
            )
        try:
            self._mine = self._open(self.owner)
        except StoreError:
            if self._only is not None:  # or this process would stand in its own way when it tries again
                os.close(self._only)
            raise
        if not try_lock(self._mine):  # cannot happen: the name is random
            raise StoreError(f"the lock of dialer {self.owner} is taken")

    def _open(self, name: str) -> int:
        try:
            return os.open(self._folder / name.replace(":", "-"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written ({error.strerror})") from None

    async def holds(self) -> bool:
        """The system took no lock away from a living process."""
        return True

    async def is_dead(self, owner: str) -> bool:
        """A dialer whose lock can be had is gone."""
        if owner == self.owner:
            return False
        path = self._folder / owner.replace(":", "-")
        if not path.exists():
            return False  # of another machine, or tidied away: nobody can tell
        file = self._open(owner)
        try:
            return try_lock(file)
        finally:
            os.close(file)

    async def listen(self, news: Callable[[], None]) -> None:
        """Nobody tells: there is no other dialer, and what commands change is seen at the next look."""

    async def close(self) -> None:
        """Let go of both files; they stay, because they prove it."""
        os.close(self._mine)
        if self._only is not None:
            os.close(self._only)


class SessionProof:
    """Proof by an advisory lock of a PostgreSQL session."""

    def __init__(self, session: Session, number: int) -> None:
        """Use `take`."""
        self.session = session
        self._number = number
        self.owner = f"{_name()}:{number}"

    @classmethod
    async def take(cls, db: Database) -> SessionProof:
        """A session of its own, whose lock says that we live. Raises StoreError."""
        session = await Session.open(db)
        number = secrets.randbelow(2**62)
        if not await session.try_lock(number):  # cannot happen: the number is random
            raise StoreError("the lock of a new dialer is taken")
        return cls(session, number)

    async def holds(self) -> bool:
        """The server says so: a connection that is lost on the way may look whole from here."""
        try:
            return not self.session.lost.is_set() and await self.session.is_held(self._number)
        except StoreError:
            return False

    async def is_dead(self, owner: str) -> bool:
        """A dialer whose lock nobody holds is gone: its session has ended."""
        number = owner.rpartition(":")[2]
        if owner == self.owner or not number.isdigit():
            return False
        return not await self.session.is_held(int(number))

    async def listen(self, news: Callable[[], None]) -> None:
        """As long as this proof holds. Raises StoreError."""
        await self.session.listen(wake.CHANNEL, lambda _: news())

    async def close(self) -> None:
        """End the session, and with it the proof."""
        await self.session.close()
