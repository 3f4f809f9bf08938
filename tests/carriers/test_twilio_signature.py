"""Who may speak to us: requests signed by the twilio package itself, and everything that is almost such a request."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from bridge.carriers.base import RawRequest
from bridge.carriers.twilio.webhook import MAX_FIELDS, TwilioWebhook
from bridge.errors import BadSignature

WEBHOOKS = Path(__file__).parents[1] / "fixtures" / "twilio_webhooks.jsonl"
RECORDED = [json.loads(line) for line in WEBHOOKS.read_text("utf-8").splitlines()]
TOKEN, OTHER = "5f" * 16, "c0" * 16
FORM = "application/x-www-form-urlencoded"
Pairs = list[tuple[str, str]]


class Form(dict[str, list[str]]):
    """Fields as the twilio package wants repeated ones."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def signed(token: str, url: str, pairs: Pairs) -> str:
    form = Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return str(RequestValidator(token).compute_signature(url, form))


@dataclass(frozen=True)
class Sent:
    """A request on its way, before it is bytes."""

    path: str
    query: str
    pairs: Pairs
    signature: str | None
    websocket: bool = False
    content_type: str = FORM
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> RawRequest:
        headers = {"content-type": self.content_type, **self.headers}
        if self.signature is not None:
            headers["x-twilio-signature"] = self.signature
        body = urlencode(self.pairs).encode() if self.body is None else self.body
        return RawRequest(self.path, self.query, headers, b"" if self.websocket else body, self.websocket)


def verify(public_url: str, sent: Sent, *tokens: str) -> None:
    TwilioWebhook(public_url, tokens or (TOKEN,), "").verify(sent.raw())


def refused(public_url: str, sent: Sent, *tokens: str) -> str:
    with pytest.raises(BadSignature) as error:
        verify(public_url, sent, *tokens)
    return str(error.value)


# ---- what is genuine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["name"]))
def test_recorded_requests_pass(case: dict[str, Any]) -> None:
    url = urlsplit(case["url"])
    form = list(case.get("form", {}).items())
    sent = Sent(url.path, url.query, form, case["x_twilio_signature"], websocket=url.scheme == "wss")
    verify("https://voice.example.test", sent, case["auth_token"])
    refused("https://voice.example.test", sent, OTHER)


def test_the_published_vector() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234"}
    form |= {"From": "+14158675309", "To": "+18005551212"}
    sent = Sent("/myapp.php", "foo=1&bar=2", list(form.items()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    verify("https://mycompany.com", sent, "12345")
    refused("https://mycompany.com", replace(sent, query="foo=1"), "12345")


@pytest.mark.parametrize(
    ("public_url", "signed_base", "websocket"),
    [
        ("https://b.example.test", "https://b.example.test", False),
        ("https://b.example.test", "https://b.example.test:443", False),
        ("https://b.example.test:443", "https://b.example.test", False),
        ("https://b.example.test:443", "https://b.example.test:443", False),
        ("https://b.example.test:8443", "https://b.example.test:8443", False),
        ("https://b.example.test/phone/", "https://b.example.test/phone", False),
        ("https://B.example.test", "https://B.example.test", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ("http://[::1]:8080", "http://[::1]:8080", False),
        ("http://localhost", "http://localhost:80", False),
        ("https://b.example.test", "wss://b.example.test", True),
        ("https://b.example.test", "wss://b.example.test:443", True),
        ("https://b.example.test:443", "wss://b.example.test", True),
        ("https://b.example.test:8443/x", "wss://b.example.test:8443/x", True),
        ("https://[::1]", "wss://[::1]:443", True),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080", True),
    ],
)
def test_the_public_url_is_what_was_signed(public_url: str, signed_base: str, websocket: bool) -> None:
    form: Pairs = [] if websocket else [("CallSid", "CA1"), ("FromCity", "")]
    signature = signed(TOKEN, signed_base + "/twilio/x?a=b%20c&d=+", form)
    sent = Sent("/twilio/x", "a=b%20c&d=+", form, signature, websocket=websocket)
    verify(public_url, sent)
    refused(public_url, replace(sent, websocket=not websocket))
    refused("https://c.example.test", sent)


@pytest.mark.parametrize(
    ("public_url", "signed_base"),
    [
        ("https://b.example.test", "https://b.example.test:80"),
        ("https://b.example.test", "https://b.example.test:8443"),
        ("https://b.example.test:8443", "https://b.example.test"),
        ("https://b.example.test", "http://b.example.test"),
        ("https://b.example.test", "https://b.example.test/prefix"),
        ("https://b.example.test/prefix", "https://b.example.test"),
        ("https://b.example.test", "https://b.example.test.evil.example.test"),
    ],
)
def test_another_place_is_not_ours(public_url: str, signed_base: str) -> None:
    sent = Sent("/x", "", [("A", "1")], signed(TOKEN, signed_base + "/x", [("A", "1")]))
    assert "does not fit" in refused(public_url, sent)


def test_while_a_token_is_rotated_both_are_good_and_a_third_is_not() -> None:
    for token in (TOKEN, OTHER):
        sent = Sent("/x", "", [("A", "1")], signed(token, "https://b.example.test/x", [("A", "1")]))
        verify("https://b.example.test", sent, TOKEN, OTHER)
        verify("https://b.example.test", sent, OTHER, TOKEN)
        refused("https://b.example.test", sent, "00" * 16, "11" * 16)


def test_without_a_token_or_a_url_nobody_is_believed() -> None:
    url = "https://b.example.test/x"
    form = [("A", "1")]
    for tokens in ((), ("",)):
        webhook = TwilioWebhook("https://b.example.test", tokens, "")
        with pytest.raises(BadSignature, match="is not set"):
            webhook.verify(Sent("/x", "", form, signed("", url, form)).raw())
    for websocket in (False, True):
        sent = Sent("/x", "", form, signed(TOKEN, "/x", form), websocket=websocket)
        assert "PUBLIC_URL" in refused("", sent)


def test_insecure_dev_takes_anybody_but_still_reads_only_forms() -> None:
    webhook = TwilioWebhook("http://127.0.0.1:8080", (), "", check=False)
    webhook.verify(Sent("/x", "", [], None).raw())
    assert webhook.form(Sent("/x", "", [("A", "1"), ("A", "2"), ("B", "")], None).raw()) == {"A": "1", "B": ""}
    with pytest.raises(BadSignature):
        webhook.form(Sent("/x", "", [], None, content_type="application/json", body=b"{}").raw())


# ---- what is almost genuine ---------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
NAMES = st.sampled_from(["CallSid", "From", "To", "CallStatus", "SpeechResult", "Digits"]) | WORDS.filter(bool)
PUBLIC = st.sampled_from(["https://b.example.test", "https://b.example.test:8443/p", "http://127.0.0.1:8080"])


@st.composite
def genuine(draw: st.DrawFn) -> tuple[str, Sent]:
    """A public URL and a request that Twilio signed for it."""
    public_url = draw(PUBLIC)
    websocket = draw(st.booleans()) and draw(st.booleans())
    names = draw(st.lists(NAMES, min_size=1, max_size=6))
    pairs: Pairs = [] if websocket else [(name, draw(WORDS)) for name in names]
    path = "/twilio/" + draw(st.sampled_from(["voice", "status", "after/f00", "media/f00"]))
    query = draw(st.sampled_from(["", "a=1", "a=%C3%A9&b=+&b="]))
    base = "ws" + public_url.removeprefix("http") if websocket else public_url
    url = base + path + (f"?{query}" if query else "")
    return public_url, Sent(path, query, pairs, signed(TOKEN, url, pairs), websocket)


def forged_signatures(public_url: str, sent: Sent) -> list[str | None]:
    url = public_url + sent.path + (f"?{sent.query}" if sent.query else "")
    said = url + "".join(name + value for name, value in sorted(set(sent.pairs)))
    sha256 = base64.b64encode(hmac.new(TOKEN.encode(), said.encode(), hashlib.sha256).digest()).decode()
    good = sent.signature or ""
    return [
        None,
        "",
        " ",
        "=" * 28,
        good[:-1],
        good + "=",
        " " + good,
        good.swapcase(),
        "é" + good[1:],
        "\ud800" + good[1:],
        "\x00" + good[1:],
        good + "\x00",
        f"{good},{good}",
        sha256,
        hashlib.sha1(said.encode()).hexdigest(),  # noqa: S324 - a forger's attempt
        signed(OTHER, url, sent.pairs),
        signed("", url, sent.pairs),
        signed(TOKEN, url + "#", sent.pairs),
        signed(TOKEN, url.replace("http", "ftp", 1), sent.pairs),
    ]


@st.composite
def forged(draw: st.DrawFn) -> tuple[str, Sent]:
    """A genuine request with one thing changed that Twilio did not sign."""
    public_url, sent = draw(genuine())
    body = urlencode(sent.pairs).encode()
    other: dict[str, list[Any]] = {
        "signature": forged_signatures(public_url, sent),
        "path": [sent.path + "/", sent.path + "x", "/" + sent.path, sent.path.upper(), "/é", "/\ud800", "/%00", ""],
        "query": ["a=1&a=1", "a=2", "bodySHA256=" + hashlib.sha256(b"").hexdigest(), "é", "\ud800=", sent.query + "&"],
        "websocket": [not sent.websocket],
    }
    if sent.pairs:
        types = ["", "application/json", "multipart/form-data; boundary=x", "text/plain", FORM + "x", "é"]
        charsets = [b"\xff" + body, urlencode(sent.pairs).encode("utf-16"), b"A=\xe9&" + body, b"\xef\xbb\xbf" + body]
        junk = [b"", b"{}", body + b"&x", body + b"&x=%", body + b"&=1", b"\0" + body, body + b"&a=1" * MAX_FIELDS]
        other |= {"content_type": types, "body": charsets + junk, "pairs": [draw(forged_pairs(sent.pairs))]}
    name = draw(st.sampled_from([*other, "elsewhere"]))
    if name == "elsewhere":
        places = ["https://b.example.test/p", "https://b.example.test:8444", "http://127.0.0.1", "https://127.0.0.1"]
        return draw(st.sampled_from(places)), sent
    return public_url, replace(sent, **{name: draw(st.sampled_from(other[name]))})


@st.composite
def forged_pairs(draw: st.DrawFn, pairs: Pairs) -> Pairs:
    """The fields with one added, blank, removed, changed or renamed."""
    at = draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[at]
    instead: list[Pairs] = [
        [pairs[at], (draw(NAMES), draw(WORDS))],
        [pairs[at], (draw(NAMES), "")],
        [],
        [(name, draw(WORDS))],
        [(draw(NAMES), value)],
    ]
    return [*pairs[:at], *draw(st.sampled_from(instead)), *pairs[at + 1 :]]


@settings(deadline=None, database=None, derandomize=True, max_examples=100)
@given(genuine())
def test_generated_genuine_requests_pass(case: tuple[str, Sent]) -> None:
    public_url, sent = case
    verify(public_url, sent)
    # Headers that anyone can send, and the order and repetition of equal fields, which Twilio does not sign.
    spoof = {"host": "evil.example.test", "x-forwarded-proto": "http", "x-forwarded-host": "evil.example.test"}
    spoof |= {"x-forwarded-port": "1", "forwarded": "host=evil", "x-twilio-webhooks-signature-settings": "algorithm=x"}
    verify(public_url, replace(sent, headers=spoof))
    verify(public_url, replace(sent, pairs=sent.pairs[::-1] + sent.pairs[:1]))
    verify(public_url, replace(sent, content_type=FORM.upper() + "; charset=UTF-8"))


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(forged())
def test_of_300_mutations_none_is_accepted(case: tuple[str, Sent]) -> None:
    public_url, sent = case
    if sent.body is None and not sent.websocket and unseen_by_twilio_itself(public_url, sent):
        verify(public_url, sent)
    else:
        refused(public_url, sent)


def unseen_by_twilio_itself(public_url: str, sent: Sent) -> bool:
    """Is what is signed still the same? Names and values are joined without a sign between: nobody could tell."""
    if sent.content_type != FORM or not (sent.path + sent.query).isascii():
        return False
    url = public_url + sent.path + (f"?{sent.query}" if sent.query else "")
    return signed(TOKEN, url, sent.pairs) == sent.signature


@settings(deadline=None, database=None, derandomize=True, max_examples=100)
@given(genuine(), st.text(), st.text(), st.binary(max_size=200), st.text())
def test_noise_is_refused_and_nothing_else_is_raised(
    case: tuple[str, Sent], path: str, query: str, body: bytes, signature: str
) -> None:
    public_url, sent = case
    noise = replace(sent, path=path, query=query, body=body, signature=signature)
    refused(public_url, noise)
    refused(public_url, replace(noise, websocket=not sent.websocket))
