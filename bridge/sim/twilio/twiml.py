"""TwiML read strictly: an HTTP answer becomes a list of verbs, or one complaint by number.

Refused: a body over 64 KiB (11750), a content type that is no XML (12300), what is not well-formed or has another root
than `<Response>` (12100). Warned about, as at the real carrier (12200): verbs, attributes and children it does not
know, values out of range, texts where none belong. What is warned about is skipped, the rest runs.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.sim.twilio.problems import Complaint, Report

MOST_BYTES = 64 * 1024
MOST_PARAMETER_CHARACTERS = 500  # name and value together
XML_TYPES = frozenset({"text/xml", "application/xml", "text/html"})

_WEB = {"action", "method"}
_CALLBACK = {"statusCallback", "statusCallbackMethod"}
_CALLEE = {"url", "method", "statusCallbackEvent", "machineDetection", "amdStatusCallback"} | _CALLBACK
_SPOKEN = frozenset({"Say", "Play", "Pause"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What an element may have: attributes, children, text, and which attributes it must have."""

    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False
    required: frozenset[str] = frozenset()


def _shape(
    attributes: set[str], children: set[str] | frozenset[str] = frozenset(), *, text: bool = False, required: str = ""
) -> Shape:
    return Shape(frozenset(attributes), frozenset(children), text, frozenset(required.split()))


VERBS: Mapping[str, Shape] = {
    "Connect": _shape(_WEB, {"Stream"}),
    "Say": _shape({"voice", "language", "loop"}, text=True),
    "Play": _shape({"loop", "digits"}, text=True),
    "Pause": _shape({"length"}),
    "Gather": _shape(
        _WEB
        | {"input", "numDigits", "timeout", "finishOnKey", "actionOnEmptyResult", "bargeIn", "speechTimeout"}
        | {"language", "hints", "speechModel", "profanityFilter"},
        _SPOKEN,
    ),
    "Dial": _shape(
        _WEB
        | {"callerId", "answerOnBridge", "timeout", "timeLimit", "record", "sequential", "hangupOnStar", "ringTone"},
        {"Number", "Sip", "Conference"},
        text=True,
    ),
    "Redirect": _shape({"method"}, text=True),
    "Hangup": _shape(set()),
    "Reject": _shape({"reason"}),
}
NOUNS: Mapping[str, Shape] = {
    "Stream": _shape({"url", "name", "track"} | _CALLBACK, {"Parameter"}, required="url"),
    "Parameter": _shape({"name", "value"}, required="name value"),
    "Number": _shape(_CALLEE | {"sendDigits"}, text=True),
    "Sip": _shape(_CALLEE | {"username", "password"}, text=True),
    "Conference": _shape(
        {"startConferenceOnEnter", "endConferenceOnExit", "beep", "waitUrl", "waitMethod", "maxParticipants", "muted"}
        | {"participantLabel", "coach", "statusCallbackEvent", "jitterBufferSize", "region", "record", "trim"}
        | {"recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent"}
        | {"eventCallbackUrl"}
        | _CALLBACK,
        text=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Element:
    """One verb or noun, with its attributes, its text without surrounding space, and its children in order."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: tuple[Element, ...] = field(default=())

    def get(self, name: str, default: str = "") -> str:
        """An attribute's value."""
        return self.attributes.get(name, default)

    def flag(self, name: str) -> bool:
        """Is an attribute `true`?"""
        return self.get(name).lower() == "true"

    def choice(self, name: str, choices: tuple[str, ...], report: Report, code: int = 12200) -> str:
        """An attribute that is one of `choices`, the first if it is missing; complains about anything else."""
        text = self.get(name, choices[0])
        if text in choices:
            return text
        report(code, f"<{self.name} {name}={text!r}> is not one of {', '.join(choices)}; {choices[0]} is taken")
        return choices[0]

    def number(self, name: str, default: float, report: Report) -> float:
        """An attribute that is a number not below 0; complains (12200) and answers the default for anything else."""
        text = self.get(name)
        if not text:
            return default
        if text.isdecimal():
            return float(text)
        report(12200, f"<{self.name} {name}={text!r}> is not a whole number; {default:g} is taken")
        return default


def read_answer(content_type: str, body: bytes, report: Report) -> tuple[Element, ...]:
    """The verbs of an HTTP answer. Raises Complaint."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in XML_TYPES:
        raise Complaint(12300, f"the answer has the content type {kind or 'nothing'!r}; text/xml is wanted")
    return read_document(body, report)


def read_document(body: bytes, report: Report) -> tuple[Element, ...]:
    """The verbs of a document. Raises Complaint."""
    if len(body) > MOST_BYTES:
        raise Complaint(11750, f"the document has {len(body)} bytes; at most {MOST_BYTES} are read")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Complaint(12100, "the document has a DOCTYPE, which TwiML does not have")
    try:
        root = ET.fromstring(body)  # noqa: S314  # from our own application; entities are refused above
    except ET.ParseError as error:
        raise Complaint(12100, f"the document is not well-formed XML ({error})") from error
    if root.tag != "Response":
        raise Complaint(12100, f"the document's root is <{root.tag}>; <Response> is wanted")
    if (root.text or "").strip():
        report(12200, "there is text directly in <Response>")
    return tuple(_elements(root, VERBS, report))


def _elements(parent: ET.Element, known: Mapping[str, Shape], report: Report) -> list[Element]:
    found = []
    for node in parent:
        shape = known.get(node.tag) if isinstance(node.tag, str) else None
        if shape is None:
            if isinstance(node.tag, str):
                report(12200, f"<{node.tag}> in <{parent.tag}> is not known here and is skipped")
            continue
        element = _element(node, shape, report)
        if element is not None:
            found.append(element)
    return found


def _element(node: ET.Element, shape: Shape, report: Report) -> Element | None:
    for name in node.attrib.keys() - shape.attributes:
        report(12200, f"<{node.tag}> has no attribute {name!r}")
    if lacking := shape.required - node.attrib.keys():
        report(12200, f"<{node.tag}> needs {', '.join(sorted(lacking))} and is skipped")
        return None
    text = "".join([node.text or "", *[child.tail or "" for child in node]]).strip()
    if text and not shape.text:
        report(12200, f"<{node.tag}> has a text, {text[:40]!r}, where none belongs")
        text = ""
    children = {name: {**VERBS, **NOUNS}[name] for name in shape.children}
    attributes = {name: value for name, value in node.attrib.items() if name in shape.attributes}
    element = Element(node.tag, attributes, text, tuple(_elements(node, children, report)))
    if node.tag == "Parameter" and len(element.get("name") + element.get("value")) >= MOST_PARAMETER_CHARACTERS:
        report(12200, f"<Parameter name={element.get('name')!r}> has {MOST_PARAMETER_CHARACTERS} characters or more")
        return None
    return element
