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
