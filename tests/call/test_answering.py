"""What picked up: tables of what was observed when, and the verdicts that followed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest

from bridge.call import events as ev
from bridge.call.answering import AnswerJudge, Verdict
from bridge.call.limits import AnswerTerms
from bridge.call.phrases import spoken_by

TERMS = AnswerTerms(on_machine="message", message="Please call us back.")
Seen = tuple[float, ev.LineHeard | str]
"""When, and a state of the line, the carrier's word, or words (in quotes) of the callee."""


def speech(at: float, seconds: float) -> list[Seen]:
    """An utterance, as the ear tells it: its beginning, each half second of it, and the silence after it."""
    told: list[Seen] = [(at + 0.08, ev.LineHeard(True, 80))]
    told += [(at + n * 0.5, ev.LineHeard(True, n * 500)) for n in range(1, int(seconds / 0.5) + 1)]
    return told + quiet(at + seconds, 3.0)


def quiet(at: float, seconds: float) -> list[Seen]:
    """Nobody speaks from here on."""
    return [(at + n * 0.1, ev.LineHeard(False, n * 100)) for n in range(1, int(seconds / 0.1) + 1)]


def beep(at: float, ms: int = 240, hz: int = 1000) -> list[Seen]:
    """A tone, and the silence after it."""
    end = at + ms / 1000
    told: list[Seen] = [(at + 0.12, ev.LineHeard(False, 0, hz, 120)), (end, ev.LineHeard(False, 20, hz, ms, True))]
    return told + quiet(end, 3.0)


def story(*parts: list[Seen]) -> list[Seen]:
    """The parts one after another: what a later one says of the line replaces what an earlier one expected."""
    told: list[Seen] = []
    for part in parts:
        lines = [at for at, seen in part if isinstance(seen, ev.LineHeard)]
        if lines:
            told = [(at, seen) for at, seen in told if at < lines[0] or isinstance(seen, str)]
        told += part
    return sorted(told, key=lambda entry: entry[0])


def judged(seen: Iterable[Seen], terms: AnswerTerms = TERMS, until: float = 130.0) -> list[tuple[float, str]]:
    """The verdicts, with their times."""
    judge = AnswerJudge(terms, 0.0)
    found: list[tuple[float, str]] = []

    def add(verdict: Verdict | None, now: float) -> None:
        if verdict is not None:
            assert verdict.why
            found.append((round(now, 2), verdict.kind))

    for now, what in [*seen, (until, "")]:
        while judge.deadline is not None and judge.deadline <= now:
            at = judge.deadline
            add(judge.overdue(at), at)
        if isinstance(what, ev.LineHeard):
            add(judge.line(what, now), now)
        elif what.startswith('"'):
            add(judge.words(what.strip('"'), now, final=True), now)
        elif what:
            add(judge.carrier(what, now), now)
    return found


GREETING = story(speech(0.5, 2.5), speech(3.6, 5.0))
"""A voicemail's: a sentence, a breath, and a long one."""

TABLE: dict[str, tuple[list[Seen], list[tuple[float, str]]]] = {
    "a quick human": (speech(0.4, 0.5), [(1.3, "human")]),
    "a human with a hello of 1.9 s": (speech(0.4, 1.9), [(2.7, "human")]),
    "a human with a long hello": (speech(0.4, 4.0), [(5.6, "human")]),
    "two words and a gap between them": (story(speech(0.4, 0.4), speech(1.0, 0.5)), [(1.9, "human")]),
    "nobody speaks": ([], [(2.0, "silence")]),
    "nobody speaks, and then somebody does": (speech(4.0, 0.6), [(2.0, "silence"), (5.0, "human")]),
    "a voice that begins just before we would": (speech(1.9, 0.6), [(2.9, "human")]),
    "a slow voicemail with a beep": (
        story(GREETING, beep(10.4)),
        [(6.6, "machine"), (10.84, "beep")],
    ),
    "a voicemail known by its words": (
        story(speech(0.3, 3.0), [(3.9, '"I can\'t take your call. Leave a message after the tone."')], beep(5.0)),
        [(3.9, "machine"), (5.44, "beep")],
    ),
    "a short voicemail whose beep comes before its words": (story(speech(0.3, 2.4), beep(3.2)), [(3.64, "beep")]),
    "a voicemail without a beep": (GREETING, [(6.6, "machine"), (11.1, "beep")]),
    "a voicemail that is taken for a person first": (
        story(speech(0.3, 1.2), speech(2.2, 5.0), [(3.0, '"You have reached the voicemail of Bob."')], beep(8.0)),
        [(1.9, "human"), (3.0, "machine"), (8.44, "beep")],
    ),
    "a false beep, and the real one": (
        story(speech(0.5, 7.0), beep(8.0, 180, 440), speech(9.0, 2.0), beep(11.6, 500, 1400)),
        [(7.0, "machine"), (8.38, "beep"), (12.3, "beep")],
    ),
    "a held vowel is no beep": (
        story(speech(0.4, 1.0), [(1.5, ev.LineHeard(False, 20, 400, 120, True))], quiet(1.5, 1.0)),
        [(1.9, "human")],
    ),
    "a key's two tones are no beep": (
        story(
            speech(0.4, 0.5), [(3.0, ev.LineHeard(False, 20, 697, 200, tone_ended=True, second_hz=1209))], quiet(3, 1)
        ),
        [(1.3, "human")],
    ),
    "a mailbox that is full": (
        story(speech(0.5, 4.0), [(4.9, '"The mailbox is full and cannot accept any messages at this time. Goodbye."')]),
        [(4.9, "mailbox_full")],
    ),
    "screening, then a person": (
        story(
            speech(0.5, 4.5),
            [(5.6, '"Please record your name and reason for calling. I will see if this person is available."')],
            speech(20.0, 0.5),
            [(21.2, '"Hello?"')],
        ),
        [(5.6, "screening"), (21.2, "human")],
    ),
    "screening, please hold, then a person without words": (
        story(
            speech(0.5, 4.5),
            [(5.6, '"Please state your name and why you are calling."')],
            speech(12.0, 1.0),
            [(13.6, '"Please stay on the line."')],
            speech(20.0, 0.5),
        ),
        [(5.6, "screening"), (21.9, "human")],
    ),
    "screening, and nobody comes": (
        story(speech(0.5, 4.5), [(5.6, '"Say your name after the tone and I will try to connect you."')]),
        [(5.6, "screening"), (65.6, "unanswered")],
    ),
    "screening that takes a message": (
        story(
            speech(0.5, 4.5),
            [(5.6, '"Please state your name and why you are calling."')],
            speech(14.0, 4.0),
            [(18.5, '"They cannot take your call. Please leave a message after the beep."')],
            beep(19.0),
        ),
        [(5.6, "screening"), (18.5, "machine"), (19.44, "beep")],
    ),
    "a menu": (
        story(speech(0.5, 5.5), [(4.0, '"Thank you for calling Acme. For sales, press one."')]),
        [(4.0, "menu")],
    ),
    "a voicemail that offers keys": (
        story(speech(0.5, 8), [(4.0, '"Leave a message after the tone, or press 1 for more options."')], beep(9.0)),
        [(4.0, "machine"), (9.44, "beep")],
    ),
    "a fax machine": ([(1.62, ev.LineHeard(False, 0, 2100, 620))], [(1.62, "fax")]),
    "a calling fax": ([(0.5, ev.LineHeard(False, 0, 1101, 500, True))], [(0.5, "fax")]),
    "the number is not in service": (
        [
            (0.6, ev.LineHeard(False, 20, 950, 340, True)),
            (0.95, ev.LineHeard(False, 20, 1400, 340, True)),
            (1.3, ev.LineHeard(False, 20, 1777, 340, True)),
        ],
        [(1.3, "no_service")],
    ),
    "a busy tone": (
        [(0.6 + n, ev.LineHeard(False, 20, 480, 520, True, 620)) for n in range(3)],
        [(2.0, "silence"), (2.6, "busy")],
    ),
    "the carrier knows first": (
        story([(1.0, "machine_start")], speech(0.3, 3.0), beep(4.0)),
        [(1.0, "machine"), (4.44, "beep")],
    ),
    "the carrier is late, we greeted": (
        story(speech(0.3, 1.2), [(9.0, "machine_end_beep")]),
        [(1.9, "human"), (9.0, "beep")],
    ),
    "the carrier says it twice, after our own beep": (
        story(speech(0.3, 7.0), beep(8.0), [(8.6, "machine_end_beep"), (8.7, "machine_end_beep")]),
        [(6.8, "machine"), (8.44, "beep")],
    ),
    "the carrier hears the beep that came after a long silence": (
        story(speech(0.3, 7.0), [(11.0, "machine_end_beep")]),
        [(6.8, "machine"), (9.8, "beep"), (11.0, "beep")],
    ),
    "the carrier says human, of a voicemail": (
        story(speech(0.3, 3.0), [(1.0, "human"), (4.2, '"Please leave a message."')], beep(5.0)),
        [(3.7, "human"), (4.2, "machine"), (5.44, "beep")],
    ),
    "the carrier shortens a long hello": (story(speech(0.3, 4.0), [(3.0, "human")]), [(4.7, "human")]),
    "the carrier is unsure": (story(speech(0.3, 0.5), [(3.0, "unknown")]), [(1.2, "human")]),
    "the carrier hears a fax": ([(3.0, "fax")], [(2.0, "silence"), (3.0, "fax")]),
    "a very long hello was no machine's": (
        story(speech(0.3, 6.5), speech(9.0, 0.5)),
        [(6.8, "machine"), (10.7, "human")],
    ),
    "a person takes the receiver from the machine": (
        story(speech(0.3, 6.5), speech(8.2, 0.5)),
        [(6.8, "machine"), (9.9, "human")],
    ),
    "a greeting without an end": (
        story(*(speech(0.3 + n * 6.0, 5.5) for n in range(9))),
        [(6.38, "machine"), (45.0, "beep")],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_picked_up(name: str) -> None:
    seen, verdicts = TABLE[name]
    assert judged(seen) == verdicts


@pytest.mark.parametrize("late", [0.0, 1.0, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("words", list(itertools.permutations(["machine_end_beep", "machine_end_beep", "unknown"], 2)))
def test_the_carrier_may_come_at_any_time_twice_and_in_any_order(late: float, words: Sequence[str]) -> None:
    voicemail = story(speech(0.5, 7.0), beep(8.0))
    seen = sorted([*voicemail, (late, words[0]), (late + 0.1, words[1])], key=lambda entry: entry[0])
    kinds = [kind for _, kind in judged(seen)]
    assert kinds[-1] == "beep"  # the message is left, whatever the carrier said and when
    assert kinds.count("beep") <= 2


@pytest.mark.parametrize("by", ["human", "machine_start", "machine_end_other", "fax", "unknown"])
def test_after_a_dialogue_nobody_is_believed_any_more(by: str) -> None:
    judge = AnswerJudge(TERMS, 0.0)
    for now, seen in speech(0.3, 0.5):
        assert isinstance(seen, ev.LineHeard)
        judge.line(seen, now)
    assert judge.kind == "human"
    judge.close()
    assert judge.carrier(by, 20.0) is None
    assert judge.words("Please leave a message after the tone.", 21.0, final=True) is None


def test_while_we_tell_an_assistant_who_calls_what_it_says_is_no_person() -> None:
    judge = AnswerJudge(TERMS, 0.0)
    assert judge.words("Please state your name and why you are calling.", 5.0, final=True) is not None
    for now, seen in speech(6.0, 0.5):
        assert isinstance(seen, ev.LineHeard)
        assert judge.line(seen, now, ours=True) is None
    assert judge.deadline == 65.0


SPOKEN = {
    "Hi, this is Bob. I'm not here, leave me a message.": "machine",
    "At the tone, please record your message.": "machine",
    "The person you are trying to reach is not available.": "machine",
    "Der Teilnehmer ist derzeit leider nicht erreichbar.": "machine",
    "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.": "machine",
    "Deje su mensaje después de la señal.": "machine",
    "Laissez un message après le bip sonore.": "machine",
    "Sorry, the mailbox is full.": "mailbox_full",
    "Die Mailbox ist voll.": "mailbox_full",
    "El buzón de voz está lleno.": "mailbox_full",
    "La messagerie est pleine.": "mailbox_full",
    "Hi, if you record your name and reason for calling, I'll see if this person is available.": "screening",
    "They use a screening service. Go ahead and say your name, and why you\u2019re calling.": "screening",
    "Diga su nombre y el motivo de su llamada.": "screening",
    "Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs.": "screening",
    "Dites votre nom, s'il vous plaît.": "screening",
    "For English, press 1.": "menu",
    "Drücken Sie die Eins.": "menu",
    "Para español, oprima el dos.": "menu",
    "Pour le français, appuyez sur 2.": "menu",
    "Please hold.": "wait",
    "Hello?": "",
    "Smith and Sons, Mary speaking, how can I help you?": "",
    "Who is calling, please?": "",
    "She is not available right now.": "",
    "": "",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_whose_words_these_are(text: str) -> None:
    assert spoken_by(text) == SPOKEN[text]
