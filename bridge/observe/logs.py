"""Logs: one line an event on stderr, JSON in production, readable at a terminal.

The message never changes; the facts go beside it. Secrets are masked by name and by value, whoever logs them, and
everything a line holds is escaped, so a caller's name cannot write a second line.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bridge.config import Settings


def _structlog() -> ModuleType:
    """structlog, which takes rich along for tracebacks in colour where it finds it: 4 MB, and ours are text by then."""
    if "rich" in sys.modules:
        return import_module("structlog")
    sys.modules["rich"] = None  # type: ignore[assignment]  # counts as not installed
    try:
        return import_module("structlog")
    finally:
        del sys.modules["rich"]


if TYPE_CHECKING:
    import structlog
else:
    structlog = _structlog()

_SECRET_NAME = re.compile(r"(token|secret|api_key|apikey|authorization|password|signature)", re.IGNORECASE)
_PLAIN = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
LONGEST = 2_000
"""Characters of one value in a line."""


def set_up(settings: Settings, *, as_json: bool | None = None) -> None:
    """Send every logger to stderr. JSON unless stderr is a terminal."""
    keys = [settings.openai_api_key, settings.supervisor_api_key, settings.twilio_api_secret, settings.admin_token]
    secrets = [*keys, *settings.auth_tokens]
    use_json = not sys.stderr.isatty() if as_json is None else as_json
    renderers: list[Any] = [_printable, structlog.dev.ConsoleRenderer()]
    if use_json:
        renderers = [structlog.processors.JSONRenderer()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _extra,
        structlog.processors.format_exc_info,
        Redactor([s for s in secrets if len(s) >= 4]),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx2", "httpcore2", "twilio", "urllib3", "websockets", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # One line with a stack a broken frame: a flood anyone could start. Our own rooms say what matters.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def _extra(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Facts given beside a standard-library message."""
    record = event.get("_record")
    if record is not None:
        event.update({k: v for k, v in record.__dict__.items() if k not in _PLAIN and not k.startswith("_")})
    return event


def _printable(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """At a terminal nothing is escaped by itself: a caller's name could move the cursor or write a line of its own."""
    for key, value in event.items():
        if isinstance(value, str):
            kept = "\n" if key == "exception" else ""  # a traceback has lines
            event[key] = "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in value)
    return event


class Redactor:
    """Masks secrets: a value whose name says it is one, and every known secret wherever it stands."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor."""
        return {key: self._mask(key, value) for key, value in event.items()}

    def _mask(self, key: str, value: Any) -> Any:
        if key in ("_record", "_from_structlog"):
            return value
        if _SECRET_NAME.search(key) and not isinstance(value, int):
            return "***"
        if isinstance(value, Mapping):
            return {str(k): self._mask(str(k), v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._mask("", v) for v in value]
        if isinstance(value, int | float | None):
            return value
        text = str(value)
        if self._secrets is not None:
            text = self._secrets.sub("***", text)
        if len(text) <= LONGEST:
            return text
        # A traceback ends with its reason.
        return "..." + text[-LONGEST:] if key == "exception" else text[:LONGEST] + "..."
