"""What the other leg hears before it is joined (`<Number url>`, `<Sip url>`), and SIP legs at all."""

from typing import Any

import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import PUBLIC_URL, ReferenceBridge, twiml
from starlette.responses import Response

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.sim.loop import run
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, Listen, Press, Step, Wait
from bridge.sim.twilio.call import SimCall

COLLEAGUE, SIP = "+14155550123", "sip:anna@office.example.test"
EVENTS = "initiated ringing answered completed"
ASK = '<Gather action="/chosen" numDigits="1"><Say>A caller for you. Press one to take it.</Say></Gather><Hangup/>'
WORDS = bytes((0x20,)) * 8000


class Person:
    """Says something as soon as it is joined or at once, stays, hangs up."""

    def __init__(self, stays_s: float, says: bytes = b"", after_s: float = 0.0) -> None:
        self.stays_s, self.says, self.after_s = stays_s, says, after_s

    async def perform(self, phone: Phone) -> None:
        await phone.until(lambda: False, self.after_s)
        phone.say(self.says)
        await phone.until(lambda: False, self.stays_s)


def dialled(
    noun: str, person: Any, *, dial: str = "", caller: Any = None, party: Party | None = None, **pages: Any
) -> tuple[SimCall, ReferenceBridge, Party, list[str]]:
    """A call that is passed on: the call, the application, the other end, and the numbers that were asked for."""
    pages = {f"/{name}": page if isinstance(page, Response) else twiml(page) for name, page in pages.items()}
    verbs = f'<Dial action="/after" {dial}>{noun}</Dial>'
    bridge = ReferenceBridge(pages={"/twilio/voice": twiml(verbs), "/after": twiml("<Hangup/>"), **pages})
    other = party or Party(phone=Phone(person, noise=False))
    asked: list[str] = []

    def directory(number: str) -> Party:
        asked.append(number)
        return other

    async def story() -> SimCall:
        async with world(bridge, directory=directory) as carrier:
            phone = Phone(caller or Person(60), noise=False)
            return await (await carrier.ring(CALLER, NUMBER, phone=phone)).ended()

    return run(story(), limit_s=600), bridge, other, asked


def scripted(*steps: Step) -> Caller:
    return Caller(steps, Hum())


def number(attributes: str = 'url="/whisper"') -> str:
    progress = f'statusCallback="{PUBLIC_URL}/leg" statusCallbackEvent="{EVENTS}"'
    return f"<Number {progress} {attributes}>{COLLEAGUE}</Number>"


def test_a_whisper_is_heard_by_the_other_one_alone_and_then_they_talk() -> None:
    callee = Person(5.0, says=WORDS, after_s=4.0)
    caller = Person(60, says=bytes((0x30,)) * 8000 * 8)
    call, bridge, other, _ = dialled(number(), callee, caller=caller, whisper="<Say>A caller for you.</Say>")
    assert call.problems == []
    (form,) = bridge.forms("/after")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "true")
    (whisper,) = bridge.forms("/whisper")
    assert (whisper["CallSid"], whisper["ParentCallSid"]) == (form["DialCallSid"], call.sid)
    assert (whisper["CallStatus"], whisper["Direction"], whisper["To"]) == ("in-progress", "outbound-dial", COLLEAGUE)
    assert rms_dbfs(ulaw_to_pcm16(other.phone.heard.between(0.1, 0.8))) > -40
    assert WORDS in call.heard.sound
    assert bytes((0x30,)) * 8000 in other.phone.heard.sound
    assert call.heard.between(0.0, 3.0).strip(b"\xff") == b""  # nothing of the whisper
    assert [leg["CallStatus"] for leg in bridge.forms("/leg")] == ["initiated", "ringing", "in-progress", "completed"]


def test_a_key_accepts() -> None:
    callee = scripted(Listen(), Press("1"), Wait(6))
    call, bridge, _, _ = dialled(number(), callee, whisper=ASK, chosen="<Say>Thank you.</Say>")
    assert call.problems == []
    assert bridge.forms("/chosen")[0]["Digits"] == "1"
    assert bridge.forms("/after")[0]["DialBridged"] == "true"


@pytest.mark.parametrize(
    ("callee", "chosen"),
    [
        (scripted(Listen(), Press("2"), Wait(60)), "<Hangup/>"),  # no, thanks
        (scripted(Wait(60)), ""),  # no key at all: the <Gather> falls through to <Hangup/>
        (Person(1.0), ""),  # hangs up in the middle of the whisper
    ],
)
def test_refused(callee: Any, chosen: str) -> None:
    call, bridge, other, _ = dialled(number(), callee, whisper=ASK, chosen=chosen)
    assert call.problems == []
    (form,) = bridge.forms("/after")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "false")
    assert not other.phone.connected
    assert bridge.forms("/leg")[-1]["CallStatus"] == "completed"
    assert call.end_reason == "twiml_hangup"


def test_a_whisper_that_cannot_be_had_leaves_them_apart() -> None:
    call, bridge, _, _ = dialled(number(), Person(60), whisper=Response(status_code=500))
    assert [problem.code for problem in call.problems] == [11200]
    assert bridge.forms("/after")[0]["DialBridged"] == "false"


def test_verbs_that_do_not_belong_there_are_skipped() -> None:
    call, bridge, _, _ = dialled(number(), Person(5), whisper="<Dial>+14155550124</Dial><Say>Hello.</Say>")
    assert [problem.code for problem in call.problems] == [12200]
    assert bridge.forms("/after")[0]["DialBridged"] == "true"


def test_a_caller_who_hangs_up_in_the_whisper_takes_the_other_along() -> None:
    call, bridge, other, _ = dialled(number(), Person(60), caller=Person(4.0), whisper='<Pause length="30"/>')
    assert call.end_reason == "caller_hung_up"
    assert not other.phone.connected
    assert bridge.forms("/leg")[-1]["CallStatus"] == "completed"


def test_the_caller_goes_on_ringing_through_the_whisper() -> None:
    call, bridge, other, _ = dialled(
        number(), Person(8), dial='answerOnBridge="true"', whisper='<Pause length="3"/><Say>Hello.</Say>'
    )
    assert bridge.forms("/whisper")[0]["CallStatus"] == "in-progress"
    joined_s = call.answered_s
    assert joined_s is not None and other.phone.heard.began_s is not None
    assert joined_s - other.phone.heard.began_s > 3


def test_hangup_on_star_and_the_time_limit() -> None:
    keys = scripted(Wait(4), Press("*"), Wait(60))
    call, bridge, other, _ = dialled(number(""), Person(60), dial='hangupOnStar="true"', caller=keys)
    assert (bridge.forms("/after")[0]["DialBridged"], call.end_reason) == ("true", "twiml_hangup")
    assert not other.phone.connected
    _, bridge, _, _ = dialled(number(""), Person(60), dial='timeLimit="5"')
    assert bridge.forms("/after")[0]["DialCallDuration"] == "5"


def sip(address: str = SIP, attributes: str = "") -> str:
    progress = f'statusCallback="{PUBLIC_URL}/leg" statusCallbackEvent="{EVENTS}"'
    return f"<Sip {progress} {attributes}>{address}</Sip>"


def test_a_sip_address_is_dialled_like_a_number() -> None:
    call, bridge, _, asked = dialled(sip(attributes='url="/whisper"'), Person(5, WORDS, 2), whisper="<Say>Hi.</Say>")
    assert call.problems == []
    assert asked == [SIP]
    (form,) = bridge.forms("/after")
    assert (form["DialCallStatus"], form["DialBridged"], form["DialSipResponseCode"]) == ("completed", "true", "200")
    assert WORDS in call.heard.sound
    assert bridge.forms("/whisper")[0]["To"] == SIP
    legs = bridge.forms("/leg")
    assert [leg["CallStatus"] for leg in legs] == ["initiated", "ringing", "in-progress", "completed"]
    assert legs[0]["ToCountry"] == ""


def test_a_sip_address_that_is_busy() -> None:
    call, bridge, _, _ = dialled(sip(f"{SIP};transport=tls?X-Reason=order"), None, party=Party(does="busy"))
    assert call.problems == []
    (form,) = bridge.forms("/after")
    assert (form["DialCallStatus"], form["DialSipResponseCode"]) == ("busy", "486")
    assert "DialBridged" not in form


@pytest.mark.parametrize("address", ["", "anna@office.example.test", "sip:", COLLEAGUE])
def test_what_is_no_sip_address(address: str) -> None:
    call, bridge, _, asked = dialled(sip(address), Person(5))
    assert [problem.code for problem in call.problems] == [13243]
    assert bridge.forms("/after")[0]["DialCallStatus"] == "failed"
    assert asked == []
