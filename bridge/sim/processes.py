"""A part of the pretend world in a process of its own: started, listened to, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import site
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import bridge
from bridge.errors import BridgeError

LONGEST_LINE = 1 << 20
"""Bytes; a log line holds a few thousand characters at most."""
KEPT_LINES = 200
_EXCEPTION = re.compile(r"[\w.]+(Error|Exception)\b").match
"""The last line of a traceback."""
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Part:
    """One `python -m bridge ...` beside us. `name` is what people call it, for sentences."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        echo: Callable[[str], None] | None = None,
    ) -> None:
        """`echo` is told every line that it says."""
        self.name = name
        self._echo = echo
        self._command = [sys.executable, "-m", "bridge", *arguments]
        self._env = {**env, **_where_bridge_is(env)}
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Start it. Raises BridgeError when the system refuses."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=nothing,
                stdout=pipe,
                stderr=pipe,
                cwd=self._folder,
                env=self._env,
                limit=LONGEST_LINE,
                # A session of its own: Ctrl-C at the terminal reaches us alone, and we end the parts in order.
                start_new_session=True,
                preexec_fn=end_with(os.getpid()),
            )
        except OSError as error:
            raise BridgeError(f"{self.name} cannot be started: {error.strerror}") from error
        streams = (self._process.stdout, self._process.stderr)
        self._readers = [asyncio.create_task(self._read(stream)) for stream in streams if stream is not None]

    async def says(self, beginning: str, limit_s: float) -> str:
        """What follows `beginning` on the first line that begins so. Raises BridgeError when it dies or is too slow."""
        try:
            async with asyncio.timeout(limit_s):
                while not (found := [line for line in self._first if line.startswith(beginning)]):
                    if self.gone:
                        raise await self.died("did not start")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise self.failure(f"was not ready within {limit_s:g} s") from None
        return found[0].removeprefix(beginning).strip()

    async def died(self, what: str = "ended in the middle of the call") -> BridgeError:
        """Wait until it ends by itself, which it should not; the sentence about that."""
        while not self.gone:
            self._news.clear()
            await self._news.wait()
        if self._process is not None:
            await self._process.wait()  # its pipes close a moment before its exit code is known
        return self.failure(what)

    def failure(self, what: str) -> BridgeError:
        """A sentence about it, with what it said itself, or how it ended."""
        said = [line for line in self._last if line.startswith("callbridge: ") or _EXCEPTION(line)]
        code = self._process.returncode if self._process is not None else None
        why = said[-1].removeprefix("callbridge: ") if said else f"exit code {code}" if code is not None else ""
        return BridgeError(f"{self.name} {what}" + (f": {why}" if why else ""))

    def tell_to_stop(self) -> None:
        """SIGTERM, and no waiting: `serve` lets its calls finish; told a second time, it ends them."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def end(self, grace_s: float) -> None:
        """SIGTERM, and after `grace_s` SIGKILL to it and what it started. Ending twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except (TimeoutError, asyncio.CancelledError) as error:
            with contextlib.suppress(ProcessLookupError):
                _kill_group(process.pid)
            await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            for reader in self._readers:
                reader.cancel()
            await asyncio.gather(*self._readers, return_exceptions=True)

    @property
    def gone(self) -> bool:
        """It is not there (any more)."""
        return all(reader.done() for reader in self._readers)  # both pipes closed: nobody is behind them

    async def _read(self, stream: asyncio.StreamReader) -> None:
        try:
            while raw := await stream.readline():
                line = raw.decode("utf-8", "replace").rstrip()
                if len(self._first) < KEPT_LINES:
                    self._first.append(line)
                if line:
                    self._last.append(line)
                    if self._echo is not None:
                        self._echo(line)
                self._news.set()
        except ValueError:  # a line longer than LONGEST_LINE: nothing after it can be told apart
            self._last.append("(a line too long to read)")
        finally:
            # The reader's task is done only after this; whoever waits looks again then.
            asyncio.get_running_loop().call_soon(self._news.set)


def _where_bridge_is(env: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH for a child in another folder, needed when we run from a source tree that is not installed."""
    home = str(Path(bridge.__file__).resolve().parent.parent)
    if home in site.getsitepackages():
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (home, env.get("PYTHONPATH", ""))))}


def _kill_group(pid: int) -> None:
    if hasattr(os, "killpg"):
        os.killpg(pid, signal.SIGKILL)  # it leads the group: started in a session of its own
    else:
        os.kill(pid, signal.SIGTERM)  # Windows: ends it at once


def end_with(parent: int) -> Callable[[], None] | None:
    """On Linux: the child gets SIGTERM when we die in a way that lets us clean up nothing (SIGKILL)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel knew
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_kernel
