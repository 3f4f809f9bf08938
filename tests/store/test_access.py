"""Tokens, sessions and a day's figures, on both databases."""

from __future__ import annotations

import pytest
from store_house import House

from bridge.errors import StoreConflict, StoreError
from bridge.store.access import AccessStore, by_name, digest
from bridge.store.base import Attempt, CallRow, Line
from bridge.store.calls import CallStore, StoredCall
from bridge.store.database import Database
from bridge.store.figures import DAY_S, Figures, day_begin, percentile
from bridge.store.tables import attempts, values

NOW = 1_800_000_000.0


def test_a_token_opens_until_it_is_revoked_and_takes_its_sessions_along(house: House) -> None:
    async def story(db: Database) -> None:
        store = AccessStore(db)
        made, secret = await store.create_token("Ada", "operator", "admin", NOW)
        found = await store.find_token(secret, NOW + 5)
        assert found is not None and (found.id, found.scope, found.last_used_at) == (made.id, "operator", None)
        [listed] = await store.tokens()
        assert listed.last_used_at == NOW + 5
        await store.find_token(secret, NOW + 30)
        assert (await store.tokens())[0].last_used_at == NOW + 5, "not written at every request"
        with pytest.raises(StoreConflict, match="another name"):
            await store.create_token("Ada", "viewer", "admin", NOW)
        cookie = await store.open_session(digest(secret), "a browser", NOW, 0.0)
        session = await store.find_session(cookie, NOW + 100, 1_800, 43_200)
        assert session is not None and session.credential == digest(secret)
        assert await store.find_session(secret, NOW, 1_800, 43_200) is None, "a token is no cookie"
        assert await store.find_token(secret[:-1], NOW) is None
        gone = await store.revoke_token(made.id, NOW + 200)
        assert gone is not None
        assert await store.find_token(secret, NOW + 201) is None
        assert await store.find_session(cookie, NOW + 201, 1_800, 43_200) is None
        assert await store.revoke_token("tok_nobody", NOW) is None
        again, _ = await store.create_token("Ada", "viewer", "admin", NOW + 300)
        assert by_name(await store.tokens(), "Ada").id == again.id, "the name is that of the good one"
        with pytest.raises(StoreError, match="tokens list"):
            by_name(await store.tokens(), "nobody")

    house.run(story)


def test_sessions_are_over_when_nobody_uses_them_and_old_ones_are_forgotten(house: House) -> None:
    async def story(db: Database) -> None:
        store = AccessStore(db)
        first = await store.open_session("c", "a", NOW, 0.0)
        assert await store.find_session(first, NOW + 1_799, 1_800, 43_200) is not None
        assert await store.find_session(first, NOW + 1_799 + 1_801, 1_800, 43_200) is None
        await store.open_session("c", "b", NOW + 50_000, NOW + 1)
        [left] = await store.sessions(0.0, 0.0)
        assert left.client == "b"
        assert await store.close_session(left.id) and not await store.close_session(left.id)

    house.run(story)


def call(n: int, at: float, waits: tuple[int, ...], **more: object) -> StoredCall:
    fields = {"answered_at": at + 1, "ended_at": at + 60, "cost_usd": 0.25} | more
    row = CallRow(f"call_{n:020d}", "CA", "inbound", "+1", "+2", "reception", at, **fields)  # type: ignore[arg-type]
    lines = tuple(Line(i, "agent", "Yes.", 0, 1, latency_ms=ms) for i, ms in enumerate(waits))
    return StoredCall(row, (*lines, Line(99, "caller", "No.", 0, 1)))


def test_a_day_at_a_glance(house: House) -> None:
    async def story(db: Database) -> None:
        day = day_begin(NOW)
        figures = Figures(db)
        empty = await figures.day(day)
        assert (empty.calls, empty.latency_p50_ms, empty.spend_usd, sum(empty.hours)) == (0, None, 0.0, 0)
        stored = [
            call(1, day, (400, 600), barge_ins=2, tool_calls=3, tool_errors=1),
            call(2, day + 3 * 3_600, (500,), cost_usd=None),
            call(3, day + DAY_S - 1, (9_000,), answered_at=None, error="gone"),
            call(4, day - 1, (1,), barge_ins=5),
            call(5, day + DAY_S, (1,), barge_ins=5),
        ]
        await CallStore(db).put(stored)
        placed = Attempt("t", "+1", "+2", "closed", "o", day + 5, carrier_usd=0.5)
        await db.write(lambda conn: conn.execute(attempts.insert(), values(placed)) and None)
        found = await figures.day(day)
        assert (found.calls, found.answered, found.failed) == (3, 2, 1)
        assert (found.latency_p50_ms, found.latency_p95_ms, found.answers) == (500, 9_000, 4)
        assert (found.barge_ins, found.tool_calls, found.tool_errors) == (2, 3, 1)
        assert (found.hours[0], found.hours[3], found.hours[23], sum(found.hours)) == (1, 1, 1, 3)
        assert found.spend_usd == await figures.spent(day) == pytest.approx(1.0)

    house.run(story)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7], 0.95, 7), ([1, 2], 0.5, 1), ([1, 2, 3], 0.5, 2), (list(range(1, 101)), 0.95, 95)],
)
def test_percentiles_are_values_that_occurred(values: list[int], share: float, expected: int | None) -> None:
    assert percentile(values, share) == expected
