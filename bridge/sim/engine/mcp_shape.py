"""The shape of an MCP server among a session's tools."""

from __future__ import annotations

from typing import Any

from bridge.sim.engine.complaints import Complaint, missing_parameter
from bridge.sim.engine.shapes import either, fields, flag, list_of, nullable, one_of, short_text, table_of, text

_PLACES = ("server_url", "connector_id", "tunnel_id")
_TOOLS_MEANT = fields({"tool_names": list_of(text), "read_only": flag})


def _allowed_tools(value: Any, path: str) -> None:
    (list_of(text) if isinstance(value, list) else _TOOLS_MEANT)(value, path)


_MCP = fields(
    {
        "type": text,
        "server_label": short_text(64),
        "server_url": text,
        "server_description": text,
        "connector_id": text,
        "tunnel_id": text,
        "authorization": text,
        "headers": nullable(table_of(text)),
        "allowed_tools": nullable(_allowed_tools),
        "require_approval": nullable(
            either(one_of("always", "never"), fields({"always": _TOOLS_MEANT, "never": _TOOLS_MEANT}))
        ),
        "defer_loading": flag,
        "allowed_callers": list_of(one_of("direct", "programmatic")),
    },
    required=("server_label",),
)


def mcp_server(value: Any, path: str) -> None:
    """A server of tools: labelled, and to be found in exactly one way."""
    _MCP(value, path)
    told = [place for place in _PLACES if place in value]
    if not told:
        raise missing_parameter(f"{path}.server_url")
    if len(told) > 1:
        raise Complaint(
            f"Mutually exclusive parameters: '{path}.{told[0]}' and '{path}.{told[1]}'.",
            code="mutually_exclusive_parameters",
            param=f"{path}.{told[1]}",
        )
