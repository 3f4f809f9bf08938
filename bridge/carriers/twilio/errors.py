"""What Twilio's REST errors mean to us.

Numbers from Twilio's error list: 20404 not found, 21220 call not in a state for this, 20003 credentials, 20429 too
many requests (never processed, so always safe to repeat).
"""

from __future__ import annotations

from typing import Literal

from bridge.errors import CarrierError, Refused

_GONE = {20404, 21220}
_KINDS: dict[Refused, frozenset[int]] = {
    # Too many requests; too many calls at once for this account.
    "rate_limited": frozenset({20429, 10004}),
    # No valid number; none in a form that it knows; nobody can be reached there.
    "bad_number": frozenset({21211, 21217, 21214}),
    # Country not switched on (three numbers for it); on the account's block list; a trial may call verified ones only.
    "not_allowed": frozenset({21215, 13227, 32205, 21216, 21219}),
    # Neither owned nor verified; no number at all.
    "caller_id": frozenset({21210, 21212}),
    # Wrong keys; account not active; it has no voice.
    "account": frozenset({20003, 10001, 10005}),
}
_HINTS: dict[Refused, str] = {
    "rate_limited": "; Twilio asks to slow down",
    "not_allowed": "; see the account's geographic permissions and block list",
    "caller_id": "; call from a number that the account owns or has verified",
}


def carrier_error(
    doing: str, status: int, code: int, message: str, *, retry_after_s: float | None = None
) -> CarrierError:
    """One CarrierError for one answer that is a refusal; `gone` when the call had simply ended before us.

    What is answered with 400 to 499 was not done, by HTTP's definition; after 5xx nobody knows.
    """
    kind = _kind(status, code)
    hint = "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" if status == 401 else _HINTS.get(kind, "")
    said = (message or "no reason given").rstrip(".")
    return CarrierError(
        f"Twilio did not {doing}: {said} (HTTP {status}, code {code}){hint}",
        status=status,
        code=code,
        gone=status == 404 or code in _GONE,
        placed=_placed(status),
        kind=kind,
        retry_after_s=retry_after_s,
    )


def _placed(status: int) -> Literal["no", "maybe"]:
    return "no" if 400 <= status < 500 else "maybe"


def _kind(status: int, code: int) -> Refused:
    for kind, codes in _KINDS.items():
        if code in codes:
            return kind
    return "account" if status == 401 else "rate_limited" if status == 429 else ""
