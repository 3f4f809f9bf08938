"""The local engine looks at MCP servers among a session's tools as closely as at everything else."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sim.engine.complaints import Complaint
from bridge.sim.engine.config import TOOL

SERVER: dict[str, Any] = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example/mcp"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"headers": {"Authorization": "Bearer x"}, "allowed_tools": ["find"], "require_approval": "never"},
        {"allowed_tools": {"tool_names": ["find"], "read_only": True}, "headers": None},
        {"require_approval": {"never": {"tool_names": ["find"]}, "always": {"read_only": False}}},
    ],
)
def test_what_is_right(more: dict[str, Any]) -> None:
    TOOL(SERVER | more, "session.tools[0]")


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "mcp", "server_url": "https://crm.example"}, "server_label"),
        ({"type": "mcp", "server_label": "crm"}, "server_url"),
        (SERVER | {"connector_id": "connector_x"}, "connector_id"),
        (SERVER | {"headers": {"X": 1}}, "headers.X"),
        (SERVER | {"allowed_tools": "find"}, "allowed_tools"),
        (SERVER | {"allowed_tools": [1]}, "allowed_tools[0]"),
        (SERVER | {"require_approval": "sometimes"}, "require_approval"),
        (SERVER | {"require_approval": {"never": {"names": []}}}, "require_approval.never.names"),
        (SERVER | {"name": "find"}, "name"),
    ],
)
def test_what_is_wrong(tool: dict[str, Any], param: str) -> None:
    with pytest.raises(Complaint) as raised:
        TOOL(tool, "session.tools[0]")
    assert raised.value.param == f"session.tools[0].{param}"
