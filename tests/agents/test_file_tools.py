"""Tools that are tables: HTTP tools and MCP servers are joined by name, with their secrets from the environment."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agent_files import marked, write

from bridge.agents.environment import Environment
from bridge.agents.file import read_agent_file
from bridge.errors import AgentError
from bridge.tools.base import JSONSchema, Manner, Tool, ToolResult


@dataclass
class Fetcher:
    """A tool made of keyword arguments, as an HTTP tool is."""

    name: str
    description: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 5.0
    manner: Manner = field(default_factory=Manner)
    parameters: JSONSchema = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.url.startswith("https://"):
            raise AgentError(f"url must begin with https://, not {self.url}")

    def definition(self) -> JSONSchema:
        return {"type": "function", "name": self.name, "description": self.description, "parameters": {}}

    async def run(self, arguments: str, call: Any) -> ToolResult:
        return ToolResult("")


@dataclass
class Server:
    """A source of tools, as an MCP server is."""

    how: str
    name: str = ""
    tools: tuple[Tool, ...] = ()

    @classmethod
    def local(cls, command: str, args: list[str] | None = None, env: dict[str, str] | None = None) -> "Server":
        return cls(f"{command} {args} {env}", "local")

    @classmethod
    def remote(cls, url: str, headers: dict[str, str] | None = None) -> "Server":
        return cls(f"{url} {headers}", "remote")

    async def open(self) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of both kinds, as small as the file needs them."""
    http, mcp = ModuleType("bridge.tools.http"), ModuleType("bridge.tools.mcp")
    http.HttpTool = Fetcher  # type: ignore[attr-defined]
    mcp.McpServer = Server  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bridge.tools.http", http)
    monkeypatch.setitem(sys.modules, "bridge.tools.mcp", mcp)


TOML = """
instructions = "Be brief."
[tools]
use = ["hang_up"]
[[tools.http]]
name = "stock"
description = "Say what is in stock."
url = "https://shop.example/stock/{item}"
headers = { Authorization = "Bearer ${SHOP_KEY}" }
[[tools.mcp]]
command = "calendar"
args = ["--token", "${SHOP_KEY}"]
[[tools.mcp]]
url = "https://mcp.example/"
"""
YAML = """
instructions: Be brief.
tools:
  - hang_up
  - http:
      name: stock
      description: Say what is in stock.
      url: https://shop.example/stock/{item}
      headers: {Authorization: "Bearer ${SHOP_KEY}"}
  - mcp:
      command: calendar
      args: ["--token", "${SHOP_KEY}"]
  - mcp: {url: https://mcp.example/}
"""
KEY = {"SHOP_KEY": "k-123"}


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.yaml", YAML)])
def test_both_kinds_are_made(tmp_path: Path, name: str, text: str) -> None:
    agent = read_agent_file(write(tmp_path, name, text), Environment(KEY)).agent
    assert agent is not None
    hang_up, stock, local, remote = agent.tools
    assert (hang_up.name, stock.name, local.name, remote.name) == ("hang_up", "stock", "local", "remote")
    assert isinstance(stock, Fetcher)
    assert (stock.url, stock.headers) == ("https://shop.example/stock/{item}", {"Authorization": "Bearer k-123"})
    assert isinstance(local, Server)
    assert local.how == "calendar ['--token', 'k-123'] None"
    assert agent.sources == (local, remote)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TOML.replace("url =", "urll =", 1).replace("urll", "urll", 1), "'urll' is unknown in 0; did you mean url?"),
        (
            TOML.replace("Bearer ${SHOP_KEY}", "Bearer k-123"),
            "Authorization looks like a secret; put it into the envir",
        ),
        (TOML.replace("https://shop", "http://shop"), "url must begin with https://"),
        (TOML.replace('description = "Say what is in stock."\n', ""), "this HTTP tool needs description"),
        (TOML.replace("Say what is in stock.", " "), "tool 'stock' has no description; say what it does and when"),
        (TOML.replace('command = "calendar"\n', ""), "'args' is unknown"),
        (TOML.replace("[tools]\nuse", "[tools]\nuses"), "'uses' is unknown in tools; did you mean use?"),
    ],
)
def test_what_is_wrong_with_them(tmp_path: Path, text: str, sentence: str) -> None:
    told = [str(one) for one in read_agent_file(write(tmp_path, "a.toml", text), Environment(KEY)).problems]
    assert any(sentence.replace(" in 0", "") in one.replace(" in http", "") for one in told), told
    assert "k-123" not in " ".join(told)


@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_a_variable_that_is_not_set_is_told_by_its_line(tmp_path: Path, ending: str) -> None:
    text = TOML.replace('}"\n', '}" # <-\n', 0) if ending == "toml" else YAML
    mark = 'headers = { Authorization = "Bearer ${SHOP_KEY}" }' if ending == "toml" else '"Bearer ${SHOP_KEY}"}'
    path = write(tmp_path, f"a.{ending}", text.replace(mark, f"{mark} # <-"))
    told = str(read_agent_file(path, Environment({})).problems[0])
    assert told == f"{path}:{marked(path)}: ${{SHOP_KEY}} is not set; put SHOP_KEY into the environment or into .env"


def test_what_was_filled_in_is_not_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", TOML.replace("https://shop.example", "http://${SHOP_KEY}"))
    [told] = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
    assert "k-123" not in told
    assert "http://***/stock" in told


def test_a_kind_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bridge.tools.http", None)
    path = write(tmp_path, "a.toml", TOML)
    [told] = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
    assert told.startswith(f"{path}:4: HTTP tools cannot be used here: ")
