"""The twilio package's REST client, made as we need it. Importing this takes 0.2 s and 20 MB.

One try for each request and an explicit time-out: the package has neither by itself. What it leaves out of its errors
is kept here: how long Twilio wants to be left alone, and whether a connection was ever there.
"""

from __future__ import annotations

import json
import threading
from ssl import SSLCertVerificationError
from typing import Any

from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from bridge.config import Settings
from bridge.errors import CarrierError

MOST_RETRY_AFTER_S = 3600.0
"""A server that wants more than an hour is misunderstood or broken."""

_last = threading.local()


class OneTry(TwilioHttpClient):  # type: ignore[misc]  # the package says nothing of its types
    """Sends a request once, and remembers for its thread what `Retry-After` the answer had."""

    def request(self, *args: Any, **more: Any) -> Response:
        """One request. Raises what requests raises."""
        _last.retry_after = None
        response = super().request(*args, **more)
        _last.retry_after = (response.headers or {}).get("Retry-After")
        return response


def retry_after_s() -> float | None:
    """What the answer to this thread's last request asked for, in seconds; None when it did not."""
    text = str(getattr(_last, "retry_after", None) or "")
    return min(float(text), MOST_RETRY_AFTER_S) if text.isascii() and text.isdecimal() else None


def what_was_said(error: TwilioException) -> tuple[int, int, str]:
    """HTTP status, Twilio's code and its sentence; 0 and the error's name where there is none.

    There are three kinds: the older has `msg`, the newer (RFC 9457) `title` and `detail`, and what a list is refused
    with carries the bare answer.
    """
    if len(error.args) > 1 and isinstance(error.args[1], Response):
        body = _object(error.args[1].text)
        return int(error.args[1].status_code), int(body.get("code") or 0), str(body.get("message") or "")
    status, code = getattr(error, "status", 0), getattr(error, "code", 0)
    said = getattr(error, "msg", "") or getattr(error, "detail", "") or getattr(error, "title", "")
    return status or 0, code or 0, str(said or type(error).__name__)


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def never_sent(error: RequestException) -> bool:
    """Did the connection never come about, so that the request cannot have arrived?"""
    if isinstance(error, ConnectTimeout):
        return True
    cause: object = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    if isinstance(cause, SSLError):  # one of a broken connection may come after the request, one of a certificate not
        cause = cause.args[0] if cause.args else None
    return isinstance(cause, NewConnectionError | SSLCertVerificationError)


def new_client(settings: Settings, timeout_s: float) -> Client:
    """A client with the settings' credentials. Raises CarrierError when there are none."""
    user, password = settings.twilio_account_sid, settings.auth_tokens[0] if settings.auth_tokens else ""
    if settings.twilio_api_key:
        user, password = settings.twilio_api_key, settings.twilio_api_secret
    if not user or not password:
        raise CarrierError(
            "no Twilio credentials: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN", placed="no", kind="account"
        )
    client = Client(user, password, settings.twilio_account_sid, http_client=OneTry(timeout=timeout_s))
    if settings.twilio_api_url:
        client.api.base_url = settings.twilio_api_url.rstrip("/")
    return client
