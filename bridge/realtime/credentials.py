"""Where a session with the model is opened, and with what: from the settings to a URL and headers."""

from __future__ import annotations

from bridge.config import Settings
from bridge.realtime.connection import with_model
from bridge.realtime.dialect import DIALECTS


def session_headers(settings: Settings) -> dict[str, str]:
    """The upgrade's headers: the dialect's own, and the key where there is one."""
    headers = dict(DIALECTS[settings.realtime_dialect].headers)
    if settings.openai_api_key:
        headers["Authorization"] = f"Bearer {settings.openai_api_key}"
    return headers


def session_url(settings: Settings, model: str = "") -> str:
    """REALTIME_URL with the model in it; REALTIME_MODEL when no other is named."""
    return with_model(settings.realtime_url, model or settings.realtime_model)
