"""A spoken yes before an effect, and a person's."""

from __future__ import annotations

import asyncio
import json

import pytest
from noted_call import NotedCall

from bridge.sim import loop
from bridge.tools.base import ToolResult, Turn
from bridge.tools.consent import is_yes
from bridge.tools.function import tool
from bridge.tools.runner import APPROVAL_S, Approval, ToolRunner


@pytest.mark.parametrize(
    "words",
    ["Yes.", "yeah, sure", "OK!", "Yes please, go ahead", "Ja, gerne.", "Oui, d\u2019accord", "Sí", "Va bene", "はい"],
)
def test_a_yes(words: str) -> None:
    assert is_yes(words)


@pytest.mark.parametrize(
    "words",
    [
        *("", "No.", "Yes, but not on Friday", "wait", "What?", "Nein danke", "okra soup", "I don't know", "maybe"),
        *("Could you repeat that, please?", "Please repeat that.", "Is that right?", "Yes, but make it Saturday"),
    ],
)
def test_no_yes(words: str) -> None:
    assert not is_yes(words)


class Booking:
    """A call whose model wants to book."""

    def __init__(self) -> None:
        self.call = NotedCall()
        self.booked: list[str] = []

        @tool(confirm="Shall I book it?")
        async def book(day: str) -> str:
            """Book a table."""
            self.booked.append(day)
            return "booked"

        self.runner = ToolRunner([book], self.call)

    async def wants(self, day: str = "Friday") -> ToolResult:
        return await self.runner.run("book", json.dumps({"day": day}))

    def says(self, text: str) -> None:
        self.call.turns.append(Turn("caller", text, 1000 * len(self.call.turns)))


def test_nothing_happens_before_the_caller_said_yes() -> None:
    async def story() -> Booking:
        it = Booking()
        it.says("A table for Friday, yes.")  # said before the question: no answer to it
        told = await it.wants()
        assert "Shall I book it?" in told.output
        assert "has not answered yet" in (await it.wants()).output
        it.says("Yes, please.")
        assert (await it.wants()).output == "booked"
        return it

    assert loop.run(story()).booked == ["Friday"]


def test_a_no_and_another_wish_are_no_yes() -> None:
    async def story() -> Booking:
        it = Booking()
        await it.wants("Friday")
        it.says("No, on Saturday.")
        assert "did not say yes" in (await it.wants("Friday")).output
        assert "Shall I book it?" in (await it.wants("Saturday")).output, "another wish is asked about anew"
        it.says("Yes.")
        assert (await it.wants("Saturday")).output == "booked"
        assert "Shall I book it?" in (await it.wants("Saturday")).output, "one yes, one effect"
        return it

    assert loop.run(story()).booked == ["Saturday"]


def test_words_that_are_written_down_late_are_waited_for() -> None:
    async def story() -> tuple[str, float]:
        it = Booking()
        await it.wants()
        it.says("")
        at = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_later(0.8, it.call.turns.__setitem__, 0, Turn("caller", "No!", 0))
        told = await it.wants()
        return told.output, asyncio.get_running_loop().time() - at

    output, took_s = loop.run(story())
    assert "did not say yes" in output
    assert 0.8 <= took_s < 1.0


def test_words_that_are_not_written_down_in_time_are_no_yes_where_others_are() -> None:
    async def story() -> tuple[list[str], str]:
        it = Booking()
        it.says("A table for Friday.")
        await it.wants()
        it.says("")  # it was a no
        return it.booked, (await it.wants()).output

    booked, told = loop.run(story())
    assert booked == []
    assert "could not be understood" in told


def test_where_nobody_writes_down_what_is_said_an_answer_has_to_do() -> None:
    async def story() -> list[str]:
        it = Booking()
        await it.wants()
        it.says("")
        await it.wants()
        return it.booked

    assert loop.run(story()) == ["Friday"]


# ---- a person


@tool(approve=True)
async def refund(amount: int) -> str:
    """Give money back."""
    return f"{amount} given back"


def ask(answer: Approval | None) -> tuple[str, float]:
    async def story() -> tuple[str, float]:
        async def approve(name: str, arguments: str) -> Approval:
            assert (name, json.loads(arguments)) == ("refund", {"amount": 40})
            if answer is None:
                await asyncio.sleep(3600)
            return answer or Approval(approved=True)

        runner = ToolRunner([refund], NotedCall(), approve)
        begun = asyncio.get_running_loop().time()
        result = await runner.run("refund", '{"amount": 40}')
        return result.output, asyncio.get_running_loop().time() - begun

    return loop.run(story())


def test_a_person_says_yes_or_no_or_nothing() -> None:
    assert ask(Approval(approved=True, by="ann"))[0] == "40 given back"
    assert "not approved. The reason: too much" in ask(Approval(approved=False, reason="too much"))[0]
    output, took_s = ask(None)
    assert "nobody approved it in time" in output
    assert took_s == pytest.approx(APPROVAL_S)


def test_where_nobody_can_be_asked_it_does_not_run() -> None:
    result = asyncio.run(ToolRunner([refund], NotedCall()).run("refund", '{"amount": 40}'))
    assert not result.ok
    assert "nobody is there to approve it" in result.output
