"""The form fields of a REST request, read strictly; a Refusal carries the HTTP status and the carrier's code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from bridge.errors import BridgeError

E164 = re.compile(r"\+[1-9]\d{6,14}")

Fields = Mapping[str, Sequence[str]]


class Refusal(BridgeError):
    """The REST API says no."""

    bucket = "client_error"

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def form_fields(request: Request) -> dict[str, list[str]]:
    """The form of a request. Raises Refusal."""
    try:
        return parse_qs((await request.body()).decode(), keep_blank_values=True)
    except (UnicodeDecodeError, ValueError) as error:
        raise Refusal(400, 20001, f"the form cannot be read ({error})") from error


def one(fields: Fields, name: str) -> str:
    """The last value of a field, or an empty text."""
    values = fields.get(name, ())
    return values[-1] if values else ""


def web_address(fields: Fields, name: str, code: int) -> str:
    """An http(s) URL, or an empty text. Raises Refusal with `code`."""
    url = one(fields, name)
    if url:
        parts = urlsplit(url)
        # Host names with an underscore are refused by the real one, too.
        if parts.scheme not in {"http", "https"} or not parts.hostname or "_" in parts.hostname:
            raise Refusal(400, code, f"{name} is not a valid URL: {url}")
    return url


def choice_of_method(fields: Fields, name: str) -> str:
    """GET or POST, which is the default. Raises Refusal."""
    method = one(fields, name).upper() or "POST"
    if method not in {"GET", "POST"}:
        raise Refusal(400, 20001, f"{name} {method!r} is not one of GET, POST")
    return method


def number(fields: Fields, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises Refusal."""
    text = one(fields, name)
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise Refusal(400, 20001, f"{name} {text!r} is not a number from 1 to {most}")
    return int(text)
