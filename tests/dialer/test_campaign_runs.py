"""Campaigns on the whole simulator: everybody is called once, and everybody is decided."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from dialing_world import NOON, campaign, dialing, over, person

from bridge.sim import loop
from bridge.sim.party import Party


def test_a_campaign_calls_everybody_once_and_is_done(tmp_path: Path) -> None:
    does = {"+14155550200": "answer", "+14155550201": "busy", "+14155550202": "no-answer", "+14155550203": "failed"}

    async def story() -> None:
        people = {"directory": lambda number: Party(does=does[number])}
        async with dialing(tmp_path, carrier=people) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(4)], attempts=1)
            await over(world, desk, found)
            report = await desk.office.report(found)
            assert report.campaign.state == "done", (report.campaign.reason, report.outcomes)
            dialled = Counter(call.to for call in world.carrier.calls.values())
            assert dialled == Counter(list(does)), "each of them once"
            contacts = {c.phone: c for c in await desk.office.people(found)}
            assert contacts["+14155550201"].outcome == "busy"
            assert contacts["+14155550202"].outcome == "no_answer"
            assert contacts["+14155550203"].outcome == "bad_number"

    loop.run(story())


def test_a_window_that_is_widened_brings_those_back_who_waited_for_it(tmp_path: Path) -> None:
    """They were put off until the window opens; what a row itself says ("not before") stays."""

    async def story() -> None:
        people = {"directory": lambda number: Party(does="busy")}
        async with dialing(tmp_path, carrier=people) as (world, desk):
            later = desk.office.now + 1200
            found = await campaign(desk, [person(0), person(1, due_at=later)], attempts=1, window="18:00-19:00")
            await world.until(lambda: found in desk.worker.seen.next_due)
            waits = {c.phone: c for c in await desk.office.people(found)}
            assert waits["+14155550200"].due_at == desk.office.now // 86_400 * 86_400 + 26 * 3600, "18:00 in California"
            await desk.office.edit(found, {"window": "09:00-19:00"}, "tests")
            await world.until(lambda: bool(world.carrier.calls))
            await over(world, desk, found)
            assert {call.to for call in world.carrier.calls.values()} == set(waits)
            attempts = {a.phone: a.claimed_at for a in await desk.office.attempts(found)}
            assert attempts["+14155550201"] >= later > attempts["+14155550200"] + 1100

    loop.run(story())


def test_a_wider_window_brings_back_who_was_taken_out_of_the_carriers_queue(tmp_path: Path) -> None:
    """Their order had been given; they are called under the wider rules on the same day, and once."""

    async def story() -> None:
        people = {"directory": lambda number: Party(does="busy"), "calls_per_second": 0.1}
        async with dialing(tmp_path, carrier=people) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(8)], attempts=1, window="09:00-12:01")
            await world.until(lambda: len(world.carrier.calls) == 8)
            await world.until(lambda: desk.office.now > NOON + 60)
            waits = {c.phone for c in await desk.office.people(found) if c.state == "waiting"}
            assert waits and {c.outcome for c in await desk.office.people(found) if c.phone in waits} == {"window"}
            await desk.office.edit(found, {"window": "09:00-18:00"}, "tests")
            await over(world, desk, found)
            assert desk.office.now < NOON + 600
            rang = Counter(call.to for call in world.carrier.calls.values() if call.status == "busy")
            assert rang == Counter(person(n).phone for n in range(8))

    loop.run(story())


def test_a_wider_window_brings_back_who_had_no_hour_in_it(tmp_path: Path) -> None:
    """A number of two zones that are five hours apart: nine to twelve is never the time in both of them."""
    zones = ("America/New_York", "Pacific/Honolulu")

    async def story() -> None:
        people = {"directory": lambda number: Party(does="busy")}
        async with dialing(tmp_path, carrier=people) as (world, desk):
            rows = [replace(person(0), zones=zones), person(1, due_at=NOON + 600)]
            found = await campaign(desk, rows, attempts=1, window="09:00-12:00")
            await asyncio.sleep(30.0)
            first, _ = await desk.office.people(found)
            assert (first.state, first.outcome) == ("skipped", "no_hours")
            await desk.office.edit(found, {"window": "09:00-18:00"}, "tests")
            await over(world, desk, found)
            assert {call.to for call in world.carrier.calls.values()} == {row.phone for row in rows}

    loop.run(story())
