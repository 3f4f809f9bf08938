"""What the public listener tells of itself: that it is this installation, and nothing else to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from door_client import media_socket, post, sign
from house_world import PUBLIC_URL, House, house
from websockets.exceptions import InvalidStatus

from bridge.carriers.base import RawRequest
from bridge.sim import loop
from bridge.store.identity import Identity, new_nonce
from bridge.web.checks.question import ASK, PATH

Story = Callable[[House], Awaitable[None]]
FORM = {"check": "signature"}


def inside(data: Path, story: Story, **options: Any) -> None:
    async def run() -> None:
        async with house(data, **options) as world:
            await story(world)

    loop.run(run())


async def health(world: House, query: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{world.port}/healthz{query}")


def test_a_nonce_is_answered_and_proves_who_we_are(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        nonce = new_nonce()
        body = (await health(world, f"?nonce={nonce}")).json()
        assert body.keys() == {"status", "answer"}
        assert Identity(tmp_path).answered_by_us(nonce, body["answer"])
        for query in ("", "?nonce=", "?nonce=x", f"?nonce={nonce.upper()}", f"?nonce={'0' * 3000}"):
            assert (await health(world, query)).json() == {"status": "ok"}

    inside(tmp_path, story)


def test_a_signed_request_is_answered_and_any_other_is_forbidden(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        nonce = new_nonce()
        answer = await post(world, PATH + nonce, FORM)
        assert answer.status_code == 200
        assert Identity(tmp_path).answered_by_us(nonce, answer.json()["answer"])
        for headers in ({"x-twilio-signature": ""}, {"x-twilio-signature": "x"}, {"x-twilio-signature": "", ASK: "x"}):
            forged = await post(world, PATH + nonce, FORM, **headers)
            assert (forged.status_code, forged.text) == (403, "forbidden")
        assert (await post(world, PATH + "x", FORM)).status_code == 404

    inside(tmp_path, story)


def test_only_our_own_question_is_told_what_was_computed(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        nonce = new_nonce()
        wrong = sign(PUBLIC_URL.replace("https", "http") + PATH + nonce, FORM)
        headers = {"x-twilio-signature": wrong, "x-forwarded-proto": "http", ASK: Identity(tmp_path).ask(nonce)}
        told = await post(world, PATH + nonce, FORM, **headers)
        assert told.status_code == 403
        assert told.json()["computed"] == f"{PUBLIC_URL}{PATH}{nonce}"
        assert told.json()["seen"]["x-forwarded-proto"] == "http"
        foreign = await post(world, PATH + nonce, FORM, **(headers | {ASK: Identity(tmp_path / "other").ask(nonce)}))
        assert (foreign.status_code, foreign.text) == (403, "forbidden")

    inside(tmp_path, story)


def test_a_signed_upgrade_goes_through_and_ends(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        nonce = new_nonce()
        async with media_socket(world, PATH + nonce) as socket:
            assert Identity(tmp_path).answered_by_us(nonce, str(await socket.recv()))
            await socket.wait_closed()
            assert socket.close_code == 1000
        for path, headers in ((PATH + nonce, {"X-Twilio-Signature": "x"}), (PATH + "x", {})):
            with pytest.raises(InvalidStatus) as caught:
                async with media_socket(world, path, headers=headers):
                    pass
            assert caught.value.response.status_code == 403
        assert list(world.model.sessions) == []

    inside(tmp_path, story)


def test_what_we_sign_ourselves_is_taken_as_the_carriers(tmp_path: Path) -> None:
    async def story(world: House) -> None:
        webhook = world.app.services.carrier.webhook
        for query in ("", "a=b%20c"):
            path = PATH + new_nonce()
            asked = webhook.sign(RawRequest(path, query, {}, urlencode(FORM).encode()))
            url = path + (f"?{query}" if query else "")
            assert (await post(world, url, FORM, **dict(asked))).status_code == 200
            upgrade = webhook.sign(RawRequest(path, query, {}, websocket=True))
            async with media_socket(world, url, headers=dict(upgrade)) as socket:
                assert await socket.recv()

    inside(tmp_path, story)
