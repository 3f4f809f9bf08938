"""Whom a browser may talk to: agents, models and sounds to choose from, and what a choice comes to."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import bridge.agents.examples
from bridge.config import is_loopback
from bridge.errors import UsageError
from bridge.live.visit import ENGINE, Visit
from bridge.live.wideband import WideSound
from bridge.web.services import Services

CONFIGURED, LOCAL = "configured", "engine"
PHONE, WIDE = "phone", "wideband"
SOUNDS = (PHONE, WIDE)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model. `local`: it is on this machine. `missing`: what it lacks to be talked to; empty: nothing."""

    id: str
    name: str
    host: str
    local: bool
    missing: str = ""


class Visits:
    """What there is to choose from in this house."""

    def __init__(self, services: Services) -> None:
        self._s = services
        settings = services.settings
        host = urlsplit(settings.realtime_url).hostname or ""
        local = is_loopback(host)
        missing = "" if local or settings.openai_api_key else "OPENAI_API_KEY is not set"
        configured = ModelChoice(CONFIGURED, settings.realtime_model, host, local, missing)
        engine = ModelChoice(LOCAL, ENGINE, "this machine", local=True)
        # A configured model on this machine is a local engine already; one more would be the same once again.
        found = (configured,) if local else (engine, configured) if missing else (configured, engine)
        self.models: tuple[ModelChoice, ...] = found
        """The first one is taken where nothing is chosen."""

    @property
    def agents(self) -> list[str]:
        """Who serves here, by name."""
        return [agent.name for agent in self._s.routing.agents]

    @property
    def examples(self) -> list[str]:
        """The bundled ones, as they are loaded."""
        package = bridge.agents.examples
        return [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)]

    def choices(self) -> dict[str, Any]:
        """All of it, as `GET /api/v1/talk` tells it."""
        models = [
            {"id": m.id, "name": m.name, "host": m.host, "local": m.local, "missing": m.missing} for m in self.models
        ]
        return {"agents": self.agents, "examples": self.examples, "models": models, "sounds": list(SOUNDS)}

    async def visit(self, wish: Mapping[str, str]) -> tuple[Visit, ModelChoice]:
        """Whom `wish` (`agent`, `model`, `sound`; "" for whoever comes first) leads to. An engine may be started.

        Raises:
            UsageError: there is no such agent, model or sound.
            ModelUnreachable: the local engine could not be started.
        """
        model = self._model(wish.get("model", ""))
        sound = wish.get("sound") or PHONE
        if sound not in SOUNDS:
            raise UsageError(f"there is no sound {sound!r}: it is {' or '.join(SOUNDS)}")
        spec = wish.get("agent", "")
        agent = await asyncio.to_thread(self._s.dialer.agents.get, spec)  # a user's module may take its time
        url = await self._s.engine.url() if model.id == LOCAL else ""
        return Visit(agent, url, WideSound() if sound == WIDE else None), model

    def _model(self, wanted: str) -> ModelChoice:
        found = next((model for model in self.models if not wanted or model.id == wanted), None)
        if found is None:
            raise UsageError(f"there is no model {wanted!r} here: it is {' or '.join(m.id for m in self.models)}")
        if found.missing:
            raise UsageError(f"{found.name} cannot be talked to: {found.missing}")
        return found
