"""The form fields the phone company posts, in its order, the empty ones included."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from bridge.sim.twilio.webhook import Form

API_VERSION = "2010-04-01"
_PLACE = ("City", "State", "Zip", "Country")


@lru_cache(maxsize=4096)  # every request about a call has them, and all are kept
def _party(prefix: str, number: str) -> Form:
    country = "US" if number.startswith("+1") else ""
    return ((prefix, number), *((prefix + part, country if part == "Country" else "") for part in _PLACE))


def call_form(
    account_sid: str, call_sid: str, from_: str, to: str, *, direction: str, status: str, parent_sid: str = ""
) -> list[tuple[str, str]]:
    """What every request about a call carries."""
    form = [("AccountSid", account_sid), ("ApiVersion", API_VERSION), ("CallSid", call_sid)]
    for prefix, number in (("From", from_), ("To", to), ("Called", to), ("Caller", from_)):
        form += _party(prefix, number)
    form += [("CallStatus", status), ("Direction", direction)]
    if parent_sid:
        form.append(("ParentCallSid", parent_sid))
    if direction == "inbound":
        token = quote(f'{{"parentCallInfoToken":"{call_sid[2:10]}"}}', safe="")
        form += [("CallToken", token), ("StirVerstat", "TN-Validation-Passed-A")]
    return form


def progress_fields(
    sequence: int, at: datetime, *, duration_s: float | None = None, sip_code: str = "", answered_by: str = ""
) -> Form:
    """What a status callback adds; `duration_s` (of the conversation) once the call is over."""
    fields = [
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", rfc2822(at)),
    ]
    if duration_s is not None:
        minutes = -(-int(duration_s) // 60)
        fields += [("CallDuration", str(int(duration_s))), ("Duration", str(minutes)), ("SipResponseCode", sip_code)]
    if answered_by:
        fields.append(("AnsweredBy", answered_by))
    return tuple(fields)


def stream_form(
    account_sid: str, call_sid: str, stream_sid: str, name: str, event: str, at: datetime, error: str = ""
) -> Form:
    """A `<Stream statusCallback>`: `event` is stream-started, stream-stopped or stream-error."""
    form = [
        ("AccountSid", account_sid),
        ("CallSid", call_sid),
        ("StreamSid", stream_sid),
        ("StreamName", name),
        ("StreamEvent", event),
    ]
    if error:
        form.append(("StreamError", error))
    form.append(("Timestamp", at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"))
    return tuple(form)


def conference_form(
    account_sid: str, sid: str, name: str, event: str, *, sequence: int, at: datetime, extra: Form = ()
) -> Form:
    """A `<Conference statusCallback>`: `event` is conference-start, conference-end, participant-join or -leave."""
    return (
        ("AccountSid", account_sid),
        ("ConferenceSid", sid),
        ("FriendlyName", name),
        ("StatusCallbackEvent", event),
        ("SequenceNumber", str(sequence)),
        ("Timestamp", rfc2822(at)),
        *extra,
    )


def rfc2822(at: datetime) -> str:
    """`Mon, 23 Nov 2026 05:10:00 +0000`, as the REST API and the callbacks write times."""
    return format_datetime(at)
