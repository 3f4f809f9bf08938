"""One thread writes; everybody else only appends to memory.

No frame may wait for a disk. Writers hand over small jobs; files that grow are collected in memory and written every
two seconds for all calls together. A disk that refuses is told once, and calls go on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

log = logging.getLogger(__name__)

_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
FLUSH_S = 2.0
"""What a killed process may lose of a growing file."""
BIG = 262_144
"""A file that collects this much is written at once."""


class Disk:
    """The process's writing thread. Jobs run in order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._dirty: set[GrowingFile] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0

    def submit(self, job: Callable[[], None]) -> asyncio.Future[None]:
        """Run a job in the thread, after all before it."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._run, job)

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # the boundary to the disk: told once, calls go on
            self._failures += 1
            if self._failures == 1:
                log.error("cannot write call data", extra={"error": str(error)})  # noqa: TRY400 - no stack is needed

    @property
    def failures(self) -> int:
        """Jobs that failed since the start."""
        return self._failures

    def soon(self, file: GrowingFile) -> None:
        """This file has something to write."""
        self._dirty.add(file)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)

    def now(self, file: GrowingFile) -> None:
        """Write what this file holds, without waiting for the others."""
        self._dirty.discard(file)
        self._write([file])

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()  # when somebody was faster than it
            self._timer = None
        files, self._dirty = list(self._dirty), set()
        self._write(files)

    def _write(self, files: list[GrowingFile]) -> None:
        jobs = [(f.path, f.take()) for f in files]
        self.submit(lambda: _append_all(jobs))

    async def drained(self) -> None:
        """Everything handed over until now has been written (or refused)."""
        if self._dirty:
            self._flush()
        await self.submit(lambda: None)

    def close(self) -> None:
        """No more jobs; waits for those that are there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._thread.shutdown(wait=True)


def _append_all(jobs: list[tuple[Path, bytes]]) -> None:
    refused: OSError | None = None
    for path, data in jobs:
        try:
            if data:
                _append(path, data)
        except OSError as error:  # one call's file must not cost the others theirs
            refused = error
    if refused is not None:
        raise refused


def _append(path: Path, data: bytes) -> None:
    """Three system calls. Python's own file takes six, and at 400 calls this is what the thread does all day."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _CLOEXEC, 0o666)
    try:
        while data:  # a disk that is nearly full takes a part first
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


class GrowingFile:
    """A file that only grows, a line at a time."""

    __slots__ = ("_disk", "_parts", "_size", "path")

    def __init__(self, disk: Disk, path: Path) -> None:
        self.path = path
        self._disk = disk
        self._parts: list[bytes] = []
        self._size = 0

    def append(self, line: bytes) -> None:
        """Add one line; the newline is added here."""
        if not self._parts:
            self._disk.soon(self)
        self._parts.append(line)
        self._size += len(line) + 1
        if self._size > BIG:
            self._disk.now(self)

    def take(self) -> bytes:
        """What is waiting, once."""
        if not self._parts:
            return b""
        parts, self._parts, self._size = self._parts, [], 0
        return b"\n".join(parts) + b"\n"
