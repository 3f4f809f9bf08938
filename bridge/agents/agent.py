"""An agent: who answers the phone, what they say, and what they may do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

from bridge.agents.analysis import Analysis
from bridge.agents.fields import hints, mismatch, shown, takes
from bridge.agents.guardrails import Guardrail
from bridge.agents.handoff import Handoff
from bridge.agents.hours import OpeningHours
from bridge.agents.listening import Silence, TurnDetection
from bridge.errors import AgentError
from bridge.tools.base import Call, JSONSchema, Tool, ToolSource, hosted_by, is_source
from bridge.tools.phone import TRANSFER_TOOL, check_destination, transfer_to

_TOOL_PARTS = ("name", "description", "parameters", "manner", "run", "definition")

_LONGEST_DOUBT_MS = 3000
_LONGEST_CALL_MINUTES = 55.0
"""A Realtime session lives for 60 minutes; a call is to end with a goodbye and not with its session."""


_PARTS: tuple[tuple[str, type, bool], ...] = (
    ("turn_detection", TurnDetection, False),
    ("silence", Silence, False),
    ("hours", OpeningHours, True),
    ("analysis", Analysis, True),
)
"""Fields that are dataclasses of their own: name, kind, and whether None will do."""

HOOKS = ("call.started", "turn.completed", "call.ended")
Hook = Callable[[Call, Any], Any]
H = TypeVar("H", bound=Hook)
Prepare = Callable[[Call], "Awaitable[Mapping[str, object] | None] | Mapping[str, object] | None"]


# Without slots: `all_tools` is kept once made.
@dataclass(frozen=True)
class Agent:
    """Who answers. Checked when made: raises AgentError, in one sentence, for what cannot work.

    Change one with `dataclasses.replace`.
    """

    name: str
    """Shown in lists and logs."""
    instructions: str
    """The model's instructions: who it is, what it may say, when to use which tool."""
    greeting: str = ""
    """The first words of a call, spoken as they stand. Empty: the caller speaks first."""
    voice: str = "marin"
    """A voice of the Realtime API: marin and cedar are the best on the phone."""
    tools: Sequence[Tool | ToolSource] = ()
    """What the model may do, and where more of it comes from (MCP servers); kept as a tuple."""
    language: str = "en"
    """What callers speak (ISO 639-1): short turns on a bad line are else written down in any language. Empty: guess."""
    transfer_to: str = ""
    """The number of a person. When set, the model also has the tool `transfer_to_person`."""
    transfer: Literal["cold", "warm"] = "cold"
    """`cold`: put through at once; `warm`: the person is rung and told first, and takes the call by a key. Either way
    the caller comes back when nobody does."""
    model: str = ""
    """A Realtime model; empty: the one of the settings."""
    turn_detection: TurnDetection = field(default_factory=TurnDetection)
    """When a turn ends."""
    transcription_model: str = "gpt-transcribe"
    """Writes down what the caller says, for the records (billed apart); empty: nothing does."""
    noise_reduction: Literal["near_field", "far_field", ""] = "near_field"
    """`near_field` for handsets, `far_field` for speaker phones; empty: none."""
    max_minutes: float = 30.0
    """The call ends after this time."""
    warn_minutes: float = 1.0
    """So long before that the agent says that the time is nearly up; 0 (or longer than the call): no warning."""
    handoffs: Sequence[Agent | str | Handoff] = ()
    """Agents this one may hand the call to: agents, their names in the team, or `Handoff(...)`."""
    handoff_description: str = ""
    """For the other agents: when to hand a call to this one."""
    guardrails: Sequence[Guardrail] = ()
    """Rules on what is said, by the agent or to it. Kept as a tuple."""
    silence: Silence = field(default_factory=Silence)
    """What happens when nobody speaks."""
    protect_greeting: bool = False
    """The greeting is spoken to its end whatever the caller says; their words are heard, and answered after it."""
    false_interruption_ms: int = 0
    """When the caller makes a sound the agent falls silent at once; if no words follow within this time it goes on from
    the very word it was stopped at, and the model never knows. 0: every sound is an interruption for good."""
    menu: Mapping[str, str] = field(default_factory=dict)
    """What keys mean, such as `{"1": "the caller wants the opening hours", "0": "transfer"}`: a key alone, and what the
    model is told when it is pressed. `transfer` hands the call to `transfer_to`, `hang_up` ends it, `do_not_call`
    keeps them from being called again."""
    hours: OpeningHours | None = None
    """When the agent takes calls; None: always."""
    prepare: Prepare | None = None
    """Looks things up before the first word: `async def prepare(call) -> dict`. What it returns fills `{variables}` in
    greeting and instructions, and is told to the model. What it could not find is left out of the greeting."""
    prepare_s: float = 2.0
    """How long that may take; after that the call begins without it."""
    analysis: Analysis | None = None
    """What a text model makes of a call when it is over: summary, disposition, data."""
    _hooks: dict[str, list[Hook]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def on(self, event: str) -> Callable[[H], H]:
        """Have a function called with the call and what happened: `call.started`, `turn.completed`, `call.ended`.

            @agent.on("call.ended")
            async def note(call: Call, fact: object) -> None: ...

        Nothing waits for it; what it raises is logged.
        """
        if event not in HOOKS:
            raise self._wrong(f"there is nothing called {event!r} to hook on to; there are {', '.join(HOOKS)}")

        def keep(function: H) -> H:
            if not takes(function, 2):
                raise self._wrong(f"what hooks on to {event!r} is called with two values: the call, and what happened")
            self._hooks.setdefault(event, []).append(function)
            return function

        return keep

    def hooks(self, event: str) -> tuple[Hook, ...]:
        """The functions to be called when this happens."""
        return tuple(self._hooks.get(event, ()))

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise AgentError("an agent needs a name")
        if not (isinstance(self.instructions, str) and self.instructions.strip()):
            raise self._wrong("it has no instructions; without them the model follows the server's own")
        self._check_kinds()
        if not self.voice:
            raise self._wrong("it has no voice; marin is a good one")
        if self.noise_reduction not in ("near_field", "far_field", ""):
            raise self._wrong(f"noise_reduction is near_field, far_field or empty, not {self.noise_reduction!r}")
        if not (0.0 < self.max_minutes <= _LONGEST_CALL_MINUTES and math.isfinite(self.max_minutes)):
            raise self._wrong(f"max_minutes is between 0 and {_LONGEST_CALL_MINUTES:g}, not {self.max_minutes}")
        self._check_rest()
        self._check_tools()

    def _check_kinds(self) -> None:
        """Told here, or a call would be the first to notice."""
        for name, hint in hints(Agent).items():
            value = getattr(self, name)
            if hint in (str, int, float, bool) and (want := mismatch(value, hint)):
                raise self._wrong(f"{name} is {want}, not {shown(value)}")
        for name, kind, may_be_none in _PARTS:
            value = getattr(self, name)
            if not isinstance(value, kind) and not (value is None and may_be_none):
                article = "an" if kind.__name__[0] in "AO" else "a"
                raise self._wrong(f"{name} is {article} {kind.__name__}(...)")
        if not isinstance(self.menu, Mapping) or not all(isinstance(meaning, str) for meaning in self.menu.values()):
            raise self._wrong("menu is a dict of keys and what they mean, both texts")

    def _check_rest(self) -> None:
        if not _are(self.guardrails, Guardrail):
            raise self._wrong("guardrails is a list of Guardrail(...)")
        object.__setattr__(self, "guardrails", tuple(self.guardrails))
        if not _are(self.handoffs, Agent | str | Handoff):
            raise self._wrong("handoffs is a list of agents, names of agents or Handoff(...)")
        object.__setattr__(self, "handoffs", tuple(self.handoffs))
        if self.transfer not in ("cold", "warm"):
            raise self._wrong(f"transfer is cold or warm, not {self.transfer!r}")
        if not self.warn_minutes >= 0:
            raise self._wrong(f"warn_minutes is 0 or more, not {self.warn_minutes}")
        if not 0 <= self.false_interruption_ms <= _LONGEST_DOUBT_MS:
            raise self._wrong(f"false_interruption_ms is 0 to {_LONGEST_DOUBT_MS}, not {self.false_interruption_ms}")
        look_up: object = self.prepare
        if look_up is not None and not callable(look_up):
            raise self._wrong(f"prepare is a function of the call that returns a dict, not {look_up!r}")
        if callable(look_up) and not takes(look_up, 1):
            raise self._wrong("prepare is called with one value, the call")
        if not self.prepare_s > 0:
            raise self._wrong("prepare_s is more than 0 seconds")
        wrong = [key for key in self.menu if key not in set("0123456789*#")]
        if wrong:
            raise self._wrong(f"menu: {wrong[0]!r} is no key; keys are 0 to 9, * and #")
        if "transfer" in self.menu.values() and not self.transfer_to:
            raise self._wrong("menu: there is nobody to transfer to; set transfer_to")

    @property
    def all_tools(self) -> tuple[Tool, ...]:
        """Everything the model is told of: `tools`, and `transfer_to_person` when there is somebody to transfer to.

        The tools of a source are among them once it is open; one whose name is taken is not, for a server of others
        must not put its own `hang_up` in the place of ours.
        """
        own = {tool.name for tool in (*self._plain_tools, *self._own_tools)}
        found: dict[str, Tool] = {}
        for given in self.tools:
            if is_source(given):
                found |= {tool.name: tool for tool in given.tools if tool.name not in own | found.keys()}
            else:
                tool = cast("Tool", given)
                found[tool.name] = tool
        return (*found.values(), *self._own_tools)

    @property
    def hosted_tools(self) -> tuple[JSONSchema, ...]:
        """What the session is told of besides: servers whose tools the model's own service runs."""
        return tuple(entry for source in self.sources for entry in hosted_by(source))

    @cached_property
    def ways(self) -> tuple[Handoff, ...]:
        """`handoffs`, all in one form."""
        return tuple(way if isinstance(way, Handoff) else Handoff(way) for way in self.handoffs)

    @property
    def sources(self) -> tuple[ToolSource, ...]:
        """What has to be opened before the first call."""
        return tuple(given for given in self.tools if is_source(given))

    @cached_property
    def _plain_tools(self) -> tuple[Tool, ...]:
        return tuple(cast("Tool", given) for given in self.tools if not is_source(given))

    @cached_property
    def _own_tools(self) -> tuple[Tool, ...]:
        return (transfer_to(self.transfer_to, warm=self.transfer == "warm"),) if self.transfer_to else ()

    def _check_tools(self) -> None:
        if not isinstance(self.tools, list | tuple):
            raise self._wrong("tools is a list of tools")
        object.__setattr__(self, "tools", tuple(self.tools))
        tools = self._plain_tools
        for tool in tools:
            if not all(hasattr(tool, part) for part in _TOOL_PARTS):
                hint = "; put @tool above the function" if callable(tool) else ""
                if isinstance(tool, str):
                    hint = "; a tool is the function itself, with @tool above it, neither its name nor its result"
                raise self._wrong(f"{getattr(tool, '__name__', repr(tool))} is not a tool{hint}")
            if not tool.description.strip():
                raise self._wrong(f"tool {tool.name!r} has no description; give its function a docstring")
        if self.transfer_to:
            check_destination(self.transfer_to)
        names = [tool.name for tool in tools] + [TRANSFER_TOOL] * bool(self.transfer_to)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise self._wrong(f"more than one tool is called {', '.join(twice)}")

    def _wrong(self, sentence: str) -> AgentError:
        return AgentError(f"agent {self.name!r}: {sentence}")


def _are(given: object, kind: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(one, kind) for one in given)
