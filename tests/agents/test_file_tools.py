"""Tools that are tables: HTTP tools and MCP servers, with their manner and their secrets from the environment."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from agent_files import marked, write

from bridge.agents.environment import Environment
from bridge.agents.file import read_agent_file
from bridge.tools.base import Manner
from bridge.tools.http import HttpTool
from bridge.tools.mcp import McpServer, ServerOfModel

TOML = """
instructions = "Be brief."
[tools]
use = ["hang_up"]
[[tools.http]]
name = "stock"
description = "Say what is in stock."
url = "https://shop.example/stock/{item}"
headers = { Authorization = "Bearer ${SHOP_KEY}" }
parameters = { item = "The item." }
[[tools.mcp]]
command = "calendar"
args = ["--token", "${SHOP_KEY}"]
env = { CALENDAR_TOKEN = "${SHOP_KEY}" }
prefix = "calendar_"
[[tools.mcp]]
url = "https://mcp.example/"
headers = { Authorization = "Bearer ${SHOP_KEY}" }
allow = ["book"]
by_model = true
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
      parameters: {item: The item.}
  - mcp:
      command: calendar
      args: ["--token", "${SHOP_KEY}"]
      env: {CALENDAR_TOKEN: "${SHOP_KEY}"}
      prefix: calendar_
  - mcp:
      url: https://mcp.example/
      headers: {Authorization: "Bearer ${SHOP_KEY}"}
      allow: [book]
      by_model: true
"""
KEY = {"SHOP_KEY": "key-123-456"}


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.yaml", YAML)])
def test_both_kinds_are_made(tmp_path: Path, name: str, text: str) -> None:
    agent = read_agent_file(write(tmp_path, name, text), Environment(KEY)).agent
    assert agent is not None
    hang_up, stock, local, remote = agent.tools
    assert (hang_up.name, stock.name, local.name, remote.name) == ("hang_up", "stock", "calendar", "mcp.example")
    assert isinstance(stock, HttpTool)
    assert list(stock.parameters["properties"]) == ["item"]  # type: ignore[arg-type]
    assert isinstance(local, McpServer)
    assert agent.sources == (local, remote)
    assert isinstance(remote, ServerOfModel)
    assert agent.hosted_tools == (
        {
            "type": "mcp",
            "server_label": "mcp_example",
            "server_url": "https://mcp.example/",
            "require_approval": "never",
            "headers": {"Authorization": "Bearer key-123-456"},
            "allowed_tools": ["book"],
        },
    )
    assert "key-123" not in repr(agent)


FLAT = """
timeout = 4
say = "One moment."
speak_after = "if_silent"
wait = "music"
confirm = "Shall I look?"
approve = true
interruptible = false
idempotent = true
"""


def test_the_manner_of_an_http_tool_stands_flat_in_its_table(tmp_path: Path) -> None:
    text = TOML.replace('parameters = { item = "The item." }\n', 'parameters = { item = "The item." }' + FLAT)
    agent = read_agent_file(write(tmp_path, "a.toml", text), Environment(KEY)).agent
    assert agent is not None
    tool: Any = agent.tools[1]
    assert tool.manner == Manner(
        4, "One moment.", "if_silent", "Shall I look?", approve=True, wait="music", interruptible=False, idempotent=True
    )


@pytest.mark.parametrize("value", ["a{b}c-secret", "plain-secret-key"])
def test_an_http_tool_gets_its_key_whole_and_knows_that_it_is_one(tmp_path: Path, value: str) -> None:
    given = Environment({"SHOP_KEY": value})
    agent = read_agent_file(write(tmp_path, "a.toml", TOML), given).agent
    assert agent is not None
    stock = agent.tools[1]
    assert isinstance(stock, HttpTool)
    assert stock._filled_headers({})["authorization"] == f"Bearer {value}"
    assert stock._masked(f"you sent {value}") == "you sent ***"


def test_a_key_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    given = Environment({"SHOP_KEY_FILE": str(tmp_path / "key")})
    assert dict(given)["SHOP_KEY"] == "from-a-file"
    assert "from-a-file" not in repr(given)
    agent = read_agent_file(write(tmp_path, "a.toml", TOML), given).agent
    assert agent is not None
    assert agent.hosted_tools[0]["headers"] == {"Authorization": "Bearer from-a-file"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("url =", "urll =", "'urll' is unknown; did you mean url?"),
        ("Bearer ${SHOP_KEY}", "Bearer k-123", "Authorization looks like a secret; put it into the envir"),
        ("https://shop.example/", "ftp://shop.example/", "only http and https addresses can be asked"),
        ('description = "Say what is in stock."\n', "", "this HTTP tool needs description"),
        ("Say what is in stock.", " ", "tool 'stock': it has no description; say what it does and when to use it"),
        ('command = "calendar"\n', "", "this MCP server needs command"),
        ('command = "calendar"', 'comand = "calendar"', "'comand' is unknown; did you mean command?"),
        ("[tools]\nuse", "[tools]\nuses", "'uses' is unknown in tools; did you mean use?"),
        ("parameters =", "timeout = 'long'\nparameters =", "timeout is a number, not 'long'"),
        ("parameters =", "timeout = -1\nparameters =", "a timeout of -1 s leaves no time to run"),
        ("parameters =", "speak_after = 'x'\nparameters =", "speak_after is 'always' or 'never' or 'if_silent'"),
        ("parameters =", "manner = {}\nparameters =", "'manner' is unknown"),
        ("parameters =", "environment = {}\nparameters =", "'environment' is unknown"),
        ("parameters =", "resolver = 'x'\nparameters =", "'resolver' is unknown"),
        ('prefix = "calendar_"', 'prefix = "a b"', "prefix has letters, digits, '_' and '-'"),
        ('prefix = "calendar_"', 'allow = "book"', "allow is a list of texts; write ['book']"),
        ('prefix = "calendar_"', "timeout = 'long'", "timeout is a number of seconds, more than 0"),
        ('prefix = "calendar_"', "confirm = { book = 1 }", "confirm: book is not a text"),
        ('url = "https://mcp', 'url = "ftp://mcp', "url: it has to begin with https:// or http://"),
        ("by_model = true", 'by_model = true\nprefix = "x_"', "by_model: approve, confirm, prefix and say are ours"),
        ("by_model = true", 'require_approval = "always"', "require_approval is 'never': nobody could approve it"),
    ],
)
def test_what_is_wrong_with_them(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in TOML
    path = write(tmp_path, "a.toml", TOML.replace(old, new, 1))
    told = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
    assert any(sentence in one for one in told), told
    assert "123" not in " ".join(told)


def test_the_line_is_that_of_the_wrong_entry(tmp_path: Path) -> None:
    for wrong in ("timeout = 0 # <-", "confirm = 3 # <-"):
        path = write(tmp_path, "a.toml", TOML.replace("parameters =", f"{wrong}\nparameters ="))
        [told] = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
        assert told.startswith(f"{path}:{marked(path)}: ")


@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_a_variable_that_is_not_set_is_told_by_its_line(tmp_path: Path, ending: str) -> None:
    text = TOML if ending == "toml" else YAML
    mark = 'headers = { Authorization = "Bearer ${SHOP_KEY}" }' if ending == "toml" else '"Bearer ${SHOP_KEY}"}'
    path = write(tmp_path, f"a.{ending}", text.replace(mark, f"{mark} # <-", 1))
    told = str(read_agent_file(path, Environment({})).problems[0])
    assert told == f"{path}:{marked(path)}: ${{SHOP_KEY}} is not set; put SHOP_KEY into the environment or into .env"


def test_what_was_filled_in_is_not_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", TOML.replace("parameters =", 'timeout = "${SHOP_KEY}" # <-\nparameters ='))
    [told] = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
    assert told == f"{path}:{marked(path)}: timeout is a number, not '***'"


def test_a_kind_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    path = write(tmp_path, "a.toml", TOML)
    told = [str(one) for one in read_agent_file(path, Environment(KEY)).problems]
    assert told == [f'{path}:10: MCP servers need the extra: pip install "callbridge[mcp]"']


def test_a_server_of_the_model_has_nothing_to_open(tmp_path: Path) -> None:
    agent = read_agent_file(write(tmp_path, "a.toml", TOML), Environment(KEY)).agent
    assert agent is not None
    remote = agent.sources[1]
    asyncio.run(remote.open())
    asyncio.run(remote.close())
    assert list(remote.tools) == []
