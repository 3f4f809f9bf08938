"""The admin API's description is true to the admin API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from admin_world import Api, rows, run
from agent_world import HELLO, script
from guard_world import BROWSER, Admin, inside
from house_world import NUMBER, PUBLIC_URL, house
from jsonschema import Draft202012Validator

from bridge.agents.agent import Agent
from bridge.sim import loop
from bridge.sim.script import Listen, Say, Wait
from bridge.sim.twilio.owned import SimNumber
from bridge.tools.function import tool
from bridge.web.access import Role
from bridge.web.openapi import document
from bridge.web.operations import OPERATIONS
from bridge.web.routes import Door

OTHER = "+14155550101"


@tool(approve=True)
async def refund(order: str) -> str:
    """Give the money back."""
    return f"Order {order} is given back."


def test_every_route_of_the_api_is_described_and_nothing_else(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        there = {
            (method, door.path): door.needs
            for door in world.doors
            if isinstance(door, Door) and door.path.startswith("/api/v1/")
            for method in (door.methods or set()) - {"HEAD"}
        }
        described = {key: operation.needs for key, operation in OPERATIONS.items()}
        assert described == there
        assert len(there) > 40 and Role.ADMIN in described.values()
        answer = await world.http.get("/api/v1/openapi.json")
        assert answer.json() == document()

    inside(tmp_path, story, token="")


def test_the_document_is_openapi_3_1() -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31  # the official schema, as schemathesis carries it

    Draft202012Validator(OPENAPI_31).validate(document())
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [operation.name for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


def test_every_example_of_a_body_is_one_that_would_be_read() -> None:
    tried = 0
    for operation in OPERATIONS.values():
        if operation.body is not None and not isinstance(operation.body, str):
            assert operation.example is not None
            operation.body.model_validate(operation.example)
            tried += 1
    assert tried > 12


def test_the_command_prints_it_without_a_server() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "openapi"], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(document()))


def _resolved(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document()["components"]})


def test_what_a_campaign_answers_is_as_described(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign = "/api/v1/campaigns/{campaign}"
        made = await api.ask("POST", "/campaigns", 201, json={"name": "spring", "rules": {"concurrency": 2}})
        filled = await api.ask("PUT", "/campaigns/spring/contacts", content=rows(0, 1, extra=b"911,Eve,yes\r\n"))
        people = await api.ask("GET", "/campaigns/spring/contacts")
        contact = people["contacts"][0]["id"]
        found = {
            ("POST", "/api/v1/campaigns"): made,
            ("PUT", f"{campaign}/contacts"): filled,
            ("GET", f"{campaign}/contacts"): people,
            ("GET", campaign): await api.ask("GET", "/campaigns/spring"),
            ("POST", f"{campaign}/check"): await api.ask("POST", "/campaigns/spring/check"),
            ("GET", f"{campaign}/progress"): await api.ask("GET", "/campaigns/spring/progress"),
            ("GET", f"{campaign}/contacts/{{contact}}"): await api.ask("GET", f"/campaigns/spring/contacts/{contact}"),
            ("GET", f"{campaign}/report.json"): await api.ask("GET", "/campaigns/spring/report.json"),
            ("GET", "/api/v1/audit"): await api.ask("GET", "/audit"),
        }
        for key, answer in found.items():
            schema = next(iter(OPERATIONS[key].answers.values()))
            assert isinstance(schema, dict)
            wrong = [error.message for error in _resolved(schema).iter_errors(answer)]
            assert wrong == [], key
        assert filled["columns"][0] == {"column": "phone_number", "meaning": "phone_number"}
        errors = await api.http.get("/api/v1/campaigns/spring/errors.csv")
        assert errors.text.splitlines()[1].startswith("911,Eve,yes,4,")

    run(tmp_path, story)


def test_what_set_up_and_a_running_call_answer_is_as_described(tmp_path: Path) -> None:
    async def story() -> dict[tuple[str, str], Any]:
        owned = (SimNumber(NUMBER, voice_url=f"{PUBLIC_URL}/twilio/voice"), SimNumber(OTHER, trunk_sid="TK" + "0" * 32))
        desk = Agent("Desk", "Help.", greeting="Hello, this is the shop.", tools=[refund])
        model = script(tmp_path, {"name": "a", "say": "One moment.", "call": "refund", "arguments": {"order": "A-1"}})
        async with (
            house(tmp_path / "data", agent=desk, model=model, carrier={"owned": owned}) as world,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{world.admin_port}/api/v1") as http,
        ):
            await world.ring((Listen(), Say(HELLO), Wait(60)))
            await world.until(lambda: bool(world.app.services.approvals.open))
            call = world.app.services.switchboard.live[0].info.call_id
            watched = (await http.get(f"/calls/{call}/live")).json()
            await http.post(f"/calls/{call}/hangup", json={})
            await world.until(lambda: not world.app.services.switchboard.live)
            await world.written()
            found = {
                ("GET", "/api/v1/calls/{call_id}/live"): watched,
                ("GET", "/api/v1/calls/{call_id}/explain"): (await http.get(f"/calls/{call}/explain")).json(),
                ("GET", "/api/v1/talk"): (await http.get("/talk")).json(),
                ("GET", "/api/v1/setup"): (await http.get("/setup", params={"only": "database,public_url"})).json(),
                ("GET", "/api/v1/numbers"): (await http.get("/numbers")).json(),
            }
            moved = await http.post(f"/numbers/{OTHER}/attach", json={})
            found["POST", "/api/v1/numbers/{number}/{verb}"] = moved.json()
            found["GET", "/api/v1/numbers"]["numbers"] += (await http.get("/numbers")).json()["numbers"]
            return found

    found = loop.run(story())
    for key, answer in found.items():
        schema = OPERATIONS[key].answers[200]
        assert isinstance(schema, dict)
        assert [error.message for error in _resolved(schema).iter_errors(answer)] == [], key
    assert found["GET", "/api/v1/calls/{call_id}/live"]["approvals"][0]["tool"] == "refund"
    assert found["GET", "/api/v1/setup"]["checks"] and found["GET", "/api/v1/talk"]["models"]
    befores = [row["before"] for row in found["GET", "/api/v1/numbers"]["numbers"]]
    assert befores[:2] == [None, None] and befores[3] is not None
    assert "trunk" in found["POST", "/api/v1/numbers/{number}/{verb}"]["warning"]


def test_people_read_it_as_a_page(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/api/docs", headers=BROWSER)).text
        for method, path in OPERATIONS:
            assert f">{path.replace(':path', '')}</code>" in text, method
        assert "<script src=" in text and re.findall(r"(?:src|href|action)=.?https?:", text) == []
        anonymous = await world.http.get("/api/docs", headers=BROWSER | {"host": world.base})
        assert anonymous.status_code == 200

    inside(tmp_path, story, token="")
