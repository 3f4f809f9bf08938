"""What the bridge may say on the media socket, read as strictly as the real carrier reads it.

Three messages exist: `media`, `mark` and `clear`. Anything else, a field too many or too few, a wrong `streamSid`, or
audio that is not bare mu-law in base64, is an invalid message (31951).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from bridge.errors import WireError

_HEADERS = (b"RIFF", b".snd", b"OggS", b"ID3")  # files, not bare samples


@dataclass(frozen=True, slots=True)
class Media:
    """Audio to play: mu-law, 8 kHz, any length."""

    ulaw: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """To be echoed when everything before it has been heard."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Drop everything not heard yet."""


def read_message(text: str, stream_sid: str) -> Media | Mark | Clear:
    """Read one text frame. Raises WireError with a sentence saying what is wrong with it."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"is not JSON ({error})") from error
    if not isinstance(message, dict):
        raise WireError("is not a JSON object")
    event = message.get("event")
    if event not in {"media", "mark", "clear"}:
        raise WireError(f"has the event {event!r}; there are media, mark and clear")
    _exactly(message, {"event", "streamSid"} | ({event} - {"clear"}), "the message")
    if message["streamSid"] != stream_sid:
        raise WireError(f"is for the stream {message['streamSid']!r}, but this one is {stream_sid}")
    if event == "clear":
        return Clear()
    body = message[event]
    if not isinstance(body, dict):
        raise WireError(f"has a {event} that is not an object")
    return _media(body) if event == "media" else _mark(body)


def _media(body: dict[str, object]) -> Media:
    _exactly(body, {"payload"}, "media")
    payload = body["payload"]
    if not isinstance(payload, str):
        raise WireError("has a payload that is not text")
    try:
        ulaw = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError(f"has a payload that is not base64 ({error})") from error
    if not ulaw:
        raise WireError("has an empty payload")
    if ulaw.startswith(_HEADERS):
        raise WireError("has a payload with a file header; bare mu-law samples are wanted")
    return Media(ulaw)


def _mark(body: dict[str, object]) -> Mark:
    _exactly(body, {"name"}, "mark")
    name = body["name"]
    if not isinstance(name, str) or not name:
        raise WireError("has a mark whose name is not a text")
    return Mark(name)


def _exactly(found: dict[str, object], wanted: set[str], where: str) -> None:
    if missing := wanted - found.keys():
        raise WireError(f"lacks {', '.join(sorted(missing))} in {where}")
    if extra := found.keys() - wanted:
        raise WireError(f"has {', '.join(sorted(extra))} in {where}, which does not belong there")
