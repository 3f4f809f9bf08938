"""Supervisors in whole calls: their answers, their verdicts, and what the caller hears when none comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from bridge import Agent, Call, tool
from bridge.agents.supervisor import DEFAULT_FALLBACK, Supervisor
from bridge.agents.thinker import Thinker
from bridge.agents.validation import Ruling, ValidatedTool
from bridge.errors import AgentError
from bridge.live.briefing import tool_terms
from bridge.sim import loop
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.text_requests import Asked
from bridge.sim.thoughts import Thoughts
from bridge.testing import Answer, SimulatedCall, Thought, simulate
from bridge.tools.base import Turn
from bridge.tools.phone import hang_up
from bridge.tools.runner import Approval, ToolRunner

GOODBYE = Answer("Goodbye!", tool="hang_up")
POLICY = "Returns within 30 days, with the receipt."
ASK = Answer(tool="ask_supervisor", arguments={"relevant_context": "They ask whether cups can be returned."})
RETURN = Answer(tool="return_order", arguments={"number": "4271"})
BOSS = Supervisor("You know all the rules of the shop.")


def ruling(verdict: str, **more: Any) -> dict[str, Any]:
    told = {"rationale": "The receipt is there.", "user_request": "to return a cup", "verdict": verdict}
    return told | {"information_needed": [], "next_steps": "Tell them so."} | more


def returning(supervisor: Supervisor = BOSS, **how: Any) -> tuple[ValidatedTool, list[str]]:
    ran: list[str] = []

    @tool(**{key: value for key, value in how.items() if key != "on_failure"})
    def return_order(number: str) -> str:
        """Take an order back.

        Args:
            number: Its number.
        """
        ran.append(number)
        return f"order {number} is being returned"

    more = {"on_failure": how["on_failure"]} if "on_failure" in how else {}
    return supervisor.validates(return_order, POLICY, **more), ran


def call(
    tools: Sequence[Any], model: Sequence[Answer], thoughts: Thoughts, caller: Sequence[str] = ()
) -> SimulatedCall:
    agent = Agent("desk", "Be brief.", greeting="Hello.", tools=[*tools, hang_up])
    return simulate(agent, caller=caller or ["May I return a cup?", "Bye."], model=model, thoughts=thoughts)


def filler_after_ms(found: SimulatedCall, words: str = "Let me check that.") -> int:
    """From the tool's beginning to the words that say that it takes a moment."""
    began = next(line["at_ms"] for line in found.timeline if line.get("fact") == "ToolStarted")
    return next(int(turn["start_ms"]) for turn in found.transcript if turn["text"] == words) - int(began)


# ---- answers


def test_the_supervisors_words_are_said_and_it_has_read_the_conversation() -> None:
    read: list[Asked] = []

    def think(asked: Asked) -> Thought:
        read.append(asked)
        return Thought("Yes, within 30 days.", after_s=3.0)

    found = call([BOSS.as_tool()], [ASK, GOODBYE], think)
    assert found.problems == []
    assert found.said == ["Hello.", "Let me check that.", "Yes, within 30 days.", "Goodbye!"]
    assert filler_after_ms(found) < 1500
    assert "You know all the rules of the shop." in read[0].instructions
    assert "agent: Hello." in read[0].text
    assert read[0].text.endswith("They ask whether cups can be returned.")
    assert read[0].model == "local-engine"


def test_without_thoughts_the_local_engine_answers_something() -> None:
    found = call([BOSS.as_tool()], [ASK, GOODBYE], ())
    assert found.problems == []
    assert found.tool_calls[0].output == "I have checked that for you, and it is all right."


def test_only_the_last_turns_are_read() -> None:
    async def world() -> list[str]:
        turns = [Turn("caller", f"words\nagent: number {n}", n) for n in range(20)]
        async with ModelServer(ModelOptions(ears="energy")) as server:
            thinker = Thinker(server.text_url, "m")
            for history in (0, 3):
                asked = Supervisor("x", history=history, thinker=thinker).as_tool()
                await asked.run('{"relevant_context": "this"}', Plain(turns))
            await thinker.close()
            return [one.text for one in server.texts.asked]

    none, three = loop.run(world())
    assert "number" not in none
    assert [line for line in three.splitlines() if "number" in line] == [
        "caller: words agent: number 17",
        "caller: words agent: number 18",
        "caller: words agent: number 19",
    ], "nobody writes a line of somebody else's into their own turn"


def test_a_supervisor_that_hangs_does_not_hold_up_the_call() -> None:
    found = call([BOSS.as_tool()], [ASK, GOODBYE], [Thought("never", after_s=1e6)])
    assert found.problems == []
    assert found.said == ["Hello.", "Let me check that.", DEFAULT_FALLBACK, "Goodbye!"]
    assert filler_after_ms(found) < 1500
    [used] = [turn for turn in found.transcript if turn["role"] == "tool" and turn["tool"] == "ask_supervisor"]
    assert 10_000 <= used["end_ms"] - used["start_ms"] < 10_800
    assert used["ok"] is True
    assert used["note"] == ("supervisor gave no answer: the text model at 127.0.0.1 did not answer within 10 seconds")
    assert found.end_reason == "agent_hung_up"


@pytest.mark.parametrize("thought", [Thought("", status=500), Thought("Wrong key.", status=401)])
def test_trouble_is_a_kind_sentence(thought: Thought) -> None:
    boss = Supervisor("You know.", fallback="I do not know that.", say="")
    found = call([boss.as_tool()], [ASK, GOODBYE], [thought])
    assert (found.problems, found.said[1]) == ([], "I do not know that.")


def test_names_and_words_can_be_chosen() -> None:
    made = Supervisor("x", timeout=4.0, say="One second.").as_tool("ask_boss", "Ask the boss.")
    assert (made.name, made.description, made.manner.say) == ("ask_boss", "Ask the boss.", "One second.")
    assert made.manner.timeout_s == 5.0
    properties: Any = made.parameters["properties"]
    assert "newest words" in properties["relevant_context"]["description"]


# ---- verdicts


def test_true_runs_the_tool_and_the_reason_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    checked, ran = returning()
    found = call([checked], [RETURN, GOODBYE], [ruling("true")])
    assert (found.problems, ran) == ([], ["4271"])
    assert found.tool_calls[0].output == "order 4271 is being returned", "the model reads the tool's own result"
    [used] = [turn for turn in found.transcript if turn.get("tool") == "return_order"]
    assert used["note"] == "supervisor: true. The receipt is there."
    assert [line["note"] for line in found.timeline if line.get("fact") == "ToolUsed"] == [used["note"], ""]
    [decided] = [record for record in caplog.records if record.message == "the supervisor decided"]
    assert (vars(decided)["verdict"], vars(decided)["rationale"]) == ("true", "The receipt is there.")
    assert "cup" not in str(vars(decided)), "what was said is in the transcript and not in the log"


def test_false_does_not_and_the_model_reads_why() -> None:
    checked, ran = returning()
    no = ruling("false", rationale="The 30 days are over.", next_steps="Offer a repair.")
    found = call([checked], [RETURN, GOODBYE], [no])
    assert (found.problems, ran) == ([], [])
    used = found.tool_calls[0]
    assert used.ok is False
    assert used.output == (
        '{"error": "return_order was not run: it is not allowed. The reason: The 30 days are over. Offer a repair."}'
    )


def test_need_more_information_asks_the_caller_and_then_it_runs() -> None:
    checked, ran = returning()
    missing = ruling("need_more_information", information_needed=["the date of the receipt"], next_steps="Ask kindly.")
    found = call(
        [checked], [RETURN, RETURN, GOODBYE], [missing, ruling("true")], ["I return a cup.", "Last week.", "Bye."]
    )
    assert (found.problems, ran) == ([], ["4271"])
    first, second = found.tool_calls[:2]
    assert first.ok is True
    assert "Ask the caller for: the date of the receipt." in first.output
    assert "When you know it, call return_order again." in first.output
    assert second.output == "order 4271 is being returned"


def test_the_supervisor_reads_the_policy_the_tool_and_the_arguments() -> None:
    read: list[Asked] = []

    def think(asked: Asked) -> dict[str, Any]:
        read.append(asked)
        return ruling("true")

    checked, _ = returning()
    call([checked], [RETURN, GOODBYE], think)
    assert POLICY in read[0].instructions
    assert "You know all the rules of the shop." in read[0].instructions
    assert '"name": "return_order"' in read[0].text
    assert '{"number": "4271"}' in read[0].text
    assert read[0].name == "Ruling"


def test_a_garbled_verdict_is_asked_for_again() -> None:
    checked, ran = returning()
    found = call([checked], [RETURN, GOODBYE], ["Sure, go ahead!", ruling("true")])
    assert (found.problems, ran) == ([], ["4271"])


@pytest.mark.parametrize(
    "thoughts", [[Thought("", after_s=1e6)], [Thought("", status=500)], ["Sure!", "Why not?"]], ids=str
)
def test_without_a_verdict_nothing_runs(thoughts: list[Any]) -> None:
    checked, ran = returning()
    found = call([checked], [RETURN, GOODBYE], thoughts)
    assert (found.problems, ran) == ([], [])
    assert found.tool_calls[0].output == (
        '{"error": "return_order was not run: it could not be checked whether it may be. '
        f'Say to the caller: {DEFAULT_FALLBACK}"}}'
    )
    assert found.end_reason == "agent_hung_up"


def test_a_hung_verdict_is_covered_by_words() -> None:
    checked, _ = returning()
    found = call([checked], [RETURN, GOODBYE], [Thought("", after_s=1e6)])
    assert filler_after_ms(found) < 1500
    [used] = [turn for turn in found.transcript if turn.get("tool") == "return_order"]
    assert 10_000 <= used["end_ms"] - used["start_ms"] < 10_800


def test_where_that_is_wanted_it_runs_all_the_same() -> None:
    checked, ran = returning(on_failure="allow")
    found = call([checked], [RETURN, GOODBYE], [Thought("", status=500)])
    assert (found.problems, ran) == ([], ["4271"])
    [used] = [turn for turn in found.transcript if turn.get("tool") == "return_order"]
    assert used["note"].startswith("supervisor: not checked, allowed all the same. ")


def test_the_callers_yes_comes_after_the_verdict_and_the_verdict_only_once() -> None:
    checked, ran = returning(confirm="Shall I take it back?")
    found = call(
        [checked], [RETURN, RETURN, GOODBYE], [ruling("true")], ["Please take back my order.", "Yes, please.", "Bye."]
    )
    assert (found.problems, ran) == ([], ["4271"])
    assert "not_done_yet" in found.tool_calls[0].output
    refused, ran = returning(confirm="Shall I take it back?")
    found = call([refused], [RETURN, GOODBYE], [ruling("false")])
    assert (found.problems, ran) == ([], [])
    assert "it is not allowed" in found.tool_calls[0].output, "nobody is asked for a yes to what is forbidden"


# ---- between the runner and the tool


class Plain:
    """A call of somebody else's."""

    id = "call_1"
    agent = "desk"

    def __init__(self, turns: Sequence[Turn] = (), thinker: Thinker | None = None) -> None:
        self.turns = turns
        self.thinker = thinker

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the supervisor used {name} of the call")


async def running(thoughts: Thoughts, checked: ValidatedTool, approve: Any = None) -> tuple[list[Any], int]:
    async with ModelServer(ModelOptions(ears="energy", thoughts=thoughts)) as server:
        thinker = Thinker(server.text_url, "m")
        caller: Call = Plain((), thinker)
        runner = ToolRunner([checked], caller, approve)
        results = [await runner.run("return_order", '{"number": "4271"}') for _ in range(2)]
        await thinker.close()
        return results, len(server.texts.asked)


def test_a_person_is_asked_after_the_verdict() -> None:
    asked: list[str] = []

    async def approve(name: str, arguments: str) -> Approval:
        asked.append(arguments)
        return Approval(approved=True, by="ada")

    checked, ran = returning(approve=True)
    results, questions = loop.run(running([ruling("false"), ruling("true")], checked, approve))
    assert (asked, ran, questions) == (['{"number": "4271"}'], ["4271"], 2)
    assert [result.note for result in results] == [
        "supervisor: false. The receipt is there.",
        "supervisor: true. The receipt is there.",
    ]


def test_each_use_has_its_own_verdict_and_nothing_goes_past_it() -> None:
    checked, ran = returning()
    results, questions = loop.run(running([ruling("true"), ruling("false")], checked))
    assert ([result.ok for result in results], questions, ran) == ([True, False], 2, ["4271"])

    async def past_the_runner() -> bool:
        async with ModelServer(ModelOptions(ears="energy", thoughts=[ruling("false")])) as server:
            thinker = Thinker(server.text_url, "m")
            result = await checked.run('{"number": "9"}', Plain((), thinker))
            await thinker.close()
            return result.ok

    assert loop.run(past_the_runner()) is False
    assert ran == ["4271"]


def test_to_the_model_it_is_the_same_tool_and_the_call_waits_for_both() -> None:
    plain, _ = returning()
    inner = plain._tool
    assert plain.definition() == inner.definition()
    assert (plain.name, plain.description, plain.parameters) == (inner.name, inner.description, inner.parameters)
    assert plain.manner.timeout_s == inner.manner.timeout_s + BOSS.timeout + 1
    assert tool_terms(plain).say == "Let me check that."
    own, _ = returning(say="I take it back for you.", speak_after="never", interruptible=False)
    assert (own.manner.say, own.manner.speak_after, own.manner.interruptible) == (
        "I take it back for you.",
        "never",
        False,
    )


def test_a_tool_that_hangs_behind_a_verdict_has_its_own_time() -> None:
    @tool(timeout=2.0)
    async def return_order(number: str) -> str:
        """Take an order back."""
        await asyncio.sleep(3600)
        return number

    async def world() -> tuple[float, str]:
        began = asyncio.get_running_loop().time()
        results, _ = await running([ruling("true"), ruling("false")], BOSS.validates(return_order, POLICY))
        return asyncio.get_running_loop().time() - began, results[0].output

    took, output = loop.run(world())
    assert 2.0 <= took < 2.5
    assert "return_order did not answer within 2 seconds" in output


def test_a_ruling_begins_with_its_reasons() -> None:
    assert next(iter(Ruling.model_fields)) == "rationale"


# ---- what cannot work


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Supervisor(" "), "it has no instructions"),
        (lambda: Supervisor("x", timeout=0), "timeout more than 0 seconds"),
        (lambda: Supervisor("x", history=-1), "history is 0 or more turns"),
        (lambda: Supervisor("x", fallback=""), "without `fallback` the caller would get no answer"),
        (lambda: BOSS.validates(len, "x"), "is not a tool; put @tool above the function"),  # type: ignore[arg-type]
        (lambda: BOSS.validates(hang_up, " "), "the policy for hang_up is empty"),
        (
            lambda: BOSS.validates(hang_up, "x", on_failure="maybe"),  # type: ignore[arg-type]
            "on_failure is refuse or allow, not 'maybe'",
        ),
    ],
)
def test_what_cannot_work_is_told_when_it_is_made(make: Any, sentence: str) -> None:
    with pytest.raises(AgentError) as error:
        make()
    assert sentence in str(error.value)
