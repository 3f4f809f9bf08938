"""`callbridge webhook`: whoever is told what happens, tried from the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated

import typer

from bridge import config
from bridge.errors import ConfigError

app = typer.Typer(help="Tell others what happens (Standard Webhooks).", no_args_is_help=True)


@app.command("send-test")
def send_test(
    url: Annotated[str | None, typer.Option(help="Another address than BRIDGE_WEBHOOK_URL.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Send one signed test message now. Exit code 3: it was not taken."""
    settings = config.load({"webhook_url": url}).settings
    if not settings.webhook_url:
        raise ConfigError("BRIDGE_WEBHOOK_URL is missing: who shall be told? Or give --url")
    from bridge.cli.serve import check_webhook
    from bridge.notify.post import send_test as send

    check_webhook(settings)
    sending = send(settings, settings.webhook_url, settings.webhook_secret, "command line")
    message_id, answer = asyncio.run(sending)
    ok = 200 <= answer.status < 300
    said = f"HTTP {answer.status}" if answer.status else answer.error
    if as_json:
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
