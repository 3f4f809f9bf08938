"""What may be asked of the REST API about calls, and what the real one answers to a wrong question.

`create_order` and `update_change` read the form fields of `POST /Calls` and `POST /Calls/{sid}`; a Refusal carries
the HTTP status and the carrier's code.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.sim.twilio.call import Change, Fetch, Inline, Plan, SimCall, Stop
from bridge.sim.twilio.fields import E164, Fields, Refusal, choice_of_method, number, one, web_address
from bridge.sim.twilio.lifecycle import Detection, Order
from bridge.sim.twilio.progress import EVENTS

MOST_TWIML_CHARACTERS = 4000
RING_TIMEOUT_S, MOST_RING_S = 60, 600


@dataclass(frozen=True, slots=True)
class NewCall:
    """A valid `POST /Calls`."""

    from_: str
    to: str
    order: Order
    status_url: str
    status_method: str
    events: frozenset[str]
    time_limit_s: float | None


def create_order(fields: Fields, numbers: frozenset[str] | None) -> NewCall:
    """Read a `POST /Calls`. Raises Refusal."""
    to, from_ = one(fields, "To"), one(fields, "From")
    if not to:
        raise Refusal(400, 21201, "No 'To' number is specified")
    if not from_:
        raise Refusal(400, 21213, "No 'From' number is specified")
    if not E164.fullmatch(from_):
        raise Refusal(400, 21212, f"The 'From' number {from_} is not a valid phone number")
    if numbers is not None and from_ not in numbers:
        raise Refusal(400, 21210, f"The source phone number provided, {from_}, is not yet verified for your account")
    if not E164.fullmatch(to):
        raise Refusal(400, 21211, f"The 'To' number {to} is not a valid phone number")
    plan = _plan(fields, live=False)
    if plan is None:
        raise Refusal(400, 21205, "Url parameter is required: give Url or Twiml")
    limit = number(fields, "TimeLimit", 0, 86_400)
    return NewCall(
        from_,
        to,
        Order(plan, float(number(fields, "Timeout", RING_TIMEOUT_S, MOST_RING_S)), _detection(fields)),
        web_address(fields, "StatusCallback", 21609),
        choice_of_method(fields, "StatusCallbackMethod"),
        _events(fields),
        float(limit) if limit else None,
    )


def update_change(call: SimCall, fields: Fields) -> Change | None:
    """Read a `POST /Calls/{sid}`: what is to happen, or None for nothing. Raises Refusal."""
    status = one(fields, "Status")
    plan = _plan(fields, live=True)
    if status and status not in {"completed", "canceled"}:
        raise Refusal(400, 20001, f"Status {status!r} is not one of canceled, completed")
    if call.over:
        raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
    if status == "canceled" and call.answered_at is not None:
        raise Refusal(400, 21220, "Call is in-progress. Only a queued or ringing call can be canceled.")
    if status:
        return Stop("api")
    if plan is not None and call.status != "in-progress":
        raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
    return plan


def _plan(fields: Fields, *, live: bool) -> Plan | None:
    """Url wins over Twiml, as at the real one."""
    url = web_address(fields, "Url", 21205)
    fallback = web_address(fields, "FallbackUrl", 21205)
    twiml = one(fields, "Twiml")
    if url:
        method, fallback_method = choice_of_method(fields, "Method"), choice_of_method(fields, "FallbackMethod")
        return Fetch(url, method, fallback_url=fallback, fallback_method=fallback_method)
    if len(twiml) > MOST_TWIML_CHARACTERS:
        raise Refusal(400, 20001, f"Twiml has {len(twiml)} characters; at most {MOST_TWIML_CHARACTERS} are taken")
    return Inline(twiml, live=live) if twiml else None


def _detection(fields: Fields) -> Detection | None:
    mode, asynchronous = one(fields, "MachineDetection"), one(fields, "AsyncAmd") or "false"
    if mode not in {"", "Enable", "DetectMessageEnd"}:
        raise Refusal(400, 20001, f"MachineDetection {mode!r} is not one of Enable, DetectMessageEnd")
    if asynchronous not in {"true", "false"}:
        raise Refusal(400, 20001, f"AsyncAmd {asynchronous!r} is not one of true, false")
    if not mode or one(fields, "SendDigits"):  # detection is ignored when digits are sent
        return None
    url = web_address(fields, "AsyncAmdStatusCallback", 21609)
    method = choice_of_method(fields, "AsyncAmdStatusCallbackMethod")
    return Detection(asynchronous == "true", url, method, to_the_end=mode == "DetectMessageEnd")


def _events(fields: Fields) -> frozenset[str]:
    events = frozenset(fields.get("StatusCallbackEvent", ())) or frozenset({"completed"})
    if strange := events - set(EVENTS):
        raise Refusal(400, 21626, f"StatusCallbackEvent knows no {', '.join(sorted(strange))}")
    return events
