"""The people of the pretend world: who they are, what they do when called, and what they cost."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from carrier_world import NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, STREAM, TOKEN, ReferenceBridge, twiml
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.errors import UsageError
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.crowd import KINDS, SHARES, Crowd, Kind, read_people, read_shares
from bridge.sim.loop import run
from bridge.sim.twilio.call import Inline, SimCall
from bridge.sim.twilio.lifecycle import Order

TO = "+14155550123"
WAITS = '<Response><Pause length="30"/></Response>'


def called(kind: Kind, bridge: ReferenceBridge, *, keep: bool = False, seed: int = 1, **order: Any) -> SimCall:
    """One call to somebody of a kind, placed by the carrier's own client."""

    async def story() -> SimCall:
        async with world(bridge, directory=Crowd(seed, people={TO: [kind]}, keep=keep)) as carrier:
            client = Client(ACCOUNT, TOKEN)
            client.api.base_url = carrier.url
            fields = {"status_callback": f"{PUBLIC_URL}/progress", "timeout": 25} | order
            made = await asyncio.to_thread(lambda: client.calls.create(to=TO, from_=NUMBER, **fields))
            return await carrier.calls[str(made.sid)].ended()

    return run(story(), limit_s=1000)


def test_the_same_people_live_at_the_same_numbers() -> None:
    numbers = [f"+1415555{n:04d}" for n in range(3000)]
    one, other = Crowd(7), Crowd(8)
    people = {number: one.person(number) for number in numbers}
    assert {number: Crowd(7).person(number) for number in reversed(numbers)} == people
    assert sum(people[number] == other.person(number) for number in numbers) < 1500
    counted = Counter(person.kind for person in people.values())
    for kind, share in SHARES.items():
        assert counted[kind] / 3000 == pytest.approx(share, abs=0.03)
    rings = sorted(person.ring_s for person in people.values())
    assert 7 < rings[1500] < 12
    assert rings[-1] == 22.0
    machines = [person.ring_s for person in people.values() if person.kind == "voicemail"]
    assert sum(ring_s >= 15 for ring_s in machines) / len(machines) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(
    ("kind", "status", "sip"),
    [
        ("no_answer", "no-answer", "487"),
        ("busy", "busy", "486"),
        ("declined", "busy", "603"),
        ("blocked", "failed", "608"),
        ("bad_number", "failed", "404"),
        ("trouble", "failed", "503"),
    ],
)
def test_those_who_are_not_reached(kind: Kind, status: str, sip: str) -> None:
    bridge = ReferenceBridge()
    call = called(kind, bridge, twiml=WAITS)
    assert (call.status, call.heard.segments) == (status, [])
    (form,) = bridge.forms("/progress")
    assert (form["CallStatus"], form["SipResponseCode"]) == (status, sip)
    assert (form["CallDuration"], form["Duration"]) == ("0", "0")


@pytest.mark.parametrize(("kind", "code"), [("invalid", 21211), ("forbidden", 21215)])
def test_those_whom_the_carrier_does_not_call(kind: Kind, code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        called(kind, ReferenceBridge(), twiml=WAITS)
    assert (refused.value.status, refused.value.code) == (400, code)


ANSWERERS: list[tuple[Kind, set[str], set[str]]] = [
    ("human", {"human"}, {"human"}),
    ("voicemail", {"machine_end_beep", "machine_end_silence"}, {"machine_start"}),
    ("mailbox_full", {"machine_end_other"}, {"machine_start"}),
    ("screening", {"human", "machine_end_silence"}, {"human", "machine_start"}),
    ("menu", {"machine_end_silence"}, {"machine_start"}),
    ("fax", {"fax"}, {"fax"}),
    ("silence", {"unknown"}, {"unknown"}),
]


@pytest.mark.parametrize(("kind", "to_the_end", "at_once"), ANSWERERS)
def test_what_detection_takes_them_for(kind: Kind, to_the_end: set[str], at_once: set[str]) -> None:
    for mode, wanted in (("DetectMessageEnd", to_the_end), ("Enable", at_once)):
        bridge = ReferenceBridge()
        wish = {"machine_detection": mode, "async_amd": "true", "async_amd_status_callback": f"{PUBLIC_URL}/amd"}
        call = called(kind, bridge, twiml=WAITS, **wish)
        (form,) = bridge.forms("/amd")
        assert form["AnsweredBy"] in wanted
        assert int(form["MachineDetectionDuration"]) > 1000
        assert bridge.forms("/progress")[-1]["AnsweredBy"] == call.answered_by == form["AnsweredBy"]


def test_detection_may_be_wrong() -> None:
    heard_as = Counter(Crowd(3, shares={"human": 1}, misheard=0.2).person(f"+1{n}").answered_by for n in range(1000))
    assert set(heard_as) == {"human", "machine_end_silence"}
    assert heard_as["machine_end_silence"] == pytest.approx(200, abs=50)


def loudness(ulaw: bytes, hz: float) -> float:
    """How much of a sound is a tone, from 0 to 1: its share of the energy."""
    import numpy as np

    samples = np.frombuffer(ulaw_to_pcm16(ulaw), "<i2").astype(float)
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / 8000)
    return float(2 * abs(samples @ turns) ** 2 / (len(samples) * (samples @ samples) + 1e-9))


def tones(sound: bytes, hz: float) -> int:
    """In how many tenths of a second there is a pure tone."""
    return sum(loudness(sound[at : at + 800], hz) > 0.8 for at in range(0, len(sound) - 800, 800))


def test_a_machine_beeps_and_a_fax_whistles_on_the_stream() -> None:
    numbers = [f"+1415555{n:04d}" for n in range(60)]
    beeps = {step.hz for n in numbers for step in voicemail_of(n) if hasattr(step, "hz")}
    assert beeps == {440.0, 1000.0, 1400.0}
    call = called("fax", ReferenceBridge(), twiml=twiml(STREAM), keep=True)
    assert call.end_reason == "callee_hung_up"
    assert 50 <= tones(call.phone.spoken.sound, 2100.0) <= 60
    seed, beep = next((n, step) for n in range(9) for step in voicemail_of(TO, n) if hasattr(step, "hz"))
    machine = called("voicemail", ReferenceBridge(), twiml=twiml(STREAM), keep=True, seed=seed)
    assert 3 <= tones(machine.phone.spoken.sound, beep.hz) <= 4


def voicemail_of(number: str, seed: int = 5) -> Sequence[Any]:
    return Crowd(seed, people={number: ["voicemail"]}).person(number).score


def test_whom_a_list_names_and_how_they_change_from_call_to_call() -> None:
    people = read_people("number,who\n+14155550123, no_answer busy human  # comes home\n\n# nobody\n+14155550124,fax\n")
    crowd = Crowd(people=people)
    assert [crowd(TO).does for _ in range(4)] == ["no-answer", "busy", "answer", "answer"]
    assert crowd.person("+14155550124").kind == "fax"
    assert crowd.called == {TO: 4}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("+14155550123,hunam", "people, line 1: there is no 'hunam'; there are human"),
        ("# x\n+14155550123", "people, line 2: .* does not say who is there"),
    ],
)
def test_a_list_that_cannot_be_read(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_people(text)


def test_shares() -> None:
    assert read_shares("human=0.5, fax=1") == {"human": 0.5, "fax": 1.0}
    for text, why in (("human=many", "wants a number"), ("ghost=1", "no 'ghost'"), ("human=0", "one of them is above")):
        with pytest.raises(UsageError, match=why):
            read_shares(text)
    assert set(SHARES) < set(KINDS)


def test_thousands_of_people_without_a_voice() -> None:
    """Everybody is called at once; nobody carries a frame of sound, for no stream is there to hear it."""

    async def story() -> list[SimCall]:
        crowd = Crowd(3, voices=False, keep=True)
        carrier = Carrier(
            CarrierOptions(
                PUBLIC_URL, ACCOUNT, TOKEN, ("127.0.0.1", 9), directory=crowd, calls_per_second=100.0, seed=3
            )
        )
        calls = [carrier.dial(NUMBER, f"+1{n + 4150000000}", Order(Inline(WAITS), 25.0)) for n in range(3_000)]
        for call in calls:
            await call.ended()
        await carrier.stop()
        assert carrier.dialled.total() == 3_000
        assert carrier.open_calls == 0
        return calls

    calls = run(story(), limit_s=2000)
    counted = Counter(call.status for call in calls)
    assert counted["completed"] == pytest.approx(2070, abs=100)
    assert counted["no-answer"] == pytest.approx(570, abs=100)
    assert not any(call.heard.segments or call.phone.spoken.segments for call in calls)


def test_a_light_phone_carries_sound_as_soon_as_somebody_listens() -> None:
    bridge = ReferenceBridge()
    call = called("silence", bridge, twiml=twiml('<Pause length="3"/>' + STREAM), keep=True)
    media = [one for one in bridge.messages if one["event"] == "media"]
    assert call.problems == []
    (began_s, sound), *_ = call.phone.spoken.segments
    assert call.answered_s is not None
    assert began_s - call.answered_s == pytest.approx(3.0, abs=0.1)
    assert len(media) == pytest.approx((call.duration_s - 3.0) * 50, abs=10)
    assert len(sound) == pytest.approx(len(media) * 160, abs=1600)
