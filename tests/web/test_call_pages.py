"""The pages of past calls, over HTTP: lists, pages, recordings, events, exports; whole, empty, damaged, and many."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from house_world import House, house

from bridge.sim import loop
from bridge.sim.script import DEMO
from bridge.store.audit import Audit
from bridge.store.base import CallRow
from bridge.store.calls import CallStore, StoredCall

Story = Callable[[House, httpx2.AsyncClient], Awaitable[None]]
PAGE = {"accept": "text/html"}


def run(data: Path, story: Story, *, call: bool = True, **changes: Any) -> None:
    async def whole() -> None:
        async with house(data, **changes) as world:
            await world.until(lambda: world.app.services.dialer.db is not None)
            if call:
                ringing = await world.ring(DEMO)
                await ringing.ended()
                await world.written()
                store = CallStore(world.app.services.db)
                while not await store.ended():
                    await world.app.services.disk.drained()
            url = f"http://127.0.0.1:{world.admin_port}"
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60, headers=PAGE) as http:
                await story(world, http)

    loop.run(whole())


def stored(n: int, **more: Any) -> StoredCall:
    at = 1_750_000_000.0 + n
    fields: dict[str, Any] = {"id": f"call_{n:020}", "carrier_call_id": f"CA{n}", "direction": "inbound"}
    fields |= {"from_number": f"+1415555{n % 10000:04}", "to_number": "+14155550100", "agent": "reception"}
    fields |= {"started_at": at, "answered_at": at + 1, "ended_at": at + 61, "end_reason": "caller_hung_up"}
    return StoredCall(CallRow(**(fields | more)), ())


def test_a_call_stands_in_the_list_and_has_a_page(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        call_id = world.records()[0]["id"]
        listed = await http.get("/calls")
        assert listed.status_code == 200
        assert f"/calls/{call_id}" in listed.text
        shown = await http.get(f"/calls/{call_id}")
        assert shown.status_code == 200
        for words in ("nothing found", "The agent said goodbye and hung up.", "heard 2.9 of", "opening_hours", "4271"):
            assert words in shown.text
        assert shown.text.count('<rect class="k-caller"') >= 3
        assert shown.text.count('class="k-cut" d=') == 1
        assert "nonce-" in shown.headers["content-security-policy"]

    run(tmp_path, story)


def test_filters_of_the_address(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        rows = [
            stored(n, tool_errors=int(n == 3), barge_ins=n % 2, direction="outbound" if n == 5 else "inbound")
            for n in range(8)
        ]
        await CallStore(world.app.services.db).put(rows)

        async def ids(query: str) -> list[int]:
            answer = await http.get(f"/calls.json{query}")
            assert answer.status_code == 200, answer.text
            return [int(row["id"][5:]) for row in answer.json()["calls"]]

        assert await ids("") == [7, 6, 5, 4, 3, 2, 1, 0], "newest first"
        assert await ids("?number=%2B1%20(415)%20555-0003") == [3]
        assert await ids("?flag=tool_error") == [3]
        assert await ids("?flag=tool_error&flag=interrupted") == [3]
        assert await ids("?direction=outbound") == [5]
        assert await ids("?end_reason=busy") == []
        assert await ids("?from=2025-06-15&to=2025-06-15") == [7, 6, 5, 4, 3, 2, 1, 0]
        assert await ids("?from=2025-06-16") == []
        none = await http.get("/calls?end_reason=busy")
        assert "No call matches." in none.text
        for wrong in ("?flag=nothing", "?from=yesterday", "?direction=up", "?to=9999-12-31"):
            answer = await http.get(f"/calls{wrong}")
            assert answer.status_code == 400, wrong
            assert "This cannot be asked for" in answer.text
        assert (await http.get("/calls?after=nonsense")).status_code == 200

    run(tmp_path, story, call=False)


def test_a_house_without_calls_says_what_to_do(tmp_path: Path) -> None:
    async def story(_: House, http: httpx2.AsyncClient) -> None:
        empty = await http.get("/calls")
        assert "No calls yet" in empty.text
        assert 'href="/talk"' in empty.text
        missing = await http.get("/calls/call_00000000000000000000")
        assert missing.status_code == 404

    run(tmp_path, story, call=False)


def test_without_a_database_the_list_says_so(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        await world.app.services.dialer.close()
        broken = await http.get("/calls")
        assert broken.status_code == 200
        assert "Past calls cannot be shown" in broken.text
        assert (await http.get("/calls.csv")).status_code == 503

    run(tmp_path, story, call=False)


def test_a_hundred_thousand_calls_are_listed_in_a_blink(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        store = CallStore(world.app.services.db)
        for begin in range(0, 100_000, 5_000):
            await store.put(
                [stored(n, agent=f"a{n % 7}", tool_errors=int(n % 5000 == 3)) for n in range(begin, begin + 5_000)]
            )
            await asyncio.sleep(0.01)  # the clock must see that something goes on
        deep = (await store.page(50, after="1750050000.0-call_")).next
        took = {}
        for path in (
            "/calls",
            f"/calls?after={deep}",
            "/calls?agent=a3",
            "/calls?number=%2B14155550007",
            "/calls?flag=tool_error",
            "/calls?end_reason=busy",
        ):
            await http.get(path)
            await asyncio.sleep(0.01)
            began = time.perf_counter()
            answer = await http.get(path)
            took[path] = round((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200
        assert max(took.values()) < 500, took  # 100 ms by itself; this machine is shared
        out = await http.get("/calls.csv?agent=a3")
        assert out.text.count("\r\n") == 1 + 100_000 // 7 + (100_000 % 7 > 3)

    run(tmp_path, story, call=False)


def test_exports_go_round_are_neutral_and_are_written_down(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        bad = stored(1, agent="=HYPERLINK(1)", from_number="+14155550123", error="-1\n+2")
        await CallStore(world.app.services.db).put([bad])
        rows = list(csv.DictReader(io.StringIO((await http.get("/calls.csv")).text)))
        assert rows[-1]["agent"] == "'=HYPERLINK(1)"
        assert rows[-1]["from"] == "'+14155550123"
        call_id = world.records()[0]["id"]
        text = (await http.get(f"/calls/{call_id}/export/transcript.txt")).text
        assert "agent   Thanks for calling Harbour Lane Books." in text
        assert "[heard 2.9 of 9.5 s; not heard:" in text
        document = (await http.get(f"/calls/{call_id}/export/transcript.json")).json()
        assert document["transcript"] == world.transcript()
        assert document["explained"]["findings"] == []
        lines = (await http.get(f"/calls/{call_id}/export/events.jsonl")).text.splitlines()
        assert [json.loads(line) for line in lines] == world.timeline()
        sound = await http.get(f"/calls/{call_id}/export/recording.wav")
        assert sound.content == (tmp_path / "calls" / call_id / "recording.wav").read_bytes()
        assert call_id in sound.headers["content-disposition"]
        assert (await http.get(f"/calls/{call_id}/export/blackbox.jsonl")).status_code == 404
        told = [entry.what for entry in (await Audit(world.app.services.db).page(20)).entries]
        assert told.count("call.export") == 4
        assert told.count("calls.export") == 1

    run(tmp_path, story)


def test_the_recording_comes_in_ranges_and_its_outline_is_small(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        call_id = world.records()[0]["id"]
        whole = (tmp_path / "calls" / call_id / "recording.wav").read_bytes()
        part = await http.get(f"/calls/{call_id}/recording.wav", headers={"range": "bytes=100-299"})
        assert part.status_code == 206
        assert part.content == whole[100:300]
        assert part.headers["content-range"] == f"bytes 100-299/{len(whole)}"
        beyond = await http.get(f"/calls/{call_id}/recording.wav", headers={"range": f"bytes={len(whole)}-"})
        assert beyond.status_code == 416
        kept = (await http.get(f"/calls/{call_id}/peaks.json")).json()
        assert len(kept["caller"]) == len(kept["agent"]) <= 1500
        (tmp_path / "calls" / call_id / "peaks.json").unlink()
        made = (await http.get(f"/calls/{call_id}/peaks.json")).json()
        assert made == kept, "an older recording's outline is drawn when it is asked for"

    run(tmp_path, story)


@pytest.mark.parametrize(
    "call_id", ["%2e%2e%2fetc", "call_../../../etc/passwd", "call_%00" + "0" * 19, "x" * 400, "CALL_" + "0" * 20]
)
def test_no_path_can_be_smuggled_in(tmp_path: Path, call_id: str) -> None:
    async def story(_: House, http: httpx2.AsyncClient) -> None:
        for rest in ("", "/recording.wav", "/peaks.json", "/events", "/export/events.jsonl", "/replays"):
            answer = await http.get(f"/calls/{call_id}{rest}")
            assert answer.status_code == 404, (call_id, rest, answer.status_code)
            assert "root:" not in answer.text

    run(tmp_path, story, call=False)


def test_events_in_three_views_filtered_and_by_windows(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        call_id = world.records()[0]["id"]
        place = tmp_path / "calls" / call_id / "timeline.jsonl"
        compact = (await http.get(f"/calls/{call_id}/events")).text
        assert "Interrupted" in compact
        assert "session.update" not in compact
        whole = (await http.get(f"/calls/{call_id}/events?view=timeline")).text
        assert "session.updated" in whole
        assert "&times;</span>" in whole, "deltas and marks are folded"
        phone = (await http.get(f"/calls/{call_id}/events?view=timeline&side=phone")).text
        assert "side-phone" in phone
        assert "side-model" not in phone
        found = (await http.get(f"/calls/{call_id}/events?view=raw&q=ORDER_STATUS")).text
        assert "order_status" in found
        # Ten thousand more of them: a window at a time, each quick, none lost.
        more = "".join(
            f'{{"t":{40 + n},"fact":"Guarded","name":"n{n}","at_ms":{n},"on":"x","rationale":"r"}}\n'
            for n in range(10_000)
        )
        place.write_text(place.read_text() + more)
        after, seen, slowest = "0", 0, 0.0
        while after:
            await asyncio.sleep(0.01)
            began = time.perf_counter()
            answer = await http.get(f"/calls/{call_id}/events?q=Guarded&after={after}", headers={"hx-request": "true"})
            slowest = max(slowest, time.perf_counter() - began)
            seen += answer.text.count("Guarded</th>")
            after = answer.text.split("after=")[1].split('"')[0].split("&")[0] if "data-more" in answer.text else ""
        assert seen == 10_000
        assert slowest < 1.0
        for wrong in ("view=all", "after=-1", "after=x"):
            assert (await http.get(f"/calls/{call_id}/events?{wrong}")).status_code == 400

    run(tmp_path, story)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda place: (place / "recording.wav").unlink(), "There is no recording of this call"),
        (lambda place: (place / "timeline.jsonl").unlink(), "its timeline is not on the disk"),
        (lambda place: (place / "transcript.jsonl").unlink(), "Nothing was said."),
        (
            lambda place: (place / "transcript.jsonl").write_text('{"role":1}\n[]\n{"role":"agent","cut":true}\n'),
            "Nothing was said.",
        ),
        (lambda place: (place / "call.json").write_text('{"id":"x"}'), "The call is not over."),
        (
            lambda place: (place / "call.json").write_text(
                json.dumps(json.loads((place / "call.json").read_text()) | {"end_reason": "crashed", "error": "killed"})
            ),
            "callbridge was killed during this call.",
        ),
    ],
)
def test_a_page_of_what_is_left_of_a_call(tmp_path: Path, spoil: Callable[[Path], Any], words: str) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        call_id = world.records()[0]["id"]
        spoil(tmp_path / "calls" / call_id)
        answer = await http.get(f"/calls/{call_id}")
        assert answer.status_code == 200
        assert words in answer.text

    run(tmp_path, story)


def test_what_people_said_is_never_markup(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        call_id = world.records()[0]["id"]
        evil = "<script>alert(1)</script>\"'&"
        place = tmp_path / "calls" / call_id
        line = {"turn": 1, "role": "caller", "text": evil, "start_ms": 0, "end_ms": 10}
        place.joinpath("transcript.jsonl").write_text(json.dumps(line) + "\n")
        place.joinpath("call.json").write_text(
            json.dumps(world.records()[0] | {"agent": evil, "error": evil, "from": evil})
        )
        fact = {"t": 1, "fact": "Trouble", "where": "model", "code": evil, "message": evil}
        place.joinpath("timeline.jsonl").write_text(json.dumps(fact) + "\n")
        for path in ("", "/events", "/events?view=raw", "/replays"):
            answer = await http.get(f"/calls/{call_id}{path}")
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text

    run(tmp_path, story)


def test_an_unrecorded_call_says_why(tmp_path: Path) -> None:
    async def story(world: House, http: httpx2.AsyncClient) -> None:
        answer = await http.get(f"/calls/{world.records()[0]['id']}")
        assert "recording is off" in answer.text
        assert 'id="wave"' not in answer.text

    run(tmp_path, story, record="off")
