"""The carrier's REST API, its webhooks and our database fail while a campaign runs on the whole house."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dialing_world import NOON, OURS, campaign, dialing, over, person

from bridge.dialer.dialer import Desk
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.sim.twilio.forms import call_form, progress_fields
from bridge.sim.twilio.weather import TROUBLES
from bridge.store.base import FINAL, Attempt

ACCOUNT = "AC" + "0" * 32


def busy(number: str) -> Party:
    return Party(does="busy", after_s=0.5)


# ---- C36: orders


@pytest.mark.parametrize("redials", [False, True])
def test_every_way_an_order_can_fail_calls_nobody_twice(tmp_path: Path, redials: bool) -> None:
    """Those whose order nobody can tell of are shown to a person, or dialled again where the rules say so."""

    async def story() -> None:
        async with dialing(tmp_path, carrier={"directory": busy}) as (world, desk):
            control: Any = world.app.services.carrier.control
            control._dial_timeout_s = 0.3  # real seconds: the carrier's client waits in a thread
            world.carrier.dial_faults.extend(TROUBLES.values())
            people = [person(n) for n in range(len(TROUBLES))]
            rules = {"attempts": 1, "cps": 1, "redial_unknown": redials, "breaker": {"least": 100}}
            found = await campaign(desk, people, **rules)
            began = desk.office.now
            async with asyncio.timeout(300):
                while {c.state for c in await desk.office.people(found)} - {*FINAL, "review"}:  # noqa: ASYNC110
                    await asyncio.sleep(1.0)
            assert desk.office.now - began < 120
            dialled = Counter(call.to for call in world.carrier.calls.values())
            contacts = {c.phone: c for c in await desk.office.people(found)}
            for n, trouble in enumerate(TROUBLES):
                phone = person(n).phone
                lost = trouble in ("error", "timeout", "reset") and not redials
                assert dialled[phone] == (0 if lost else 1), trouble
                assert (contacts[phone].state, contacts[phone].outcome) == (
                    ("review", "") if lost else ("gave_up", "busy")
                ), trouble

    loop.run(story())


# ---- C37: webhooks


class Five:
    """The five requests that the carrier makes about one call which a machine answers."""

    def __init__(self, attempt: Attempt, n: int) -> None:
        self._attempt = attempt
        self._sid = f"CA{n:032x}"

    def _form(self, status: str) -> list[tuple[str, str]]:
        to = self._attempt.phone
        return call_form(ACCOUNT, self._sid, OURS, to, direction="outbound-api", status=status)

    def _status(self, place: int, status: str, **more: Any) -> tuple[str, list[tuple[str, str]]]:
        at = datetime.fromtimestamp(NOON + place, UTC)
        return f"/twilio/status/{self._attempt.token}", [*self._form(status), *progress_fields(place, at, **more)]

    def requests(self) -> list[tuple[str, list[tuple[str, str]]]]:
        amd = [("AnsweredBy", "machine_start"), ("MachineDetectionDuration", "3100")]
        return [
            self._status(0, "initiated"),
            self._status(1, "ringing"),
            self._status(2, "in-progress"),
            (f"/twilio/amd/{self._attempt.token}", [*self._form("in-progress"), *amd]),
            self._status(3, "completed", duration_s=12.0, sip_code="200", answered_by="machine_start"),
        ]


async def claimed(desk: Desk, found: str, count: int) -> list[Attempt]:
    """Intents without orders: this house dials nothing."""
    claim = await desk.ledger.claim(found, lambda standing: [OURS] * count)
    assert len(claim.attempts) == count
    return claim.attempts


async def post_in_order(world: Any, attempt: Attempt, n: int, order: Sequence[int]) -> None:
    post = world.carrier.account.post
    requests = Five(attempt, n).requests()
    for place in order:
        await asyncio.sleep(0.01)
        path, form = requests[place]
        answer = await post.request(post.address.absolute(path), form, lambda exchange: None)
        assert answer.status in (200, 204), answer


def test_all_120_orders_of_five_requests_end_in_the_same_row(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, dialer="off") as (world, desk):
            world.app.services.switchboard.draining = True  # nobody talks: what the requests say is all there is
            found = await campaign(desk, [person(n) for n in range(120)])
            intents = await claimed(desk, found, 120)
            orders = list(itertools.permutations(range(5)))
            for n, (attempt, order) in enumerate(zip(intents, orders, strict=True)):
                await post_in_order(world, attempt, n, order)
            await desk.ledger.settled()
            ends = await desk.office.attempts(found)
            own = {"token": "", "id": "", "phone": "", "contact_id": 0, "carrier_call_id": "", "variables": {}}
            alike = {repr(replace(row, **own)) for row in ends}
            assert len(alike) == 1, "all 120 rows say the same"
            assert (ends[0].state, ends[0].outcome, ends[0].answered_at) == ("closed", "machine", NOON + 2)
            people = await desk.office.people(found, most=200)
            assert {(c.state, c.outcome, c.due_at) for c in people} == {("retry_at", "machine", people[0].due_at)}

    loop.run(story())


def test_with_somebody_to_talk_the_order_matters_as_little(tmp_path: Path) -> None:
    async def story() -> None:
        async with dialing(tmp_path, dialer="off") as (world, desk):
            orders = [*itertools.permutations(range(5))][::10]
            found = await campaign(desk, [person(n) for n in range(len(orders))])
            for n, (attempt, order) in enumerate(zip(await claimed(desk, found, len(orders)), orders, strict=True)):
                await post_in_order(world, attempt, n, order)
            await world.until(lambda: not world.app.services.switchboard.live)
            await desk.ledger.settled()
            assert {(a.state, a.outcome) for a in await desk.office.attempts(found)} == {("closed", "machine")}
            assert {c.state for c in await desk.office.people(found, most=200)} == {"retry_at"}

    loop.run(story())


# ---- C42: the database


def test_calls_talk_and_webhooks_answer_while_the_database_is_away(tmp_path: Path) -> None:
    """Moved away under us: nothing is dialled; whoever rings is answered; and it goes on by itself."""
    file = tmp_path / "callbridge.db"

    def does(number: str) -> Party:
        return Party(after_s=4.0)

    async def story() -> None:
        async with dialing(tmp_path, carrier={"directory": does}) as (world, desk):
            found = await campaign(desk, [person(n) for n in range(8)], attempts=1, concurrency=2, max_minutes=0.3)
            await world.until(lambda: len(world.carrier.calls) == 2)
            ringing = list(world.carrier.calls.values())
            await asyncio.sleep(2.0)
            file.rename(tmp_path / "away")
            await world.until(lambda: all(call.answered_at is not None for call in ringing))
            await asyncio.sleep(10.0)
            for call in ringing:
                asked = [exchange for exchange in call.webhooks if "/twilio/voice/" in exchange.url]
                assert [exchange.status for exchange in asked] == [200]
                assert b"<Stream" in asked[0].body, "they were answered and talked to"
                assert asked[0].took_s < 2.0
            assert desk.worker.seen.trouble
            assert len(world.carrier.calls) == 2, "nobody is dialled without an intent on the disk"
            (tmp_path / "away").rename(file)
            await over(world, desk, found)
            assert desk.worker.seen.trouble == ""
            dialled = Counter(call.to for call in world.carrier.calls.values())
            assert dialled == Counter({person(n).phone: 1 for n in range(8)})
            contacts = await desk.office.people(found)
            assert {c.state for c in contacts} <= {"gave_up", "done"}
            tokens = {a.token: a.claimed_at for a in await desk.office.attempts(found)}
            assert len(tokens) == 8

    loop.run(story())
