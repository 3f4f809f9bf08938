"""A connection to a server of tools, kept by one task: opened, watched, opened again, closed.

What the `mcp` package opens must be closed by the task that opened it, so each server has a task of its own that does
both; everybody else only asks. When the server goes away the task tries again, with growing pauses, and until it is
back whoever calls is told so at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from bridge.errors import ToolError
from bridge.tools.mcp_listing import PAUSES_S, all_tools, listen
from bridge.tools.secrets import Secrets

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client import IncomingMessage
    from mcp.types import CallToolResult, Tool

log = logging.getLogger(__name__)

STEADY_S = 60.0
"""One that lived for so long and dies is tried again as if for the first time."""
CLOSE_S = 4.0
"""For saying goodbye. A child process needs half of it at most."""
_LONGEST_WORDS = 500
_CHATTY = ("mcp", "client", "httpx2", "httpcore2")
"""Loggers of others that write whole messages, arguments and addresses into the log at their lower levels."""


class Link(Protocol):
    """A way to reach a server: `mcp_process.LocalLink`, `mcp_remote.RemoteLink`."""

    secrets: Secrets

    def transport(self, name: str, ended: Callable[[], None]) -> Any:
        """New streams to it."""

    @property
    def is_up(self) -> bool:
        """Is it certain that the connection holds?"""

    def explain(self, error: BaseException) -> str:
        """Why it could not be opened; empty when that is not known here."""


class ServerGone(ToolError):
    """The server is not there. `sent`: it may have got what was asked of it."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the server of this tool is not there")
        self.sent = sent


class McpSession:
    """One server. `listed` is called with its tools, at the beginning and whenever they have changed."""

    def __init__(self, name: str, link: Link, start_timeout_s: float, listed: Callable[[Sequence[Tool]], None]) -> None:
        self._name = name
        self._link = link
        self._start_timeout_s = start_timeout_s
        self._listed = listed
        self._owner: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._lost = self._changed = False

    async def open(self) -> None:
        """Connect. Raises ToolError, one sentence, when that does not work; then nothing is left of it."""
        if self._owner is not None and not self._owner.done():
            return
        self._news, self._over = asyncio.Event(), asyncio.Event()  # of the loop that runs now
        first = asyncio.get_running_loop().create_future()
        first.add_done_callback(lambda done: done.cancelled() or done.exception())  # if nobody is left to be told
        self._owner = asyncio.create_task(self._own(first), name=f"mcp {self._name}")
        try:
            await asyncio.shield(first)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect; a child process is dead afterwards, whatever it thinks of that."""
        owner = self._owner
        if owner is None:
            return
        self._over.set()
        self._news.set()
        try:
            await asyncio.wait({owner}, timeout=CLOSE_S)
        finally:
            if not owner.done():  # it hangs in a goodbye, or we are being cancelled: no more politeness
                owner.cancel()
        await asyncio.gather(owner, return_exceptions=True)
        self._owner = None

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Have the server run a tool. Raises ServerGone; ToolError with the server's words when it refuses."""
        client = self._client
        if client is None:
            raise ServerGone(sent=False)
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED, INVALID_REQUEST

        try:
            return await client.call_tool(tool, arguments)
        except MCPError as error:
            unknown = error.code == INVALID_REQUEST and error.message == "Session terminated"  # it was started anew
            if unknown or (error.code == CONNECTION_CLOSED and not self._link.is_up):
                self._lose()
                raise ServerGone(sent=not unknown) from None
            raise ToolError(self.words(error.message)) from None
        except (RuntimeError, ValueError) as error:
            # The package checks results, and says with all of the result what is wrong with it.
            log.warning("no usable result", extra={"server": self._name, "tool": tool, "error": type(error).__name__})
            raise ToolError("the result is not what the server itself has announced") from None

    def words(self, text: str) -> str:
        """What a server says, fit for a sentence of ours: in one line, not too long, without our keys."""
        line = " ".join(self._link.secrets.masked(text[: 4 * _LONGEST_WORDS]).split())
        return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 3] + "..."

    def masked(self, text: str) -> str:
        """A text of the server's without our keys."""
        return self._link.secrets.masked(text)

    # ---- the owner

    async def _own(self, first: asyncio.Future[None]) -> None:
        try:
            await self._keep(first)
        finally:
            if not first.done():
                sentence = f"MCP server {self._name!r}: it was closed while it was being opened"
                first.set_exception(ToolError(sentence))

    async def _keep(self, first: asyncio.Future[None]) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._over.is_set():
            began = loop.time()
            self._lost = self._changed = False
            try:
                await self._live(first)
                why = "it went away"
            except Exception as error:  # the boundary to the package, which raises groups of whatever its parts raise
                why = self._why(error)
                if not first.done():
                    first.set_exception(ToolError(f"MCP server {self._name!r}: {why}"))
                    return
            if self._over.is_set():
                return
            failures = 0 if loop.time() - began >= STEADY_S else failures
            pause = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
            failures += 1
            log.warning("server lost", extra={"server": self._name, "error": why, "again_in_s": pause})
            await _within(self._over, pause)

    async def _live(self, first: asyncio.Future[None]) -> None:
        """Connect, attend to it, and disconnect; returns when it is lost, or when we close it."""
        listener: asyncio.Task[None] | None = None
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self._start_timeout_s):
                    client = await stack.enter_async_context(self._new_client())
                    self._listed(await all_tools(client))
                self._client = client
                if first.done():
                    log.info("server is back", extra={"server": self._name})
                else:
                    first.set_result(None)
                listener = asyncio.create_task(listen(client, self._change))
                await self._attend(client)
                self._client = None  # before the goodbye: from here on nobody is to ask it
        finally:
            self._client = None
            if listener is not None:
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)

    def _new_client(self) -> Client:
        try:
            from mcp import Client
        except ImportError:
            raise ToolError('the mcp package is too old: pip install "callbridge[mcp]"') from None
        from mcp.types import Implementation

        for chatty in _CHATTY:
            logger = logging.getLogger(chatty)
            logger.setLevel(max(logger.level, logging.WARNING))
        return Client(
            self._link.transport(self._name, self._lose),
            message_handler=self._heed,
            client_info=Implementation(name="callbridge", version=_version()),
            cache=None,
        )

    async def _attend(self, client: Client) -> None:
        while not (self._over.is_set() or self._lost):
            if self._changed:
                self._changed = False
                await self._list_again(client)
            await self._news.wait()
            self._news.clear()

    async def _list_again(self, client: Client) -> None:
        from mcp import MCPError

        try:
            async with asyncio.timeout(self._start_timeout_s):
                self._listed(await all_tools(client))
        except (MCPError, TimeoutError, ValueError) as error:  # what was listed before still stands
            log.warning("tools cannot be listed", extra={"server": self._name, "error": type(error).__name__})
        else:
            log.info("tools have changed", extra={"server": self._name})

    async def _heed(self, message: IncomingMessage) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._change()

    def _change(self) -> None:
        self._changed = True
        self._news.set()

    def _lose(self) -> None:
        self._client = None
        self._lost = True
        self._news.set()

    def _why(self, error: BaseException) -> str:
        """One sentence's end for what went wrong, without anything secret."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, ToolError):
            return str(error)
        if isinstance(error, TimeoutError):
            return f"it did not answer within {self._start_timeout_s:g} seconds"
        if known := self._link.explain(error):
            return known
        told = self.words(str(error))
        return f"it cannot be used ({told})" if told else f"it cannot be used ({type(error).__name__})"


async def _within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _version() -> str:
    from importlib.metadata import version

    return version("callbridge")
