"""The opening of an outbound call: what picked up, and the first words to it.

While it rings the model's session is opened and configured. When somebody picks up (`CalleeAnswered`: the carrier
fetched its document; at the latest when the stream attaches) the greeting is asked for, generated and *held* by the
ledger. The judge (`answering.py`) lets it go: with the frame in which the first pause is decided its first audio goes
to the phone. Nothing is generated for calls that nobody answers.

Until then (`desk.opening`) the callee's words are heard, written down and known to the model, but not answered, and
they stop nothing: a "hello?" is no interruption. The server is told so too; when the greeting is let go it gets its own
turn-taking back by a second configuration, and the rules go by the agent's own terms from its confirmation on.

A machine gets the message after its beep (or a recording of ours, or nothing), and the call ends with it. An assistant
that screens calls is told who calls and why; the person it brings is greeted. A verdict that comes after the greeting
was let go stops the agent, as long as there was no dialogue.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.answering import AnswerJudge, Verdict
from bridge.call.departure import Departure
from bridge.call.desk import Desk
from bridge.call.floor import Floor
from bridge.call.limits import AnswerTerms
from bridge.call.model_side import ModelSide
from bridge.call.phases import Intent, ModelLeg, PhoneLeg
from bridge.call.phone_side import PhoneSide
from bridge.call.turn_taking import TurnTaking
from bridge.call.voicemail import Voicemail

LISTEN_S = 40.0
"""How long after the pick-up the line is listened to by ourselves, when it is not a machine that is waited for."""
MENU = (
    "A telephone menu answered, not a person. Listen to its options; press keys if you can, or say what it asks for. "
    "As soon as a person is on the line, begin with this: "
)


class Opening:
    """One outbound call's. For an inbound one it has nothing to do."""

    def __init__(self, desk: Desk, floor: Floor, departure: Departure, phone: PhoneSide, model: ModelSide) -> None:
        self.desk = desk
        self.floor = floor
        self.departure = departure
        self.phone = phone
        self.model = model
        self.press: Callable[[ev.PhoneKey], None] = lambda key: None
        """What a key of a person leads to."""
        self.turns = TurnTaking(desk)
        self.voicemail = Voicemail(desk, floor, departure, self.turns)
        self.answer: AnswerTerms | None = desk.terms.answer
        self.judge: AnswerJudge | None = None
        self._answered = False
        self._asked = False
        self._in_a_pause: Callable[[], None] | None = None  # waits until they fall silent
        self._early: list[ev.CarrierDetected] = []
        self._listens_until = 0.0
        if self.answer is not None:
            desk.opening = True
            self._hold()
            self.turns.take()
            desk.timers.set("ring", desk.now + self.answer.ring_s)

    @property
    def listens(self) -> bool:
        """Is it of use to tell what the line sounds like? Once it is not it never is again."""
        desk = self.desk
        if self.answer is None or desk.over or (self.judge is not None and self.judge.closed):
            return False
        return self.judge is None or desk.opening or desk.now < self._listens_until

    # ---- what happens

    def answered(self, _: ev.CalleeAnswered) -> None:
        """They picked up: the greeting is generated while the stream is still being connected."""
        if self._answered or self.answer is None:
            return
        self._answered = True
        if self.desk.phone is PhoneLeg.AWAITED:
            self.desk.timers.set("ring", self.desk.now + self.desk.terms.ring_s)
        self._prepare_greeting()

    def ring_overdue(self) -> None:
        """Nobody picked up, or they did and no stream came."""
        if self.answer is None or self._answered:
            self.phone.ring_overdue()
        else:
            self.departure.end("no_answer", "carrier", "the carrier never told what became of the call")

    def attached(self, event: ev.PhoneAttached) -> None:
        """The line is on, for the first time or again."""
        desk = self.desk
        if self.answer is None or desk.phone is PhoneLeg.ON:
            self.phone.attached(event)
            return
        self.answered(ev.CalleeAnswered())
        self.phone.attached(event)
        if desk.over or not desk.playback.line_on:
            return
        if self.judge is None:
            self.judge = AnswerJudge(self.answer, desk.now)
            self._listens_until = desk.now + LISTEN_S
            self._arm()
            for early in self._early:
                self.detected(early)
        elif desk.opening and not desk.machine and not self.judge.kind:
            self._asked = False  # what was held went when the line did
            self._prepare_greeting()

    def lost(self, event: ev.PhoneLost) -> None:
        """The line went without a word. What is held would be let go by it."""
        if self.desk.holding and self.desk.phone is PhoneLeg.ON:
            self.floor.withdraw()
        self.phone.lost(event)

    def configured(self, event: ev.ModelConfigured) -> None:
        """The model is there, or has taken another configuration."""
        desk = self.desk
        first = desk.model is not ModelLeg.UP
        self.model.configured(event)
        if not desk.over and desk.model is ModelLeg.UP:
            self.turns.configured(first=first)
            self._prepare_greeting()

    def heard(self, event: ev.LineHeard) -> None:
        """The line sounds otherwise, or goes on as it was."""
        if self.judge is None:
            return
        desk = self.desk
        if not event.voice and event.ms >= self.judge.terms.pause_s * 1000.0:
            self._say_in_pause()
        ours = desk.gate.busy or desk.playback.busy or self._in_a_pause is not None
        self._act(self.judge.line(event, desk.now, ours=ours))

    def detected(self, event: ev.CarrierDetected) -> None:
        """The carrier's own detection. It may know before the stream is here."""
        if self.answer is None:
            return
        if self.judge is None:
            self._early.append(event)
        else:
            self._act(self.judge.carrier(event.answered_by, self.desk.now))

    def caller_text(self, event: ev.CallerText) -> None:
        """Words of whoever picked up."""
        self.floor.caller_text(event)
        if self.judge is not None:
            words = self.desk.turns.words_of(event.item_id)
            self._act(self.judge.words(words, self.desk.now, final=event.final))

    def speech_stopped(self, event: ev.SpeechStopped) -> None:
        """Their turn ended."""
        self.floor.speech_stopped(event)
        if self.desk.dialogue and self.judge is not None:
            self.judge.close()
        self.turns.turn_over()

    def pressed(self, event: ev.PhoneKey) -> None:
        """A key: machines press none, so it is a person's, and a machine that is spoken to means nothing by it."""
        desk, judge = self.desk, self.judge
        if judge is None or judge.closed or not desk.opening:
            self.press(event)
        elif not desk.machine:
            # What the key means comes first; the greeting follows, if there is still something to be said.
            self.voicemail.take_back()
            desk.tell(facts.AnswerJudged("human", f"pressed {event.digit}", desk.now_ms))
            desk.opening = False
            self.press(event)
            if desk.intent is Intent.TALK:
                self.turns.when_up(self.model.greet)
                self.turns.hand_back()
        if judge is not None and not desk.machine:
            judge.close()

    def overdue(self) -> None:
        """The judge's deadline."""
        if self.judge is not None:
            self._act(self.judge.overdue(self.desk.now))

    # ---- what follows

    def _arm(self) -> None:
        at = self.judge.deadline if self.judge is not None else None
        if at is None:
            self.desk.timers.clear("opening")
        else:
            self.desk.timers.set("opening", max(at, self.desk.now))

    def _act(self, verdict: Verdict | None) -> None:
        desk = self.desk
        if self.judge is None or desk.over:
            return
        if desk.dialogue or (desk.intent is not Intent.TALK and desk.message is None):
            self.judge.close()
        elif verdict is not None:
            self._tell_and_follow(verdict)
        if not desk.over:
            self._arm()

    def _tell_and_follow(self, verdict: Verdict) -> None:
        """First what follows, then that it was judged: neither the first word nor a flush waits for those who watch."""
        desk = self.desk
        before = len(desk.out)
        known = verdict.kind == "unanswered" or (verdict.kind == "beep" and desk.machine)
        at_ms = desk.now_ms
        self._follow(verdict)
        if known:
            return
        first_ms = at_ms if any(type(c) is do.Play for c in desk.out[before:]) else -1
        kind = "machine" if verdict.kind == "beep" else verdict.kind
        judged = do.Publish(facts.AnswerJudged(kind, verdict.why, at_ms, first_ms))
        desk.out.insert(before if desk.over else len(desk.out), judged)  # the end comes last

    def _follow(self, verdict: Verdict) -> None:
        assert self.answer is not None  # noqa: S101 - only outbound calls are judged
        match verdict.kind:
            case "human" | "silence":
                if self.desk.opening:
                    self._let_go()
            case "machine":
                self.voicemail.machine(self.answer)
            case "beep":
                self.voicemail.leave_message(self.answer)
            case "screening":
                self._screened(self.answer.screening.strip())
            case "menu":
                self._menu(self.answer)
            case "mailbox_full" | "fax" | "no_service" | "unanswered":
                self.departure.end("machine", "bridge")
            case "busy":
                self.departure.end("busy", "bridge")
            case _:
                pass

    # ---- the greeting

    def _prepare_greeting(self) -> None:
        """Ask for it, and keep it until somebody listens."""
        desk = self.desk
        if self._asked or not self._answered or desk.model is not ModelLeg.UP or not desk.opening or desk.machine:
            return
        if not desk.greeting or (self.judge is not None and self.judge.kind):
            return
        self._asked = True
        self._hold()
        self.model.greet()

    def _hold(self) -> None:
        self.desk.holding = True
        self.desk.playback.hold(self.desk.now)

    def _let_go(self) -> None:
        """Somebody listens: what was held goes out at once, what is not there yet as it comes."""
        desk = self.desk
        held, there = desk.holding, self._asked and desk.holding
        desk.opening = desk.holding = desk.machine = False
        if held:
            self.floor.play(desk.playback.release(desk.now))
        desk.greeted_ms = desk.now_ms
        desk.hello = desk.caller_speaking
        desk.active_at = desk.now
        self._in_a_pause = None
        if not there:
            self.turns.when_up(self.model.greet)
        self.turns.hand_back()

    # ---- others than people

    def _screened(self, words: str) -> None:
        """Tell the assistant who calls, in its next pause; without words for it, greet."""
        desk = self.desk
        if words:
            self.voicemail.take_back()
            self._in_a_pause = lambda: self.turns.when_up(lambda: desk.say(words))
            if not desk.caller_speaking:
                self._say_in_pause()
        elif desk.opening:
            self._let_go()

    def _say_in_pause(self) -> None:
        say, self._in_a_pause = self._in_a_pause, None
        if say is not None:
            say()

    def _menu(self, answer: AnswerTerms) -> None:
        """The agent goes on with it, and greets whoever it leads to."""
        if answer.on_menu == "hang_up":
            self.departure.end("machine", "bridge")
        elif self.desk.opening:  # else the greeting is out, and the model hears what answers it
            self.voicemail.take_back()
            self.turns.when_up(self._take_up_menu)

    def _take_up_menu(self) -> None:
        desk = self.desk
        desk.opening = desk.hello = False
        desk.put(do.AddText(MENU + desk.greeting, "system"))
        self.turns.hand_back()
        if not desk.caller_speaking:
            desk.respond()
