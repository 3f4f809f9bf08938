"""The desk that all rules of a call write on: its ledgers, its legs, the time, and the commands of this event.

No rule stands here. The parts (`floor`, `phone_side`, `model_side`, `tool_side`, `departure`) share one desk and are
joined by `core.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.call import commands as do
from bridge.call import facts
from bridge.call.limits import Terms, Timers, ToolTerms
from bridge.call.phases import (
    INTENT_MOVES,
    MODEL_MOVES,
    PHONE_MOVES,
    Cause,
    Intent,
    ModelLeg,
    Phase,
    PhoneLeg,
    phase_of,
)
from bridge.call.playback import SILENCE, Playback
from bridge.call.responses import Request, ResponseGate
from bridge.call.toolcalls import ToolCalls
from bridge.call.turns import Turns

HELD_BYTES = 16_000
"""2 s of caller audio are kept while the model's session opens; older audio is dropped and counted."""


@dataclass(slots=True)
class Message:
    """A message left on an answering machine, as far as it was heard."""

    heard_ms: int = 0
    cut: bool = False
    again: bool = False
    """It was begun a second time."""


@dataclass(slots=True, eq=False, repr=False)
class Desk:
    """One call's state. `now` is the time of the event in hand, `out` what has been decided about it so far."""

    terms: Terms
    now: float
    tone: bytes = b""
    """A soft sound (mu-law) for waits."""
    music: bytes = b""
    """Music (mu-law) for longer ones."""
    recording: bytes = b""
    """What is left on answering machines (mu-law)."""

    agent: str = field(default="", init=False)
    """Which agent of the team speaks; "" is the one the call began with."""
    questions: int = field(default=0, init=False)
    """How many questions the agent has asked into the silence."""
    protected: bool = field(default=False, init=False)
    """Nothing the caller says stops the greeting."""
    greeting_id: str = field(default="", init=False)
    """The response that is the greeting."""
    doubted: str = field(default="", init=False)
    """The caller's item that stopped the agent and may be no word at all."""
    drop_next: bool = field(default=False, init=False)
    """The next response that the server begins by itself is not wanted."""

    # Of outbound calls, see `opening.py`.
    opening: bool = field(default=False, init=False)
    """Whoever picked up is not known to be somebody who listens: what they say is not answered and stops nothing."""
    holding: bool = field(default=False, init=False)
    """What the agent says is kept until it is known that somebody listens."""
    hello: bool = field(default=False, init=False)
    """What the callee says now, or is thought to, is what the greeting answers."""
    greeted_ms: int = field(default=-1, init=False)
    """When the greeting was let go, on the call's clock."""
    machine: bool = field(default=False, init=False)
    """It is a machine: when its line is closed that is how it was meant to end."""
    agent_heard: bool = field(default=False, init=False)
    """One of the agent's turns was heard to its end ..."""
    dialogue: bool = field(default=False, init=False)
    """... and answered."""
    message: Message | None = field(default=None, init=False)
    """What is left on a machine, once we begin to."""
    ours: bool = field(default=False, init=False)
    """The server was told to leave answers and interruptions to us, whatever the agent's own terms are ..."""
    own: Terms | None = field(default=None, init=False)
    """... and these are its own."""
    read_along: bool = field(default=False, init=False)
    """Somebody reads the words as they come, whatever the terms say."""
    listened: bool = field(default=False, init=False)
    """Somebody listens, whether or not the call is recorded."""
    unconfirmed: int = field(default=0, init=False)
    """Configurations that the server has not confirmed."""

    playback: Playback = field(default_factory=Playback, init=False)
    gate: ResponseGate = field(default_factory=ResponseGate, init=False)
    tools: ToolCalls = field(default_factory=ToolCalls, init=False)
    turns: Turns = field(default_factory=Turns, init=False)
    timers: Timers = field(default_factory=Timers, init=False)
    out: list[do.Command] = field(default_factory=list, init=False)
    phone: PhoneLeg = field(default=PhoneLeg.AWAITED, init=False)
    model: ModelLeg = field(default=ModelLeg.OPENING, init=False)
    intent: Intent = field(default=Intent.TALK, init=False)
    phase: Phase = field(default=Phase.RINGING, init=False)
    over: bool = field(default=False, init=False)
    zero: float | None = field(default=None, init=False)
    """When the phone was first attached; the call's clock starts here."""
    frame_at: float = field(init=False)
    """When the last caller audio came."""
    active_at: float = field(init=False)
    """When either side was last heard from."""
    progress_at: float = field(init=False)
    """When the active response last said anything."""
    caller_speaking: bool = field(default=False, init=False)
    answered_caller: bool = field(default=True, init=False)
    """The agent has said something since the caller's last word."""
    fed_bytes: int = field(default=0, init=False)
    fed_offset_ms: int = field(default=0, init=False)
    """Call clock minus the model's clock of audio it was fed."""
    dropped_bytes: int = field(default=0, init=False)
    """Caller audio dropped because the model was not ready in time."""
    model_lost_by: str = field(default="", init=False)
    """Why the model was lost before anybody was there to be told."""
    cut_by_line: bool = field(default=False, init=False)
    """The agent was speaking when the line was lost."""
    unexpected: int = field(default=0, init=False)
    """Events that came when their leg could not have sent them."""
    greeting: str = field(init=False)
    """Instructions for the first response."""
    more_tools: dict[str, ToolTerms] = field(default_factory=dict, init=False)
    """Tools that came during the call."""
    hears: bool = field(default=False, init=False)
    """The model gets what the caller says: it is up, the phone is on, nobody is leaving."""
    _held: list[bytes] = field(default_factory=list, init=False)
    _held_bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        terms = self.terms
        self.frame_at = self.active_at = self.progress_at = self.now
        self.greeting = terms.greeting
        self.tone = self.tone or SILENCE * (8 * terms.tone_ms)
        self.music = self.music or SILENCE * (8 * terms.music_ms)
        self.recording = self.recording or SILENCE * (8 * terms.recording_ms)

    # ---- time

    def ms(self, at: float) -> int:
        """A time on the call's clock, in ms; 0 before the phone was attached."""
        return 0 if self.zero is None else max(0, round((at - self.zero) * 1000))

    @property
    def now_ms(self) -> int:
        """Now, on the call's clock."""
        return self.ms(self.now)

    # ---- saying what is to be done

    def put(self, command: do.Command) -> None:
        """Decide something."""
        self.out.append(command)

    def tell(self, fact: facts.Fact) -> None:
        """Let whoever watches know."""
        self.out.append(do.Publish(fact))

    def respond(self, instructions: str = "", *, tools: bool = True) -> None:
        """Have the model respond, now or when the active response is done. Without `tools` it can only speak."""
        self.ask(self.gate.request(instructions, tools=tools))

    def say(self, words: str) -> None:
        """Have the model say these words, now or when the active response is done."""
        self.ask(self.gate.say(words))

    def ask(self, request: Request | None) -> None:
        """Send what the gate let through."""
        if request is None:
            return
        if self.model is not ModelLeg.UP:  # nobody is there to ask: the gate must not wait for an answer
            self.gate.refused(request.event_id, busy=False)
            return
        self.put(do.Respond(request.event_id, request.instructions, request.tools))
        self.timers.set("respond", self.now + self.terms.respond_s)

    def configure(self) -> None:
        """Send the session's whole configuration, as the agent that speaks."""
        self.unconfirmed += 1
        self.put(do.Configure(self.agent, not self.ours))

    # ---- what is agreed

    def caller_active(self) -> None:
        """The caller made a sound or pressed a key: silence begins anew, and so do the questions into it."""
        self.active_at = self.now
        if self.questions:
            self.questions = 0
            self.timers.set("silence", self.now + self.silence_s)

    @property
    def silence_s(self) -> float:
        """How long nobody may speak before the agent does."""
        more = self.questions < len(self.terms.silence_say)
        return self.terms.silence_after_s if more else self.terms.silence_s

    @property
    def wants_words(self) -> bool:
        """Words are told as they come, not only when their turn is over."""
        return self.read_along or self.terms.words

    @property
    def wants_sound(self) -> bool:
        """The agent's audio is told as it was heard."""
        return self.listened or self.terms.recorded

    def tool_terms(self, name: str) -> ToolTerms:
        """How a tool behaves."""
        return self.terms.tools.get(name) or self.more_tools.get(name) or ToolTerms()

    # ---- caller audio on its way to the model

    def hold(self, audio: bytes) -> None:
        """The model is not there yet: keep the newest 2 s."""
        self._held.append(audio)
        self._held_bytes += len(audio)
        while self._held_bytes > HELD_BYTES:
            old = len(self._held.pop(0))
            self._held_bytes -= old
            self.dropped_bytes += old
            self.fed_offset_ms += old // 8

    def feed_held(self) -> None:
        """The model is there: it gets what was kept, in order."""
        self.fed_bytes += self._held_bytes
        self.out += map(do.Feed, self._held)
        self._held.clear()
        self._held_bytes = 0

    def set_feed_offset(self) -> None:
        """A leg was attached: from here on the two clocks run side by side again."""
        self.fed_offset_ms = self.now_ms - (self.fed_bytes + self._held_bytes) // 8

    # ---- legs

    def move_phone(self, cause: Cause) -> bool:
        """Move the phone leg by its table; False when the event means nothing in its present state."""
        new = PHONE_MOVES.get((self.phone, cause))
        if new is None:
            self.unexpected += 1
            return False
        self.phone = new
        self._show_phase()
        return True

    def move_model(self, cause: Cause) -> bool:
        """Move the model leg by its table."""
        new = MODEL_MOVES.get((self.model, cause))
        if new is None:
            return False
        self.model = new
        self._show_phase()
        return True

    def move_intent(self, cause: Cause) -> bool:
        """Move the intent by its table; leaving is never taken back."""
        new = INTENT_MOVES.get((self.intent, cause))
        if new is None:
            return False
        self.intent = new
        self._show_phase()
        return True

    def _show_phase(self) -> None:
        # Looked at fifty times a second, so it is worked out here and not there.
        self.hears = self.model is ModelLeg.UP and self.phone is PhoneLeg.ON and self.intent is Intent.TALK
        phase = phase_of(self.phone, self.model, self.intent)
        if phase is not Phase.ENDED:  # the end has its own words, see `finish`
            self._set_phase(phase)

    def finish(self) -> None:
        """Nothing follows any more."""
        self.over = True
        self.hears = False
        self.timers.clear_all()
        self._set_phase(Phase.ENDED)

    def _set_phase(self, phase: Phase) -> None:
        if phase is not self.phase:
            self.phase = phase
            self.tell(facts.PhaseChanged(phase.value))
