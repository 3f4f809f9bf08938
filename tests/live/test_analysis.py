"""What is left of a call: made when it is over, kept in its folder, and never in the way of the call or its record."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from agent_world import HELLO, script
from house_world import house
from pydantic import BaseModel, field_validator

from bridge import Agent, Call, tool
from bridge.agents.analysis import Analysis, extract
from bridge.errors import AgentError
from bridge.sim import loop
from bridge.sim.script import HangUp, Listen, Say, Wait
from bridge.sim.text_requests import Asked
from bridge.testing import Answer, SimulatedCall, Thought, simulate
from bridge.tools.phone import hang_up

GOODBYE = Answer("Goodbye!", tool="hang_up")


class Booking(BaseModel):
    day: date | None
    guests: int


BOOKED = {
    "summary": "They booked a table.",
    "disposition": "booked",
    "data": {"day": "2026-12-01", "guests": 4},
}
WHOLE = Analysis(Booking, dispositions=["booked", "callback"], instructions="Guests include the caller.")


def desk(analysis: Analysis | None = WHOLE, *tools: Any, **more: Any) -> Agent:
    return Agent("desk", "Be brief.", greeting="Hello.", tools=[*tools, hang_up], analysis=analysis, **more)


def call(agent: Agent, thoughts: Any = (), caller: Any = ("A table for four.", "Bye."), **more: Any) -> SimulatedCall:
    return simulate(agent, caller=list(caller), model=["For when?", GOODBYE], thoughts=thoughts, **more)


# ---- what is made


def test_summary_disposition_and_data_are_kept_in_the_calls_folder(tmp_path: Path) -> None:
    read: list[Asked] = []

    def think(asked: Asked) -> dict[str, Any]:
        read.append(asked)
        return BOOKED

    found = call(desk(), think, data=tmp_path)
    assert found.problems == []
    assert found.analysis is not None
    assert {name: found.analysis[name] for name in BOOKED} == BOOKED
    assert found.analysis["model"] == "local-engine"
    assert found.analysis["made_at"].endswith("Z")
    [kept] = (tmp_path / "calls").glob("*/analysis.json")
    assert json.loads(kept.read_text("utf-8")) == found.analysis
    assert len(read) == 1
    assert "Guests include the caller." in read[0].instructions
    assert "agent: Hello." in read[0].text
    assert "agent: For when?" in read[0].text
    assert "caller: [words that were not written down]" in read[0].text
    assert read[0].schema is not None
    assert list(read[0].schema["properties"]) == ["summary", "disposition", "data"]


def test_without_thoughts_the_local_engine_makes_something_that_fits() -> None:
    found = call(desk())
    assert found.problems == []
    assert found.analysis is not None
    assert (found.analysis["disposition"], found.analysis["data"]) == ("booked", {"day": None, "guests": 0})


@pytest.mark.parametrize(
    ("analysis", "names"),
    [
        (Analysis(), {"summary"}),
        (Analysis(summary=False, dispositions=["yes", "no"]), {"disposition"}),
        (Analysis(Booking, summary=False), {"data"}),
    ],
    ids=["summary", "disposition", "data"],
)
def test_only_what_is_asked_for(analysis: Analysis, names: set[str]) -> None:
    found = call(desk(analysis))
    assert found.analysis is not None
    assert set(found.analysis) == {"model", "made_at", *names}


def test_garbage_is_repaired() -> None:
    found = call(desk(), ["They booked!", BOOKED])
    assert found.problems == []
    assert found.analysis is not None
    assert found.analysis["data"]["guests"] == 4


def test_a_caller_who_hangs_up_in_the_middle_is_analysed_too() -> None:
    found = simulate(desk(), caller=["A table.", HangUp()], model=["For when?"], thoughts=[BOOKED])
    assert (found.problems, found.end_reason) == ([], "caller_hung_up")
    assert found.analysis is not None


def test_a_call_in_which_nobody_was_heard_and_one_of_an_agent_that_wants_none() -> None:
    silent = simulate(desk(), thoughts=())
    assert (silent.end_reason, silent.analysis) == ("caller_hung_up", None)
    assert call(desk(None)).analysis is None


def test_whoever_spoke_last_says_what_is_to_be_made() -> None:
    sales = Agent(
        "sales", "You sell.", tools=[hang_up], analysis=Analysis(summary=False, dispositions=["sold", "lost"])
    )
    plain = Agent("plain", "You listen.", tools=[hang_up])
    reason = {"rationale": "x", "context": "y"}
    for other, made in ((sales, "sold"), (plain, "booked")):
        found = simulate(
            desk(handoffs=[other]),
            caller=["I want to buy.", "Bye."],
            model=[Answer(tool=f"transfer_to_{other.name}", arguments=reason, then="Hello again."), GOODBYE],
        )
        assert found.problems == []
        assert found.analysis is not None
        assert found.analysis["disposition"] == made


# ---- what goes wrong


@pytest.mark.parametrize(
    ("thoughts", "error"),
    [
        (["x", "y"], "the text model at 127.0.0.1 did not answer in the form it was asked for, twice "),
        ([Thought("", status=500)], "the text model at 127.0.0.1 could not answer (500)"),
        ([Thought("No.", status=401)], "the text model at 127.0.0.1 refused the key (401); "),
        ([Thought(BOOKED, after_s=1e6)], "the text model at 127.0.0.1 did not answer within 30 seconds"),
    ],
    ids=["garbage", "broken", "refused", "hung"],
)
def test_an_analysis_that_fails_says_so_and_the_record_is_whole(thoughts: Any, error: str) -> None:
    found = call(desk(), thoughts)
    assert found.problems == []
    assert found.analysis is not None
    assert set(found.analysis) == {"model", "made_at", "error"}
    assert found.analysis["error"].startswith(error)
    assert (found.end_reason, found.record["error"], found.record["turns"]) == ("agent_hung_up", None, 5)
    assert found.record["ended_at"]


class Strange(BaseModel):
    guests: int

    @field_validator("guests")
    @classmethod
    def never(cls, value: int) -> int:
        raise RuntimeError("a fault in the user's own code")


def test_a_fault_in_the_schemas_own_code_is_kept_apart() -> None:
    found = call(desk(Analysis(Strange)), [{"summary": "x", "data": {"guests": 1}}])
    assert found.problems == []
    assert found.analysis is not None
    assert found.analysis["error"] == "the analysis failed (RuntimeError)"


def test_at_the_processs_end_analyses_are_waited_for_as_long_as_they_may_take(tmp_path: Path) -> None:
    from dataclasses import replace

    model = script(tmp_path, {"name": "one", "say": "For when?"})
    score = (Listen(), Say(HELLO), Listen(), Wait(1), HangUp())

    def kept(after_s: float, timeout: float) -> dict[str, Any]:
        data = tmp_path / f"data{after_s:g}"

        async def story() -> None:
            thoughts = [Thought(BOOKED, after_s=after_s)]
            agent = desk(replace(WHOLE, timeout=timeout))
            async with house(data, agent=agent, model=replace(model, thoughts=thoughts)) as world:
                await (await world.ring(score)).ended()
                await world.until(lambda: bool(world.app.services.analyst.running))

        loop.run(story())
        [path] = data.glob("calls/*/analysis.json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    assert kept(15.0, 20.0)["disposition"] == "booked"
    assert "did not answer within 20 seconds" in kept(60.0, 20.0)["error"]


# ---- during a call


def test_a_tool_may_have_the_conversation_read() -> None:
    seen: list[Booking] = []

    @tool(timeout=15)
    async def book(call: Call) -> str:
        """Book what was agreed."""
        booking = await extract(call, Booking, "Guests include the caller.", timeout=8)
        seen.append(booking)
        return f"booked for {booking.guests}"

    found = simulate(
        desk(None, book),
        caller=["A table for four.", "Bye."],
        model=[Answer(tool="book"), GOODBYE],
        thoughts=[{"day": None, "guests": 4}],
    )
    assert found.problems == []
    assert seen == [Booking(day=None, guests=4)]
    assert found.said[1] == "booked for 4"


def test_one_that_fails_is_told_as_a_tool_that_failed() -> None:
    @tool
    async def book(call: Call) -> str:
        """Book what was agreed."""
        return str(await extract(call, Booking))

    found = simulate(
        desk(None, book),
        caller=["A table for four.", "Bye."],
        model=[Answer(tool="book"), GOODBYE],
        thoughts=[Thought("", status=500)],
    )
    assert (found.problems, found.tool_calls[0].ok) == ([], False)
    assert "book failed" in found.tool_calls[0].output


# ---- what cannot work


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"schema": dict}, "schema is a pydantic model (a class), not <class 'dict'>"),
        ({"summary": False}, "there is nothing to find; ask for a summary, dispositions or a schema"),
        ({"dispositions": ["a", "a"]}, "dispositions is a list of different names"),
        ({"dispositions": [""]}, "dispositions is a list of different names"),
        ({"timeout": 0}, "timeout is more than 0 seconds, not 0"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_made(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AgentError) as error:
        Analysis(**given)
    assert str(error.value) == f"analysis: {sentence}"


def test_a_schema_that_cannot_be_promised() -> None:
    class Loose(BaseModel):
        facts: dict[str, str]

    with pytest.raises(AgentError, match="analysis: schema Loose cannot be told to a text model: a dict with"):
        Analysis(Loose)
    with pytest.raises(AgentError, match=r"agent 'x': analysis is an Analysis\(...\)"):
        Agent("x", "y", analysis="summary")  # type: ignore[arg-type]
