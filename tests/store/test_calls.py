"""The table of calls: kept whole, replaced whole, and read newest first however many there are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from store_house import House

from bridge.errors import StoreError
from bridge.store.base import CallRow, Line
from bridge.store.calls import CallFilter, CallStore, StoredCall
from bridge.store.database import Database
from bridge.store.folder import new_call_id
from bridge.store.ids import made_at

US = "+14155550199"


def call(n: int, at: float | None = None, *, to: str = US, agent: str = "survey", campaign_id: str = "") -> CallRow:
    at = 1_700_000_000.0 + n if at is None else at
    return CallRow(
        f"call_{n:020}", f"CA{n}", "inbound", f"+1415{n:07}", to, agent, at, at + 1, at + 60, "goodbye", "agent", 4,
        {"input_tokens": n}, 0.25, campaign_id=campaign_id,
    )  # fmt: skip


LINES = (
    Line(1, "agent", "Hello, this is Acme.", 0, 1500, 1400),
    Line(2, "caller", "Grüß Gott", 1600, 2500),
    Line(2, "tool", "found", 2500, 2600),
    Line(3, "agent", "Goodbye", 3000, 4000, 100, True),
)


def test_a_call_is_kept_with_what_was_said_and_replaced_whole(house: House) -> None:
    async def story(db: Database) -> None:
        store = CallStore(db)
        first = StoredCall(call(1), LINES)
        await store.put([first, StoredCall(call(2), ())])
        assert await store.get(first.row.id) == first
        assert await store.get("call_nobody") is None
        again = StoredCall(call(1, agent="reception"), LINES[:1])
        await store.put([again])
        assert await store.get(first.row.id) == again
        await store.put([])
        assert await store.ended() == {call(1).id, call(2).id}

    house.run(story)


def test_pages_go_newest_first_and_miss_nobody_who_began_at_the_same_moment(house: House) -> None:
    async def story(db: Database) -> None:
        store = CallStore(db)
        rows = [call(n, at=1_700_000_000.25 + n // 4) for n in range(21)]
        await store.put(StoredCall(row, ()) for row in rows)
        seen: list[CallRow] = []
        after = ""
        while True:
            page = await store.page(5, after=after)
            seen += page.rows
            after = page.next
            if not after:
                break
        assert seen == rows[::-1]
        assert (await store.page(21)).next == ""

    house.run(story)


def test_a_list_may_be_asked_for_by_what_one_knows(house: House) -> None:
    async def story(db: Database) -> None:
        store = CallStore(db)
        rows = [call(n, to=US if n % 2 else "+14155550150", campaign_id="c1" if n < 3 else "") for n in range(6)]
        await store.put(StoredCall(row, ()) for row in rows)

        async def ids(**which: object) -> list[int]:
            return [int(row.id[5:]) for row in (await store.page(10, CallFilter(**which))).rows]  # type: ignore[arg-type]

        assert await ids(number=US) == [5, 3, 1]
        assert await ids(number=rows[4].from_number) == [4]
        assert await ids(campaign_id="c1") == [2, 1, 0]
        assert await ids(since=rows[1].started_at, until=rows[3].started_at) == [2, 1]
        assert await ids(agent="nobody") == []
        assert await ids(agent="survey", direction="inbound", end_reason="goodbye") == [5, 4, 3, 2, 1, 0]

    house.run(story)


@pytest.mark.parametrize("after", ["x", "-", "call_1", "nan"])
def test_a_page_after_nothing_known_is_refused_in_a_sentence(house: House, after: str) -> None:
    async def story(db: Database) -> None:
        with pytest.raises(StoreError, match="`next` of the page before"):
            await CallStore(db).page(5, after=after)

    house.run(story)


def test_an_id_tells_when_its_call_began() -> None:
    assert made_at(new_call_id(1_767_225_600.123)) == 1_767_225_600.123


def test_a_page_of_a_hundred_thousand_calls_takes_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        store = CallStore(db)
        for at in range(0, 100_000, 10_000):
            await store.put(StoredCall(call(n, campaign_id=f"c{n % 50}"), ()) for n in range(at, at + 10_000))
        middle = (await store.page(50, CallFilter(until=call(50_000).started_at))).next
        for which, after in (
            (CallFilter(), ""),
            (CallFilter(), middle),
            (CallFilter(number=US), ""),
            (CallFilter(number=US), middle),
            (CallFilter(number=call(70).from_number), ""),
            (CallFilter(campaign_id="c7"), middle),
            (CallFilter(agent="survey", end_reason="goodbye"), ""),
        ):
            took = []
            for _ in range(5):  # the best of them: a machine that does other work as well is not meant
                began = time.perf_counter()
                page = await store.page(50, which, after)
                took.append(time.perf_counter() - began)
            assert page.rows
            assert min(took) < 0.1, f"{which} {after}: {min(took) * 1000:.0f} ms"

    House("", tmp_path).run(story)
