"""Pages as the server makes them: headers, figures, live parts, and how they fail."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise
from pathlib import Path

import pytest
from guard_world import ADMIN, BROWSER, Admin, bearer, inside
from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import DatabaseLost
from bridge.sim.script import DEMO
from bridge.web.routes import seen

PAGES = ("/", "/settings", "/settings/audit")


def test_every_answer_tells_the_browser_what_it_may_do(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        for path in (*PAGES, "/login", "/nowhere", "/api/v1/calls", "/static/x/console.css"):
            headers = (await world.http.get(path, headers=BROWSER)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'self'; base-uri 'none'"), path
            assert "unsafe" not in policy and "*" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")

    inside(tmp_path, story, token="")


@pytest.mark.parametrize("path", PAGES)
def test_a_new_house_has_pages_that_say_what_to_do(tmp_path: Path, path: str) -> None:
    async def story(world: Admin) -> None:
        text = (await world.http.get(path, headers=BROWSER)).text
        expected = {
            "/": ("No call is going on.", "No calls yet.", "No call has ended today.", "Try in the browser"),
            "/settings": ("No token was made yet.", "Nobody is logged in with a browser."),
            "/settings/audit": ("Nobody has done anything yet",),
        }
        for sentence in expected[path]:
            assert sentence in text

    inside(tmp_path, story, token="")


def test_the_overview_shows_a_call_while_it_lasts_and_counts_it_afterwards(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        call = await world.house.ring(DEMO)
        await asyncio.sleep(1)
        page = (await world.http.get("/", headers=BROWSER)).text
        call_id = world.house.app.services.switchboard.live[0].info.call_id
        assert f'href="/calls/{call_id}"' in page
        assert "<b>1</b> active" in page
        await call.ended()
        await world.house.written()
        await asyncio.sleep(65)  # its row is written soon; figures of some seconds' age are good enough

        async def figures() -> dict[str, object]:
            return dict((await world.http.get("/api/v1/overview")).json())

        found = await figures()
        assert found["live"] == []
        day = found["day"]
        assert isinstance(day, dict)
        assert (day["calls"], day["answered"], day["failed"]) == (1, 1, 0)
        assert day["answers"] >= 3 and day["latency_p50_ms"] <= day["latency_p95_ms"] < 3_000
        assert (day["barge_ins"], day["tool_errors"]) == (1, 0) and day["tool_calls"] >= 2
        assert sum(day["hours"]) == 1
        page = (await world.http.get("/", headers=BROWSER)).text
        assert f'href="/calls/{call_id}"' in page and "No calls yet" not in page

    inside(tmp_path, story, token="")


def test_a_page_hears_of_a_call_within_a_moment_and_not_too_often(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        clock = asyncio.get_running_loop().time
        states: list[tuple[float, str]] = []

        async def watch() -> None:
            async with world.http.stream("GET", "/updates?parts=pulse+overview") as answer:
                lines: list[str] = []
                async for line in answer.aiter_lines():
                    lines.append(line)
                    if not line:  # the end of an event
                        text = "".join(lines)
                        lines.clear()
                        if "data:" in text:
                            states.append((clock(), text))

        watching = asyncio.create_task(watch())
        await asyncio.sleep(1)
        assert len(states) == 1 and "<b>0</b> active" in states[0][1]
        assert states[0][1].count("<hx-partial") == 2
        rang = clock()
        call = await world.house.ring(DEMO)
        await asyncio.sleep(1.2)
        at, told = next(state for state in states if "<b>1</b> active" in state[1])
        assert at - rang < 0.7
        assert "+14155550123" in told
        await call.ended()
        await asyncio.sleep(1)
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(states)]
        assert min(gaps) > 0.49
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    inside(tmp_path, story, token="")


def test_nobody_watches_any_longer_than_they_may(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        made = await world.token("viewer")

        async def watch() -> None:
            async with world.http.stream("GET", "/updates?parts=pulse", headers=bearer(made["token"])) as answer:
                async for _ in answer.aiter_lines():
                    pass

        watching = asyncio.create_task(watch())
        await asyncio.sleep(20)
        assert not watching.done()
        await world.http.delete(f"/api/v1/tokens/{made['id']}", headers=bearer(ADMIN))
        await asyncio.wait_for(watching, 10)
        assert (await world.http.get("/updates?parts=nothing", headers=bearer(ADMIN))).status_code == 404

    inside(tmp_path, story)


def test_facts_of_one_call_are_told_and_only_to_who_may_still_hear_them(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        made = await world.token("viewer")
        heard: dict[str, list[str]] = {"all": [], "none": [], "revoked": []}

        async def listen(name: str, query: str, secret: str) -> None:
            async with world.http.stream("GET", f"/feed{query}", headers=bearer(secret)) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("event:"):
                        heard[name].append(line.removeprefix("event: "))

        tasks = [
            asyncio.create_task(listen("all", "", ADMIN)),
            asyncio.create_task(listen("none", "?call=call_0", ADMIN)),
            asyncio.create_task(listen("revoked", "", made["token"])),
        ]
        await asyncio.sleep(6)
        await world.http.delete(f"/api/v1/tokens/{made['id']}", headers=bearer(ADMIN))
        call = await world.house.ring(DEMO)
        await call.ended()
        await asyncio.sleep(1)
        assert heard["all"][0] == "Watching" and "CallEnded" in heard["all"]
        assert heard["none"] == heard["revoked"] == ["Watching"]
        assert tasks[2].done() and not tasks[1].done()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    inside(tmp_path, story)


def test_a_database_that_is_away_takes_figures_and_nothing_else(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        dialer = world.house.app.services.dialer
        db, dialer.db, dialer.trouble = dialer.db, None, "the database is on another planet"
        try:
            page = await world.http.get("/", headers=BROWSER)
            assert page.status_code == 200
            assert "There are no figures" in page.text and "on another planet" in page.text
            assert "No call is going on." in page.text
            settings = await world.http.get("/settings", headers=BROWSER)
            assert "Tokens and sessions are not there" in settings.text and "REALTIME_URL" in settings.text
            audit = await world.http.get("/settings/audit", headers=BROWSER)
            assert audit.status_code == 503
            assert "on another planet" in audit.text and "Try again" in audit.text
            answer = await world.http.get("/api/v1/overview")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        finally:
            dialer.db = db

    inside(tmp_path, story, token="")


def test_without_the_database_the_admins_own_token_still_opens(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        made = await world.token("viewer")
        dialer = world.house.app.services.dialer
        db, dialer.db = dialer.db, None
        try:
            assert (await world.http.get("/api/v1/calls", headers=bearer(ADMIN))).status_code == 200
            refused = await world.http.get("/api/v1/calls", headers=bearer(made["token"]))
            assert refused.status_code == 503 and "BRIDGE_ADMIN_TOKEN still does" in refused.text
            login = await world.http.post("/login", data={"token": ADMIN}, headers=BROWSER)
            assert login.status_code == 503 and "Nobody can log in now" in login.text
        finally:
            dialer.db = db

    inside(tmp_path, story)


def test_each_way_to_fail_has_its_page_and_its_problem(tmp_path: Path) -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError("a mistake of ours, with +14155550123 in it")

    async def lost(_: Request) -> Response:
        raise DatabaseLost("the database went away")

    async def story(world: Admin) -> None:
        made = await world.token("viewer")
        world.house.app.admin.router.routes += [seen("/broken", broken), seen("/lost", lost)]
        for path, status, words in (
            ("/nowhere", 404, "here is nothing at this address"),
            ("/login/", 404, "here is nothing at this address"),
            ("/settings/audit", 403, "his needs the role admin; you are viewer"),
            ("/broken", 500, "his is a mistake in callbridge"),
            ("/lost", 503, "he database went away. It is tried again by itself."),
        ):
            answer = await world.http.get(path, headers=BROWSER | bearer(made["token"]))
            assert answer.status_code == status, path
            assert words in answer.text.replace("&#39;", "'")
            assert re.search(r"<title>.+ - callbridge</title>", answer.text)
            assert "mistake of ours" not in answer.text, "what went wrong inside is for the log"
            assert "content-security-policy" in answer.headers
            plain = await world.http.get(path, headers=bearer(made["token"]))
            assert plain.json()["status"] == status
            part = await world.http.get(path, headers=BROWSER | bearer(made["token"]) | {"hx-request": "true"})
            assert part.text.lstrip().startswith('<div class="error"')
        assert (await world.http.put("/settings", headers=bearer(made["token"]))).status_code == 405

    inside(tmp_path, story)


def test_forms_are_read_no_further_than_they_may_be_long(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async def sent(content: bytes, kind: str = "application/x-www-form-urlencoded") -> int:
            return (await world.http.post("/preferences", content=content, headers={"content-type": kind})).status_code

        assert await sent(b"theme=dark") == 303
        assert await sent(b"theme=" + b"x" * 70_000) == 413
        assert await sent(b"a=1&" * 300) == 413
        assert await sent(b"{}", "application/json") == 415

    inside(tmp_path, story, token="")


def test_what_is_preferred_is_kept_and_nothing_else(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        await world.http.post("/preferences", data={"theme": "dark", "time": "utc"}, headers=BROWSER)
        assert '<html lang="en" data-theme="dark" data-time="utc">' in (await world.http.get("/")).text
        await world.http.post("/preferences", data={"theme": '"><script>'}, headers=BROWSER)
        assert 'data-theme="dark"' in (await world.http.get("/")).text
        world.http.cookies.clear()
        forged = {"cookie": 'theme="><script>; time=x; flash=eyJhIjoxfQ=='}
        assert (
            '<html lang="en" data-theme="auto" data-time="local">' in (await world.http.get("/", headers=forged)).text
        )

    inside(tmp_path, story, token="")
