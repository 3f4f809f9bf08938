"""One call by the admin API: asked for, followed, ended, and refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from admin_world import HEADER, THEM, Api, run
from dialing_world import OURS

from bridge.sim.party import Party


def test_one_call_from_the_order_to_its_outcome_and_nobody_sees_the_token(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        placed = await api.ask("POST", "/calls", 201, json={"to": "+1 415 555 0200", "variables": {"name": "Ada"}})
        assert (placed["phone"], placed["from_number"], placed["variables"]) == (THEM, OURS, {"name": "Ada"})
        path = f"/attempts/{placed['id']}"
        ended = await api.until(path, lambda row: row["state"] == "closed")
        assert ended["outcome"] == "busy"
        [call] = api.house.carrier.calls.values()
        token = call.webhooks[-1].url.rpartition("/")[2]
        assert len(token) > 20 and token not in json.dumps(ended)
        assert api.dialled == {THEM: 1}
        gone = await api.ask("GET", "/attempts/att_" + "0" * 20, 404)
        assert gone["detail"] == "there is no such attempt"

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy")})


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
