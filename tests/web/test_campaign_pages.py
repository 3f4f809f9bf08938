"""The pages of campaigns as the server makes them: from the first step of the wizard to the last contact's result."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from admin_world import HEADER, THEM, Api, rows, run
from dialing_world import AGENT, NOON, over
from guard_world import ADMIN, bearer

from bridge.errors import DatabaseLost
from bridge.sim.party import Party
from bridge.store import attempts
from bridge.store.base import Attempt

NIGHT = NOON + 12 * 3600
PAGE = {"accept": "text/html"}


async def page(api: Api, path: str, status: int = 200, **more: Any) -> str:
    answer = await api.http.get(path, headers=PAGE | more.get("headers", {}))
    assert answer.status_code == status, answer.text
    return str(answer.text)


async def post(api: Api, path: str, status: int = 303, **fields: str) -> tuple[str, str]:
    """Send a form: where it leads (or the page it answers), and what the next page says once."""
    headers = PAGE | {"content-type": "application/x-www-form-urlencoded"}
    answer = await api.http.post(path, content=urlencode(fields), headers=headers)
    assert answer.status_code == status, answer.text
    if status != 303:
        return answer.text, ""
    to = answer.headers["location"]
    text = await page(api, to)
    said = re.search(r'<p class="flash[^>]*>(.*?)</p>', text)
    api.http.cookies.clear()
    return to, said[1] if said else ""


async def let_go(watching: asyncio.Task[None]) -> None:
    """Watch no longer. (sse-starlette looks every half second whether uvicorn was told to stop, as long as it can.)"""
    watching.cancel()
    left = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "_shutdown_watcher"]
    for task in left:
        task.cancel()
    await asyncio.gather(watching, *left, return_exceptions=True)


def words(text: str) -> str:
    """What stands on a page, tags left out."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


SILENT = "+14155550203"


async def made(api: Api, body: bytes, name: str = "spring", **rules: str) -> str:
    given = {"concurrency": 10, "cps": 50, "attempts": 1, **rules}
    campaign = await api.ask("POST", "/campaigns", 201, json={"name": name, "rules": given})
    await api.ask("PUT", f"/campaigns/{name}/contacts", content=body)
    return str(campaign["id"])


def test_the_wizard_leads_from_a_name_to_a_campaign_that_calls(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        empty = words(await page(api, "/campaigns"))
        assert "No campaign yet." in empty
        step, _ = await post(api, "/campaigns/new", name="spring", agent="", consent="")
        campaign = step.removesuffix("/list")
        assert "Nobody is on it yet." in words(await page(api, step))
        assert "There is nobody to check yet." in words(await page(api, f"{campaign}/check"))
        assert "there is no row to test it with" in words(await page(api, f"{campaign}/test"))
        body = rows(0, 1, 0, extra=b"911,Bob,signed up\r\n1.4155E+10,Eve,signed up\r\n")
        await api.ask("PUT", f"{campaign}/contacts", content=body)
        found = words(await page(api, step))
        assert "phone_number the number to call" in found and "{first_name} a variable" in found
        assert "+14155550200" in found and "duplicate 1" in found
        assert "4 " in found and "emergency" in found
        step, _ = await post(api, f"{campaign}/check")
        check = words(await page(api, step))
        assert "Would be called 2" in check and "At once 2" in check and "Hello Ada 0, is this a good time?" in check
        wrong, _ = await post(api, f"{campaign}/rules", 400, **rules_form(concurrency="many", purpose="a survey"))
        assert "concurrency = &#39;many&#39; must be a whole number" in wrong
        assert 'value="many"' in wrong and 'value="a survey"' in wrong
        step, said = await post(
            api, f"{campaign}/rules", **rules_form(concurrency="3", purpose="a survey", attempts="1")
        )
        assert (step, said) == (f"{campaign}/test", "The rules are kept.")
        edited = (await api.ask("GET", f"/audit?subject={campaign.rpartition('/')[2]}"))["audit"][0]
        assert (edited["what"], edited["after"]) == (
            "campaign.edit",
            {"attempts": 1, "concurrency": 3, "purpose": "a survey"},
        )
        assert "no_such_number" not in (await post(api, f"{campaign}/test", 422, to="nobody"))[0]
        step, _ = await post(api, f"{campaign}/test", to="+1 (415) 555-0177")
        assert "+14155550177" in words(await page(api, step))
        attempt = await api.until(f"/attempts/{step.rpartition('=')[2]}", lambda row: row["state"] == "closed")
        assert attempt["variables"]["first_name"] == "Ada 0" and attempt["variables"]["attempt"] == "1"
        assert attempt["campaign_id"] is None and attempt["terms"]["purpose"] == "a survey"
        assert "The call is over: busy." in words(await page(api, step))
        step, said = await post(api, f"{campaign}/start")
        assert (step, said) == (campaign, "The campaign is started.")
        await over(api.house, api.desk, campaign.rpartition("/")[2])
        assert api.dialled == {THEM: 1, "+14155550201": 1, "+14155550177": 1}
        assert "It is done" in words(await page(api, campaign))

    agent = AGENT.__class__("caller", instructions="Call people.", greeting="Hello {first_name}, is this a good time?")
    run(tmp_path, story, agent=agent, carrier={"directory": lambda _: Party(does="busy")})


def rules_form(**changes: str) -> dict[str, str]:
    """The form of the rules as a browser sends it, unchanged but for these."""
    from bridge.dialer.rules import Rules
    from bridge.web import rule_fields

    fields: dict[str, str] = {"agent": ""}
    for name, value in rule_fields.shown(Rules()).items():
        if name == "days":
            fields |= {f"days.{day}": "on" for day in value}
        elif value is True:
            fields[name] = "on"
        elif value is not False and name != "retry":
            fields[name] = str(value)
    return fields | changes


def test_figures_are_those_of_the_contacts_and_live_ones_come_at_most_twice_a_second(tmp_path: Path) -> None:
    does = ["answer", "busy", "no-answer", "answer", "busy", "busy"]
    directory = {f"+1415555{200 + n:04d}": word for n, word in enumerate(does)}

    async def story(api: Api) -> None:
        await api.ask("POST", "/do-not-call", 201, json={"phones": ["+14155550206"]})
        campaign_id = await made(api, rows(*range(7)))
        clock = asyncio.get_running_loop().time
        seen: list[tuple[float, str]] = []
        lines: list[str] = []

        async def watch() -> None:
            address = f"/updates?parts=campaign+campaign-pace&campaign={campaign_id}"
            async with api.http.stream("GET", address) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        lines.append(line)
                    elif lines and not line:
                        seen.append((clock(), " ".join(lines)))
                        lines.clear()

        watching = asyncio.create_task(watch())
        await asyncio.sleep(1)
        assert "It is a draft and was not started" in seen[0][1]
        await post(api, f"/campaigns/{campaign_id}/start")
        await over(api.house, api.desk, campaign_id)
        await asyncio.sleep(10)
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(seen)]
        assert len(seen) > 3 and min(gap for gap in gaps if gap > 0.01) > 0.49
        report = await api.ask("GET", f"/campaigns/{campaign_id}")
        progress = await api.ask("GET", f"/campaigns/{campaign_id}/progress")
        steps = {"loaded": 7, "dialable": 6, "dialled": 6, "answered": 2, "human": 0, "goal": 0}
        assert progress["steps"] == steps
        assert sum(minute["begun"] for minute in progress["minutes"]) == report["attempts"] == 6
        assert sum(minute["answered"] for minute in progress["minutes"]) == 2
        text = await page(api, f"/campaigns/{campaign_id}")
        table = dict(re.findall(r'<th scope="row">([A-Za-z ]+)</th><td class="num">(\d+)</td><td class="num">', text))
        assert {name.lower(): int(table[shown]) for name, shown in zip(steps, _STEPS, strict=True)} == steps
        shown = {name: int(table[name.replace("_", " ").capitalize()]) for name in report["outcomes"]}
        assert shown == report["outcomes"]
        [pace] = re.findall(r'data-pace="([^"]+)"', text)
        assert [sum(column) for column in json.loads(pace.replace("&#34;", '"'))[1:]] == [6, 2]
        assert "It is done" in words(seen[-1][1]) or "It is done" in words(seen[-2][1])
        await let_go(watching)

    run(tmp_path, story, carrier={"directory": lambda number: Party(does=directory[number])})


_STEPS = ("Loaded", "Dialable", "Dialled", "Answered", "A person", "Goal")


def test_why_nothing_is_dialled_and_when_it_goes_on(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api, rows(0, 1, 2))
        path = f"/campaigns/{campaign_id}"
        await post(api, f"{path}/start")
        await api.until(f"/campaigns/{campaign_id}", lambda report: report["standstill"]["why"] == "not_due")
        await asyncio.sleep(1)
        text = await page(api, path)
        assert "Nothing is dialled now: outside the calling hours" in text
        assert 'datetime="2026-12-01T17:00:00.000Z"' in text and "(3 contacts wait)" in text
        _, said = await post(api, f"{path}/pause", reason="lunch")
        assert said == "The campaign is paused."
        assert "It is paused: lunch" in await page(api, path)
        _, said = await post(api, f"{path}/start")
        assert "is paused; only one that is draft or checked can be started" in said
        await post(api, f"{path}/resume")
        await post(api, f"{path}/cancel", reason="wrong list")
        text = words(await page(api, path))
        assert "It was cancelled: wrong list" in text and "nothing can be changed" in words(
            await page(api, f"{path}/rules")
        )
        entries = (await api.ask("GET", f"/audit?subject={campaign_id}"))["audit"]
        did = [(entry["who"], entry["what"]) for entry in entries][:4]
        verbs = ("cancel", "resume", "pause", "start")
        assert did == [("local", f"campaign.{verb}") for verb in verbs]

    run(tmp_path, story, at=NIGHT)


def test_contacts_are_found_page_by_page_with_their_attempts_and_calls(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api, rows(*range(120)))
        path = f"/campaigns/{campaign_id}/contacts"
        first = await page(api, path)
        assert first.count('class="row number"') == 100
        [following] = re.findall(r'rel="next" href="([^"]+)"', first)
        assert (await page(api, following.replace("&amp;", "&"))).count('class="row number"') == 20
        for query, count in (("q=555-0207", 1), ("q=%28415%29+555+020", 10), ("state=done", 0), ("outcome=busy", 0)):
            assert (await page(api, f"{path}?{query}")).count('class="row number"') == count, query
        assert "No contact matches." in await page(api, f"{path}?q=nobody")
        assert "State can be" in await page(api, f"{path}?state=happy", 400)
        await post(api, f"/campaigns/{campaign_id}/start")
        await over(api.house, api.desk, campaign_id)
        found = await page(api, f"{path}?outcome=silence&q=555-0203")
        [link] = re.findall(r'class="row number" href="([^"]+)"', found)
        [call] = re.findall(r'href="(/calls/call_[^"]+)"', found)
        one = await page(api, link)
        assert call in one and "none, it is settled" in one and "Ada 3" in one and "silence" in one
        assert "This campaign has no such contact" in await page(api, f"{path}/999999", 404)
        assert "There is no campaign" in await page(api, "/campaigns/nowhere/contacts", 404)

    run(tmp_path, story, carrier={"directory": lambda phone: Party(does="answer" if phone == SILENT else "busy")})


def test_a_person_decides_what_nobody_can_tell_one_by_one_or_together(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        assert "Nothing waits for a decision." in await page(api, "/review")
        campaign_id = await made(api, rows(0, 1, 2))
        people = list(await api.desk.office.people(campaign_id))
        unsure = [
            Attempt(
                f"t{n}",
                person.phone,
                THEM,
                "review",
                "",
                NOON,
                id=f"att_{n}",
                contact_id=person.id,
                campaign_id=campaign_id,
            )
            for n, person in enumerate(people)
        ]
        await api.desk.db.write(attempts.intend, unsure)
        text = await page(api, f"/review?campaign={campaign_id}")
        assert text.count('name="attempt.att_') == 3
        assert "Review (3)" in words(await page(api, "/campaigns"))
        _, said = await post(api, "/review", decision="called")
        assert said.startswith("Choose at least one call")
        _, said = await post(api, "/review", decision="called", **{"attempt.att_0": "on", "attempt.att_1": "on"})
        assert said == "2 calls are decided. Nobody of them is dialled again for it."
        _, said = await post(api, "/review", decision="dial", **{"attempt.att_2": "on", "attempt.att_0": "on"})
        assert said.startswith("1 call is decided. They will be dialled.") and "does not wait for a decision" in said
        states = {person.phone[-2:]: person.state for person in await api.desk.office.people(campaign_id)}
        assert states == {"00": "done", "01": "done", "02": "waiting"}

    run(tmp_path, story, at=NIGHT)


def test_the_do_not_call_list_is_searched_filled_taken_along_and_mended_for_a_reason(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        path = "/contacts/do-not-call"
        assert "Nobody is on it yet." in await page(api, path)
        _, said = await post(api, path, phone="+1 415 555 0200", reason="asked by mail")
        assert said == "+14155550200 is on the list; nobody dials it."
        _, said = await post(api, path, phone="no number", reason="")
        assert "no number" in said and (await api.ask("GET", "/do-not-call"))["next"] is None
        body = HEADER + b"+14155550201,=cmd(),x\r\n'+14155550202,b,x\r\nnobody,c,x\r\n,d,x\r\n"
        taken = await api.ask("PUT", "/do-not-call/file?reason=old+list", content=body)
        assert (taken["given"], taken["new"], taken["refused"]) == (2, 2, {"not_a_number": 1, "no_number": 1})
        assert taken["told"][0].startswith("line 4:")
        assert "old list" in await page(api, f"{path}?q=%2B1+415+555-0201")
        assert "is not on the list" in await page(api, f"{path}?q=%2B14155550299")
        assert "This could not be looked up." in await page(api, f"{path}?q=hello")
        table = list(csv.DictReader(io.StringIO((await api.http.get("/api/v1/do-not-call/file")).text)))
        assert [row["phone_number"] for row in table] == ["'+14155550202", "'+14155550201", "'+14155550200"]
        again = await api.ask(
            "PUT", "/do-not-call/file", content=(await api.http.get("/api/v1/do-not-call/file")).content
        )
        assert (again["given"], again["new"], again["refused"]) == (3, 0, {})
        _, said = await post(api, f"{path}/remove", phone="+14155550200", why=" ")
        assert "for a reason only" in said
        _, said = await post(api, f"{path}/remove", phone="+14155550200", why="mistyped")
        assert said == "+14155550200 may be called again."
        _, said = await post(api, f"{path}/remove", phone="+14155550200", why="mistyped")
        assert "is not on the do-not-call list" in said
        entries = (await api.ask("GET", "/audit"))["audit"]
        assert [entry["what"] for entry in reversed(entries)] == [
            "do_not_call.add",
            "do_not_call.add",
            "do_not_call.export",
            "do_not_call.export",
            "do_not_call.add",
            "do_not_call.remove",
        ]
        assert {entry["who"] for entry in entries} == {"local", "admin API"}

    run(tmp_path, story, at=NIGHT)


PAGES = (
    "/campaigns",
    "/campaigns/x",
    "/campaigns/x/contacts",
    "/campaigns/x/rules",
    "/review",
    "/contacts/do-not-call",
)


@pytest.mark.parametrize("path", PAGES)
def test_without_a_database_each_page_says_so(tmp_path: Path, path: str) -> None:
    async def story(api: Api) -> None:
        dialer = api.house.app.services.dialer
        desk, dialer.desk, dialer.trouble = dialer.desk, None, "the database is elsewhere"
        try:
            text = words(await page(api, path, 503))
            assert "The database is not there" in text and "The database is elsewhere" in text and "Try again" in text
        finally:
            dialer.desk = desk

    run(tmp_path, story)


def test_a_campaign_whose_database_goes_away_while_one_looks_says_so_and_comes_back(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        campaign_id = await made(api, rows(0))
        office = api.desk.office
        seen: list[str] = []

        async def watch() -> None:
            async with api.http.stream("GET", f"/updates?parts=campaign&campaign={campaign_id}") as answer:
                async for line in answer.aiter_lines():
                    seen.append(line)

        async def gone(_: str) -> Any:
            raise DatabaseLost("the disk is gone")

        watching = asyncio.create_task(watch())
        await asyncio.sleep(1)
        office.progress = gone  # type: ignore[method-assign]
        await asyncio.sleep(8)
        assert "the disk is gone. It is tried again by itself." in "".join(seen)
        del office.progress  # type: ignore[method-assign]
        seen.clear()
        await asyncio.sleep(8)
        assert "Funnel" in "".join(seen)
        await let_go(watching)

    run(tmp_path, story, at=NIGHT)


def test_who_only_looks_sees_everything_and_can_do_nothing(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        admin = bearer(ADMIN)
        made_token = await api.ask("POST", "/tokens", 201, json={"name": "Eve", "scope": "viewer"}, headers=admin)
        campaign = await api.ask("POST", "/campaigns", 201, json={"name": "spring"}, headers=admin)
        await api.ask("PUT", "/campaigns/spring/contacts", content=rows(0), headers=admin)
        viewer = PAGE | bearer(made_token["token"])
        path = f"/campaigns/{campaign['id']}"
        for address in ("/campaigns", path, f"{path}/contacts", f"{path}/check", "/review", "/contacts/do-not-call"):
            text = await page(api, address, headers=viewer)
            assert 'method="post" action="/c' not in text and "data-ask" not in text, address
        for address in ("/campaigns/new", f"{path}/list", f"{path}/rules", f"{path}/test"):
            assert "This needs the role operator" in await page(api, address, 403, headers=viewer)
        refused = await api.http.post(f"{path}/cancel", headers=viewer)
        assert refused.status_code == 403

    run(tmp_path, story, admin_token=ADMIN, at=NIGHT)
