"""The scripted brain: which intent, which words, which tool."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from engine_world import HOURS, RECEPTION_TOOLS, Client, converse

from bridge.errors import UsageError
from bridge.sim.brain import CallTool, Line, Part, Say, ScriptBrain, Turn, load_script
from bridge.sim.voice import Mouth

TOOLS: dict[str, dict[str, Any]] = {str(tool["name"]): tool for tool in RECEPTION_TOOLS}
UNKNOWN = "Sorry, I did not catch that. You can ask for our opening hours, or for an order."


def reply(*lines: Line, brain: ScriptBrain | None = None, **turn: Any) -> list[Part]:
    async def collect() -> list[Part]:
        asked = Turn(lines, **{"tools": TOOLS, **turn})
        return [part async for part in (brain or ScriptBrain(load_script())).reply(asked)]

    return asyncio.run(collect())


def caller(text: str | None) -> Line:
    return Line("caller", text, fresh=True)


def result(output: str, name: str = "opening_hours") -> Line:
    return Line("result", output, fresh=True, name=name, call_id="call_1")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("What are your opening hours?", [CallTool("opening_hours", "{}")]),
        ("When are you open on Sundays?", [CallTool("opening_hours", "{}")]),
        ("can you check my order", [Say("Of course. Please type your order number on the keypad, or say it.")]),
        ("The caller pressed 4271 on the keypad.", [CallTool("order_status", '{"number": "4271"}')]),
        ("[keypad: 1138#]", [CallTool("order_status", '{"number": "1138"}')]),
        ("four two seven one", [CallTool("order_status", '{"number": "4271"}')]),
        ("My order number is two oh four six", [CallTool("order_status", '{"number": "2046"}')]),
        ("thank you goodbye", [Say("Thank you for calling. Goodbye!"), CallTool("hang_up", "{}")]),
        ("my cat likes fish", [Say(UNKNOWN)]),
        ("", [Say(UNKNOWN)]),
    ],
)
def test_what_is_said_leads_to_words_and_tools(words: str, parts: list[Part]) -> None:
    assert reply(caller(words)) == parts


def test_only_declared_tools_are_called() -> None:
    words = "I want to speak to a person please."
    (sorry,) = reply(caller(words))
    assert isinstance(sorry, Say)
    assert sorry.text.startswith("Sorry, nobody is free")
    tools = {"transfer_to_person": {"type": "function", "name": "transfer_to_person"}}
    said, called = reply(caller(words), tools=tools)
    assert isinstance(said, Say)
    assert called == CallTool("transfer_to_person", "{}")
    assert reply(caller("goodbye"), tools={}) == [Say("Thank you for calling. Goodbye!")]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (HOURS, [Say(HOURS)]),
        (json.dumps("In quotes."), [Say("In quotes.")]),
        ('{"error": "no database"}', [Say("Sorry, that did not work. Is there anything else I can do for you?")]),
        ('{"status": "shipped", "day": "Monday"}', [Say("status shipped, day Monday")]),
    ],
)
def test_a_tools_result_is_spoken(output: str, said: list[Part]) -> None:
    assert reply(result(output)) == said


def test_the_result_of_hanging_up_is_not_read_out() -> None:
    assert reply(result("The call will end.", "hang_up")) == []


def test_a_result_is_told_before_the_question_that_came_meanwhile() -> None:
    parts = reply(result(HOURS), caller("can you check my order"))
    assert [part.text[:9] for part in parts if isinstance(part, Say)] == ["We are op", "Of course"]


def test_without_words_the_turns_are_answered_in_order() -> None:
    brain = ScriptBrain(load_script())
    turns = [reply(caller(None), brain=brain)[0] for _ in range(4)]
    assert turns[0] == CallTool("opening_hours", "{}")
    assert turns[1] == Say("Of course. Please type your order number on the keypad, or say it.")
    assert turns[2] == Say("Thank you for calling. Goodbye!")
    assert turns[3] == Say(UNKNOWN)


def test_keys_do_not_count_as_turns() -> None:
    brain = ScriptBrain(load_script())
    reply(caller(None), brain=brain)
    assert reply(caller("The caller pressed 4271 on the keypad."), brain=brain)[0] == CallTool(
        "order_status", '{"number": "4271"}'
    )
    assert isinstance(reply(caller(None), brain=brain)[0], Say)


def test_exact_words_forced_tools_idle_and_out_of_band() -> None:
    quoted = 'Greet the caller with exactly these words: "Say "hi" to us."'
    assert reply(instructions=quoted) == [Say('Say "hi" to us.')]
    assert reply(caller("hello"), forced_tool="hang_up") == [CallTool("hang_up", "{}")]
    assert reply(Line("agent", "Hello."), idle=True) == [Say("Are you still there?")]
    assert reply(caller("hello"), out_of_band=True) == [Say("This engine answers from a script and cannot do that.")]
    assert reply() == [Say("Thanks for calling Harbour Lane Books. How can I help you?")]
    assert reply(Line("agent", "Hello.")) == [Say(UNKNOWN)]


def test_everything_the_script_says_has_a_rendered_prompt() -> None:
    script, mouth = load_script(), Mouth()
    lines = {script.greeting, script.unknown, script.idle, script.failed}
    lines |= {intent.say for intent in script.intents.values()} - {""}
    assert [line for line in lines if not mouth.known(line)] == []


def test_a_tool_choice_is_obeyed() -> None:
    async def story(client: Client) -> list[str]:
        await client.set_up()
        question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "opening hours?"}]}
        await client.send("conversation.item.create", item=question)
        await client.send("response.create", response={"tool_choice": "none"})
        await client.expect("response.done")
        await client.send("response.create", response={"tool_choice": {"type": "function", "name": "order_status"}})
        await client.expect("response.done")
        return client.types()

    _, record = converse(story)
    assert [answer.calls for answer in record.answers] == [[], ["order_status({})"]]


@pytest.mark.parametrize(
    "content",
    [
        "greeting = ",
        "x = 1",
        '[[intent]]\nname = "a"\npatterns = ["("]',
        '[[intent]]\nname = "a"\nsays = "b"',
        "turns = ['a']",
    ],
)
def test_a_script_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"mine\.toml") as refusal:
        load_script(str(path))
    assert "\n" not in str(refusal.value)
