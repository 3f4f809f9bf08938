"""Promises, edits and decisions in the moments between: kept, obeyed, and not lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from dialing_world import NOON, OURS, campaign, dialing, over, person
from test_dialer_alone import two

from bridge.dialer.evidence import Word
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.store import campaigns
from bridge.store.database import Connection


def test_a_promise_survives_a_carrier_that_had_no_room(tmp_path: Path) -> None:
    """The order of a promised call is refused for now (429): it is tried again in seconds, not on the next day."""

    async def story() -> None:
        async with dialing(tmp_path, dialer="off") as (_, desk):
            found = await campaign(desk, [person(0)])
            (first,) = (await desk.ledger.claim(found, lambda standing: [OURS])).attempts
            at = desk.office.now
            for status in ("in-progress", "completed"):
                desk.ledger.note(
                    Word(token=first.token, at=at + 5, carrier_call_id="CA1", call_id="call_1", status=status)
                )
            desk.ledger.note(Word(token=first.token, at=at + 5, result="callback", callback_at=at + 600))
            await desk.ledger.settled()
            await asyncio.sleep(601)
            (second,) = (await desk.ledger.claim(found, lambda standing: [OURS])).attempts
            desk.ledger.note(Word(token=second.token, at=desk.office.now, not_placed="not_placed", reason="429"))
            await desk.ledger.settled()
            await asyncio.sleep(10)
            assert (await desk.ledger.claim(found, lambda standing: [OURS])).attempts, await desk.office.people(found)

    loop.run(story())


def test_who_became_due_by_another_process_is_called_when_due(tmp_path: Path) -> None:
    """One waits for tomorrow; the retry of the other is written by the server, and the dialer hears nothing of it."""

    async def story() -> None:
        async with two(tmp_path, {}) as (world, desk, _):
            people = [person(0), person(1, due_at=NOON + 86_400)]
            rules = {"attempts": 2, "spacing_h": 0, "per_day": 5, "retry": {"busy": {"delay_h": 0.01}}}
            found = await campaign(desk, people, **rules)
            await asyncio.sleep(600)
            calls = [call for call in world.carrier.calls.values() if call.to == person(0).phone]
            assert len(calls) == 2, await desk.office.people(found)

    loop.run(story())


def test_countries_taken_from_a_campaign_are_not_called_any_more(tmp_path: Path) -> None:
    async def story() -> None:
        options: dict[str, Any] = {"carrier": {"directory": lambda number: Party(does="busy", after_s=0.5)}}
        async with dialing(tmp_path, countries=frozenset({"US", "CA"}), **options) as (world, desk):
            found = await campaign(desk, [person(0, due_at=NOON + 60)])
            await desk.office.edit(found, {"countries": ["CA"]}, "tests")
            await asyncio.sleep(120)
            assert not world.carrier.calls
            await over(world, desk, found)
            (contact,) = await desk.office.people(found)
            assert (contact.state, contact.outcome) == ("skipped", "country_not_allowed")

    loop.run(story())


def test_a_decision_to_dial_does_not_wake_a_cancelled_campaign(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, dialer="off") as (_, desk):
            found = await campaign(desk, [person(0)])
            (first,) = (await desk.ledger.claim(found, lambda standing: [OURS])).attempts
            desk.ledger.note(Word(token=first.token, at=desk.office.now, lost=True))
            desk.ledger.note(Word(token=first.token, at=desk.office.now, review=True))
            await desk.ledger.settled()
            await desk.office.move(found, "cancel", "tests")
            await desk.office.decide(first.id, "dial", "tests")
            (contact,) = await desk.office.people(found)
            assert contact.state == "cancelled"

    loop.run(story())


def test_the_carriers_minutes_are_spent_too(tmp_path: Path) -> None:
    """What a call costs at the carrier counts against the budget, also when no model said a word."""

    async def story() -> None:
        options: dict[str, Any] = {"carrier": {"directory": lambda number: Party(does="answer", after_s=0.5)}}
        async with dialing(tmp_path, **options) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(4)], attempts=1)
            await over(world, desk, found)
            report = await desk.office.report(found)
            tries = await desk.office.attempts(found)
            assert all(attempt.carrier_usd > 0 for attempt in tries), tries
            assert report.spent_usd >= sum(attempt.carrier_usd for attempt in tries) > 0

    loop.run(story())


def test_a_campaign_that_cannot_be_read_is_told_and_does_not_end_dialling(tmp_path: Path) -> None:
    """A newer callbridge on the same database may write rules that this one does not know."""

    def write(conn: Connection, campaign_id: str, rules: dict[str, Any]) -> None:
        found = campaigns.get(conn, campaign_id)
        assert found is not None
        campaigns.edit(conn, campaign_id, rules, found.agent, found.name)

    async def story() -> None:
        options: dict[str, Any] = {"carrier": {"directory": lambda number: Party(does="busy", after_s=0.5)}}
        async with dialing(tmp_path, **options) as (world, desk):
            found = await campaign(desk, [person(0, due_at=NOON + 60)], attempts=1)
            rules = dict((await desk.office.find(found)).rules)
            await desk.db.write(write, found, {**rules, "of_tomorrow": 1})
            await asyncio.sleep(30)
            assert "of_tomorrow" in desk.worker.seen.trouble
            await desk.db.write(write, found, rules)
            await over(world, desk, found)
            assert desk.worker.seen.trouble == "" and len(world.carrier.calls) == 1

    loop.run(story())
