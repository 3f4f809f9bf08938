"""Calling people by the admin API: single calls, campaigns, and who must not be called, in a house in virtual time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from house_world import House

sys.path.insert(0, str(Path(__file__).parents[1] / "dialer"))
from dialing_world import OURS, dialing

from bridge.dialer.dialer import Desk
from bridge.sim import loop
from bridge.sim.party import Party

THEM = "+14155550200"
HEADER = b"phone_number,first_name,consent_source\r\n"


@dataclass
class Api:
    """The admin API of a house."""

    house: House
    desk: Desk
    http: httpx2.AsyncClient

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """Ask, and be answered with this status."""
        if method not in ("GET", "PUT"):
            more.setdefault("json", {})
        answer = await self.http.request(method, f"/api/v1{path}", **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    @property
    def dialled(self) -> Counter[str]:
        return Counter(call.to for call in self.house.carrier.calls.values())

    async def until(self, path: str, true: Callable[[Any], bool]) -> Any:
        """Ask again and again until the answer is like this."""
        async with asyncio.timeout(600):
            while not true(found := await self.ask("GET", path)):
                await asyncio.sleep(0.5)
        return found


@asynccontextmanager
async def api(data: Path, **more: Any) -> AsyncIterator[Api]:
    async with (
        dialing(data, **more) as (house, desk),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{house.admin_port}", trust_env=False, timeout=60) as http,
    ):
        yield Api(house, desk, http)


def run(data: Path, story: Callable[[Api], Awaitable[None]], **more: Any) -> None:
    async def whole() -> None:
        async with api(data, **more) as found:
            await story(found)

    loop.run(whole())


def rows(*numbers: int, extra: bytes = b"") -> bytes:
    lines = [f"+1415555{200 + n:04d},Ada {n},signed up\r\n".encode() for n in numbers]
    return HEADER + b"".join(lines) + extra


# ---- one call


def test_one_call_from_the_order_to_its_outcome_and_nobody_sees_the_token(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        placed = await api.ask("POST", "/calls", 201, json={"to": "+1 415 555 0200", "variables": {"name": "Ada"}})
        assert (placed["phone"], placed["from_number"], placed["variables"]) == (THEM, OURS, {"name": "Ada"})
        path = f"/attempts/{placed['id']}"
        ended = await api.until(path, lambda row: row["state"] == "closed")
        assert ended["outcome"] == "busy"
        [token] = [call.token for call in (await _attempts(api))]
        assert "token" not in ended and token not in json.dumps(ended)
        assert api.dialled == {THEM: 1}
        gone = await api.ask("GET", "/attempts/att_" + "0" * 20, 404)
        assert gone["detail"] == "there is no such attempt"

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy")})


async def _attempts(api: Api) -> Any:
    from bridge.store import attempts

    found = await api.desk.db.read(attempts.open_ones)
    return found or [await _only(api)]


async def _only(api: Api) -> Any:
    [session] = [call for call in api.house.carrier.calls.values()]
    token = session.webhooks[-1].url.rpartition("/")[2]
    return await api.desk.ledger.attempt(token)


def test_the_same_key_is_the_same_call(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        key = {"Idempotency-Key": "order-4271"}
        first = await api.ask("POST", "/calls", 201, json={"to": THEM}, headers=key)
        again = await api.ask("POST", "/calls", 200, json={"to": THEM}, headers=key)
        assert again["id"] == first["id"]
        other = await api.ask("POST", "/calls", 409, json={"to": THEM, "agent": "caller"}, headers=key)
        assert other["why"] == "key_reused"
        busy = await api.ask("POST", "/calls", 409, json={"to": THEM})
        assert busy["why"] == "being_called"
        await api.until(f"/attempts/{first['id']}", lambda row: row["state"] == "closed")
        assert api.dialled == {THEM: 1}

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="no-answer")})


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "to: Field required"),
        ({"to": THEM, "wait": 1}, 400, "wait: Extra inputs"),
        ({"to": THEM, "max_minutes": "long"}, 400, "max_minutes = 'long' must be a number"),
        ({"to": THEM, "voicemail": "message"}, 400, "needs voicemail_text"),
        ({"to": THEM, "from": "me"}, 400, "is not a phone number"),
        ({"to": THEM, "agent": "no/such/agent.toml"}, 400, "agent.toml"),
        ({"to": "hello"}, 422, "is not a phone number"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, body: dict[str, Any], status: int, words: str) -> None:
    async def story(api: Api) -> None:
        told = await api.ask("POST", "/calls", status, json=body)
        assert words in told["detail"]
        assert api.dialled == {}

    run(tmp_path, story)


NOBODY = {
    "+19005550123": "premium",
    "+18095550123": "country_not_allowed",
    "+18765550123": "country_not_allowed",
    "+881612345678": "satellite",
    "911": "emergency",
    "112": "emergency",
    "12345": "short_code",
    "+14155": "no_such_number",
    OURS: "own_number",
}


def test_numbers_that_nobody_may_dial_are_refused_before_the_carrier_is_asked(tmp_path: Path) -> None:
    """C21: by the API, and in a list of contacts."""

    async def story(api: Api) -> None:
        for number, why in NOBODY.items():
            told = await api.ask("POST", "/calls", 422, json={"to": number})
            assert told["why"] == why, number
        made = await api.ask("POST", "/campaigns", 201, json={"name": "fraud"})
        body = HEADER + b"".join(f"{number},Ada,signed up\r\n".encode() for number in NOBODY)
        filled = await api.ask("PUT", f"/campaigns/{made['id']}/contacts", content=body)
        assert filled["contacts"] == 0 and sum(filled["refused"].values()) == len(NOBODY)
        refused = await api.ask("POST", "/campaigns/fraud/start", 409)
        assert "nobody to call" in refused["detail"]
        assert api.dialled == {}

    run(tmp_path, story)


def test_without_countries_nobody_is_dialled(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        told = await api.ask("POST", "/calls", 422, json={"to": THEM})
        assert "BRIDGE_COUNTRIES=US" in told["detail"]

    run(tmp_path, story, countries=frozenset())


def test_a_call_is_called_off_while_it_rings(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        placed = await api.ask("POST", "/calls", 201, json={"to": THEM})
        path = f"/attempts/{placed['id']}"
        await api.ask("POST", f"{path}/hangup", 202)
        ended = await api.until(path, lambda row: row["state"] == "closed")
        assert ended["outcome"] == "canceled"
        assert (await api.ask("POST", f"{path}/hangup", 200))["id"] == placed["id"]

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="no-answer")})


def test_a_call_in_which_somebody_talks_is_ended(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        placed = await api.ask("POST", "/calls", 201, json={"to": THEM})
        path = f"/attempts/{placed['id']}"
        await api.until(path, lambda row: row["state"] == "answered")
        await asyncio.sleep(3)
        await api.ask("POST", f"{path}/hangup", 202)
        ended = await api.until(path, lambda row: row["state"] == "closed")
        assert ended["end_reason"] == "agent_hung_up"
        assert ended["status"] == "completed"

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="answer")})


def test_another_sites_page_calls_nobody(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        given = {"content-type": "application/json", "origin": "https://elsewhere.example"}
        await api.ask("POST", "/calls", 403, content=json.dumps({"to": THEM}), headers=given, json=None)
        await api.ask("PUT", "/campaigns/x/contacts", 403, content=b"", headers=given)
        plain = {"content-type": "text/plain"}
        await api.ask("POST", "/calls", 400, content=json.dumps({"to": THEM}), headers=plain, json=None)
        assert api.dialled == {}

    run(tmp_path, story)
