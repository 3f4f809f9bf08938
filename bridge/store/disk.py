"""One thread writes; everybody else only appends to memory.

No frame may wait for a disk. Writers hand over small jobs; files that grow are collected in memory and written every
two seconds or a quarter more, a few at a time, so that the files of many calls never hold up the calls. A disk that
refuses is told once, and calls go on; what it had no room for is kept (`owed.py`) and tried again until it is taken, so
that a disk that was full for a while leaves no hole. What room would not mend is given up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from bridge.errors import StoreError
from bridge.store.owed import MENDED_BY_ROOM, Job, Owed, nothing

log = logging.getLogger(__name__)

_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
FLUSH_S = 2.0
"""What a killed process may lose of a growing file, and up to `TOGETHER_S` more."""
BIG = 262_144
"""A file that collects this much is written at once."""
TOGETHER_S = 0.25
"""Files that are due within this are written together: waking the thread costs more than writing a file."""
FILES = 6
"""So many files are made into bytes at a time, 0.2 to 0.6 ms of work between two frames ..."""
OPEN = 1_000
"""So many files are kept open; beyond, each is opened to be written and closed again."""
PAUSE_S = 0.0075
"""... with this between: 800 files a second, two to three of each of 500 calls every two seconds."""
AGAIN_S = 5.0
"""What the disk refused is tried again after this, until it is taken."""
MOST_OWED = 1 << 20
"""Bytes of one file that wait for the disk; what is more is given up. A call's files grow by some 100 kB a minute."""
SLICE_S = 0.05
"""So long at a time what it takes at last is written; what calls hand over meanwhile comes in between."""


class Disk:
    """The process's writing thread. Jobs run in order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._turns: dict[GrowingFile[Any], float] = {}  # when each file's turn is, soonest first
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0
        self._told: set[object] = set()  # kinds of trouble
        self._open = 0  # files; only the thread touches this
        self.owed = Owed()
        """What was refused. For jobs: only the thread touches this."""
        self._paying = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._again: asyncio.TimerHandle | None = None
        self._closed = False
        self._most_open = min(OPEN, _allowed_files() // 4)  # the rest is for sockets

    def submit(
        self, job: Callable[[], object], owed_as: Path | None = None, forget: Callable[[], None] = nothing
    ) -> asyncio.Future[None]:
        """Run a job in the thread, after all before it.

        With the path of what it writes (`owed_as`) it is run again when the disk has no room, until it is taken, or
        another for that path comes; with True for an answer, too, when it has done a part. What room would not mend is
        given up: then `forget` is called, in the thread.
        """
        self._loop = asyncio.get_running_loop()
        return self._loop.run_in_executor(self._thread, self._run, job, owed_as, forget)

    def _run(
        self, job: Callable[[], object], owed_as: Path | None = None, forget: Callable[[], None] = nothing
    ) -> None:
        try:
            more = job()
        except Exception as error:  # the boundary to the disk: told once, calls go on
            self._failed(error)
            if owed_as is not None:
                self._refused(owed_as, Job(job, forget), error)
            return
        if owed_as is None:
            return
        if more is True:
            self._owe(owed_as, Job(job, forget))
            self._start_paying()
        else:
            self._settle(owed_as)

    @property
    def owes(self) -> bool:
        """Is there something that the disk refused and that shall still be written?"""
        return len(self.owed) > 0

    def _refused(self, path: Path, job: Job, error: Exception) -> None:
        if self.owed.can_mend(path, error):
            self._owe(path, job)
        else:
            self._give_up(path, job)

    def _owe(self, path: Path, job: Job) -> None:
        if self.owed.put(path, job):
            self._ask_again()
        else:
            self._failed(StoreError(f"{path}: is given up; more waits for the disk than is kept"))
            self._give_up(path, job)

    def _give_up(self, path: Path, job: Job) -> None:
        self.owed.settle(path)
        if not self.owes:
            self._told -= MENDED_BY_ROOM
        job.forget()

    def _settle(self, path: Path) -> None:
        if self.owed.settle(path) and not self.owes:
            self._told -= MENDED_BY_ROOM
            log.info("what the disk refused of calls is written")
            self._tell_silence()

    def _tell_silence(self) -> None:
        if self.owed.given_up:
            log.error("recordings have silence where a full disk took too long", extra={"pieces": self.owed.given_up})
            self.owed.given_up = 0

    def _ask_again(self) -> None:
        if self._loop is not None and not self._closed:
            with suppress(RuntimeError):  # the loop is closed: `close` tries once more
                self._loop.call_soon_threadsafe(self._plan)

    def _plan(self) -> None:
        if self._again is None and not self._closed:
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        self._thread.submit(self._start_paying)

    def _start_paying(self) -> None:
        self.owed.all_again()
        if not self._paying:
            self._paying = True
            self._go_on()

    def _go_on(self) -> None:
        """One slice, and the next one behind what the calls have handed over meanwhile."""
        self._paying = self._pay()
        if self._paying:
            try:
                self._thread.submit(self._go_on)
            except RuntimeError:  # closed: `close` pays the rest itself
                self._paying = False

    def _pay(self) -> bool:
        """Try what is owed for `SLICE_S`; may there be more of this round?"""
        until = time.monotonic() + SLICE_S
        while turn := self.owed.next():
            self._try(*turn)
            if time.monotonic() >= until:
                return True
        if self.owes:
            self._ask_again()
        return False

    def _pay_all(self) -> None:
        self.owed.all_again()
        while self._pay():
            pass

    def _try(self, path: Path, job: Job) -> None:
        if self.owed.is_removed(path, job):
            self._failed(FileNotFoundError(errno.ENOENT, "its folder was removed", str(path)))
            self._give_up(path, job)
            return
        try:
            more = job.run()
        except Exception as error:  # the boundary to the disk, once more: one job must not cost the others theirs
            if not self.owed.can_mend(path, error):  # else it was told before
                self._failed(error)
                self._give_up(path, job)
            return
        if more is True:
            self.owed.first_again(path)
        else:
            self._settle(path)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._tell(error)

    def _tell(self, error: Exception) -> None:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        kind = cause.errno if isinstance(cause, OSError) else type(error)
        if kind not in self._told:
            self._told.add(kind)
            log.error("cannot write call data", extra={"error": str(error)})

    @property
    def failures(self) -> int:
        """Jobs that failed since the start."""
        return self._failures

    def soon(self, file: GrowingFile[Any]) -> None:
        """This file has something to write, and may have more: it has its turn every `FLUSH_S` while it has."""
        loop = asyncio.get_running_loop()
        due = self._next_turn(file, loop.time())
        if self._timer is None:
            self._timer = loop.call_at(due, self._flush)

    def _next_turn(self, file: GrowingFile[Any], now: float) -> float:
        file.has_turn = True
        due = math.ceil((now + FLUSH_S) / TOGETHER_S) * TOGETHER_S
        self._turns[file] = due
        return due

    def now(self, file: GrowingFile[Any]) -> None:
        """Write what this file holds, without waiting for the others."""
        self._write([file])
        self._no_turn(file)

    def _no_turn(self, file: GrowingFile[Any]) -> None:
        self._turns.pop(file, None)
        file.has_turn = False

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        files = [file for file, due in islice(self._turns.items(), FILES) if due <= now]
        waiting = [file for file in files if file.waits]
        self._write(waiting)
        for file in files:
            self._no_turn(file)  # who had nothing to write for two seconds is asked no more
        for file in waiting:
            self._next_turn(file, now)
        self._timer = None
        if self._turns:
            due = next(iter(self._turns.values()))
            self._timer = loop.call_at(max(due, now + PAUSE_S), self._flush)

    def _write(self, files: list[GrowingFile[Any]]) -> None:
        self._loop = asyncio.get_running_loop()
        jobs = [(f, self._taken(f), f.finished) for f in files]
        if jobs:
            # Past the loop: nobody waits for this, and a future of the loop would wake it once more.
            self._thread.submit(self._run, lambda: self._append_all(jobs))

    def _taken(self, file: GrowingFile[Any]) -> bytes:
        try:
            return file.take()
        except Exception as error:  # one file's entries that cannot be told must not cost the others theirs
            self._failed(error)
            return b""

    def _append_all(self, jobs: list[tuple[GrowingFile[Any], bytes, bool]]) -> None:
        failed = False
        for file, data, finished in jobs:
            try:
                self._append(file, data, finished)
            except OSError as error:  # one call's file must not cost the others theirs
                failed = True
                self._tell(error)
                self._keep(file, error)
            else:
                if self.owes:
                    self._settle(file.path)
        self._failures += failed

    def _keep(self, file: GrowingFile[Any], error: OSError) -> None:
        most = min(MOST_OWED, self.owed.room(file.path))
        if len(file.owed) > most:
            file.owed = file.owed[: file.owed.rfind(b"\n", 0, most) + 1]
        job = Job(lambda: self._append(file, b"", file.finished), lambda: self._forget(file), len(file.owed))
        self._refused(file.path, job, error)

    def _forget(self, file: GrowingFile[Any]) -> None:
        file.owed = b""
        if file.finished:
            self._close(file)

    def _append(self, file: GrowingFile[Any], data: bytes, finished: bool) -> None:
        """One system call, as a rule: each one takes the interpreter from the calls and gives it back."""
        file.owed += data
        if file.fd < 0 and file.owed:
            file.fd = os.open(file.name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _CLOEXEC, 0o666)
            self._open += 1
        while file.owed:  # a disk that is nearly full takes a part first
            file.owed = file.owed[os.write(file.fd, file.owed) :]
        if finished or self._open > self._most_open:
            self._close(file)

    def _close(self, file: GrowingFile[Any]) -> None:
        if file.fd >= 0:
            fd, file.fd = file.fd, -1
            self._open -= 1
            os.close(fd)

    async def drained(self) -> None:
        """Everything handed over until now has been written (or refused)."""
        files = list(self._turns)
        self._write(files)
        for file in files:
            self._no_turn(file)
        await self.submit(self.owed.all_again)
        while await asyncio.get_running_loop().run_in_executor(self._thread, self._pay):
            pass

    def close(self) -> None:
        """No more jobs; waits for those that are there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._closed = True
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._thread.submit(self._pay_all)
        self._thread.shutdown(wait=True)
        if self.owes:
            log.error("call data is lost: the disk does not take it", extra={"pieces": len(self.owed)})
            self._tell_silence()


def _allowed_files() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 2048
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 4 * OPEN


Part = TypeVar("Part")


class GrowingFile(Generic[Part]):
    """A file that only grows. `lines` makes lines of the parts when they are written, not when they happen.

    Parts that belong together are kept side by side and not in a tuple of their own: some hundred calls have some ten
    thousand entries waiting, and Python's collector of garbage stops everything to look at each tuple among them.
    """

    __slots__ = ("_disk", "_lines", "_parts", "_size", "before", "fd", "finished", "has_turn", "name", "owed")

    def __init__(self, disk: Disk, path: Path, lines: Callable[[list[Part]], Iterable[bytes]]) -> None:
        self.name = os.fspath(path)  # the object would be 0.4 kB in each of a call's three files
        self._disk = disk
        self._lines = lines
        self._parts: list[Part] = []
        self._size = 0
        self.fd = -1
        """The open file; only the disk's thread touches it."""
        self.owed = b""
        """What the disk refused, and what is to be written first; the same."""
        self.finished = False
        self.has_turn = False
        """The disk will ask for what is waiting, by itself."""
        self.before: Callable[[], None] = nothing
        """Called before the file is written, to add what is still being counted."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.name)

    def append(self, *parts: Part, size: int = 64) -> None:
        """Add one entry, the parts of a line of about `size` bytes. They must not change until they are written."""
        if not self.has_turn:
            self._disk.soon(self)
        self._parts += parts
        self._size += size
        if self._size > BIG:
            self._disk.now(self)

    def finish(self) -> None:
        """Nothing more is expected: write and close. What comes late all the same is written too."""
        self.finished = True
        self._disk.now(self)
        self.before = nothing

    @property
    def waits(self) -> bool:
        """Is something waiting to be written?"""
        return bool(self._parts)

    def take(self) -> bytes:
        """What is waiting, once."""
        if not self._parts:
            return b""
        self._size = 0  # first: what `before` adds must not make it too big once more
        self.before()
        parts, self._parts = self._parts, []
        return b"".join([line + b"\n" for line in self._lines(parts)])
