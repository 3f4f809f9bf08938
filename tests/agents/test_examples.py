"""The examples in whole calls, on the local engine: their tools really run, their model answers as planned."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.agents.check import check_agent
from bridge.agents.examples import appointment, handoff_team, solar_system, survey
from bridge.agents.library import load_agent
from bridge.testing import Answer, SimulatedCall, Wait, simulate

EXAMPLES = ("reception", "survey", "appointment", "solar_system", "handoff_team")
GOODBYE = Answer("Goodbye!", tool="hang_up")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_no_problems_and_is_short(name: str) -> None:
    checked = check_agent(f"bridge.agents.examples.{name}")
    assert checked.problems == ()
    source = Path(survey.__file__).with_name(f"{name}.py").read_text("utf-8")
    assert source.count("\n") < 60


def outputs(call: SimulatedCall) -> list[str]:
    return [one.output for one in call.tool_calls]


# ---- survey


def noted(question: str, answer: str, then: str) -> Answer:
    return Answer(tool="note_answer", arguments={"question": question, "answer": answer}, then=then)


def test_a_survey_asks_one_by_one_and_leaves_its_answers_as_data() -> None:
    data = {"score": 9, "reason": "It rained beautifully.", "again": True}
    call = simulate(
        survey.agent,
        caller=["Yes.", "Eleven.", "Nine.", "It rained beautifully.", "Yes.", "Bye."],
        model=[
            survey.QUESTIONS["score"],
            noted("score", "eleven", "From one to ten, please."),
            noted("score", "9", survey.QUESTIONS["reason"]),
            noted("reason", "It rained beautifully.", survey.QUESTIONS["again"]),
            noted("again", "yes", "Thank you very much."),
            GOODBYE,
        ],
        thoughts=[{"summary": "They liked it.", "disposition": "complete", "data": data}],
    )
    assert call.problems == []
    assert outputs(call)[0].startswith("That is no number from one to ten.")
    assert outputs(call)[3] == "Noted, and that was all. Thank them, and say goodbye."
    assert call.analysis is not None
    assert (call.analysis["disposition"], call.analysis["data"]) == ("complete", data)


def test_one_who_says_nothing_is_asked_and_left() -> None:
    call = simulate(survey.agent, caller=[Wait(60)])
    assert call.end_reason == "silence"
    assert call.said[1:3] == ["Take your time.", "Are you still there?"]


# ---- appointment


@pytest.fixture
def calendar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALENDAR_DB", str(tmp_path / "calendar.db"))
    return tmp_path / "calendar.db"


def weekday() -> date:
    return next(day for n in range(1, 7) if (day := appointment.today() + timedelta(n)).weekday() < 5)


def booking(time: str = "10:00", name: str = "Ada") -> Answer:
    return Answer(tool="book", arguments={"day": weekday().isoformat(), "time": time, "name": name}, then="There.")


def test_an_appointment_is_booked_after_a_yes_and_not_before(calendar: Path) -> None:
    call = simulate(
        appointment.agent,
        caller=["Tomorrow?", "At ten, I am Ada.", "Yes.", "Thanks, bye."],
        model=[
            Answer(tool="free_times", arguments={"day": weekday().isoformat()}, then="Nine, ten or two?"),
            booking(),
            booking(),
            GOODBYE,
        ],
    )
    assert call.problems == []
    free, asked, booked, _ = outputs(call)
    assert json.loads(free) == list(appointment.TIMES)
    assert "Shall I book this appointment for you?" in asked
    assert booked == f"Booked: Ada, {weekday():%A, %d %B} at 10:00."
    with closing(sqlite3.connect(calendar)) as db:
        assert db.execute("SELECT * FROM visits").fetchall() == [(str(weekday()), "10:00", "Ada", "+14155550123")]


def test_what_is_taken_is_not_booked_again_and_weekends_are_free_of_dentists(calendar: Path) -> None:
    with closing(appointment.calendar()) as db, db:
        db.execute("INSERT INTO visits VALUES (?, '10:00', 'Ed', '')", [str(weekday())])
    sunday = appointment.today() + timedelta(6 - appointment.today().weekday())
    call = simulate(
        appointment.agent,
        caller=["Sunday?", "Tomorrow at ten.", "Yes.", "Bye."],
        model=[
            Answer(tool="free_times", arguments={"day": sunday.isoformat()}, then="Not on Sundays."),
            booking(),
            booking(),
            GOODBYE,
        ],
    )
    assert call.problems == []
    assert outputs(call)[0] == "We have appointments from Monday to Friday, for the next three months."
    assert outputs(call)[2].startswith("That time cannot be had. Free: ['09:00', '11:00'")


def test_the_model_knows_what_day_it_is(calendar: Path) -> None:
    call = simulate(appointment.agent, caller=["Bye."], model=[GOODBYE])
    assert f"Today is {appointment.today():%A, %Y-%m-%d}." in call.session["instructions"]


# ---- solar system


def test_planets_are_told_and_pictures_become_sentences() -> None:
    call = simulate(
        solar_system.agent,
        caller=["Saturn!", "How far is it?", "And its moons?", "Compare them.", "Bye."],
        model=[
            Answer("Here it is.", tool="focus_planet", arguments={"planet": "Saturn"}),
            Answer(tool="show_orbit", arguments={"planet": "Saturn"}),
            Answer(tool="show_moons", arguments={"planet": "Saturn"}),
            Answer(
                tool="display_data", arguments={"title": "Moons", "names": ["Mars", "Saturn"], "values": [2, 274.0]}
            ),
            GOODBYE,
        ],
    )
    assert call.problems == []
    assert outputs(call)[1] == "Saturn is 1432 million kilometres from the sun and goes around it in 29.4 years."
    assert outputs(call)[2:4] == ["Saturn has 274 known moons, Titan the largest.", "Moons: Saturn 274, Mars 2"]
    assert call.said[1:3] == ["Here it is.", outputs(call)[1]], "turning to a planet is not spoken about"


def test_a_planet_that_is_none_is_refused() -> None:
    pluto = Answer(tool="show_orbit", arguments={"planet": "Pluto"})
    call = simulate(solar_system.agent, caller=["Pluto!", "Bye."], model=[pluto, GOODBYE])
    assert "show_orbit was not run" in outputs(call)[0]


# ---- a team

CLAIM = {"order": "4271", "last_name": "lovelace"}
RETURN = Answer(tool="return_item", arguments={"reason": "too long"}, then="There you are.")
WHY: dict[str, Any] = {"arguments": {"rationale": "a return", "context": "Ada, order 4271"}}


def ruling(verdict: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"rationale": "9 days, unopened.", "user_request": "a return", "verdict": verdict}
    return told | {"information_needed": [], "next_steps": "Go on."} | more


def test_a_return_goes_through_authentication_and_the_supervisor() -> None:
    call = simulate(
        handoff_team.agent,
        caller=["I want to return my board.", "4271, Lovelace.", "It is too long.", "Bye."],
        model=[
            "Your order number and last name, please?",
            Answer(tool="authenticate", arguments=CLAIM, then="Thank you, Ada."),
            Answer(tool="transfer_to_returns", then="Why do you want to return it?", **WHY),
            GOODBYE,
        ],
    )
    assert call.problems == []
    assert [one.name for one in call.tool_calls] == ["authenticate", "transfer_to_returns", "hang_up"]
    assert "You handle returns." in call.session["instructions"]
    assert {tool["name"] for tool in call.session["tools"]} == {
        *("return_item", "hang_up", "transfer_to_sales", "transfer_to_person")
    }
    assert "I connect you to our returns desk." in call.said


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("true", "The return of snowboard, bought 9 days ago, unopened has begun"),
        ("false", "9 days, unopened."),
        ("need_more_information", "is it unopened"),
    ],
)
def test_returns_are_decided_by_the_supervisor(verdict: str, told: str) -> None:
    needed = ["is it unopened"] if verdict == "need_more_information" else []
    call = simulate(
        handoff_team.agent,
        caller=["4271, Lovelace, a return.", "It is too long.", "Well?", "Bye."],
        model=[
            Answer(tool="authenticate", arguments=CLAIM, then="Thank you, Ada."),
            Answer(tool="transfer_to_returns", then="Why?", **WHY),
            RETURN,
            GOODBYE,
        ],
        thoughts=[ruling(verdict, information_needed=needed)],
    )
    assert call.problems == []
    assert told in outputs(call)[2]
    assert ("has begun" in outputs(call)[2]) is (verdict == "true")


def test_a_stranger_gets_nowhere() -> None:
    wrong = Answer(tool="authenticate", arguments={"order": "4271", "last_name": "Byron"})
    call = simulate(handoff_team.agent, caller=["4271, Byron.", "Bye."], model=[wrong, GOODBYE])
    assert "does not fit together" in outputs(call)[0]


def test_the_owner_is_rung_only_when_there_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [tool.name for tool in handoff_team.person.all_tools] == ["hang_up"]
    owner = replace(handoff_team.person, transfer_to="+14155550177")
    assert [tool.name for tool in owner.all_tools] == ["hang_up", "transfer_to_person"]
    assert load_agent("bridge.agents.examples.handoff_team") is handoff_team.agent
