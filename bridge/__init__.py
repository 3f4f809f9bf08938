"""callbridge: a speech-to-speech model on the telephone. These names are public; nothing else is promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.agents.agent import Agent
    from bridge.app import create_app
    from bridge.config import Settings
    from bridge.dialing import dial
    from bridge.tools.base import Call
    from bridge.tools.function import tool

__all__ = ["Agent", "Call", "Settings", "create_app", "dial", "tool"]

_HOMES = {
    "Agent": "bridge.agents.agent",
    "Call": "bridge.tools.base",
    "Settings": "bridge.config",
    "create_app": "bridge.app",
    "dial": "bridge.dialing",
    "tool": "bridge.tools.function",
}


def __getattr__(name: str) -> Any:
    """Each name is loaded when it is first used: `callbridge --help` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
