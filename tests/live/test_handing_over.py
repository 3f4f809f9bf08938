"""Callers are handed to people, with a word before or without, and come back when nobody takes them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_world import HELLO, asked, run, said, script
from house_world import CALLER, NUMBER, House

from bridge.agents.agent import Agent
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, HangUp, Listen, Press, Say, Score, Step, Wait
from bridge.sim.twilio.call import SimCall
from bridge.sim.twilio.weather import RestFault
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

PERSON = "+14155550177"
SUMMARY = "Ada is calling about her order."
CALLED: dict[str, Any] = {"name": "person", "say": "I connect you.", "call": "transfer_to_person"}
RUNG: dict[str, Any] = CALLED | {"say": "I ring somebody.", "arguments": {"summary": SUMMARY}}
BYE = {"name": "bye", "say": "Goodbye!", "call": "hang_up"}


def desk(**changes: Any) -> Agent:
    return Agent("Desk", instructions="Help.", greeting="Hello.", transfer_to=PERSON, tools=[hang_up], **changes)


def people(party: Party) -> dict[str, Any]:
    return {"directory": lambda number: party}


def asked_for_a_person(
    folder: Path, party: Party, agent: Agent, *score: Step, also: Callable[[House, SimCall], Any] | None = None
) -> tuple[House, SimCall]:
    cold = agent.transfer == "cold"
    silent = ["hang_up", *(["transfer_to_person"] if cold else [])]
    model = script(folder, CALLED if cold else RUNG, BYE, silent_tools=silent)
    steps: Score = (Listen(), Say(HELLO), Listen(), *(score or (Wait(60), HangUp())))
    return run(folder, steps, agent, model, also, carrier=people(party))


# ---- at once


def test_who_picks_up_has_the_caller(tmp_path: Path) -> None:
    world, call = asked_for_a_person(tmp_path, Party(after_s=4.0), desk())
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("transferred", "agent")
    ended = next(line for line in world.timeline() if line.get("fact") == "CallEnded")
    left = next(line for line in world.timeline() if line.get("fact") == "HandingOver")
    assert left["to"] == PERSON
    assert 4.0 <= ended["t"] - left["t"] < 5.0, "our part ends when the person picks up, not when they have talked"
    assert call.problems == []


def test_a_caller_whom_nobody_takes_comes_back_to_the_agent(tmp_path: Path) -> None:
    for does in ("no-answer", "busy"):
        folder = tmp_path / does
        folder.mkdir()
        party = Party(does=does)  # type: ignore[arg-type]
        world, call = asked_for_a_person(folder, party, desk(), Listen(patience_s=40.0), Say(HELLO), Wait(20))
        assert any(f"Nobody could take the call ({does.replace('-', ' ')})" in words for words in asked(world))
        assert world.records()[0]["end_reason"] == "agent_hung_up", "it went on, to the caller's goodbye"
        assert said(world)[-1] == "Goodbye!"
        assert len(call.streams) == 2
        assert call.problems == [] and world.session.problems == []


# ---- with a word before


def colleague(*steps: Step, after_s: float = 4.0) -> Party:
    return Party(after_s=after_s, phone=Phone(Caller(steps, Hum()), noise=False))


def longest_silence(world: House, call: SimCall) -> float:
    """What the caller heard of nothing while the person was rung, in seconds."""
    zero = call.heard.began_s or 0.0
    began, ended = (
        next(line["t"] for line in world.timeline() if line.get("fact") == fact) for fact in ("ToolStarted", "ToolUsed")
    )
    spans = [(at - zero, at - zero + len(sound) / 8000) for at, sound in call.heard.segments]
    inside = [(start, end) for start, end in spans if end > began and start < ended + 2.0]
    return max(after - end for (_, end), (after, _) in itertools.pairwise([(began, began), *inside]))


def person_leg(world: House) -> SimCall:
    """The call to the person."""
    (leg,) = [call for call in world.carrier.calls.values() if call.to == PERSON]
    return leg


WARM = desk(transfer="warm")
LATER: Score = (Listen(silence_ms=4000, patience_s=60), Say(HELLO), Wait(20))
"""What the caller does when all is said about the person who did not come."""


def test_a_person_is_rung_told_and_takes_the_caller_while_music_plays(tmp_path: Path) -> None:
    party = colleague(
        Listen(), Press("1"), Listen(patience_s=15.0), Say("Hello Ada, this is Grace."), Wait(5), HangUp()
    )
    world, call = asked_for_a_person(tmp_path, party, WARM, Wait(60), HangUp())
    leg = person_leg(world)
    assert next(m.detail for m in leg.timeline if m.what == "said") == f"{SUMMARY} Press any key to take the call."
    assert (leg.from_, leg.to) == (NUMBER, PERSON)
    words = said(world)
    assert words.index("Please hold the line.") < len(words) - 1
    assert "connect them now" in words[-1], "the caller is told before they go"
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("transferred", "agent")
    assert call.end_reason == "twiml_hangup", "the person hung up, and the room was over"
    assert call.problems == [] and leg.problems == [] and world.session.problems == []
    joined = next(m.at_s for m in call.timeline if m.what == "participant-join") - (call.heard.began_s or 0.0)
    assert rms_of(call.heard.between(joined, joined + 20.0)) > 0, "they hear each other"
    assert longest_silence(world, call) < 1.5


def rms_of(ulaw: bytes) -> float:
    from bridge.audio.g711 import ulaw_to_pcm16
    from bridge.audio.level import rms

    return rms(ulaw_to_pcm16(ulaw))


@pytest.mark.parametrize(
    ("party", "why"),
    [
        (Party(does="no-answer"), "no answer"),
        (Party(does="busy"), "busy"),
        (Party(does="failed"), "not reachable"),
        (colleague(Listen(), Wait(60)), "declined"),  # an answering machine presses no key
        (colleague(Listen(), HangUp()), "declined"),
    ],
    ids=["no answer", "busy", "failed", "a machine", "declined"],
)
def test_a_caller_whom_nobody_takes_never_left_us(tmp_path: Path, party: Party, why: str) -> None:
    world, call = asked_for_a_person(
        tmp_path, party, WARM, Listen(silence_ms=4000, patience_s=60), Say(HELLO), Wait(20)
    )
    tool_turn = next(turn for turn in world.transcript() if turn["role"] == "tool")
    assert tool_turn["text"] == (
        f'{{"error": "Nobody took the call: {why}. Tell the caller, and offer what else you can do."}}'
    )
    assert said(world)[-1] == "Goodbye!"
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert len(call.streams) == 1 and call.problems == []
    assert longest_silence(world, call) < 1.5, "music and words, and never silence"
    assert person_leg(world).over


def test_who_hangs_up_while_it_rings_is_not_called_for_any_more(tmp_path: Path) -> None:
    world, _ = asked_for_a_person(tmp_path, Party(does="no-answer"), WARM, Wait(5), HangUp())
    leg = person_leg(world)
    assert (world.records()[0]["end_reason"], leg.status) == ("caller_hung_up", "canceled")
    assert leg.duration_s == 0


def test_who_hangs_up_before_they_meet_leaves_nobody_waiting(tmp_path: Path) -> None:
    party = colleague(Listen(), Press("1"), Wait(120))
    hung_up: list[float] = []

    async def gone(world: House, call: SimCall) -> None:
        await world.until(lambda: any(m.what == "participant-join" for c in legs(world) for m in c.timeline))
        call.phone.hang_up()
        hung_up.append(asyncio.get_running_loop().time())

    world, _ = asked_for_a_person(tmp_path, party, WARM, Wait(120), also=gone)
    leg = person_leg(world)
    assert leg.over
    assert (leg.heard.segments[-1][0] - hung_up[0]) < 3.0, "the colleague is not left with the music"


def legs(world: House) -> list[SimCall]:
    return [call for call in world.carrier.calls.values() if call.to == PERSON]


def test_a_person_who_changes_their_mind_gives_the_caller_back(tmp_path: Path) -> None:
    party = colleague(Listen(), Press("1"), Wait(1.2), HangUp())
    world, call = asked_for_a_person(
        tmp_path, party, WARM, Listen(silence_ms=3000, patience_s=60), Say(HELLO), Wait(20)
    )
    assert any("they hung up again" in words for words in asked(world))
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert call.problems == [] and world.session.problems == []


def test_a_caller_who_comes_into_an_empty_room_is_fetched_back(tmp_path: Path) -> None:
    async def leaves(world: House, call: SimCall) -> None:
        people = world.app.services.people
        way_in = people.entrance

        def entrance(room: str, after_path: str) -> Any:
            legs(world)[0].phone.hang_up()  # in the very moment in which the caller is sent there
            return way_in(room, after_path)

        people.entrance = entrance  # type: ignore[method-assign]
        post = call.post

        async def slow(url: str, method: str, form: Any) -> Any:
            answer = await post(url, method, form)
            await asyncio.sleep(0.5 if "/after/" in url else 0.0)
            return answer

        call.post = slow  # type: ignore[method-assign]

    party = colleague(Listen(), Press("1"), Wait(120))
    world, call = asked_for_a_person(tmp_path, party, WARM, *LATER, also=leaves)
    assert any("they hung up again" in words for words in asked(world))
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert len(call.streams) == 2
    assert call.problems == [] and world.session.problems == []


def test_a_carrier_that_does_not_call_costs_the_caller_nothing(tmp_path: Path) -> None:
    async def broken(world: House, call: SimCall) -> None:
        world.carrier.rest_faults.append(RestFault(500, 20500))

    world, _ = asked_for_a_person(tmp_path, Party(), WARM, Listen(), Say(HELLO), Wait(20), also=broken)
    assert "not reachable" in next(turn for turn in world.transcript() if turn["role"] == "tool")["text"]
    assert world.records()[0]["end_reason"] == "agent_hung_up"


# ---- texts


def test_a_text_message_goes_to_who_calls(tmp_path: Path) -> None:
    from bridge.tools.phone import send_sms

    agent = Agent("Desk", instructions="Help.", greeting="Hello.", tools=[send_sms, hang_up])
    model = script(tmp_path, {"name": "sms", "call": "send_sms", "arguments": {"text": "12 Harbour Lane"}}, BYE)
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen(), Say(HELLO), Wait(20)), agent, model)
    assert [(m.to, m.from_, m.body) for m in world.carrier.messages] == [(CALLER, NUMBER, "12 Harbour Lane")]
    assert "The text message is on its way." in said(world)


def test_plain_functions_have_the_same_verbs(tmp_path: Path) -> None:
    @tool
    def help_them(call: Call) -> str:
        """Help the caller."""
        call.send_sms("Somebody will call you.", "+14155550166")
        return "Done."

    agent = Agent("Desk", instructions="Help.", greeting="Hello.", tools=[help_them, hang_up])
    model = script(tmp_path, {"name": "help", "call": "help_them"}, BYE)
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen(), Say(HELLO), Wait(20)), agent, model)
    assert [m.to for m in world.carrier.messages] == ["+14155550166"]
