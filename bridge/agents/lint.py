"""What can be told of an agent before anybody calls it: things that cannot work, and things that work badly on a phone.

Errors are what a caller would notice for certain; warnings are what experience advises against. An agent from a file
with an error does not start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bridge.agents.agent import Agent
from bridge.agents.document import ENDINGS
from bridge.agents.file_parts import VARIABLE
from bridge.agents.file_tools import PHONE_TOOLS
from bridge.agents.loading import did_you_mean
from bridge.agents.members import handed_to, members_of, missing, name_of
from bridge.agents.problems import Level, Problem, Source
from bridge.agents.prompts import MOST_TOKENS, agent_tokens, mentioned_tools
from bridge.tools.phone import TRANSFER_TOOL

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""Of the Realtime API."""
_SPEECH_VOICES = ("fable", "onyx", "nova")
"""Of the speech API: a Realtime server takes them, and noise comes out on a telephone."""
_CUSTOM_VOICE = "voice_"
_MENU_VERBS = ("transfer", "hang_up", "do_not_call")
_DETECTION = {
    "server_vad": ("threshold", "prefix_padding_ms", "silence_duration_ms"),
    "semantic_vad": ("eagerness",),
    "local": ("threshold", "prefix_padding_ms", "silence_duration_ms"),
}
_LONGEST_S = 55 * 60
FILLED_BY_THE_CALL = frozenset({"from_number", "to_number", "direction", "call_id"})
"""Variables that every call fills by itself, whether or not the agent has a `prepare`."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """One agent, where it is written down, and the team it works in."""

    agent: Agent
    source: Source
    members: Mapping[str, Agent]
    first: Agent

    def problem(self, level: Level, sentence: str, *keys: str | int) -> Problem:
        return Problem(self.source.line(*keys), level, sentence, self.source.name)


Rule = Callable[[_Desk], Iterator[Problem]]


def lint(agent: Agent, source: Source, sources: Mapping[str, Source] | None = None) -> list[Problem]:
    """Everything that is wrong with an agent and its team, by file and line.

    `sources`: where the other agents are written down, by name; without it all is told at `source`.
    """
    members = members_of(agent)
    found = [
        problem
        for member in members.values()
        for rule in RULES
        for problem in rule(_Desk(member, (sources or {}).get(member.name, source), members, agent))
    ]
    return sorted(set(found), key=lambda one: (one.source != source.name, one.source, one.line, one.sentence))


def _partial_detection(desk: _Desk) -> Iterator[Problem]:
    if not desk.source.says("turn_detection"):
        return
    detection = desk.agent.turn_detection
    left_out = [name for name in _DETECTION[detection.type] if not desk.source.says("turn_detection", name)]
    if left_out and any(desk.source.says("turn_detection", name) for name in ("type", *_all_detection())):
        taken = ", ".join(f"{name} ({getattr(detection, name)})" for name in left_out)
        sentence = f"turn_detection is partial: it leaves out {taken}; say each, since defaults differ between servers"
        yield desk.problem("warning", sentence, "turn_detection")
    for name in dict.fromkeys(_all_detection()):
        if name not in _DETECTION[detection.type] and desk.source.says("turn_detection", name):
            sentence = f"{name} does nothing with {detection.type}"
            yield desk.problem("warning", sentence, "turn_detection", name)


def _all_detection() -> tuple[str, ...]:
    return tuple(name for names in _DETECTION.values() for name in names)


def _semantic(desk: _Desk) -> Iterator[Problem]:
    if desk.agent.turn_detection.type == "semantic_vad":
        sentence = "semantic_vad may never notice speech on a telephone line; server_vad does"
        yield desk.problem("warning", sentence, "turn_detection", "type")


def _voice(desk: _Desk) -> Iterator[Problem]:
    voice = desk.agent.voice
    if voice in VOICES or voice.startswith(_CUSTOM_VOICE):
        return
    if voice in _SPEECH_VOICES:
        sentence = f"voice {voice!r} is no Realtime voice and gives noise on a phone; marin and cedar are the best"
        yield desk.problem("error", sentence, "voice")
        return
    hint = did_you_mean(voice.lower(), VOICES) or f"; there are {', '.join(VOICES)} and your own (voice_...)"
    # Another server may have voices of its own; with one, its model is named too.
    level: Level = "warning" if desk.agent.model and not desk.agent.model.startswith("gpt-") else "error"
    yield desk.problem(level, f"voice {voice!r} is unknown{hint}", "voice")


def _one_voice(desk: _Desk) -> Iterator[Problem]:
    if desk.agent.voice != desk.first.voice:
        sentence = (
            f"voice {desk.agent.voice!r} is never heard: {desk.first.name!r} speaks first with {desk.first.voice!r}, "
            "and a voice cannot change within a call"
        )
        yield desk.problem("warning", sentence, "voice")


def _handoffs(desk: _Desk) -> Iterator[Problem]:
    for name in missing(desk.agent, dict(desk.members)):
        hint = did_you_mean(name, desk.members)
        if not hint and desk.source.name.endswith(ENDINGS):
            hint = f"; the agent of another file is written as that file, such as {name + '.toml'!r}"
        index = handed_to(desk.agent).index(name)
        yield desk.problem("error", f"handoffs: nobody is called {name!r}{hint}", "handoffs", index)
    for index, other in enumerate(handed_to(desk.agent)):
        if name_of(other) == desk.agent.name:
            yield desk.problem("error", f"{desk.agent.name!r} hands over to itself", "handoffs", index)
        elif isinstance(other, Agent) and desk.members[other.name] is not other:
            sentence = f"two agents of the team are called {other.name!r}"
            yield desk.problem("error", sentence, "handoffs", index)


def _handoff_words(desk: _Desk) -> Iterator[Problem]:
    if desk.agent is not desk.first and not desk.agent.handoff_description.strip():
        sentence = f"{desk.agent.name!r} has no handoff_description, so the others cannot tell when to hand over to it"
        yield desk.problem("warning", sentence, "name")


def _tools(desk: _Desk) -> Iterator[Problem]:
    for index, tool in enumerate(desk.agent.tools):
        if not str(getattr(tool, "description", "there")).strip():
            yield desk.problem("error", f"tool {tool.name!r} has no description", "tools", index)


def _servers(desk: _Desk) -> Iterator[Problem]:
    for source in desk.agent.sources:
        if missing_program := getattr(source, "missing", ""):
            yield desk.problem("warning", f"{missing_program}; calls go without its tools until then", "tools")


def _length(desk: _Desk) -> Iterator[Problem]:
    tokens = agent_tokens(desk.agent)
    key = "prompt" if desk.source.says("prompt") else "instructions"
    if tokens > MOST_TOKENS:
        sentence = f"prompt and tools have about {tokens} tokens; a Realtime session takes {MOST_TOKENS}"
        yield desk.problem("error", sentence, key)
    elif tokens > MOST_TOKENS // 2:
        sentence = f"prompt and tools have about {tokens} tokens, which the model reads again for every answer"
        yield desk.problem("warning", sentence, key)


def _variables(desk: _Desk) -> Iterator[Problem]:
    if desk.agent.prepare is not None:
        return  # what it returns is known when somebody calls
    for name in dict.fromkeys(VARIABLE.findall(desk.agent.greeting)):
        if name not in FILLED_BY_THE_CALL:
            sentence = f"nothing fills {{{name}}} in the greeting; set it in variables or return it from prepare"
            yield desk.problem("error", sentence, "greeting")


def _menu(desk: _Desk) -> Iterator[Problem]:
    for key, meaning in desk.agent.menu.items():
        if not meaning.strip():
            yield desk.problem("error", f"menu: key {key} does nothing; say what it means", "menu", key)
        elif meaning not in _MENU_VERBS and (hint := did_you_mean(meaning.strip().lower(), _MENU_VERBS)):
            sentence = f"menu: key {key} only tells the model {meaning!r}{hint}"
            yield desk.problem("warning", sentence, "menu", key)


def _way_out(desk: _Desk) -> Iterator[Problem]:
    names = {tool.name for tool in desk.agent.all_tools}
    hangs_up = "hang_up" in names or "hang_up" in desk.agent.menu.values()
    if TRANSFER_TOOL in names and not hangs_up and not desk.agent.sources:
        sentence = "it can transfer a call but not end one; add the tool hang_up"
        yield desk.problem("warning", sentence, "transfer_to")


def _time(desk: _Desk) -> Iterator[Problem]:
    agent = desk.agent
    if agent.max_minutes * 60 > _LONGEST_S:
        sentence = f"max_minutes is {agent.max_minutes:g}: a session ends after 60, and 55 leave time for a goodbye"
        yield desk.problem("error", sentence, "max_minutes")
    if 0 < agent.max_minutes <= agent.warn_minutes and desk.source.says("warn_minutes"):
        sentence = f"warn_minutes is {agent.warn_minutes:g}, but a call is over after {agent.max_minutes:g}: no warning"
        yield desk.problem("warning", sentence, "warn_minutes")


def _mentions(desk: _Desk) -> Iterator[Problem]:
    """Tools the instructions speak of. With tools that are only known once a server was asked, nothing can be said."""
    has = {tool.name for tool in desk.agent.all_tools}
    phone_tools = (*PHONE_TOOLS, TRANSFER_TOOL)
    handed = [name_of(one) for one in handed_to(desk.agent)]
    key = "prompt" if desk.source.says("prompt") else "instructions"
    for name in mentioned_tools(desk.agent.instructions, phone_tools):
        of_handoff = any(_slug(other) in name for other in handed)
        if name in has or of_handoff or (desk.agent.sources and name not in phone_tools):
            continue
        how = _how_to_get(name) or did_you_mean(name, has)
        yield desk.problem("warning", f"the prompt mentions the tool {name}, which it does not have{how}", key)


def _how_to_get(name: str) -> str:
    if name == TRANSFER_TOOL:
        return "; it comes with transfer_to"
    return "; add it to tools" if name in PHONE_TOOLS else ""


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


RULES: tuple[Rule, ...] = (
    _partial_detection,
    _semantic,
    _voice,
    _one_voice,
    _handoffs,
    _handoff_words,
    _tools,
    _servers,
    _length,
    _variables,
    _menu,
    _way_out,
    _time,
    _mentions,
)
