"""Campaigns on the whole simulator: everybody is called once, and everybody is decided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dialing_world import campaign, dialing, over, person

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
