"""What Twilio posts to us, and what we answer.

Signatures are checked against `PUBLIC_URL` and never against Host or X-Forwarded headers, which anyone can send.
Twilio signs the URL it was given: scheme (wss for a media socket), host, port if one stands there, path, raw query;
then, for a form, every field's name and value in order of names. Blank fields are signed too.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from bridge.carriers.base import (
    AnswerPlan,
    Apologise,
    AskPerson,
    Detection,
    DialPerson,
    Document,
    HangUp,
    Incoming,
    JoinRoom,
    RawRequest,
    Refuse,
    StatusReport,
    StreamTo,
)
from bridge.carriers.twilio.twiml import document
from bridge.errors import BadSignature, WireError

MAX_FIELDS = 500
"""Twilio sends about 40 fields; it adds some without notice."""

_FORM = "application/x-www-form-urlencoded"
_OVER = {"completed", "busy", "no-answer", "failed", "canceled"}
_CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}").fullmatch
_DEFAULT_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}


_NUMBER = re.compile(r"[0-9]{1,9}").fullmatch


def _number(form: Mapping[str, str], name: str, otherwise: int) -> int:
    text = form.get(name, "")
    return int(text) if _NUMBER(text) else otherwise


def _moment(text: str) -> float | None:
    """`Mon, 23 Nov 2026 05:10:00 +0000` as epoch seconds; None for anything else."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


class _Fields(dict[str, list[str]]):
    """A form as the validator wants it: every value of a repeated name counts."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


class TwilioWebhook:
    """Verifies, reads and answers. `check` off answers anybody and is for loopback only."""

    def __init__(self, public_url: str, tokens: tuple[str, ...], account_id: str, *, check: bool = True) -> None:
        self.public_url = public_url.rstrip("/")
        self._validators = [RequestValidator(token) for token in tokens if token]
        self._account_id = account_id
        self.checks = check

    # ---- who asks

    def verify(self, request: RawRequest) -> None:
        """Raises BadSignature unless one of our tokens signed exactly this request for our public URL."""
        if not self.checks:
            return
        signature = request.headers.get("x-twilio-signature", "")
        if not signature:
            raise BadSignature("no X-Twilio-Signature")
        if not (signature.isascii() and request.path.isascii() and request.query.isascii()):
            raise BadSignature("a signature or URL that is not ASCII")
        if not self.public_url or not self._validators:
            raise BadSignature("PUBLIC_URL or TWILIO_AUTH_TOKEN is not set: nothing can be verified")
        fields = _Fields() if request.websocket else self._form(request)
        for url in self._signed_urls(request):
            for validator in self._validators:
                if hmac.compare_digest(validator.compute_signature(url, fields), signature):
                    return
        kept = "/".join(request.path.split("/")[:3])  # what follows may be a token, and this goes into a log
        raise BadSignature(f"X-Twilio-Signature does not fit {self.public_url}{kept}... with our token")

    def signed_url(self, request: RawRequest) -> str:
        """The URL that this request must have been signed for."""
        return self._signed_urls(request)[0]

    def sign(self, request: RawRequest) -> Mapping[str, str]:
        """The headers with which Twilio would have sent this request, so that `verify` takes it: by the newest token.

        Its own headers count for nothing. Raises BadSignature when there is no public URL or no token.
        """
        if not self.public_url or not self._validators:
            raise BadSignature("PUBLIC_URL or TWILIO_AUTH_TOKEN is not set: nothing can be signed")
        form = {} if request.websocket else {"Content-Type": _FORM}
        fields = _Fields() if request.websocket else self._fields(request.body)
        signature = self._validators[0].compute_signature(self.signed_url(request), fields)
        return form | {"X-Twilio-Signature": str(signature)}

    def _signed_urls(self, request: RawRequest) -> list[str]:
        """The URL Twilio was given, and the same with its port spelled the other way (both are in use)."""
        base = urlsplit(self.public_url)
        scheme = base.scheme
        if request.websocket:
            scheme = {"https": "wss", "http": "ws"}[scheme]
        host = base.netloc.rpartition("@")[2].removesuffix(f":{base.port}")  # as written: that is what is signed
        tail = base.path + request.path + (f"?{request.query}" if request.query else "")
        ports = [f":{base.port}" if base.port else ""]
        if base.port in (None, _DEFAULT_PORTS[scheme]):
            ports.append("" if base.port else f":{_DEFAULT_PORTS[scheme]}")
        return [f"{scheme}://{host}{port}{tail}" for port in ports]

    # ---- what they say

    def _form(self, request: RawRequest) -> _Fields:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise BadSignature("not a form as Twilio posts it")
        return self._fields(request.body)

    def _fields(self, body: bytes) -> _Fields:
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadSignature("a form that cannot be read") from None
        fields = _Fields()
        for name, value in pairs:
            fields.setdefault(name, []).append(value)
        return fields

    def form(self, request: RawRequest) -> Mapping[str, str]:
        """The request's fields; the first of a repeated one. Raises BadSignature when it is no form."""
        return {name: values[0] for name, values in self._form(request).items()}

    def incoming(self, form: Mapping[str, str]) -> Incoming:
        """An incoming call. Raises WireError when the form is none, or not for our account."""
        call_id, account_id = self._call_id(form), form.get("AccountSid", "")
        if self._account_id and account_id != self._account_id:
            raise WireError("a call of another account")
        return Incoming(call_id, account_id, form.get("From", ""), form.get("To", ""), form.get("CallStatus", ""))

    def report(self, form: Mapping[str, str]) -> StatusReport:
        """A status callback. Raises WireError when the form is none. What is missing or unreadable in it is left out:
        Twilio adds and drops fields, and the status is what counts."""
        status = form.get("CallStatus", "")
        over = status in _OVER
        return StatusReport(
            self._call_id(form),
            status,
            over,
            sip=_number(form, "SipResponseCode", 0),
            duration_s=_number(form, "CallDuration", 0) if over else None,
            answered_by=form.get("AnsweredBy", ""),
            sequence=_number(form, "SequenceNumber", -1),
            at=_moment(form.get("Timestamp", "")),
            error_code=_number(form, "ErrorCode", 0),
            to=form.get("To", ""),
            from_=form.get("From", ""),
        )

    def detection(self, form: Mapping[str, str]) -> Detection:
        """The result of asynchronous answering-machine detection. Raises WireError when there is none in the form."""
        answered_by = form.get("AnsweredBy", "")
        if not answered_by:
            raise WireError("no AnsweredBy")
        return Detection(self._call_id(form), answered_by, _number(form, "MachineDetectionDuration", 0))

    @staticmethod
    def _call_id(form: Mapping[str, str]) -> str:
        call_id = form.get("CallSid", "")
        if _CALL_SID(call_id) is None:
            raise WireError("no CallSid")
        return call_id

    # ---- what we answer

    @cached_property
    def _media_base(self) -> str:
        return "ws" + self.public_url.removeprefix("http")

    def answer(self, plan: AnswerPlan) -> Document:
        """The TwiML that makes Twilio do this."""
        match plan:
            case StreamTo():
                text = document(
                    "answer",
                    {
                        "keys": plan.keys_first,
                        "stream_url": self._media_base + plan.media_path,
                        "after_url": self.public_url + plan.after_path,
                        "stream_status_url": self.public_url + plan.stream_status_path,
                    },
                )
            case DialPerson():
                sip = plan.number.startswith(("sip:", "sips:"))
                who = {"number": "" if sip else plan.number, "sip": plan.number if sip else ""}
                urls = {"after_url": plan.after_path, "handed_url": plan.handed_path}
                text = document("transfer", who | {name: self.public_url + path for name, path in urls.items()})
            case AskPerson():
                said = {"message": plan.message, "language": plan.language}
                text = document("person", said | {"said_url": self.public_url + plan.said_path})
            case JoinRoom():
                after = self.public_url + plan.after_path if plan.after_path else ""
                values = {"room": plan.room, "begins": str(plan.begins).lower(), "after_url": after}
                text = document("room", values | {"events_url": self.public_url + plan.events_path})
            case Apologise():
                text = document("fallback", {})
            case HangUp():
                text = document("goodbye", {})
            case Refuse():
                text = document("reject", {})
        return Document(text, "text/xml")
