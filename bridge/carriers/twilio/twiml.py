"""Fills the documents of `twiml/`.

Each is plain TwiML with `{names}` in its texts and attributes. It is parsed as XML, filled value by value and written
by the twilio package, so that a caller's name or a number can never become markup.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from twilio.twiml import GenericNode, TwiML
from twilio.twiml.voice_response import VoiceResponse

from bridge.errors import ConfigError

_HERE = Path(__file__).resolve()
# In the wheel the folder lies inside the package, in a checkout beside it.
_FOLDERS = (_HERE.parents[2] / "twiml", _HERE.parents[3] / "twiml")

_SLOT = re.compile(r"\{(\w+)\}")
# What XML 1.0 cannot hold, not even escaped (its chapter 2.2): with it the whole document would be refused.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@cache
def _template(name: str) -> ElementTree.Element:
    for folder in _FOLDERS:
        path = folder / f"{name}.xml"
        if path.is_file():
            try:
                return ElementTree.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own file
            except ElementTree.ParseError as error:
                raise ConfigError(f"{path}: {error}") from None
    raise ConfigError(f"twiml/{name}.xml is missing")


def document(name: str, values: dict[str, str]) -> str:
    """The document `twiml/<name>.xml`, filled. Elements whose filled `drop-if-empty` value is empty are left out,
    and attributes that are empty when filled."""
    response = VoiceResponse()
    for child in _template(name):
        _grow(response, child, values)
    return str(response)


def _grow(parent: TwiML, element: ElementTree.Element, values: dict[str, str]) -> None:
    filled = {key: _fill(text, values) for key, text in element.attrib.items()}
    if filled.pop("drop-if-empty", "keep") == "":
        return
    attributes = {key: text for key, text in filled.items() if text or not element.attrib[key]}
    node = GenericNode(element.tag, _fill((element.text or "").strip(), values), **attributes)
    for child in element:
        _grow(node, child, values)
    parent.append(node)


def _fill(text: str, values: dict[str, str]) -> str:
    # In one pass: a value that looks like a name in braces stays what it is.
    return _SLOT.sub(lambda slot: _NOT_XML.sub("", values.get(slot[1], slot[0])), text)
