"""`callbridge webhook`, as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from receiver import receiver
from standardwebhooks.webhooks import Webhook

from bridge.notify.signature import new_secret

pytestmark = pytest.mark.sockets


async def command(folder: Path, *words: str, **env: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", *words,
        cwd=folder, env=kept | env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def test_a_test_message_is_sent_and_told_about(tmp_path: Path) -> None:
    secret = new_secret()

    async def story() -> None:
        async with receiver() as there:
            env = {"BRIDGE_WEBHOOK_URL": there.url, "BRIDGE_WEBHOOK_SECRET": secret}
            code, out, _ = await command(tmp_path, "webhook", "send-test", **env)
            assert code == 0 and out.startswith("taken: HTTP 200")
            assert Webhook(secret).verify(there.got[0].body, there.got[0].headers)["type"] == "webhook.test"
            there.answer = lambda _: (500, {})
            code, out, err = await command(tmp_path, "webhook", "send-test", **env)
            assert (code, out) == (3, "") and err.startswith("not taken: HTTP 500")
            code, out, _ = await command(tmp_path, "webhook", "send-test", "--json", **env)
            assert code == 3 and json.loads(out)["status"] == 500

    asyncio.run(story())


def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        code, _, err = await command(tmp_path, "webhook", "send-test")
        assert code == 2 and "BRIDGE_WEBHOOK_URL is missing" in err and "Traceback" not in err
        code, _, err = await command(tmp_path, "webhook", "send-test", "--url", "https://hooks.example.com/x")
        assert code == 2 and "BRIDGE_WEBHOOK_SECRET" in err
        code, out, _ = await command(tmp_path, "webhook", "new-secret")
        assert code == 0 and out.startswith("whsec_")

    asyncio.run(story())
