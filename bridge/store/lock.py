"""Is anybody else at work in this data folder?

Several processes may serve from one folder (a demo beside a server). Only one that is alone may conclude that an open
record was left by a dead process. The lock is the kernel's: it goes with the process, however that ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from bridge.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt


def try_lock(file: int) -> bool:
    """Lock an open file for this process alone, at once or not at all. Closing the file, or dying, lets go."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


class FolderLock:
    """Holds the folder, shared with others, until closed. `alone` says whether nobody else held it at the beginning."""

    def __init__(self, data: Path) -> None:
        try:
            data.mkdir(parents=True, exist_ok=True)
            self._file = os.open(data / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StoreError(f"BRIDGE_DATA is {data}: it cannot be written ({error.strerror})") from None
        self.alone = self._try_alone()

    def _try_alone(self) -> bool:
        if fcntl is None:
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(self._file, fcntl.LOCK_SH)
            return False
        return True

    def share(self) -> None:
        """What needed being alone is done: let others in."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)
