"""Error codes and close codes of a Realtime server, sorted: benign, transient or fatal.

No list of codes is published as complete, so an unknown one is benign: the call goes on, and the socket's own end or
the call's deadlines decide. Sources: the Realtime API's error events and close codes as seen by several clients.
"""

from __future__ import annotations

from bridge.call.events import Severity

FATAL_CODES = frozenset(
    {
        "account_deactivated",
        "beta_api_shape_disabled",
        "credit_balance_exhausted",
        "insufficient_quota",
        "invalid_api_key",
        "invalid_model",
        "missing_model",
        "model_not_found",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
        "session_expired",
    }
)
"""Nothing will get better on this session. `session_expired` closes the socket: with 60 minutes the call was long."""

TRANSIENT_CODES = frozenset({"rate_limit_exceeded", "slow_down", "server_error"})
"""Asking again in a moment may help."""

TRANSIENT_CLOSES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""Network or server trouble. 1001 is also the end of a session by age."""


def of_error(code: str, error_type: str) -> Severity:
    """The verdict on an `error` event or a failed response."""
    if code in FATAL_CODES or error_type in FATAL_CODES:
        return "fatal"
    if code in TRANSIENT_CODES or error_type in TRANSIENT_CODES:
        return "transient"
    return "benign"


def close_is_fatal(code: int, reason: str) -> bool:
    """Would a new connection meet the same end? Reasons look like `invalid_request_error.invalid_api_key`."""
    if reason.rpartition(".")[2] in FATAL_CODES:
        return True
    return code in (1008, 3000) or 4000 <= code < 5000


def http_is_fatal(status: int) -> bool:
    """Would asking for the upgrade again be answered the same? Not when the server is busy or broken."""
    return status not in (408, 425, 429) and status < 500
