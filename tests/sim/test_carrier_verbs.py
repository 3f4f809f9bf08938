"""TwiML performed: what the caller hears, what is asked for next, how calls end."""

from typing import Any

import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import PUBLIC_URL, ReferenceBridge, twiml
from starlette.responses import Response

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.audio.tones import sine
from bridge.audio.wav import write_wav
from bridge.sim.loop import run
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.twilio.call import SimCall

VOICE = "/twilio/voice"


class Person:
    """Presses keys after a while, says a second of something, stays, hangs up."""

    def __init__(self, stays_s: float = 30.0, keys: str = "", after_s: float = 0.5, says: bytes = b"") -> None:
        self.stays_s, self.keys, self.after_s, self.says = stays_s, keys, after_s, says

    async def perform(self, phone: Phone) -> None:
        phone.say(self.says)
        await phone.until(lambda: False, self.after_s)
        phone.press(self.keys)
        await phone.until(lambda: False, self.stays_s)


def called(verbs: str, person: Person | None = None, **world_options: Any) -> tuple[SimCall, ReferenceBridge]:
    pages = {VOICE: twiml(verbs), "/next": twiml("<Hangup/>")} | world_options.pop("pages", {})
    bridge = ReferenceBridge(pages=pages)

    async def story() -> SimCall:
        async with world(bridge, **world_options) as carrier:
            phone = Phone(person or Person(), noise=False)
            return await (await carrier.ring(CALLER, NUMBER, phone=phone)).ended()

    return run(story(), limit_s=600), bridge


def test_reject_leaves_the_call_unanswered() -> None:
    call, _ = called("<Reject/>")
    assert (call.status, call.answered_at) == ("no-answer", None)
    call, bridge = called('<Reject reason="busy"/>')
    assert call.status == "busy"
    assert bridge.forms("/twilio/status")[0]["SipResponseCode"] == "486"


def test_reject_after_the_answer_is_a_mistake() -> None:
    call, _ = called("<Say>Hello.</Say><Reject/>")
    assert [problem.code for problem in call.problems] == [12200]
    assert call.status == "completed"


def test_say_is_heard() -> None:
    call, _ = called("<Say>Hello.</Say><Hangup/>")
    assert call.end_reason == "twiml_hangup"
    assert rms_dbfs(ulaw_to_pcm16(call.heard.sound)) > -40
    assert call.problems == []


def test_a_pause_first_leaves_it_ringing() -> None:
    call, _ = called('<Pause length="4"/><Reject/>')
    assert (call.status, call.duration_s) == ("no-answer", 0.0)
    assert call.timeline[-1].at_s - call.timeline[0].at_s == pytest.approx(4, abs=0.1)


def test_play_digits_sounds_them_with_their_pauses() -> None:
    call, _ = called('<Play digits="1w2"/><Hangup/>')
    assert call.duration_s == pytest.approx(0.2 + 0.5 + 0.2, abs=0.05)
    assert rms_dbfs(ulaw_to_pcm16(call.heard.between(0.0, 0.1))) > -20
    assert rms_dbfs(ulaw_to_pcm16(call.heard.between(0.3, 0.6))) < -60


def test_play_a_file(tmp_path: Any) -> None:
    write_wav(tmp_path / "tone.wav", sine(440, 700, 16000), 16000)
    wav = Response((tmp_path / "tone.wav").read_bytes(), media_type="audio/wav")
    call, _ = called("<Play>/tone.wav</Play><Hangup/>", pages={"/tone.wav": wav})
    assert call.problems == []
    assert len(call.heard.sound) == pytest.approx(5600, abs=40)


def test_redirect_follows_relative_urls() -> None:
    call, bridge = called("<Redirect>../next</Redirect>")
    assert len(bridge.forms("/next")) == 1
    assert call.end_reason == "twiml_hangup"


def test_gather_collects_keys_until_the_finishing_one() -> None:
    verbs = '<Gather action="/next" input="dtmf"><Say>Your order number, please, and then the hash key.</Say></Gather>'
    call, bridge = called(verbs, Person(keys="4271#"))
    (form,) = bridge.forms("/next")
    assert (form["Digits"], form["FinishedOnKey"]) == ("4271", "#")
    assert call.problems == []


def test_gather_stops_at_the_number_of_digits() -> None:
    _, bridge = called('<Gather action="/next" numDigits="2"/>', Person(keys="4271"))
    assert bridge.forms("/next")[0]["Digits"] == "42"


def test_gather_without_keys_goes_on() -> None:
    call, bridge = called('<Gather action="/next" timeout="2"/><Redirect>/other</Redirect>')
    assert bridge.forms("/next") == []
    assert len(bridge.forms("/other")) == 1
    assert call.duration_s == pytest.approx(2, abs=0.1)
    _, bridge = called('<Gather action="/next" timeout="2" actionOnEmptyResult="true"/>')
    assert bridge.forms("/next")[0]["Digits"] == ""


def dialled(party: Party, attributes: str = "", **person: Any) -> tuple[SimCall, ReferenceBridge]:
    events = "initiated ringing answered completed"
    number = f'<Number statusCallback="{PUBLIC_URL}/leg" statusCallbackEvent="{events}">+14155550123</Number>'
    return called(
        f'<Dial action="/next" {attributes}>{number}</Dial>', Person(**person), directory=lambda number: party
    )


def test_dial_bridges_two_phones() -> None:
    callee = Phone(Person(stays_s=5.0, says=bytes([0x20]) * 8000), noise=False)
    call, bridge = dialled(Party(after_s=3.0, phone=callee), says=bytes([0x30]) * 80000)
    (form,) = bridge.forms("/next")
    assert form["DialCallStatus"] == "completed"
    assert form["DialCallDuration"] == "5"
    assert form["DialBridged"] == "true"
    assert form["DialCallSid"] != call.sid
    assert bytes([0x20]) * 8000 in call.heard.sound
    assert bytes([0x30]) * 8000 in callee.heard.sound
    legs = bridge.forms("/leg")
    assert [leg["CallStatus"] for leg in legs] == ["initiated", "ringing", "in-progress", "completed"]
    assert {leg["ParentCallSid"] for leg in legs} == {call.sid}
    assert call.problems == []


@pytest.mark.parametrize(("does", "status"), [("no-answer", "no-answer"), ("busy", "busy"), ("failed", "failed")])
def test_dial_says_why_nobody_was_reached(does: Any, status: str) -> None:
    call, bridge = dialled(Party(does=does), 'timeout="10"')
    assert bridge.forms("/next")[0]["DialCallStatus"] == status
    assert "DialBridged" not in bridge.forms("/next")[0]
    assert call.problems == []


def test_answer_on_bridge_leaves_the_caller_ringing() -> None:
    call, _ = dialled(Party(does="no-answer"), 'timeout="10" answerOnBridge="true"')
    assert call.answered_at is None
    call, _ = dialled(Party(phone=Phone(Person(stays_s=2.0), noise=False)), 'answerOnBridge="true"')
    assert call.duration_s == pytest.approx(2.5, abs=0.1)


def test_a_caller_who_hangs_up_takes_the_other_leg_along() -> None:
    callee = Phone(Person(stays_s=100.0), noise=False)
    call, bridge = dialled(Party(phone=callee), stays_s=5.0)
    assert call.end_reason == "caller_hung_up"
    assert bridge.forms("/leg")[-1]["CallStatus"] == "completed"
    assert not callee.connected
