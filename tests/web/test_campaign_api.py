"""Campaigns by the admin API: made, filled, checked, started, stopped, reported, decided."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from admin_world import THEM, Api, rows, run
from dialing_world import NOON, over

from bridge.errors import DatabaseFull
from bridge.sim.party import Party
from bridge.store import attempts, campaigns, consents
from bridge.store.base import Attempt

NIGHT = NOON + 12 * 3600
RULES = {"concurrency": 10, "cps": 50, "attempts": 1}


async def made(api: Api, name: str = "spring", body: bytes | None = None, **rules: Any) -> str:
    campaign = await api.ask("POST", "/campaigns", 201, json={"name": name, "rules": {**RULES, **rules}, "by": "ada"})
    await api.ask("PUT", f"/campaigns/{name}/contacts", content=body or rows(0, 1, 2))
    return str(campaign["id"])


def test_a_campaign_from_its_file_to_its_report(tmp_path: Path) -> None:
    does = {THEM: "answer", "+14155550201": "busy", "+14155550202": "no-answer"}

    async def story(api: Api) -> None:
        campaign_id = await made(api)
        found = await api.ask("POST", "/campaigns/spring/check")
        assert (found["valid"], found["dialable_now"], found["invalid"]) == (3, 3, {})
        assert [row["state"] for row in (await api.ask("GET", "/campaigns"))["campaigns"]] == ["checked"]
        assert (await api.ask("GET", "/campaigns/spring"))["standstill"]["sentence"] == "it was not started yet"
        started = await api.ask("POST", "/campaigns/spring/start", json={"by": "ada"})
        assert started["state"] == "running"
        await over(api.house, api.desk, campaign_id)
        report = await api.ask("GET", "/campaigns/spring")
        assert report["campaign"]["state"] == "done" and report["finished"] == 3
        assert report["outcomes"] == {"silence": 1, "busy": 1, "no_answer": 1}
        assert api.dialled == dict.fromkeys(does, 1)
        audit = (await api.ask("GET", f"/audit?subject={campaign_id}"))["audit"]
        assert [(entry["who"], entry["what"]) for entry in reversed(audit)] == [
            ("ada", "campaign.create"),
            ("admin API", "campaign.contacts"),
            ("admin API", "campaign.check"),
            ("ada", "campaign.start"),
        ]
        assert [consent.source for consent in await api.desk.db.read(consents.of, THEM)] == ["signed up"]

    run(tmp_path, story, carrier={"directory": lambda number: Party(does=does[number])})


def test_the_report_is_a_table_without_formulas_and_a_document(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        body = rows(0, extra=b'+14155550201,"=HYPERLINK(""http://x"")",signed up\r\n')
        campaign_id = await made(api, body=body)
        await api.ask("POST", "/campaigns/spring/start")
        await over(api.house, api.desk, campaign_id)
        answer = await api.http.get("/api/v1/campaigns/spring/report.csv")
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["phone_number"] for row in table] == ["'+14155550200", "'+14155550201"]
        assert [row["outcome"] for row in table] == ["busy", "busy"]
        assert table[1]["first_name"] == '\'=HYPERLINK("http://x")'
        document = await api.ask("GET", "/campaigns/spring/report.json")
        assert document["campaign"]["id"] == campaign_id
        assert [len(person["tries"]) for person in document["people"]] == [1, 1]
        [token] = {call.webhooks[-1].url.rpartition("/")[2] for call in list(api.house.carrier.calls.values())[:1]}
        assert token not in answer.text and token not in str(document)
        empty = await api.ask("POST", "/campaigns", 201, json={"name": "empty"})
        nothing = await api.http.get(f"/api/v1/campaigns/{empty['id']}/report.csv")
        assert nothing.text.count("\r\n") == 1

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy")})


def test_why_nothing_is_dialled_at_night_and_when_it_goes_on(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        await made(api)
        await api.ask("POST", "/campaigns/spring/start")
        found = await api.until("/campaigns/spring", lambda report: report["standstill"]["why"] == "not_due")
        assert found["standstill"]["until"] == "2026-12-01T17:00:00.000Z", "09:00 in California"
        assert api.dialled == {}
        paused = await api.ask("POST", "/campaigns/spring/pause", json={"reason": "wrong list", "by": "ada"})
        assert paused["reason"] == "wrong list"
        assert "wrong list" in (await api.ask("GET", "/campaigns/spring"))["standstill"]["sentence"]
        again = await api.ask("POST", "/campaigns/spring/start", 409)
        assert "is paused; only one that is draft or checked can be started" in again["detail"]
        await api.ask("POST", "/campaigns/spring/cancel")
        people = (await api.ask("GET", "/campaigns/spring/contacts"))["contacts"]
        assert {person["state"] for person in people} == {"cancelled"}

    run(tmp_path, story, at=NIGHT)


def test_rules_are_edited_one_by_one(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api, days="mon-fri", window="10:00-12:00")
        change = {"days": "mon,wed", "retry.busy.most": 2, "breaker": {"share": 0.3}}
        edited = await api.ask("PATCH", "/campaigns/spring", json={"rules": change, "by": "ada"})
        assert edited["rules"]["window"] == {"start": "10:00", "end": "12:00", "days": ["mon", "wed"]}
        assert edited["rules"]["retry"]["busy"] == {"delay_h": 1, "most": 2}
        assert edited["rules"]["breaker"] == {"share": 0.3, "window_s": 120.0, "least": 5}
        assert edited["rules"]["concurrency"] == 10
        hours = await api.ask("PATCH", "/campaigns/spring", json={"rules": {"window": "09:00-11:00"}})
        assert hours["rules"]["window"]["days"] == ["mon", "wed"]
        wrong = await api.ask("PATCH", f"/campaigns/{campaign_id}", 400, json={"rules": {"concurency": 2}})
        assert "did you mean concurrency" in wrong["detail"]
        nobody = await api.ask("PATCH", "/campaigns/autumn", 404, json={"rules": {}})
        assert nobody["detail"].startswith("there is no campaign 'autumn'")

    run(tmp_path, story)


def test_a_file_is_taken_whole_and_says_what_it_refused(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        await api.ask("POST", "/do-not-call", 201, json={"phones": ["+14155550201"], "reason": "said so"})
        await api.ask("POST", "/campaigns", 201, json={"name": "spring"})
        body = rows(0, 1, 0, extra=b"911,Bob,signed up\r\n1.4155E+10,Eve,signed up\r\n+14155550203,Nora,\r\n")
        filled = await api.ask("PUT", "/campaigns/spring/contacts?errors=all", content=body)
        assert (filled["contacts"], filled["do_not_call"]) == (2, 1)
        assert filled["refused"] == {"duplicate": 1, "emergency": 1, "excel_number": 1, "no_consent": 1}
        assert [error["line"] for error in filled["errors"]] == [4, 5, 6, 7]
        assert filled["errors"][1]["cells"] == ["911", "Bob", "signed up"]
        people = (await api.ask("GET", "/campaigns/spring/contacts"))["contacts"]
        assert [(p["phone"], p["state"], p["outcome"]) for p in people] == [
            (THEM, "waiting", ""),
            ("+14155550201", "skipped", "do_not_call"),
        ]
        page = await api.ask("GET", "/campaigns/spring/contacts?limit=1")
        rest = await api.ask("GET", f"/campaigns/spring/contacts?limit=1&after={page['next']}")
        assert rest["contacts"][0]["phone"] == "+14155550201" and rest["next"] is None
        assert (await api.ask("GET", "/campaigns/spring/contacts?state=skipped"))["contacts"] == rest["contacts"]
        # Given again, it is the list; it is not added to it.
        again = await api.ask("PUT", "/campaigns/spring/contacts", content=rows(5))
        assert again["contacts"] == 1
        people = (await api.ask("GET", "/campaigns/spring/contacts"))["contacts"]
        assert [person["phone"] for person in people] == ["+14155550205"]

    run(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the file"),
        (b"name,city\r\nAda,Paris\r\n", "no column is called phone_number"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "the file"),
    ],
)
def test_a_file_that_is_no_list_changes_nothing(tmp_path: Path, body: bytes, words: str) -> None:
    async def story(api: Api) -> None:
        await made(api)
        told = await api.ask("PUT", "/campaigns/spring/contacts", 400, content=body)
        assert words in told["detail"] and "upload-" not in told["detail"]
        assert len((await api.ask("GET", "/campaigns/spring/contacts"))["contacts"]) == 3

    run(tmp_path, story)
    assert list(tmp_path.glob("upload-*")) == []


def test_a_list_that_fails_half_way_leaves_nothing_and_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api)
        write, kept = api.desk.db.write, 0

        async def full(work: Any, *args: Any, **more: Any) -> Any:
            nonlocal kept
            kept += work.__name__ == "_keep"
            if work.__name__ == "_keep" and kept == 2:
                refused = await api.ask("POST", "/campaigns/spring/start", 409)
                assert "a part of its contacts" in refused["detail"]
                raise DatabaseFull
            return await write(work, *args, **more)

        monkeypatch.setattr(api.desk.db, "write", full)
        told = await api.ask("PUT", "/campaigns/spring/contacts", 503, content=rows(*range(1200)))
        assert "full" in told["detail"]
        report = await api.ask("GET", f"/campaigns/{campaign_id}")
        assert (report["contacts"], report["campaign"]["state"], report["campaign"]["reason"]) == (0, "draft", "")

    run(tmp_path, story)


def test_a_list_is_not_given_to_a_campaign_that_runs(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        await made(api)
        await api.ask("POST", "/campaigns/spring/start")
        told = await api.ask("PUT", "/campaigns/spring/contacts", 409, content=rows(7))
        assert "is running" in told["detail"]

    run(tmp_path, story, at=NIGHT)


def test_what_nobody_can_tell_is_decided_by_a_person(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api)
        [first, second] = list(await api.desk.office.people(campaign_id))[:2]

        def unsure(conn: Any) -> None:
            lost = [
                Attempt(f"t{c.id}", c.phone, "+14155550100", "review", "gone", NOON, f"att_{c.id}", c.id, campaign_id)
                for c in (first, second)
            ]
            attempts.intend(conn, lost)

        await api.desk.db.write(unsure)
        waits = (await api.ask("GET", "/review?campaign=spring"))["review"]
        assert [row["phone"] for row in waits] == [first.phone, second.phone]
        called = await api.ask("POST", f"/review/att_{first.id}", json={"decision": "called", "by": "ada"})
        assert (called["state"], called["outcome"], called["reason"]) == ("closed", "unknown", "decided by ada")
        await api.ask("POST", f"/review/att_{second.id}", json={"decision": "dial", "by": "ada"})
        people = {c.phone: c.state for c in await api.desk.office.people(campaign_id)}
        assert (people[first.phone], people[second.phone]) == ("done", "waiting")
        assert (await api.ask("GET", "/review"))["review"] == []
        again = await api.ask("POST", f"/review/att_{first.id}", 409, json={"decision": "dial"})
        assert "does not wait" in again["detail"]

    run(tmp_path, story)


@pytest.mark.parametrize(("fault", "most"), [("rate_limited", 3), ("lost", 3)])
def test_every_contact_is_called_once_whatever_the_carrier_answers(tmp_path: Path, fault: str, most: int) -> None:
    """C36, seen from the API: a refusal is tried again, a lost answer never is."""

    async def story(api: Api) -> None:
        _break(api, fault)
        campaign_id = await made(api)
        await api.ask("POST", "/campaigns/spring/start")
        await over(api.house, api.desk, campaign_id)
        report = await api.ask("GET", "/campaigns/spring")
        assert report["outcomes"] == {"busy": most}
        assert set(api.dialled.values()) == {1}

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy")})


def _break(api: Api, fault: str) -> None:
    """The carrier's REST API goes wrong for the first orders."""
    from bridge.errors import CarrierError

    control, broken = api.desk.worker.orders._control, 0
    dial = control.dial

    async def refuse(order: Any) -> Any:
        nonlocal broken
        broken += 1
        if fault == "rate_limited" and broken <= 2:
            raise CarrierError("too many requests", status=429, placed="no", kind="rate_limited", retry_after_s=1.0)
        placed = await dial(order)
        if fault == "lost" and broken <= 2:
            raise CarrierError("no answer", placed="maybe")
        return placed

    control.dial = refuse  # type: ignore[method-assign]


def test_a_budget_is_a_hard_stop_that_says_so(tmp_path: Path) -> None:
    """C22: what running calls may still cost is counted, so the budget is not passed by a cent."""

    async def story(api: Api) -> None:
        money = {"price_minute_usd": 1.0, "max_minutes": 1, "budget_usd": 2.0, "concurrency": 5}
        campaign_id = await made(api, body=rows(*range(12)), **money)
        await api.ask("POST", "/campaigns/spring/start")

        def spend(conn: Any) -> None:
            campaigns.spend_more(conn, campaign_id, "2026-11-30", 1.5)

        await api.desk.db.write(spend)
        found = await api.until("/campaigns/spring", lambda report: report["campaign"]["state"] != "running")
        counted = sum(api.dialled.values())
        assert counted <= 2, "two calls of a dollar were all that the budget had room for"
        assert found["campaign"]["state"] == "paused" and "budget is spent" in found["standstill"]["sentence"]
        more = await api.ask("PATCH", "/campaigns/spring", json={"rules": {"budget_usd": 100}})
        assert more["rules"]["budget_usd"] == 100
        await api.ask("POST", "/campaigns/spring/resume")
        await api.until("/campaigns/spring", lambda report: report["campaign"]["state"] == "done")
        assert len(api.dialled) == 12

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy", after_s=1.0)})


# ---- who must not be called


def test_the_do_not_call_list_is_kept_and_its_changes_are_traced(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        await made(api)
        added = await api.ask("POST", "/do-not-call", 201, json={"phones": [THEM, "+1 (415) 555-0209"], "by": "ada"})
        assert added == {"given": 2, "new": 2}
        assert (await api.ask("POST", "/do-not-call", 200, json={"phones": [THEM]}))["new"] == 0
        assert (await api.ask("GET", "/do-not-call?phone=%2B14155550200"))["listed"] is True
        [skipped] = (await api.ask("GET", "/campaigns/spring/contacts?state=skipped"))["contacts"]
        assert (skipped["phone"], skipped["outcome"]) == (THEM, "do_not_call")
        refused = await api.ask("POST", "/calls", 422, json={"to": THEM})
        assert refused["why"] == "do_not_call"
        page = await api.ask("GET", "/do-not-call?limit=1")
        rest = await api.ask("GET", "/do-not-call", params={"limit": 1, "after": page["next"]})
        assert {page["do_not_call"][0]["phone"], rest["do_not_call"][0]["phone"]} == {THEM, "+14155550209"}
        unsigned = await api.ask("DELETE", "/do-not-call", 400, json={"phone": THEM})
        assert unsigned["detail"] == "by: Field required"
        gone = {"phone": THEM, "by": "ada", "why": "mistyped"}
        assert (await api.ask("DELETE", "/do-not-call", json=gone))["removed"] is True
        await api.ask("DELETE", "/do-not-call", 404, json=gone)
        newest = (await api.ask("GET", "/audit?limit=1"))["audit"][0]
        assert (newest["who"], newest["what"], newest["after"]) == ("ada", "do_not_call.remove", {"why": "mistyped"})
        wrong = await api.ask("POST", "/do-not-call", 422, json={"phones": [THEM, "not a number"]})
        assert wrong["why"] == "not_a_number"

    run(tmp_path, story, at=NIGHT)


def test_without_a_database_everything_says_why(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        dialer = api.house.app.services.dialer
        desk, dialer.desk, dialer.trouble = dialer.desk, None, "the database is elsewhere"
        try:
            for method, path in (("GET", "/campaigns"), ("POST", "/calls"), ("GET", "/do-not-call"), ("GET", "/audit")):
                told = await api.ask(method, path, 503, **({"json": {"to": THEM}} if method == "POST" else {}))
                assert told["detail"] == "the database is elsewhere"
        finally:
            dialer.desk = desk

    run(tmp_path, story)
