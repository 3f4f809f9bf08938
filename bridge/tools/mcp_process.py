"""A server of tools that runs beside us: a child process that speaks over its pipes.

The `mcp` package has such a transport too. This one is ours for what a telephone needs of it: the child is dead when we
let go of it, also when our own task is being cancelled; what it writes on stderr goes into the log, masked, and never
to the terminal; one endless line cannot fill the memory; and its end is noticed at once, not at the next call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.tools.secrets import Secrets

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

log = logging.getLogger(__name__)

MOST_BYTES = 32 * 1024 * 1024
"""Of one message. A result is cut to 16 KiB later; what is larger than this is no message."""
GRACE_S = 1.0
"""For leaving by itself when its stdin is closed, and again after SIGTERM; then it is killed."""
_POLL_S = 0.01
_LONGEST_LINE = 8192


class LocalLink:
    """How to start the server. Without a repr: arguments and environment may hold keys."""

    def __init__(self, command: str, args: Sequence[str], env: Mapping[str, str], cwd: str | Path | None) -> None:
        self.command = command
        self.args = tuple(args)
        self.env = dict(env)
        self.cwd = cwd
        self.secrets = Secrets(env.values())
        self._process: ServerProcess | None = None

    def transport(self, name: str, ended: Callable[[], None]) -> ServerProcess:
        """A new process, still to be entered; `ended` is called when it has nothing more to say."""
        self._process = ServerProcess(self, name, ended)
        return self._process

    @property
    def missing(self) -> str:
        """What keeps it from being started, as far as can be seen now."""
        if self.cwd is not None or shutil.which(_program(self.command)) is not None:
            return ""  # (in another folder there may be one that cannot be seen from here)
        return f"there is no program {self.command!r}"

    @property
    def is_up(self) -> bool:
        """Does it still speak?"""
        return self._process is not None and not self._process.ended

    def explain(self, error: BaseException) -> str:
        """Why it could not be opened, as the end of a sentence; empty when only the caller knows."""
        if isinstance(error, FileNotFoundError) and self.cwd is not None and not Path(self.cwd).is_dir():
            return f"there is no folder {str(self.cwd)!r}"
        if isinstance(error, FileNotFoundError):
            return f"there is no program {self.command!r}; is it installed and on the PATH?"
        if isinstance(error, OSError):
            return f"{self.command!r} cannot be started ({error.strerror or type(error).__name__})"
        if self._process is not None and self._process.ended:
            return f"{self.command!r} ended before it answered; what it says on stderr is in the log at level debug"
        return ""


def _program(command: str) -> str:
    """What is installed beside this Python counts as found, also when nobody put its folder on the PATH."""
    if Path(command).name != command or shutil.which(command) is not None:
        return command
    return shutil.which(Path(sys.executable).with_name(command)) or command


class ServerProcess:
    """One life of the server: an async context manager, entered and left by one task."""

    def __init__(self, link: LocalLink, name: str, ended: Callable[[], None]) -> None:
        self._link = link
        self._name = name
        self._told = ended
        self._tasks: list[asyncio.Task[None]] = []
        self.ended = False
        """It has closed its stdout: nothing more will come."""

    async def __aenter__(self) -> TransportStreams:
        import anyio
        from mcp.client.stdio import get_default_environment

        link = self._link
        # Not our whole environment: the keys of our own services are none of its business.
        self._process = await asyncio.create_subprocess_exec(
            _program(link.command),
            *link.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=get_default_environment() | link.env,
            cwd=link.cwd,
            limit=MOST_BYTES,
            start_new_session=True,  # a group of its own: ^C is for us, and children of it are killed with it
        )
        inward: tuple[MemoryObjectSendStream[Any], MemoryObjectReceiveStream[Any]]
        outward: tuple[MemoryObjectSendStream[Any], MemoryObjectReceiveStream[Any]]
        inward, outward = anyio.create_memory_object_stream(0), anyio.create_memory_object_stream(0)
        self._streams = (*inward, *outward)
        work = (self._read(inward[0]), self._write(outward[1]), self._heed_stderr())
        self._tasks = [asyncio.create_task(part) for part in work]
        return inward[1], outward[0]

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stop()
        finally:
            # Also when the task that leaves is cancelled meanwhile: nothing of it stays behind.
            self._signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            for task in self._tasks:
                task.cancel()
            for stream in self._streams:
                stream.close()
        await self._gone(GRACE_S)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A grandchild that has left the group may hold a pipe open; asyncio offers no other way to let go of it.
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    # ---- its pipes

    async def _read(self, to: MemoryObjectSendStream[SessionMessage]) -> None:
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp.types import jsonrpc_message_adapter

        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - it was started with pipes
        try:
            while line := await stdout.readline():
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    if line.strip():
                        log.debug("no message", extra={"server": self._name, "line": self._line(line)})
                    continue
                await to.send(SessionMessage(message))
        except ValueError:
            log.warning("a message is too large", extra={"server": self._name, "most_bytes": MOST_BYTES})
        except (ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the other end of one of the two pipes is gone, and so are we
        finally:
            to.close()
            self._end()

    async def _write(self, source: MemoryObjectReceiveStream[SessionMessage]) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - it was started with pipes
        try:
            async for message in source:
                stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await stdin.drain()
        except ConnectionError:
            self._end()
        finally:
            source.close()  # whoever wants to say more is told that nobody listens

    def _end(self) -> None:
        self.ended = True
        self._told()

    async def _heed_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101 - it was started with pipes
        rest, over_long = b"", False
        while chunk := await stderr.read(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not over_long:
                    log.debug("server says", extra={"server": self._name, "line": self._line(line)})
                over_long = False
            if len(rest) > _LONGEST_LINE:  # what follows of it is dropped: half a secret cannot be masked
                rest, over_long = b"", True
        if rest and not over_long:
            log.debug("server says", extra={"server": self._name, "line": self._line(rest)})

    def _line(self, line: bytes) -> str:
        return self._link.secrets.masked(line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip())

    # ---- its end

    async def _stop(self) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        if await self._gone(GRACE_S):
            return
        self._signal(signal.SIGTERM)
        if not await self._gone(GRACE_S):
            log.warning("server does not leave and is killed", extra={"server": self._name})

    async def _gone(self, within_s: float) -> bool:
        # Not `wait()`: that also waits for the pipes, which a grandchild may hold.
        until = asyncio.get_running_loop().time() + within_s
        while self._process.returncode is None:
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _signal(self, which: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, which)
            elif self._process.returncode is None:
                self._process.kill()
