"""The TwiML we answer with, and that nothing a caller or a model says can become markup in it; the forms we read."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.carriers.base import (
    AnswerPlan,
    Apologise,
    AskPerson,
    DialPerson,
    HangUp,
    Incoming,
    JoinRoom,
    Refuse,
    StreamTo,
)
from bridge.carriers.registry import CARRIERS
from bridge.carriers.twilio.webhook import TwilioWebhook
from bridge.carriers.twilio.wire import TwilioWire
from bridge.config import Settings
from bridge.errors import WireError

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
WEBHOOKS = Path(__file__).parents[1] / "fixtures" / "twilio_webhooks.jsonl"
FORMS = {
    case["name"]: case["form"]
    for case in map(json.loads, WEBHOOKS.read_text("utf-8").splitlines())
    if "CallStatus" in case.get("form", {})
}
HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'
GOLDEN: dict[str, tuple[AnswerPlan, str]] = {
    "stream": (
        StreamTo("/twilio/media/m1", "/twilio/after/a1", "/twilio/stream"),
        '<Connect action="https://b.example.test/p/twilio/after/a1" method="POST">'
        '<Stream statusCallback="https://b.example.test/p/twilio/stream" statusCallbackMethod="POST"'
        ' url="wss://b.example.test/p/twilio/media/m1" /></Connect></Response>',
    ),
    "keys first": (
        StreamTo("/m", "/a", "/s", keys_first="ww12#"),
        '<Play digits="ww12#" /><Connect action="https://b.example.test/p/a" method="POST">'
        '<Stream statusCallback="https://b.example.test/p/s" statusCallbackMethod="POST"'
        ' url="wss://b.example.test/p/m" /></Connect></Response>',
    ),
    "person": (
        DialPerson("+14155550123", "/a", "/h"),
        '<Dial action="https://b.example.test/p/a" answerOnBridge="true" method="POST" timeout="25">'
        '<Number statusCallback="https://b.example.test/p/h" statusCallbackEvent="answered">+14155550123</Number>'
        "</Dial></Response>",
    ),
    "a word to a person": (
        AskPerson("A caller <Ada> & co.", "en-GB", "/said"),
        '<Gather action="https://b.example.test/p/said" actionOnEmptyResult="true" input="dtmf" method="POST"'
        ' numDigits="1" timeout="6"><Say language="en-GB">A caller &lt;Ada&gt; &amp; co.</Say><Pause length="3" />'
        '<Say language="en-GB">A caller &lt;Ada&gt; &amp; co.</Say></Gather></Response>',
    ),
    "the person's way into the room": (
        JoinRoom("r1", begins=True, events_path="/e"),
        '<Dial method="POST"><Conference beep="false" endConferenceOnExit="true" maxParticipants="2"'
        ' startConferenceOnEnter="true" statusCallback="https://b.example.test/p/e" statusCallbackEvent="start join">r1'
        "</Conference></Dial></Response>",
    ),
    "the caller's": (
        JoinRoom("r1", begins=False, events_path="/e", after_path="/a"),
        '<Dial action="https://b.example.test/p/a" method="POST"><Conference beep="false" endConferenceOnExit="true"'
        ' maxParticipants="2" startConferenceOnEnter="false" statusCallback="https://b.example.test/p/e"'
        ' statusCallbackEvent="start join">r1</Conference></Dial></Response>',
    ),
    "apology": (
        Apologise(),
        '<Say language="en-US">We are sorry, something went wrong on our side. Please call again in a moment. '
        "Goodbye.</Say><Hangup /></Response>",
    ),
    "nothing": (HangUp(), "<Hangup /></Response>"),
    "busy": (Refuse(), '<Reject reason="busy" /></Response>'),
}


def webhook(public_url: str = "https://b.example.test/p") -> TwilioWebhook:
    return TwilioWebhook(public_url, ("t",), ACCOUNT)


@pytest.mark.parametrize("name", GOLDEN)
def test_documents(name: str) -> None:
    plan, text = GOLDEN[name]
    answer = webhook().answer(plan)
    assert (answer.text, answer.content_type) == (HEAD + text, "text/xml")


def test_a_loopback_bridge_is_reached_by_plain_sockets() -> None:
    text = webhook("http://127.0.0.1:8080/").answer(StreamTo("/m", "/a", "/s")).text
    assert 'url="ws://127.0.0.1:8080/m"' in text


def shape(text: str) -> list[tuple[str, list[str]]]:
    return [(e.tag, sorted(e.attrib)) for e in ElementTree.fromstring(text.encode()).iter()]  # noqa: S314 - our own


HOSTILE = [
    '"/><Hangup/>',
    "</Number><Dial>+1",
    "&lt;Say&gt;",
    "<!--",
    "]]>",
    "a\r\nb",
    "{after_url}",
    "{",
    "é😀",
    "\x00\x0b",
]
VALUES = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=40)


@settings(deadline=None, database=None, derandomize=True, max_examples=150)
@given(VALUES, VALUES)
def test_no_value_becomes_markup_or_breaks_the_document(value: str, keys: str) -> None:
    dialled = webhook().answer(DialPerson(value, "/after/" + value, "/handed/" + value)).text
    if not as_xml_holds(value) or value.startswith(("sip:", "sips:")):
        return  # nobody to dial, or an address with an element of its own
    assert shape(dialled) == shape(GOLDEN_TEXT["person"])
    root = ElementTree.fromstring(dialled.encode())  # noqa: S314 - our own
    number = next(root.iter("Number")).text or ""
    assert number == as_xml_holds(value)
    assert "https://b.example.test" not in number
    stream = webhook().answer(StreamTo("/m/" + value, "/a", "/s", keys_first=keys)).text
    assert shape(stream) == shape(GOLDEN_TEXT["keys first" if as_xml_holds(keys) else "stream"])


def as_xml_holds(text: str) -> str:
    """Without the characters that no XML document can hold; line ends as a parser gives them back."""
    held = (c for c in text if c in "\t\n\r" or 32 <= ord(c) < 0xD800 or (ord(c) >= 0xE000 and c not in "\ufffe\uffff"))
    return "".join(held).replace("\r\n", "\n").replace("\r", "\n")


GOLDEN_TEXT = {name: HEAD + text for name, (_, text) in GOLDEN.items()}


# ---- forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_recorded_forms(name: str) -> None:
    form: dict[str, Any] = FORMS[name]
    status = form["CallStatus"]
    over = status in ("completed", "busy", "no-answer", "failed", "canceled")
    report = webhook().report(form)
    assert (report.carrier_call_id, report.status, report.over) == (form["CallSid"], status, over)
    assert (report.from_, report.to) == (form["From"], form["To"])
    incoming = Incoming(form["CallSid"], ACCOUNT, form["From"], form["To"], status)
    assert webhook().incoming(form) == incoming


def test_forms_that_are_none_of_ours() -> None:
    form = FORMS["incoming_call"]
    for call_id in ("", "CA", "CA" + "g" * 32, "CA" + "0" * 33, "../../etc/passwd", "CA" + "0" * 32 + "\n"):
        with pytest.raises(WireError, match="no CallSid"):
            webhook().incoming(form | {"CallSid": call_id})
        with pytest.raises(WireError, match="no CallSid"):
            webhook().report({"CallSid": call_id, "CallStatus": "completed"})
    with pytest.raises(WireError, match="another account"):
        webhook().incoming(form | {"AccountSid": "AC" + "f" * 32})
    with pytest.raises(WireError, match="another account"):
        webhook().incoming({"CallSid": form["CallSid"]})
    assert TwilioWebhook("https://b.example.test", ("t",), "").incoming(form).account_id == ACCOUNT


def test_the_registry_builds_twilio_from_settings() -> None:
    settings_ = Settings(
        public_url="https://b.example.test", twilio_auth_token="t1, t2", twilio_account_sid=ACCOUNT, insecure_dev=True
    )
    carrier = CARRIERS["twilio"](settings_)
    assert (carrier.name, carrier.account_id) == ("twilio", ACCOUNT)
    first, second = carrier.new_wire(), carrier.new_wire()
    assert isinstance(first, TwilioWire)
    assert first is not second
    assert (first.features.marks, first.features.clear, first.features.keys_in_stream) == (True, True, False)
    assert carrier.webhook.answer(HangUp()).text == GOLDEN_TEXT["nothing"]
