"""The brain of the local engine: what to say and which tool to call, given the conversation so far.

`ScriptBrain` follows a script (TOML, see scripts/reception.toml); `chat.ChatBrain` asks a language model.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from bridge.errors import UsageError
from bridge.sim.voice import normalised

SCRIPTS = Path(__file__).with_name("scripts")

NUMBER_WORDS = {
    word: str(digit)
    for digit, words in enumerate(
        ["zero oh", "one", "two to too", "three", "four for", "five", "six", "seven", "eight", "nine"]
    )
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Say:
    """Speak this text."""

    text: str


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call this tool. `arguments` is JSON text, as a model would write it."""

    name: str
    arguments: str


Part = Say | CallTool


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the conversation as a brain reads it.

    `text` is None for a spoken turn when there are no ears for words, and empty when these did not understand it.
    `fresh` tells that no response has answered it.
    `name` and `call_id` are those of a tool call (`text`: its arguments) or a result (`text`: its output).
    """

    who: Literal["caller", "agent", "system", "call", "result"]
    text: str | None
    fresh: bool = False
    name: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a response is asked to answer.

    `tools` are the session's definitions by name; `forced_tool` must be called. `idle` says that nobody spoke for the
    idle time-out. `out_of_band` responses are about the conversation and not part of it.
    """

    lines: tuple[Line, ...]
    instructions: str = ""
    tools: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    forced_tool: str = ""
    idle: bool = False
    out_of_band: bool = False

    @property
    def exact_words(self) -> str | None:
        """What the instructions ask to be said word for word, if they do."""
        match = re.search(r'exactly these words:\s*"(.*)"', self.instructions, re.DOTALL)
        return match[1] if match else None


class Brain(Protocol):
    """One per session, so that it may remember where in its script it is."""

    def reply(self, turn: Turn) -> AsyncIterator[Part]:
        """What to say and call, in order. Raises BridgeError when it cannot think."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing a caller may want; see scripts/reception.toml for the fields."""

    name: str
    phrases: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    digits: bool = False
    say: str = ""
    call: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """What a scripted engine can say and do."""

    greeting: str
    unknown: str
    idle: str
    failed: str
    out_of_band: str
    turns: tuple[str, ...]
    silent_tools: frozenset[str]
    intents: Mapping[str, Intent]

    @property
    def phrases(self) -> tuple[str, ...]:
        """Everything it expects to hear: the grammar for a speech recogniser."""
        return tuple(phrase for intent in self.intents.values() for phrase in intent.phrases)

    def intent(self, heard: str) -> tuple[Intent, dict[str, str]] | None:
        """What the caller wants, and the values found in their words; None: nothing the script knows."""
        words = normalised(heard)
        digits = _digits(words)
        for intent in self.intents.values():
            if intent.digits and len(digits) >= 3:
                return intent, {"number": digits}
            for pattern in intent.patterns:
                if match := pattern.search(heard.lower()):
                    return intent, match.groupdict()
        for intent in self.intents.values():
            if words in intent.phrases:
                return intent, {}
        for intent in self.intents.values():
            if any(re.search(rf"\b{re.escape(keyword)}\b", words) for keyword in intent.keywords):
                return intent, {}
        return None


def load_script(name_or_path: str = "reception") -> Script:
    """A bundled script by name, or a TOML file. Raises UsageError, in one sentence, when it cannot be used."""
    path = Path(name_or_path) if name_or_path.endswith(".toml") else SCRIPTS / f"{name_or_path}.toml"
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"Script {name_or_path!r} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"Script {path.name} is not a TOML file: {error}.") from error
    try:
        return _script(content)
    except (TypeError, KeyError, re.error) as error:
        raise UsageError(f"Script {path.name} cannot be used: {error}.") from error


class ScriptBrain:
    """Answers by a script; where words are not understood, by the order of its turns."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._turns_taken = 0

    async def reply(self, turn: Turn) -> AsyncIterator[Part]:
        """See `Brain`. Never raises."""
        for part in self._parts(turn):
            yield part

    def _parts(self, turn: Turn) -> list[Part]:
        if turn.exact_words is not None:
            return [Say(turn.exact_words)]
        if turn.forced_tool:
            return [CallTool(turn.forced_tool, "{}")]
        if turn.out_of_band:
            return [Say(self._script.out_of_band)]
        fresh = [line for line in turn.lines if line.fresh]
        parts: list[Part] = [Say(text) for line in fresh if line.who == "result" and (text := self._result(line))]
        said = [line for line in fresh if line.who == "caller"]
        if said:
            parts += self._answer(said[-1], turn.tools)
        elif turn.idle:
            parts.append(Say(self._script.idle))
        elif not any(line.who == "result" for line in fresh):
            begun = any(line.who == "agent" for line in turn.lines)
            parts.append(Say(self._script.unknown if begun else self._script.greeting))
        return parts

    def _answer(self, line: Line, tools: Mapping[str, Any]) -> list[Part]:
        values: dict[str, str] = {}
        if line.text is None:
            intent = self._next_in_order()
        else:
            found = self._script.intent(line.text)
            intent, values = found or (None, {})
        if intent is None:
            return [Say(self._script.unknown)]
        if intent.call and intent.call not in tools:
            return [Say(intent.otherwise or intent.say or self._script.unknown)]
        parts: list[Part] = [Say(intent.say)] if intent.say else []
        if intent.call:
            arguments = {key: value.format_map(values) for key, value in intent.arguments.items()}
            parts.append(CallTool(intent.call, json.dumps(arguments)))
        return parts

    def _next_in_order(self) -> Intent | None:
        place, self._turns_taken = self._turns_taken, self._turns_taken + 1
        turns = self._script.turns
        return self._script.intents.get(turns[place]) if place < len(turns) else None

    def _result(self, line: Line) -> str:
        """What is said of a tool's result; empty for nothing."""
        output = line.text or ""
        try:
            value = json.loads(output)
        except ValueError:
            value = output
        if isinstance(value, dict) and "error" in value:
            return self._script.failed
        if line.name in self._script.silent_tools:
            return ""
        if isinstance(value, dict):
            return ", ".join(f"{key} {inner}" for key, inner in value.items())
        return value if isinstance(value, str) else output


def _digits(words: str) -> str:
    """The number in words that are nothing but digits (with an introduction like `order number`), else empty."""
    rest = re.sub(r"^(it is|it's|order|the|my|number|is|\s)+\b", "", words).split()
    digits = [word if word.isdigit() else NUMBER_WORDS.get(word, "") for word in rest]
    return "".join(digits) if digits and all(digits) else ""


def _script(content: dict[str, Any]) -> Script:
    intents = {}
    for entry in content.pop("intent", []):
        for key in ("phrases", "keywords"):
            entry[key] = tuple(normalised(text) for text in entry.get(key, ()))
        entry["patterns"] = tuple(re.compile(pattern) for pattern in entry.get("patterns", ()))
        intents[entry["name"]] = Intent(**entry)
    turns, silent = tuple(content.pop("turns", ())), frozenset(content.pop("silent_tools", ()))
    for name in turns:
        if name not in intents:
            raise KeyError(f"turns names the intent {name!r}, which there is not")
    return Script(turns=turns, silent_tools=silent, intents=intents, **content)
