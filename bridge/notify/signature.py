"""Signatures by Standard Webhooks: the one door of the package `standardwebhooks`."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import UTC, datetime

from bridge.errors import ConfigError

PREFIX = "whsec_"


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(text: str, name: str) -> None:
    """Raises ConfigError unless this is one secret, or several with commas between (the newest first).

    `name`: what it is called where the user wrote it. The secret itself is not shown.
    """
    for one in secrets_of(text) or [""]:
        try:
            size = len(base64.b64decode(one.removeprefix(PREFIX), validate=True)) if one.startswith(PREFIX) else 0
        except (binascii.Error, ValueError):
            size = 0
        if not 24 <= size <= 64:
            raise ConfigError(
                f"{name} must be whsec_ and 24 to 64 bytes as base64; `callbridge webhook new-secret` makes one"
            )


def secrets_of(text: str) -> list[str]:
    """Several while one is rotated."""
    return [part.strip() for part in text.split(",") if part.strip()]


def signed(secret: str, message_id: str, at: float, body: str) -> dict[str, str]:
    """The headers of a message: its id, the time of this attempt (epoch seconds), a signature by each secret."""
    from standardwebhooks.webhooks import Webhook

    when = datetime.fromtimestamp(int(at), UTC)
    signatures = [Webhook(one).sign(message_id, when, body) for one in secrets_of(secret)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }
