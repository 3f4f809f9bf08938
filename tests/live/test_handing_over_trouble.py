"""Callers on their way to a person while orders are slow or lost: nobody rings for nobody, nobody waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agent_world import HELLO, asked, run, said, script
from house_world import House

from bridge.agents.agent import Agent
from bridge.carriers.base import CallRef, DialOrder
from bridge.errors import CarrierError
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, HangUp, Listen, Press, Say, Score, Step, Wait
from bridge.sim.twilio.call import SimCall
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

PERSON = "+14155550177"
RUNG: dict[str, Any] = {
    "name": "person",
    "say": "I ring somebody.",
    "call": "transfer_to_person",
    "arguments": {"summary": "Ada is calling."},
}
BYE = {"name": "bye", "say": "Goodbye!", "call": "hang_up"}
WARM = Agent("Desk", instructions="Help.", greeting="Hello.", transfer_to=PERSON, transfer="warm", tools=[hang_up])
LATER: Score = (Listen(silence_ms=4000, patience_s=60), Say(HELLO), Wait(20))
TAKES: Score = (Listen(), Press("1"), Wait(120))

Also = Callable[[House, SimCall], Awaitable[None]]


def asked_for_a_person(
    folder: Path, party: Party, *score: Step, also: Also | None = None, agent: Agent = WARM, first: Any = RUNG
) -> tuple[House, SimCall]:
    steps: Score = (Listen(), Say(HELLO), Listen(), *score)
    model = script(folder, first, BYE, silent_tools=["hang_up"])
    return run(folder, steps, agent, model, also, carrier={"directory": lambda number: party})


def takes(*steps: Step, after_s: float = 1.0) -> Party:
    return Party(after_s=after_s, phone=Phone(Caller(steps or TAKES, Hum()), noise=False))


def legs(world: House) -> list[SimCall]:
    return [call for call in world.carrier.calls.values() if call.to == PERSON]


def slow_orders(world: House, seconds: float, *, lost: bool = False) -> None:
    """Calls are placed at once, and the answer to the order takes its time or never comes."""
    control = world.app.services.carrier.control
    place = control.dial

    async def dial(order: DialOrder) -> CallRef:
        placed = await place(order)
        await asyncio.sleep(seconds)
        if lost:
            raise CarrierError("Twilio did not place the call: no answer")
        return placed

    control.dial = dial  # type: ignore[method-assign]


def test_a_phone_that_rings_before_its_order_is_answered_stops_when_the_caller_hangs_up(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        slow_orders(world, 4.0)
        await world.until(lambda: bool(legs(world)))
        await asyncio.sleep(1.0)
        call.phone.hang_up()
        await asyncio.sleep(6.0)
        assert legs(world)[0].status == "canceled"

    asked_for_a_person(tmp_path, Party(does="no-answer"), Wait(60), also=also)


def test_who_takes_the_call_has_it_although_the_answer_to_the_order_was_lost(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        slow_orders(world, 5.9, lost=True)

    party = takes(Wait(1), Press("1"), Wait(20), HangUp())
    world, call = asked_for_a_person(tmp_path, party, Wait(60), HangUp(), also=also)
    assert world.records()[0]["end_reason"] == "transferred"
    assert any(m.what == "participant-join" for m in call.timeline)


def test_one_person_is_rung_however_often_the_model_asks(tmp_path: Path) -> None:
    became: list[object] = []

    @tool(timeout=70.0)
    async def ring_twice(call: Call) -> str:
        """Ring."""
        became.extend(
            await asyncio.gather(
                call.warm_transfer(PERSON, "Ada."), call.warm_transfer(PERSON, "Ada."), return_exceptions=True
            )
        )
        return "Done."

    agent = Agent("Desk", instructions="Help.", greeting="Hello.", tools=[ring_twice, hang_up])
    first = {"name": "ring", "call": "ring_twice"}
    world, _ = asked_for_a_person(tmp_path, takes(), Wait(40), HangUp(), agent=agent, first=first)
    assert len(legs(world)) == 1
    assert became[0] == "accepted" and "being rung already" in str(became[1])


def test_a_plain_function_that_rings_somebody_does_not_leave_them_alone(tmp_path: Path) -> None:
    @tool(timeout=70.0)
    def ring(call: Call) -> str:
        """Ring."""
        call.warm_transfer(PERSON, "Ada.")
        return "Done."

    async def also(world: House, call: SimCall) -> None:
        await world.until(lambda: bool(legs(world)))
        await asyncio.sleep(1.0)
        call.phone.hang_up()
        await asyncio.sleep(15.0)
        assert legs(world)[0].over, "they do not wait in a room for a caller who has gone"

    agent = Agent("Desk", instructions="Help.", greeting="Hello.", tools=[ring, hang_up])
    asked_for_a_person(
        tmp_path, takes(after_s=4.0), Wait(60), also=also, agent=agent, first={"name": "r", "call": "ring"}
    )


def test_nobody_is_rung_for_a_call_that_is_over(tmp_path: Path) -> None:
    agent = Agent("Desk", instructions="Help.", greeting="Hello.", tools=[hang_up])
    refused: list[str] = []

    @agent.on("call.ended")
    async def ring(call: Call, _: object) -> None:
        try:
            await call.warm_transfer(PERSON, "Ada.")
        except Exception as error:
            refused.append(str(error))

    async def also(world: House, call: SimCall) -> None:
        await call.ended()
        await asyncio.sleep(5.0)
        assert legs(world) == []

    asked_for_a_person(tmp_path, takes(), HangUp(), also=also, agent=agent, first=BYE)
    assert refused == ["The call is over, so nobody was rung."]


def test_a_person_who_leaves_before_the_carrier_asks_for_the_way_gives_the_caller_back(tmp_path: Path) -> None:
    """No order is needed then; a slow one would end the stream that the answer began."""

    async def also(world: House, call: SimCall) -> None:
        control = world.app.services.carrier.control
        order, post = control.redirect, call.post

        async def redirect(ref: CallRef, document: str) -> None:
            await asyncio.sleep(1.5)
            await order(ref, document)

        async def late(url: str, method: str, form: Any) -> Any:
            if "/after/" in url and not legs(world)[0].over:
                legs(world)[0].phone.hang_up()
                await asyncio.sleep(0.5)
            return await post(url, method, form)

        control.redirect = redirect  # type: ignore[method-assign]
        call.post = late  # type: ignore[method-assign]

    world, call = asked_for_a_person(tmp_path, takes(), *LATER, also=also)
    assert any("they hung up again" in words for words in asked(world))
    assert (world.records()[0]["end_reason"], said(world)[-1]) == ("agent_hung_up", "Goodbye!")
    assert len(call.streams) == 2


def test_a_caller_who_cannot_be_fetched_back_is_not_left_with_the_music(tmp_path: Path) -> None:
    async def also(world: House, call: SimCall) -> None:
        control = world.app.services.carrier.control

        async def redirect(ref: CallRef, document: str) -> None:
            raise CarrierError("Twilio did not redirect the call: HTTP 500")

        control.redirect = redirect  # type: ignore[method-assign]
        people = world.app.services.people
        way_in = people.entrance

        def entrance(room: str, after_path: str) -> Any:
            legs(world)[0].phone.hang_up()
            return way_in(room, after_path)

        people.entrance = entrance  # type: ignore[method-assign]
        post = call.post

        async def slow(url: str, method: str, form: Any) -> Any:
            answer = await post(url, method, form)
            await asyncio.sleep(0.5 if "/after/" in url else 0.0)
            return answer

        call.post = slow  # type: ignore[method-assign]
        await world.until(lambda: bool(call.conferences))
        await asyncio.sleep(20.0)
        assert call.over

    asked_for_a_person(tmp_path, takes(), Wait(600), also=also)


def test_a_caller_whose_line_was_lost_on_the_way_comes_into_the_room(tmp_path: Path) -> None:
    """The carrier never asked what comes next, so it is told."""
    told: list[str] = []

    async def also(world: House, call: SimCall) -> None:
        control = world.app.services.carrier.control

        async def redirect(ref: CallRef, document: str) -> None:
            told.append(document)

        control.redirect = redirect  # type: ignore[method-assign]
        post = call.post

        async def lost(url: str, method: str, form: Any) -> Any:
            if "/after/" in url:
                await asyncio.sleep(300.0)
            return await post(url, method, form)

        call.post = lost  # type: ignore[method-assign]
        await world.until(lambda: bool(world.app.services.switchboard.live))
        (session,) = world.app.services.switchboard.live
        await world.until(lambda: session.core.desk.intent.value == "hand over")
        assert session.phone is not None
        session.detach_phone(session.phone, "the socket is gone")
        await asyncio.sleep(6.0)
        call.phone.hang_up()
        await asyncio.sleep(25.0)
        assert legs(world)[0].over, "who waits for a caller who never came is let go"

    asked_for_a_person(tmp_path, takes(), Wait(600), also=also)
    assert len(told) == 1 and "<Conference" in told[0] and "<Number" not in told[0]
