"""What the carrier's numbers pointed at before we changed them: `<data>/numbers.json`.

An entry is on the disk before its number is changed, and leaves when the number is what it was. So whatever is killed
when, what was there before can be put back. Everything here blocks: for threads and commands.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bridge.errors import StoreError
from bridge.store.lock import try_lock

FILE = "numbers.json"
LOCK_S = 5.0
"""A change takes some ms; whoever holds the lock longer is stuck."""


@dataclass(frozen=True, slots=True)
class SavedHooks:
    """One number that we changed: whom its calls were told to `before`, and whom we told it."""

    number: str
    number_id: str
    before: Mapping[str, str]
    ours: Mapping[str, str]
    by: str
    """attach, detach or dev; what dev did it undoes itself when it ends."""
    pid: int = 0
    """The process of dev."""
    at: float = field(default_factory=time.time)

    @property
    def left_behind(self) -> bool:
        """Was this done by a dev that ended without undoing it?"""
        return self.by == "dev" and not _alive(self.pid)


class NumberBook:
    """The saved entries of one data folder, shared by all its processes."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE

    def all(self) -> dict[str, SavedHooks]:
        """Every entry by its number. Raises StoreError."""
        return self._read()

    def save(self, entry: SavedHooks) -> None:
        """Keep an entry, in place of an older one of its number. On the disk when this returns. Raises StoreError."""
        with self._locked():
            self._write(self._read() | {entry.number: entry})

    def forget(self, number: str) -> None:
        """The number is what it was. Raises StoreError."""
        with self._locked():
            kept = self._read()
            if kept.pop(number, None) is not None:
                self._write(kept)

    def _read(self) -> dict[str, SavedHooks]:
        try:
            found: Any = json.loads(self._path.read_text(encoding="utf-8"))
            return {number: SavedHooks(**entry) for number, entry in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{self._path} cannot be read ({error}): look at it, it says what to restore") from None

    def _write(self, entries: Mapping[str, SavedHooks]) -> None:
        part = self._path.with_name(f".{FILE}.part")
        text = json.dumps({number: asdict(entry) for number, entry in entries.items()}, indent=1) + "\n"
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written ({error.strerror}): the number is left alone") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path.with_name(f".{FILE}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written ({error.strerror}): the number is left alone") from None
        try:
            until = time.monotonic() + LOCK_S
            while not try_lock(file):
                if time.monotonic() > until:
                    raise StoreError(f"{self._path} is held by another process; try again")
                time.sleep(0.05)
            yield
        finally:
            os.close(file)


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is. (Windows syncs no folders.)"""
    if os.name == "nt":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
