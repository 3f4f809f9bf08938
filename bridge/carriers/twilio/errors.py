"""What Twilio's REST errors mean to us.

Numbers from Twilio's error list: 20404 not found, 21220 call not in a state for this, 20003 credentials, 20429 too
many requests (never processed, so always safe to repeat).
"""

from __future__ import annotations

from bridge.errors import CarrierError

_GONE = {20404, 21220}


def carrier_error(doing: str, status: int, code: int, message: str) -> CarrierError:
    """One CarrierError for one refusal; `gone` when the call had simply ended before us."""
    gone = status == 404 or code in _GONE
    hint = {401: "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", 429: "; Twilio asks to slow down"}.get(status, "")
    return CarrierError(
        f"Twilio did not {doing}: {message or 'no reason given'} (HTTP {status}, code {code}){hint}",
        status=status,
        code=code,
        gone=gone,
    )
