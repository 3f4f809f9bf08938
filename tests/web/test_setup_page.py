"""`/setup` and `/numbers`: rows that come by themselves, what mends them, and what the overview says of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from guard_world import ADMIN, BROWSER, Admin, bearer, inside
from house_world import NUMBER, PUBLIC_URL, TOKEN

from bridge.sim.twilio.owned import SimNumber
from bridge.sim.twilio.weather import RestFault
from bridge.store.audit import Audit
from bridge.web.checks.registry import CHECKS

HTMX = BROWSER | {"hx-request": "true"}
OLD = "https://old.example.com/voice"


def told(data: Path, story: Callable[[Admin], Awaitable[None]], **more: Any) -> None:
    carrier = {"owned": (SimNumber(NUMBER, voice_url=OLD), SimNumber("+14155550101", voice=False))}
    options: dict[str, Any] = {"token": "", "carrier": carrier, "twilio_phone_number": NUMBER}
    inside(data, story, **(options | more))


def test_every_check_has_a_row_that_asks_for_itself(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/setup", headers=BROWSER)).text
        assert re.findall(r'hx-get="/setup/checks/([\w-]+)" hx-trigger="load"', text) == [one.id for one in CHECKS]
        assert text.count('aria-busy="true"') == 15
        assert '<a href="/setup?all=1">' in text, "and there is a way for who runs no scripts"
        assert TOKEN not in text
        assert "<code>TWILIO_AUTH_TOKEN</code>" in text
        assert list(world.house.model.sessions) == [], "nothing is looked at yet"

    told(tmp_path, story)


def test_a_row_says_what_was_found_and_what_mends_it(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/setup/checks/webhook", headers=HTMX)).text
        assert text.strip().startswith('<li class="check" id="check-webhook">')
        for words in ("Failed", f"VoiceUrl = {OLD}", f"callbridge numbers attach {NUMBER}", ">Fix<", "data-copy-from"):
            assert words in text
        fine = (await world.http.get("/setup/checks/openai", headers=HTMX)).text
        assert "realtime session opened and closed" in fine
        assert ">Fix<" not in fine
        unset = (await world.http.get("/setup/checks/admin", headers=HTMX)).text
        assert "this machine alone" in unset
        assert (await world.http.get("/setup/checks/nothing", headers=HTMX)).status_code == 404

    told(tmp_path, story)


def test_all_rows_without_scripts(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/setup?all=1", headers=BROWSER)).text
        assert text.count('<li class="check"') == 15
        assert "aria-busy" not in text

    told(tmp_path, story)


def test_the_button_mends_and_is_written_down(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        own = world.house.carrier.owned[NUMBER]
        text = (await world.http.post("/setup/checks/webhook/fix", headers=HTMX)).text
        assert "Traceback" not in text
        assert f"{NUMBER} points at {PUBLIC_URL}/twilio/voice" in text
        assert ">OK<" in text
        assert own.voice_url == f"{PUBLIC_URL}/twilio/voice"
        (entry, *_) = (await Audit(world.house.app.services.db).page(10)).entries
        assert (entry.what, entry.subject) == ("setup.fix", "webhook")
        world.house.carrier.rest_faults.append(RestFault(500))
        failed = await world.http.post("/setup/checks/webhook/fix", headers=BROWSER)
        assert failed.headers["location"] == "/setup?all=1"
        assert "Not mended" in (await world.http.get("/setup", headers=BROWSER)).text
        unknown = await world.http.post("/api/v1/setup/python/fix")
        assert unknown.status_code == 404

    told(tmp_path, story)


def test_only_an_admin_mends_and_moves(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        viewer = bearer((await world.token("operator"))["token"])
        for path in ("/api/v1/setup/webhook/fix", f"/api/v1/numbers/{NUMBER}/attach"):
            assert (await world.http.post(path, headers=viewer)).status_code == 403
        text = (await world.http.get("/setup/checks/webhook", headers=HTMX | viewer)).text
        assert "Failed" in text
        assert ">Fix<" not in text
        assert 'data-ask="attach' not in (await world.http.get("/numbers", headers=BROWSER | viewer)).text
        assert 'data-ask="attach' in (await world.http.get("/numbers", headers=BROWSER | bearer(ADMIN))).text

    told(tmp_path, story, token=ADMIN)


def test_the_same_as_json(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        found = (await world.http.get("/api/v1/setup?only=openai,webhook,nothing")).json()
        assert [one["id"] for one in found["checks"]] == ["openai", "webhook"]
        assert found["ok"] is False
        assert "points at" in (await world.http.post("/api/v1/setup/webhook/fix")).json()["done"]
        assert (await world.http.get("/api/v1/setup?only=webhook")).json()["ok"] is True
        rows = (await world.http.get("/api/v1/numbers")).json()["numbers"]
        assert [(one["number"], one["here"], one["voice"]) for one in rows] == [
            (NUMBER, True, True),
            ("+14155550101", False, False),
        ]
        assert rows[0]["before"]["voice_url"] == OLD

    told(tmp_path, story)


def test_the_overview_names_what_failed_and_waits_for_nothing(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        assert "Number&#39;s webhook" not in (await world.http.get("/", headers=BROWSER)).text
        await world.http.get("/setup/checks/webhook", headers=HTMX)
        text = (await world.http.get("/", headers=BROWSER)).text
        assert "Number&#39;s webhook" in text
        assert f"callbridge numbers attach {NUMBER}" in text
        [failing] = (await world.http.get("/api/v1/overview")).json()["failing"]
        assert failing["title"] == "Number's webhook"
        await world.http.post("/api/v1/setup/webhook/fix")
        await world.http.get("/setup/checks/webhook", headers=HTMX)
        assert (await world.http.get("/api/v1/overview")).json()["failing"] == []
        assert list(world.house.model.sessions) == [], "looking at the overview opens no session"

    told(tmp_path, story)


# ---- numbers


def test_numbers_are_pointed_here_and_back(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/numbers", headers=BROWSER)).text
        for words in (NUMBER, OLD, "TWILIO_PHONE_NUMBER", "takes no calls", "Point here", "never changed here"):
            assert words in text
        assert "Put back" not in text
        for verb, after in (("attach", f"{PUBLIC_URL}/twilio/voice"), ("detach", ""), ("restore", OLD)):
            moved = await world.http.post(f"/numbers/%2B{NUMBER[1:]}/{verb}", headers=BROWSER)
            assert (moved.status_code, moved.headers["location"]) == (303, "/numbers")
            assert world.house.carrier.owned[NUMBER].voice_url == after
            text = (await world.http.get("/numbers", headers=BROWSER)).text
            assert f"points at {after or 'nobody'} now" in text
        entries = (await Audit(world.house.app.services.db).page(10)).entries
        assert [entry.what for entry in entries] == ["number.restore", "number.detach", "number.attach"]
        assert entries[-1].before == {"voice_url": OLD}
        assert (await world.http.post(f"/api/v1/numbers/{NUMBER}/sell")).status_code == 404
        foreign = await world.http.post("/api/v1/numbers/+14155550177/attach")
        assert (foreign.status_code, "does not own" in foreign.json()["detail"]) == (400, True)
        world.http.cookies.clear()
        await world.http.post("/numbers/+14155550177/restore", headers=BROWSER)
        assert "nothing is kept of" in (await world.http.get("/numbers", headers=BROWSER)).text

    told(tmp_path, story)


def test_an_account_without_numbers_a_trial_and_a_carrier_that_refuses(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/numbers", headers=BROWSER)).text
        assert "The account owns no number yet." in text
        assert "It calls verified numbers alone: +14155550123." in text
        world.house.carrier.rest_faults.append(RestFault(500))
        text = (await world.http.get("/numbers", headers=BROWSER)).text
        assert "The numbers cannot be listed" in text
        assert '<a href="/setup">' in text
        world.house.carrier.rest_faults.append(RestFault(500))
        assert (await world.http.get("/api/v1/numbers")).status_code == 502

    told(tmp_path, story, carrier={"trial": True, "verified": ("+14155550123",)})


def test_a_number_that_something_else_answers(tmp_path: Path) -> None:
    trunk = "TK" + "0" * 32

    async def story(world: Admin) -> None:
        assert f"answered by {trunk}" in (await world.http.get("/numbers", headers=BROWSER)).text
        await world.http.post(f"/numbers/{NUMBER}/attach", headers=BROWSER)
        assert f"has the trunk {trunk}" in (await world.http.get("/numbers", headers=BROWSER)).text

    told(tmp_path, story, carrier={"owned": (SimNumber(NUMBER, trunk_sid=trunk),)})


def test_without_a_public_url_nothing_is_pointed(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get("/numbers", headers=BROWSER)).text
        assert "PUBLIC_URL is not set" in text
        assert "Point here" not in text
        refused = await world.http.post(f"/api/v1/numbers/{NUMBER}/attach")
        assert (refused.status_code, "PUBLIC_URL is not set" in refused.json()["detail"]) == (400, True)

    carrier = {"owned": (SimNumber(NUMBER),), "public_url": PUBLIC_URL}
    told(tmp_path, story, carrier=carrier, public_url="", insecure_dev=True)
