"""Callers are handed to people, with a word before or without, and come back when nobody takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_world import HELLO, asked, run, said, script
from house_world import House

from bridge.agents.agent import Agent
from bridge.sim.party import Party
from bridge.sim.script import HangUp, Listen, Say, Score, Wait
from bridge.sim.twilio.call import SimCall
from bridge.tools.phone import hang_up

PERSON = "+14155550177"
CALLED: dict[str, Any] = {"name": "person", "say": "I connect you.", "call": "transfer_to_person"}
BYE = {"name": "bye", "say": "Goodbye!", "call": "hang_up"}


def desk(**changes: Any) -> Agent:
    return Agent("Desk", instructions="Help.", greeting="Hello.", transfer_to=PERSON, tools=[hang_up], **changes)


def people(party: Party) -> dict[str, Any]:
    return {"directory": lambda number: party}


def asked_for_a_person(folder: Path, party: Party, agent: Agent, score: Score = ()) -> tuple[House, SimCall]:
    model = script(folder, CALLED, BYE, silent_tools=["hang_up"] + ["transfer_to_person"] * (agent.transfer == "cold"))
    begin = (Listen(), Say(HELLO), Listen())
    return run(folder, (*begin, *(score or (Wait(60), HangUp()))), agent, model, carrier=people(party))


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
        score = (Listen(patience_s=40.0), Say(HELLO), Wait(20))
        world, call = asked_for_a_person(folder, Party(does=does), desk(), score)  # type: ignore[arg-type]
        assert any(f"Nobody could take the call ({does.replace('-', ' ')})" in words for words in asked(world))
        assert world.records()[0]["end_reason"] == "agent_hung_up", "it went on, to the caller's goodbye"
        assert said(world)[-1] == "Goodbye!"
        assert len(call.streams) == 2
        assert call.problems == [] and world.session.problems == []
