"""The kinds of tools that are tables in an agent file: HTTP tools and MCP servers."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.agents.fields import hints, mismatch, shown
from bridge.agents.loading import did_you_mean
from bridge.agents.reader import Keys, Reader
from bridge.errors import AgentError
from bridge.tools.base import Manner, Tool, ToolSource

_MANNER: Mapping[str, str] = {("timeout" if name == "timeout_s" else name): name for name in hints(Manner)}
"""What a table says of a tool's manner, and where it belongs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of tool that is a table. What makes it is looked up when the first file has one."""

    title: str
    module: str
    maker: Callable[[Mapping[str, Any]], str]
    """The name in the module (`Class` or `Class.method`) that takes the table's entries as keyword arguments."""
    hidden: frozenset[str] = frozenset()
    """Of the maker's arguments, those that a file cannot give."""
    has_manner: bool = False
    """Timeout and the like stand flat in the table, and are given as one `manner`."""
    fills: frozenset[str] = frozenset()
    """Entries in which the maker itself fills in `${NAME}`, because it must know which of it is secret."""

    def made_by(self, table: Mapping[str, Any]) -> Callable[..., Tool | ToolSource]:
        """Raises AgentError when this kind is not installed."""
        try:
            found: Any = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            raise AgentError(f"{self.title}s cannot be used here: {error}") from error
        for part in self.maker(table).split("."):
            found = getattr(found, part)
        maker: Callable[..., Tool | ToolSource] = found
        return maker

    def check(self, reader: Reader, table: Mapping[str, Any], maker: Callable[..., Any], keys: Keys) -> None:
        """A problem for each entry that there is not, or that is missing."""
        wanted = [one for one in inspect.signature(maker).parameters.values() if one.name not in self.hidden]
        reader.known(table, [*(one.name for one in wanted), *(_MANNER if self.has_manner else ())], *keys)
        for parameter in wanted:
            if parameter.default is parameter.empty and parameter.name not in table:
                reader.wrong(f"this {self.title} needs {parameter.name}", *keys)

    def arguments(
        self, reader: Reader, table: Mapping[str, Any], filled: Mapping[str, Any], keys: Keys
    ) -> dict[str, Any] | None:
        """What the maker is given; None, and a problem noted, when a table's manner makes no sense."""
        given = {name: table[name] if name in self.fills else value for name, value in filled.items()}
        if self.fills:
            given["environment"] = reader.environment
        if not self.has_manner:
            return given
        manner = {name: given.pop(name) for name in _MANNER if name in given}
        kinds = hints(Manner)
        for name, value in manner.items():
            if want := mismatch(value, kinds[_MANNER[name]]):
                reader.wrong(f"{name} is {want}, not {shown(value)}", *keys, name)
                return None
        made = reader.made(Manner, {_MANNER[name]: value for name, value in manner.items()}, table, keys)
        return None if made is None else {**given, "manner": made}


def _meant_as_program(table: Mapping[str, Any]) -> bool:
    """Is an MCP server a program here? Told also where `command` is missing or misspelt, for what is said about it."""
    if "command" in table or "url" in table:
        return "command" in table
    return any(key in ("args", "env", "cwd") or did_you_mean(key, ["command", "url"]).count("command") for key in table)


KINDS: Mapping[str, Kind] = {
    "http": Kind(
        "HTTP tool",
        "bridge.tools.http",
        lambda table: "HttpTool",
        hidden=frozenset({"manner", "environment", "resolver"}),
        has_manner=True,
        fills=frozenset({"url", "headers", "body"}),
    ),
    "mcp": Kind(
        "MCP server",
        "bridge.tools.mcp",
        lambda table: "McpServer.local" if _meant_as_program(table) else "McpServer.remote",
    ),
}
