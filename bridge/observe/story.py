"""What happened in a call, put together from its timeline: who spoke when, who waited for whom, what broke.

The timeline tells moments; here they become stretches. All `_ms` are milliseconds since the phone was attached, as in
facts; a moment on the wire (`t`, seconds since the call became known) is brought to that clock by the line in which the
phone was attached. Pure: lines in, values out.

What a caller waits for is split at five moments, each where it can be measured:

    stopped      the caller's last sound                            (fact CallerStopped, or the last key)
    noticed      the model's turn detection said so                 (when that fact became known)
    first_audio  the first audio of the answer came from the model  (`since` of the audio line behind its item)
    first_frame  the first of it left for the phone                 (`since` of the line to the phone)
    heard        the phone played it                                (by its marks: fact AgentSaid)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Said = Mapping[str, Any]
"""One line of a timeline."""


@dataclass(frozen=True, slots=True)
class Wait:
    """From the caller's last sound to the first sound of the answer; each moment is never before the one above it."""

    stopped_ms: int
    noticed_ms: int
    first_audio_ms: int
    first_frame_ms: int
    heard_ms: int | None
    """None: nothing of the answer was heard."""

    @property
    def legs(self) -> dict[str, int]:
        """How long each leg took: turn_detection, model, bridge, and phone where it is known."""
        found = {
            "turn_detection": self.noticed_ms - self.stopped_ms,
            "model": self.first_audio_ms - self.noticed_ms,
            "bridge": self.first_frame_ms - self.first_audio_ms,
        }
        return found if self.heard_ms is None else found | {"phone": self.heard_ms - self.first_frame_ms}

    @property
    def total_ms(self) -> int:
        """All of it, as far as it is known."""
        return sum(self.legs.values())


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """A stretch of the caller's speech, or of a sound that was taken for it. `text` "" : no words are known."""

    start_ms: int
    end_ms: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """A turn of the agent. `end_ms` is where hearing ended, be it that it was all or that it was cut."""

    item_id: str
    start_ms: int
    end_ms: int
    length_ms: int
    heard_ms: int
    cut: bool
    text: str
    heard_text: str
    left_ms: int
    """When its first frame left for the phone."""
    wait: Wait | None
    """None: it answers nobody."""


@dataclass(frozen=True, slots=True)
class ToolRan:
    """A tool that was called."""

    name: str
    arguments: str
    output: str
    ok: bool
    start_ms: int
    end_ms: int | None
    """None: it never answered."""


@dataclass(frozen=True, slots=True)
class WasCut:
    """The caller took the floor. `resumed_ms`: and the agent went on then, because it had been no word."""

    at_ms: int
    item_id: str
    heard_ms: int
    why: str
    resumed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Broke:
    """Something went wrong and was noticed; `where` is model, phone or tool."""

    at_ms: int
    where: str
    code: str
    message: str


@dataclass(slots=True)
class Story:
    """One call."""

    answered: bool = False
    answered_t: float = 0.0
    end_ms: int = 0
    ended: Mapping[str, Any] | None = None
    """The fact CallEnded; None: the call is not over, or was killed."""
    caller: list[CallerSpoke] = field(default_factory=list)
    agent: list[AgentSpoke] = field(default_factory=list)
    tools: list[ToolRan] = field(default_factory=list)
    cuts: list[WasCut] = field(default_factory=list)
    troubles: list[Broke] = field(default_factory=list)
    phases: list[tuple[int, str]] = field(default_factory=list)
    keys: list[tuple[int, str]] = field(default_factory=list)
    """Entries, as they were told when they were whole."""
    presses: list[tuple[int, str]] = field(default_factory=list)
    """Single keys, when they were pressed."""
    guarded: list[tuple[int, str]] = field(default_factory=list)
    handovers: list[tuple[int, str]] = field(default_factory=list)
    unanswered: list[tuple[int, int]] = field(default_factory=list)
    """Turns of the caller that nobody answered: when they stopped, and when the waiting ended."""
    phone_in_ms: int = 0
    phone_out_ms: int = 0
    marks_back: int = 0
    garbage: dict[str, int] = field(default_factory=dict)
    """Messages that were not understood, by side."""
    wanted_format: str = ""
    """The model's output format, as we asked for it last, and as it said it has it."""
    told_format: str = ""
    model: str = ""
    """As its server calls it."""
    phone_format: str = ""
    """What the phone's stream said about its audio: encoding, rate, channels."""

    @property
    def waits(self) -> list[Wait]:
        """Every answered wait, in order."""
        return [spoke.wait for spoke in self.agent if spoke.wait is not None]


def read_story(timeline: Sequence[Said]) -> Story:
    """What happened. A line that is not as it should be is left out: this is for calls that went wrong."""
    story = Story()
    attached = next((line for line in timeline if line.get("fact") == "CallAnswered"), None)
    story.answered = attached is not None
    story.answered_t = float(attached["t"]) if attached is not None else 0.0
    reader = _Reader(story)
    for line in timeline:
        try:
            reader.take(line)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    reader.finish()
    return story


@dataclass(slots=True)
class _Begun:
    """An agent's turn that has begun."""

    left_ms: int
    wait: Wait | None


class _Reader:
    """Goes through the lines once."""

    def __init__(self, story: Story) -> None:
        self._s = story
        self._speaking: int | None = None
        self._stopped: tuple[int, int] | None = None
        """The caller's last turn that is not answered yet: when it ended, when that was known."""
        self._items: dict[str, int] = {}
        """When the model announced each item."""
        self._since: dict[tuple[str, str], list[int]] = {("model", "in"): [], ("phone", "out"): []}
        self._begun: dict[str, _Begun] = {}
        self._running: dict[str, ToolRan] = {}
        self._facts: dict[str, Callable[[Said, int], None]] = {
            "PhaseChanged": lambda f, ms: self._s.phases.append((ms, str(f["phase"]))),
            "CallerStarted": self._caller_started,
            "CallerStopped": self._caller_stopped,
            "CallerSaid": self._caller_said,
            "KeysPressed": self._keys,
            "AgentStarted": self._agent_started,
            "AgentSaid": self._agent_said,
            "Interrupted": self._interrupted,
            "Resumed": self._resumed,
            "ToolStarted": self._tool_started,
            "ToolUsed": self._tool_used,
            "Trouble": self._trouble,
            "Guarded": lambda f, ms: self._s.guarded.append((int(f["at_ms"]), str(f["name"]))),
            "HandingOver": lambda f, ms: self._s.handovers.append((int(f["at_ms"]), str(f["to"]))),
            "CallEnded": self._ended,
        }

    def take(self, line: Said) -> None:
        """One line."""
        ms = round((float(line["t"]) - self._s.answered_t) * 1000)
        self._s.end_ms = max(self._s.end_ms, ms)
        if "fact" in line:
            known = self._facts.get(line["fact"])
            if known is not None:
                known(line, ms)
        elif "audio_ms" in line:
            self._audio(line)
        elif "text" in line:
            self._s.garbage[line["side"]] = self._s.garbage.get(line["side"], 0) + 1
        elif "raw" in line:
            self._message(line["side"], line["way"], line["raw"], ms)

    def finish(self) -> None:
        """No more lines."""
        if self._speaking is not None:
            self._s.caller.append(CallerSpoke(self._speaking, max(self._speaking, self._s.end_ms)))
        self._left_alone(self._s.end_ms)
        self._s.tools += [tool for tool in self._running.values()]
        self._s.tools.sort(key=lambda tool: tool.start_ms)
        self._s.agent.sort(key=lambda spoke: spoke.start_ms)

    # ---- what went over the wires

    def _audio(self, line: Said) -> None:
        of, length = (line["side"], line["way"]), int(line["audio_ms"])
        if of == ("phone", "in"):
            self._s.phone_in_ms += length
        elif of == ("phone", "out"):
            self._s.phone_out_ms += length
        if "since" in line:
            self._since[of].append(round((float(line["since"]) - self._s.answered_t) * 1000))

    def _message(self, side: str, way: str, raw: Mapping[str, Any], ms: int) -> None:
        if side == "phone":
            self._phone_message(way, raw, ms)
            return
        kind = str(raw["type"])
        if kind == "response.output_item.added":
            self._items[str(raw["item"]["id"])] = ms
        elif kind == "session.created":
            self._s.model = str(raw["session"].get("model", ""))
        elif kind == "session.update":
            self._s.wanted_format = _format(raw) or self._s.wanted_format
        elif kind == "session.updated":
            self._s.told_format = _format(raw)

    def _phone_message(self, way: str, raw: Mapping[str, Any], ms: int) -> None:
        if way == "in" and raw["event"] == "mark":
            self._s.marks_back += 1
        elif way == "in" and raw["event"] == "dtmf":
            self._s.presses.append((ms, str(raw["dtmf"]["digit"])))
        elif way == "in" and raw["event"] == "start":
            told = raw["start"]["mediaFormat"]
            self._s.phone_format = f"{told['encoding']} {told['sampleRate']} Hz, {told['channels']} channel"

    # ---- the caller

    def _caller_started(self, fact: Said, ms: int) -> None:
        self._left_alone(int(fact["at_ms"]))
        self._speaking = int(fact["at_ms"])

    def _caller_stopped(self, fact: Said, ms: int) -> None:
        start, end = int(fact["start_ms"]), int(fact["end_ms"])
        self._s.caller.append(CallerSpoke(start, end))
        self._speaking = None
        self._stopped = (end, max(ms, end))

    def _caller_said(self, fact: Said, ms: int) -> None:
        for at, spoke in enumerate(self._s.caller):
            if spoke.start_ms == int(fact["start_ms"]):
                self._s.caller[at] = replace(spoke, text=str(fact["text"]))
                return

    def _keys(self, fact: Said, ms: int) -> None:
        self._s.keys.append((int(fact["at_ms"]), str(fact["digits"])))
        self._stopped = (int(fact["at_ms"]), max(ms, int(fact["at_ms"])))

    def _left_alone(self, until_ms: int) -> None:
        """The caller goes on, or goes, without an answer to what they said."""
        if self._stopped is not None:
            self._s.unanswered.append((self._stopped[0], until_ms))
            self._stopped = None

    # ---- the agent

    def _agent_started(self, fact: Said, ms: int) -> None:
        item, left = str(fact["item_id"]), int(fact["at_ms"])
        announced = self._items.get(item, left)
        came = [at for at in self._since["model", "in"] if announced <= at <= left]
        audio = min(came, default=left)
        gone = [at for at in self._since["phone", "out"] if at >= audio]
        left = min(gone, default=left)
        wait = None
        if self._stopped is not None and int(fact["latency_ms"]) >= 0:
            stopped, noticed = self._stopped
            noticed = min(max(noticed, stopped), max(audio, stopped))
            audio = max(audio, noticed)
            wait = Wait(stopped, noticed, audio, max(left, audio), None)
        self._stopped = None
        self._since = {of: [] for of in self._since}
        self._begun[item] = _Begun(left, wait)

    def _agent_said(self, fact: Said, ms: int) -> None:
        item, start = str(fact["item_id"]), int(fact["start_ms"])
        begun = self._begun.pop(item, _Begun(start, None))
        wait = begun.wait
        if wait is not None and int(fact["heard_ms"]) > 0:
            wait = replace(wait, heard_ms=max(start, wait.first_frame_ms))
        self._s.agent.append(
            AgentSpoke(
                item,
                start,
                int(fact["end_ms"]),
                int(fact["length_ms"]),
                int(fact["heard_ms"]),
                bool(fact["cut"]),
                str(fact["text"]),
                str(fact["heard_text"]),
                begun.left_ms,
                wait,
            )
        )

    def _interrupted(self, fact: Said, ms: int) -> None:
        cut = WasCut(int(fact["at_ms"]), str(fact["item_id"]), int(fact["heard_ms"]), str(fact["why"]))
        self._s.cuts.append(cut)

    def _resumed(self, fact: Said, ms: int) -> None:
        began = self._s.caller[-1].start_ms if self._s.caller else int(fact["at_ms"])
        self._s.cuts.append(
            WasCut(began, str(fact["item_id"]), int(fact["heard_ms"]), "speech", resumed_ms=int(fact["at_ms"]))
        )

    # ---- tools, trouble, the end

    def _tool_started(self, fact: Said, ms: int) -> None:
        tool = ToolRan(str(fact["name"]), str(fact["arguments"]), "", True, int(fact["at_ms"]), None)
        self._running[str(fact["tool_call_id"])] = tool

    def _tool_used(self, fact: Said, ms: int) -> None:
        self._running.pop(str(fact["tool_call_id"]), None)
        span = int(fact["start_ms"]), int(fact["end_ms"])
        told = str(fact["name"]), str(fact["arguments"]), str(fact["output"])
        self._s.tools.append(ToolRan(*told, bool(fact["ok"]), *span))

    def _trouble(self, fact: Said, ms: int) -> None:
        self._s.troubles.append(Broke(ms, str(fact["where"]), str(fact["code"]), str(fact["message"])))

    def _ended(self, fact: Said, ms: int) -> None:
        self._s.ended = fact
        self._s.end_ms = int(fact["at_ms"]) if self._s.answered else 0


def _format(raw: Mapping[str, Any]) -> str:
    """The output format a session message names, in either dialect; "" when it names none."""
    session = raw["session"]
    given = session.get("output_audio_format") or ((session.get("audio") or {}).get("output") or {}).get("format")
    return str(given.get("type", "")) if isinstance(given, Mapping) else str(given or "")
