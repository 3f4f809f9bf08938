"""`callbridge webhook`: whoever is told what happens, tried from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bridge import config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.notify.schedule import Answer

app = typer.Typer(help="Tell others what happens (Standard Webhooks).", no_args_is_help=True)


@app.command("send-test")
def send_test(
    url: Annotated[str | None, typer.Option(help="Another address than BRIDGE_WEBHOOK_URL.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Send one signed test message now. Exit code 3: it was not taken."""
    settings = config.load({"webhook_url": url}).settings
    if not settings.webhook_url:
        raise ConfigError("BRIDGE_WEBHOOK_URL is missing: who shall be told? Or give --url")
    from bridge.cli.serve import check_webhook

    check_webhook(settings)
    answer, message_id = asyncio.run(_send(settings))
    ok = 200 <= answer.status < 300
    said = f"HTTP {answer.status}" if answer.status else answer.error
    if json_:
        told = {"ok": ok, "id": message_id, "status": answer.status, "ms": answer.ms, "error": answer.error}
        print(json.dumps(told, indent=1))
    elif ok:
        print(f"taken: {said} after {answer.ms} ms ({message_id})")
    else:
        print(f"not taken: {said} after {answer.ms} ms ({message_id})", file=sys.stderr)
    if not ok:
        sys.exit(3)


@app.command("new-secret")
def make_secret() -> None:
    """Print a new secret for BRIDGE_WEBHOOK_SECRET."""
    from bridge.notify.signature import new_secret

    print(new_secret())


async def _send(settings: config.Settings) -> tuple[Answer, str]:
    from bridge.notify.post import Post
    from bridge.store.ids import new_id
    from bridge.store.webhooks import Event, body_of

    now, message_id = time.time(), new_id("msg")
    body = body_of(Event("webhook.test", "webhook.test", now, {"by": "command line"}))
    post = Post(settings)
    try:
        return await post.send(settings.webhook_url, settings.webhook_secret, message_id, body, now), message_id
    finally:
        await post.close()
