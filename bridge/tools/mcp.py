"""The tools of an MCP server, as an agent's: one that runs beside us as a child process, or one on the network.

    tools=[
        hang_up,
        McpServer.local("uvx", ["mcp-server-time"], allow=["get_current_time"]),
        McpServer.remote("https://mcp.example.com/mcp", headers={"Authorization": "Bearer ..."}, prefix="crm_"),
    ]

The server is opened before the first call and kept open. What it offers is asked of it, and asked again when it says
that this has changed; `allow` lists which of it the model is told of, and nothing else can be called. A server that
goes away is started again in the background, and its tools say so meanwhile.

With `by_model=True` none of this happens here: the model's own service talks to the server (which it must be able to
reach), and we only tell the session where it is.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bridge.errors import AgentError
from bridge.tools.base import DEFAULT_TIMEOUT_S, JSON, JSONSchema, Tool
from bridge.tools.mcp_choice import Choice, check_names, check_seconds, check_texts
from bridge.tools.mcp_process import LocalLink
from bridge.tools.mcp_remote import RemoteLink
from bridge.tools.mcp_session import Link, McpSession
from bridge.tools.mcp_tool import McpTool, legal_name

if TYPE_CHECKING:
    from mcp.types import Tool as ListedTool

log = logging.getLogger(__name__)

START_TIMEOUT_S = 15.0
_NOT_OF_A_LABEL = re.compile(r"[^a-zA-Z0-9_-]")


class McpServer:
    """A source of tools. Made by `local` or `remote`."""

    def __init__(self, name: str, link: Link, choice: Choice, start_timeout_s: float) -> None:
        if importlib.util.find_spec("mcp") is None:
            raise AgentError('MCP servers need the extra: pip install "callbridge[mcp]"')
        check_seconds("start_timeout_s", start_timeout_s)
        self._name = name
        self._choice = choice
        self._tools: tuple[McpTool, ...] = ()
        self._link = link
        self._session = McpSession(name, link, start_timeout_s, self._take)

    @classmethod
    def local(  # noqa: PLR0913 - it is declared by data, one argument a field
        cls,
        command: str,
        args: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        name: str = "",
        allow: Sequence[str] = (),
        approve: Sequence[str] | bool = (),
        confirm: Mapping[str, str] | None = None,
        prefix: str = "",
        timeout: float = DEFAULT_TIMEOUT_S,
        say: str = "",
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> McpServer:
        """A server that is started as a child process and speaks over its stdin and stdout.

        Args:
            command: The program.
            args: Its arguments.
            env: Variables it gets besides PATH, HOME and the like. It does not see ours, which hold keys.
            cwd: The folder it runs in.
            name: What it is called in logs; the program's name if not said.
            allow: The tools the model is told of; all of them if not said.
            approve: Tools a person has to approve; True: all.
            confirm: Questions that must be answered with yes before a tool runs, by its name.
            prefix: Goes before each tool's name.
            timeout: Seconds the caller may be kept waiting for a tool.
            say: What the agent says when a tool takes longer.
            start_timeout_s: Seconds the server may take until it has told its tools.
        """
        if not isinstance(command, str) or not command:
            raise AgentError("command is the program that is the server")
        check_names("args", args)
        check_texts("env", env or {})
        choice = Choice(allow, approve, confirm, prefix, timeout, say)
        return cls(name or Path(command).name, LocalLink(command, args, env or {}, cwd), choice, start_timeout_s)

    @classmethod
    def remote(  # noqa: PLR0913 - it is declared by data, one argument a field
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        name: str = "",
        allow: Sequence[str] = (),
        approve: Sequence[str] | bool = (),
        confirm: Mapping[str, str] | None = None,
        prefix: str = "",
        timeout: float = DEFAULT_TIMEOUT_S,
        say: str = "",
        start_timeout_s: float = START_TIMEOUT_S,
        by_model: bool = False,
        require_approval: str = "never",
    ) -> McpServer | ServerOfModel:
        """A server on the network, spoken to over streamable HTTP.

        Args:
            url: Its address. It may lie in a private network.
            headers: Sent with each request, there and nowhere else.
            name: What it is called in logs; the host if not said.
            allow: The tools the model is told of; all of them if not said.
            approve: Tools a person has to approve; True: all.
            confirm: Questions that must be answered with yes before a tool runs, by its name.
            prefix: Goes before each tool's name.
            timeout: Seconds the caller may be kept waiting for a tool.
            say: What the agent says when a tool takes longer.
            start_timeout_s: Seconds the server may take until it has told its tools.
            by_model: The model's service talks to it, and gets `url` and `headers` for that.
            require_approval: With by_model: `never`. It would wait for an approval that nobody gives in a call.
        """
        if not isinstance(url, str):
            raise AgentError(f"url is a text, not {url!r}")
        check_texts("headers", headers or {})
        link = RemoteLink(url, headers or {})
        choice = Choice(allow, approve, confirm, prefix, timeout, say)
        if require_approval != "never":
            raise AgentError(
                "require_approval is 'never': nobody could approve it in a call; use approve without by_model"
            )
        if by_model:
            if choice.named or choice.approve or choice.prefix or choice.say:
                raise AgentError("by_model: approve, confirm, prefix and say are ours to keep, and we do not run it")
            return ServerOfModel(name or link.host, url, headers or {}, allow)
        return cls(name or link.host, link, choice, start_timeout_s)

    def __repr__(self) -> str:
        return f"<mcp server {self._name}>"

    @property
    def name(self) -> str:
        """Shown in logs and errors."""
        return self._name

    @property
    def missing(self) -> str:
        """What keeps it from being opened, as far as can be seen before it is tried; a clause."""
        return self._link.missing if isinstance(self._link, LocalLink) else ""

    @property
    def tools(self) -> Sequence[Tool]:
        """What it offers now; nothing before it is open. While it is away they stay, and say that it is."""
        return self._tools

    async def open(self) -> None:
        """Start or reach it, and ask what it has. Raises ToolError, one sentence, when that does not work."""
        await self._session.open()

    async def close(self) -> None:
        """Let go of it; a child process is dead afterwards."""
        await self._session.close()

    def _take(self, listed: Sequence[ListedTool]) -> None:
        """The server has told what it has."""
        allow, found, taken = self._choice.allow, [], set[str]()
        for one in listed:
            if allow and one.name not in allow:
                continue
            name = legal_name(one.name, self._choice.prefix, taken)
            if name in taken:
                log.warning("a tool is left out: its name is taken", extra={"server": self._name, "tool": name})
                continue
            taken.add(name)
            found.append(McpTool(self._session, one, name, self._choice.manner(one.name, one.annotations)))
        there = [one.name for one in listed]
        for missing in sorted({*allow, *self._choice.named} - set(there)):
            like = difflib.get_close_matches(missing, there, 3)
            log.warning("server has no such tool", extra={"server": self._name, "tool": missing, "like": like})
        self._tools = tuple(found)


class ServerOfModel:
    """A server that the model's service talks to. Nothing of it runs here, and there is nothing to open."""

    tools: Sequence[Tool] = ()

    def __init__(self, name: str, url: str, headers: Mapping[str, str], allow: Sequence[str]) -> None:
        self.name = name
        """Shown in logs; also the label by which the model's service calls it."""
        self._url = url
        self._headers = dict(headers)
        self._allow = list(allow)

    def __repr__(self) -> str:
        return f"<mcp server {self.name} of the model>"

    @property
    def definitions(self) -> Sequence[JSONSchema]:
        """What the session is told."""
        label = _NOT_OF_A_LABEL.sub("_", self.name)[:64]
        told: JSONSchema = {
            "type": "mcp",
            "server_label": label if label[0].isalpha() else f"mcp_{label}"[:64],
            "server_url": self._url,
            "require_approval": "never",
        }
        if self._headers:
            told["headers"] = cast("JSON", dict(self._headers))
        if self._allow:
            told["allowed_tools"] = cast("JSON", list(self._allow))
        return (told,)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""
