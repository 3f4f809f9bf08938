"""Signing as the phone company signs, written anew here so that the bridge's check meets a second opinion.

The signature is base64(HMAC-SHA1(auth token, URL + each form field's name and value, sorted by name)). A name that
stands there several times contributes its distinct values in order. GET requests and WebSocket upgrades sign the URL
alone, upgrades the one with `wss://`. The fragment of a URL is never signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urldefrag


def sign(auth_token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """The value of `X-Twilio-Signature` for a request to `url` with these form fields."""
    text = urldefrag(url).url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")
