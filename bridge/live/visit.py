"""Calls from a browser: what their visitor chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bridge.agents.agent import Agent
from bridge.config import Settings
from bridge.live.wideband import WideSound

ENGINE = "local-engine"
"""What the local engine is called in what it leaves behind; it answers to any name, and is in no price list."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A call through no phone company: nobody can be rung, written to or called back from it."""

    agent: Agent
    engine_url: str = ""
    """The local engine that answers it; empty: the configured model."""
    wide: WideSound | None = None
    """Keeps the agent's voice as the model speaks it, for an ear that wants more than a phone's band."""

    def settings(self, given: Settings) -> Settings:
        """The house's settings, as this call goes by them. The key is for the configured model alone."""
        changes: dict[str, Any] = {}
        if self.engine_url:
            changes |= {"realtime_url": self.engine_url, "realtime_model": ENGINE, "realtime_dialect": "ga"}
            changes |= {"supervisor_url": "", "supervisor_model": ENGINE}
            changes |= {"openai_api_key": "", "supervisor_api_key": ""}
        if self.wide is not None:
            changes["realtime_output_audio"] = "pcm"
        return replace(given, **changes)
