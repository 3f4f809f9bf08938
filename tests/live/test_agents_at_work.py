"""Agents in whole calls, on the simulator.

They hand over, are guarded, say that it takes a moment, are not stopped by a cough, know the caller, keep their hours.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from agent_world import HELLO, LONG, run, said, script, updates
from house_world import CALLER, NUMBER

from bridge.agents.agent import Agent
from bridge.agents.guardrails import Guardrail
from bridge.agents.handoff import Handoff
from bridge.agents.hours import OpeningHours
from bridge.agents.listening import Silence, TurnDetection
from bridge.agents.team import Routing
from bridge.sim.script import Interrupt, Listen, Noise, Press, Say, Wait
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up

# ---- teams


def test_a_call_is_handed_over_and_back_with_the_same_sound_and_voice(tmp_path: Path) -> None:
    sales = Agent("Sales", instructions="You sell books.", voice="cedar", handoffs=["Desk"])
    desk = Agent(
        "Desk",
        instructions="You connect callers.",
        greeting="Hello.",
        voice="marin",
        handoffs=[Handoff(sales, say="One moment, I connect you to sales.")],
        tools=[hang_up],
    )
    reason = {"rationale": "they want to buy", "context": "a book"}
    model = script(
        tmp_path,
        {"name": "buy", "call": "transfer_to_sales", "arguments": reason},
        {"name": "back", "call": "transfer_to_desk", "arguments": reason},
        {"name": "bye", "say": "Goodbye!", "call": "hang_up"},
        silent_tools=["hang_up"],
    )
    score = (Listen(), Say(HELLO), Listen(), Say(HELLO), Listen(), Say(HELLO), Wait(20))
    world, _ = run(tmp_path, score, desk, model)
    told = updates(world)
    assert [("You sell" in s["instructions"], "You connect" in s["instructions"]) for s in told] == [
        (False, True),
        (True, False),
        (False, True),
    ]
    assert all(s["audio"]["input"]["format"] == told[0]["audio"]["input"]["format"] for s in told)
    assert {s["audio"]["output"]["voice"] for s in told} == {"marin"}, "a voice cannot change after its first sound"
    assert "transfer_to_sales" in {t["name"] for t in told[0]["tools"]}
    assert {t["name"] for t in told[1]["tools"]} == {"transfer_to_desk"}
    assert any("I connect you to sales" in words for words in said(world))
    assert world.session.problems == []
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    # From the end of the announcement (or the tool's answer) to the next agent's voice nobody waits.
    took_over = [line for line in world.timeline() if line.get("fact") == "AgentTookOver"]
    assert [line["agent"] for line in took_over] == ["Sales", "Desk"]
    turns = [t for t in world.transcript() if t["role"] == "agent"]
    announced = next(n for n, t in enumerate(turns) if "I connect you" in t["text"])
    assert turns[announced + 1]["start_ms"] - turns[announced]["end_ms"] < 300


def test_an_agent_may_only_use_tools_of_its_own(tmp_path: Path) -> None:
    @tool
    def secret() -> str:
        """Only sales may."""
        raise AssertionError("it ran")

    sales = Agent("Sales", instructions="You sell books.", tools=[secret])
    desk = Agent("Desk", instructions="You connect callers.", greeting="Hello.", handoffs=[sales])
    # The engine's script calls only what is declared, so it is asked of the runner itself.
    from bridge.agents.team import Team

    assert [t.name for t in Team(desk).tools("Desk")] == ["transfer_to_sales"]
    assert [t.name for t in Team(desk).tools("Sales")] == ["secret"]


# ---- guardrails


def test_a_guardrail_cuts_the_agent_off_within_60_ms_and_says_something_else(tmp_path: Path) -> None:
    async def no_sunday(text: str, call: Call) -> str:
        return "it spoke of Sunday" if "Sunday" in text else ""

    agent = Agent(
        "shop",
        instructions="Answer.",
        greeting="Hello.",
        guardrails=[Guardrail(no_sunday, say="I cannot talk about that.", every=10)],
    )
    model = script(tmp_path, {"name": "hours", "say": LONG})
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen(), Wait(1.0)), agent, model)
    lines = world.timeline()
    tripped = next(line for line in lines if line.get("fact") == "Guarded")
    assert tripped["rationale"] == "it spoke of Sunday"
    cleared = next(line for line in lines if line.get("raw", {}).get("event") == "clear")
    words = next(
        line for line in lines if line.get("side") == "model" and "Sunday" in str(line.get("raw", {}).get("delta", ""))
    )
    assert 0 <= cleared["t"] - words["t"] < 0.060
    cut = next(t for t in world.transcript() if t.get("cut"))
    assert "Sunday" not in cut["heard_text"]
    assert said(world)[-1] == "I cannot talk about that."


def test_what_a_guardrail_has_said_does_not_trip_it_again(tmp_path: Path) -> None:
    def no_sunday(text: str, call: Call) -> bool:
        return "Sunday" in text

    say = "I cannot talk about Sunday."
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", guardrails=[Guardrail(no_sunday, say=say)])
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen()), agent, script(tmp_path, {"name": "hours", "say": LONG}))
    assert said(world).count(say) == 1
    assert len([line for line in world.timeline() if line.get("fact") == "Guarded"]) == 1


def test_a_check_that_hangs_or_raises_has_not_tripped_and_costs_nothing(tmp_path: Path) -> None:
    async def hangs(text: str, call: Call) -> bool:
        await asyncio.sleep(3600)
        return True

    def raises(text: str, call: Call) -> bool:
        raise RuntimeError("no")

    rails = [Guardrail(hangs, timeout_s=1.0), Guardrail(raises), Guardrail(raises, name="caller", on="caller")]
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", guardrails=rails)
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen()), agent, script(tmp_path, {"name": "hours", "say": LONG}))
    assert said(world)[-1] == LONG
    assert not [t for t in world.transcript() if t.get("cut")]


# ---- slow tools


@pytest.mark.parametrize("plain", [False, True])
def test_a_slow_tool_is_announced_within_a_second_and_a_half(tmp_path: Path, plain: bool) -> None:
    @tool(timeout=20, say="" if plain else "One moment, let me look.")
    async def slow() -> str:
        """Takes its time."""
        await asyncio.sleep(6)
        return "It is done."

    agent = Agent("shop", instructions="Answer.", greeting="Hello.", tools=[slow])
    world, _ = run(
        tmp_path, (Listen(), Say(HELLO), Wait(12.0)), agent, script(tmp_path, {"name": "do", "call": "slow"})
    )
    lines = world.timeline()
    began = next(line["t"] for line in lines if line.get("fact") == "ToolStarted")
    sound = [line["t"] for line in lines if line.get("side") == "phone" and line.get("raw", {}).get("event") == "mark"]
    after = sorted(t for t in sound if began < t < began + 7)
    assert after[0] - began < 1.5
    assert max(b - a for a, b in pairwise(after)) < 2.0  # marks: sounds of up to half a second
    assert ("One moment, let me look." in said(world)) is not plain
    assert said(world)[-1] == "It is done."


# ---- a cough


def test_a_cough_costs_the_caller_nothing_and_the_model_never_knows(tmp_path: Path) -> None:
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", false_interruption_ms=700)
    model = script(tmp_path, {"name": "hours", "say": LONG})
    score = (Listen(), Say(HELLO), Wait(2.5), Noise(0.25, -20.0), Wait(12.0))
    world, _ = run(tmp_path, score, agent, model)
    assert any(line.get("fact") == "Resumed" for line in world.timeline())
    assert world.session.truncations == []
    last = [t for t in world.transcript() if t["role"] == "agent"][-1]
    assert (last["text"], last["cut"]) == (LONG, False)
    assert last["heard_ms"] == last["length_ms"]


def test_somebody_who_speaks_is_believed(tmp_path: Path) -> None:
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", false_interruption_ms=700)
    model = script(tmp_path, {"name": "hours", "say": LONG}, {"name": "again", "say": "Yes?"})
    score = (Listen(), Say(HELLO), Interrupt(1.5, "Sorry, can you check my order please?"), Listen())
    world, _ = run(tmp_path, score, agent, model)
    assert len(world.session.truncations) == 1
    assert said(world)[-1] == "Yes?"


# ---- before the first word


@pytest.mark.parametrize("late", [False, True])
def test_the_caller_is_known_before_the_first_word(tmp_path: Path, late: bool) -> None:
    async def prepare(call: Call) -> dict[str, object]:
        await asyncio.sleep(5.0 if late else 0.3)
        return {"name": "Ms Doe", "from": call.from_number}

    agent = Agent(
        "shop",
        instructions='Answer {name} as {"json": true}.',
        greeting="Hello, {name}. You call from {from_number}.",
        prepare=prepare,
        prepare_s=1.0,
    )
    world, _ = run(tmp_path, (Listen(), Wait(0.5)), agent)
    session = updates(world)[0]
    assert len(updates(world)) == 1
    if late:
        assert "{name}" in session["instructions"]
        assert said(world)[0] == f"Hello. You call from {CALLER}."
    else:
        assert 'Answer Ms Doe as {"json": true}.' in session["instructions"]
        assert said(world)[0] == f"Hello, Ms Doe. You call from {CALLER}."


def test_each_number_has_its_own_agent(tmp_path: Path) -> None:
    sales = Agent("sales", instructions="Sell.", greeting="Sales, hello.")
    desk = Agent("desk", instructions="Answer.", greeting="Reception, hello.")
    for name, number in (("sales", NUMBER), ("desk", "+14155550199")):
        world, _ = run(tmp_path / name, (Listen(),), Routing({number: sales}, desk))
        assert world.records()[0]["agent"] == name
        assert said(world)[0] == {"sales": sales, "desk": desk}[name].greeting


def test_outside_of_hours_the_caller_is_told_and_the_line_closed(tmp_path: Path) -> None:
    closed = OpeningHours({}, closed_say="We are closed.")
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", hours=closed)
    world, _ = run(tmp_path, (Wait(20.0),), agent)
    assert said(world) == ["We are closed."]
    record = world.records()[0]
    assert (record["end_reason"], record["ended_by"]) == ("agent_hung_up", "bridge")
    assert world.transcript()[0]["heard_ms"] == world.transcript()[0]["length_ms"]


# ---- hooks, keys, silence


def test_hooks_are_told_and_nothing_waits_for_them(tmp_path: Path) -> None:
    seen: list[str] = []
    agent = Agent("shop", instructions="Answer.", greeting="Hello.")

    @agent.on("call.started")
    async def started(call: Call, fact: object) -> None:
        seen.append(f"started {call.from_number}")
        await asyncio.sleep(3600)

    @agent.on("turn.completed")
    def turn(call: Call, fact: object) -> None:
        seen.append(type(fact).__name__)
        raise RuntimeError("a hook of a user")

    @agent.on("call.ended")
    async def ended(call: Call, fact: Any) -> None:
        await asyncio.sleep(0.5)
        seen.append(fact.reason)

    run(tmp_path, (Listen(), Wait(0.5)), agent)
    assert seen == [f"started {CALLER}", "AgentSaid", "caller_hung_up"]


def test_a_menu_key_and_the_silence_ladder(tmp_path: Path) -> None:
    agent = Agent(
        "shop",
        instructions="Answer.",
        greeting="Hello.",
        menu={"1": "the opening hours"},
        silence=Silence(after_s=5, say=["Are you still there?"], goodbye_after_s=6),
    )
    world, _ = run(tmp_path, (Listen(), Press("1"), Wait(60.0)), agent)
    items = [s.event["item"] for s in world.session.received if s.type == "conversation.item.create"]
    notes = [item["content"][0]["text"] for item in items]
    assert notes[0] == "The caller pressed 1 on the keypad: the opening hours"
    assert "Are you still there?" in said(world)
    assert world.records()[0]["end_reason"] == "silence"


# ---- turns detected here

HERE = TurnDetection(type="local", silence_duration_ms=400, prefix_padding_ms=200)


def test_turns_may_be_detected_here_and_the_model_then_hears_speech_alone(tmp_path: Path) -> None:
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", tools=[hang_up], turn_detection=HERE)
    model = script(
        tmp_path, {"name": "hours", "say": "Nine to six."}, {"name": "bye", "say": "Bye!", "call": "hang_up"}
    )
    score = (Listen(), Wait(4.0), Say(HELLO), Listen(), Wait(2.0), Say(HELLO), Wait(20))
    world, call = run(tmp_path, score, agent, model)
    assert updates(world)[0]["audio"]["input"]["turn_detection"] is None
    sent = [seen.type for seen in world.session.received if seen.type != "input_audio_buffer.append"]
    assert sent.count("input_audio_buffer.commit") == 2
    assert said(world) == ["Hello.", "Nine to six.", "Bye!"]
    assert world.session.problems == [] and call.problems == []
    turns = [t for t in world.transcript() if t["role"] == "caller"]
    spoken = [s for s in call.phone.spoken.segments if len(s[1]) > 8000]
    assert len(turns) == 2
    heard_ms = len(world.session.audio_in) / 8
    speech_ms = sum(turn["end_ms"] - turn["start_ms"] for turn in turns)
    assert speech_ms + 2 * 500 <= heard_ms <= speech_ms + 2 * 700, "a turn, with 200 ms before and 400 ms behind it"
    assert spoken, "the caller spoke"
    answers = [t for t in world.transcript() if t["role"] == "agent"][1:]
    assert all(0 < t["latency_ms"] < 1500 for t in answers), "counted from the caller's last sound"


def test_a_turn_detected_here_interrupts_and_is_cancelled_at_the_server(tmp_path: Path) -> None:
    agent = Agent("shop", instructions="Answer.", greeting="Hello.", turn_detection=HERE)
    model = script(tmp_path, {"name": "hours", "say": LONG}, {"name": "again", "say": "Nine to six."})
    score = (Listen(), Say(HELLO), Interrupt(1.5, "Stop, stop, please."), Listen(), Wait(1.0))
    world, _ = run(tmp_path, score, agent, model)
    cut = next(t for t in world.transcript() if t.get("cut"))
    assert 800 < cut["heard_ms"] < 2500
    assert "conversation.item.truncate" in [seen.type for seen in world.session.received]
    assert said(world)[-1] == "Nine to six."
    assert world.session.problems == []


def test_a_team_may_detect_turns_in_different_ways(tmp_path: Path) -> None:
    sales = Agent("Sales", instructions="You sell.", turn_detection=HERE, tools=[hang_up])
    desk = Agent("Desk", instructions="You connect.", greeting="Hello.", handoffs=[sales])
    why = {"rationale": "they want to buy", "context": "a book"}
    bye = {"name": "bye", "say": "Goodbye!", "call": "hang_up"}
    model = script(tmp_path, {"name": "buy", "call": "transfer_to_sales", "arguments": why}, bye)
    world, _ = run(tmp_path, (Listen(), Say(HELLO), Listen(), Say(HELLO), Wait(20)), desk, model)
    found = [update["audio"]["input"]["turn_detection"] for update in updates(world)]
    assert found[0]["type"] == "server_vad" and found[1] is None
    assert world.records()[0]["end_reason"] == "agent_hung_up"
    assert world.session.problems == []
