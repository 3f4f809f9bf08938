"""What a disk refused and what there may yet be room for: jobs by the path that they write, and sound.

It waits in memory, all of it together within `MOST_BYTES`. Beyond, the oldest sound makes room: a recording with a
silence in it is worth more than a transcript with a hole, and much more than a process that was killed for its memory.
"""

from __future__ import annotations

import errno
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import StoreError

MOST_BYTES = 256_000_000
"""Of everything that waits for the disk, in all calls: 16 kB a second of a recorded call, 2 kB of another."""
MOST_JOBS = 10_000
"""Paths that wait."""
JOB_BYTES = 4_096
"""What a job is counted with that does not tell its size: a call's record, an analysis."""
MENDED_BY_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""A full disk, a full quota, one that went away or was mounted read-only after a fault. All may come back."""


class Sound:
    """Both sides of a stretch of a call that waits for the disk, of one length."""

    __slots__ = ("sides", "size")

    def __init__(self, left: bytes, right: bytes) -> None:
        self.sides: tuple[bytes, bytes] | None = (left, right)
        """None once it was given up: silence, so that what follows stays in its place."""
        self.size = max(len(left), len(right))
        """Bytes of one side."""

    @property
    def held(self) -> int:
        """Bytes of memory."""
        return sum(map(len, self.sides)) if self.sides is not None else 0


def nothing() -> None:
    """What is done where there is nothing to do."""


@dataclass(slots=True)
class Job:
    """What is run again. It may do a part of its work and return True: it is called once more at once."""

    run: Callable[[], object]
    forget: Callable[[], None] = nothing
    """Called instead when it is given up."""
    size: int = JOB_BYTES
    in_folder: bool = False
    """Its folder was there once. A folder that is gone since then was removed, and stays so."""


class Owed:
    """The ledger. Only the disk's thread touches it; `len` may be asked by anybody."""

    def __init__(self) -> None:
        self._jobs: dict[Path, Job] = {}
        self._sound: OrderedDict[Sound, None] = OrderedDict()  # oldest first; a dict's first one is slow to find
        self._job_bytes = 0
        self._sound_bytes = 0
        self._round: deque[Path] = deque()
        self.given_up = 0
        """Pieces of sound that made room."""

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def held(self) -> int:
        """Bytes."""
        return self._job_bytes + self._sound_bytes

    def folders(self) -> set[Path]:
        """In which something is owed, and those that are to be made."""
        return {path.parent for path in self._jobs} | set(self._jobs)

    def room(self, path: Path) -> int:
        """Bytes that what is owed of this path may have: all that the other jobs leave, since sound makes room."""
        job = self._jobs.get(path)
        return max(0, MOST_BYTES - self._job_bytes + (job.size if job is not None else 0))

    def put(self, path: Path, job: Job) -> bool:
        """This one waits, instead of the one before it. False when there are too many."""
        before = self._jobs.get(path)
        if before is None and (len(self._jobs) >= MOST_JOBS or self._job_bytes + job.size > MOST_BYTES):
            return False
        self._job_bytes += job.size - (before.size if before is not None else 0)
        job.in_folder = (before is not None and before.in_folder) or path.parent.is_dir()
        self._jobs[path] = job
        self._make_room()
        return True

    def settle(self, path: Path) -> bool:
        """It is written, or given up; was it owed?"""
        job = self._jobs.pop(path, None)
        if job is None:
            return False
        self._job_bytes -= job.size
        return True

    def knows(self, sound: Sound) -> bool:
        """Does it wait already, or has it been given up?"""
        return sound.sides is None or sound in self._sound

    def keep(self, sound: Sound) -> None:
        """This sound waits, too. Keeping it twice is fine."""
        if not self.knows(sound):
            self._sound[sound] = None
            self._sound_bytes += sound.held
            self._make_room()

    def release(self, sound: Sound) -> None:
        """It is written, or given up."""
        if sound in self._sound:
            del self._sound[sound]
            self._sound_bytes -= sound.held

    def _make_room(self) -> None:
        while self._sound and self.held > MOST_BYTES:
            oldest = next(iter(self._sound))
            self.release(oldest)
            oldest.sides = None
            self.given_up += 1

    def all_again(self) -> None:
        """Each is to be tried once more, in the order in which they were refused."""
        self._round = deque(self._jobs)

    def next(self) -> tuple[Path, Job] | None:
        """Whose turn it is; None at the end of the round."""
        while self._round:
            path = self._round.popleft()
            job = self._jobs.get(path)
            if job is not None:
                return path, job
        return None

    def first_again(self, path: Path) -> None:
        """It has done a part and goes on."""
        self._round.appendleft(path)

    def can_mend(self, path: Path, error: Exception) -> bool:
        """Is it room that is missing, or the folder that is still to be made itself?"""
        cause = error.__cause__ if isinstance(error, StoreError) else error
        if not isinstance(cause, OSError):
            return False
        return cause.errno in MENDED_BY_ROOM or (cause.errno == errno.ENOENT and path.parent in self._jobs)

    def is_removed(self, path: Path, job: Job) -> bool:
        """Its folder was there and is gone: a call that was deleted is not made again."""
        there = path.parent.is_dir()
        job.in_folder = job.in_folder or there
        return job.in_folder and not there
