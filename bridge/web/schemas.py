"""What the admin API answers with, as JSON Schema (the dialect of OpenAPI 3.1), by name.

Rows of the database are shown by `dialer.shown`; their schemas are made from the same dataclasses, so that neither can
have a field that the other has not. What is in a call's record is written by hand: it is a file on the disk, and old
ones have fewer fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from bridge.carriers.base import OwnedNumber
from bridge.dialer.forecast import Forecast
from bridge.dialer.office import Report
from bridge.dialer.progress import Minute, Steps
from bridge.dialer.shown import CONTACT_HIDDEN, ENDPOINT_HIDDEN, HIDDEN
from bridge.dialer.standstill import Standstill
from bridge.live.glances import RunningTool
from bridge.store.base import Attempt, AuditEntry, Campaign, Contact, Delivery, DoNotCall, Endpoint, Token
from bridge.store.figures import Day
from bridge.web import rule_fields
from bridge.web.checks.check import Level, Severity
from bridge.web.number_desk import Changed

Schema = dict[str, Any]
PLACE = "#/components/schemas/"
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
TIME_OR_NONE: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def ref(name: str) -> Schema:
    """The schema of this name."""
    return {"$ref": PLACE + name}


def table(properties: Mapping[str, Schema], *, more: bool = False, optional: frozenset[str] = frozenset()) -> Schema:
    """An object. Every property is there but the optional ones; `more`: others may be too."""
    made: Schema = {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }
    return made if more else made | {"additionalProperties": False}


def rows(name: str, of: Schema) -> Schema:
    """`{"name": [...]}`."""
    return table({name: {"type": "array", "items": of}})


def page(name: str, of: Schema, place: Schema) -> Schema:
    """Some rows, and `next`: what brings the rows behind them, null at the end."""
    return table({name: {"type": "array", "items": of}, "next": place})


@cache
def made() -> dict[str, Schema]:
    """All of them."""
    found: dict[str, Schema] = {"Problem": _PROBLEM, "Rules": _rules()}
    hiding = {Campaign: frozenset(), Contact: CONTACT_HIDDEN, Attempt: HIDDEN, Endpoint: ENDPOINT_HIDDEN}
    for kind, hidden in hiding.items():
        found[kind.__name__] = _row(kind, found, hidden)
    found["Campaign"]["properties"]["rules"] = ref("Rules")
    for other in (DoNotCall, Standstill, Steps, Minute, Report, Delivery):
        found[other.__name__] = _row(other, found)
    found["Standstill"]["properties"]["until"] = TIME_OR_NONE
    found["Minute"]["properties"]["at"] = TIME
    found["AuditEntry"] = _row(AuditEntry, found)
    found["AuditEntry"]["properties"]["at"] = TIME
    report = found["Report"]
    report["properties"] |= {"campaign": ref("Campaign"), "standstill": ref("Standstill")}
    report["required"].append("standstill")
    for plain in (Token, Day, Forecast, RunningTool, Changed, OwnedNumber):
        found[plain.__name__] = _plain(plain, found)
    found["Forecast"]["properties"]["rules"] = ref("Rules")
    found["Forecast"]["required"].append("rules")
    tries: Schema = {"type": "array", "items": ref("Attempt")}
    found["ContactWithTries"] = _with(found["Contact"], {"tries": tries})
    told: dict[str, Schema] = {"cost_usd": {"type": "number"}, "tries": {"type": "array", "items": ref("Try")}}
    found["Person"] = _with(found["Contact"], told)
    found["EndpointWithSecret"] = _with(found["Endpoint"], {"secret": TEXT})
    found["Changed"] = _with(found["Changed"], {"warning": TEXT})
    saved = found["NumberHooks"]["properties"] | {"by": TEXT, "at": {"type": "number"}}
    before: Schema = table(saved) | {"type": ["object", "null"]}
    found["OwnedNumber"] = _with(found["OwnedNumber"], {"here": {"type": "boolean"}, "before": before})
    found["TokenWithSecret"] = _with(found["Token"], {"token": TEXT})
    return found | _WRITTEN


def _with(schema: Schema, more: Mapping[str, Schema]) -> Schema:
    """The same with further properties."""
    return schema | {"properties": {**schema["properties"], **more}, "required": [*schema["required"], *more]}


def _plain(kind: type[Any], found: dict[str, Schema]) -> Schema:
    """A dataclass as `asdict` gives it; what it refers to is put beside it."""
    schema = TypeAdapter(kind).json_schema(mode="serialization", ref_template=PLACE + "{model}")
    for name, inner in schema.pop("$defs", {}).items():
        found.setdefault(name, _closed(inner))
    return _closed(schema)


def _closed(schema: Schema) -> Schema:
    unsaid = ("default", "title")
    properties = {name: {k: v for k, v in of.items() if k not in unsaid} for name, of in schema["properties"].items()}
    schema.pop("title", None)
    return schema | {"properties": properties, "required": list(properties), "additionalProperties": False}


def _row(kind: type[Any], found: dict[str, Schema], hidden: frozenset[str] = frozenset()) -> Schema:
    """A dataclass as `shown` gives it: without what is hidden, numbers ending in `_at` as times."""
    schema = _plain(kind, found)
    for name in hidden & set(schema["properties"]):
        del schema["properties"][name]
        schema["required"].remove(name)
    for name, of in schema["properties"].items():
        kinds = {of.get("type"), *(choice.get("type") for choice in of.get("anyOf", ()))}
        if name.endswith("_at") and "number" in kinds:
            schema["properties"][name] = TIME_OR_NONE
    return schema


def _rules() -> Schema:
    """What may be set: each value may be text too, as a command line has it."""
    told = {
        rule.name: {"description": ". ".join(part for part in (rule.label, rule.hint) if part)}
        for group in rule_fields.GROUPS
        for rule in group.rules
        if rule.kind not in ("time", "days") and "." not in rule.name
    }
    told["window"] = {"description": 'Calling hours: "09:00-20:00", or {"start", "end", "days"}'}
    told["breaker"] = {"description": '{"share", "window_s", "least"}: when so many calls failed, it is paused'}
    told["retry"] = {"description": 'By outcome {"delay_h", "most"}: when somebody is called again, and how often'}
    return {"type": "object", "properties": told, "examples": [{"concurrency": 5, "budget_usd": 20}]}


_PROBLEM: Schema = {
    "type": "object",
    "description": "Why not (RFC 9457). `detail` is one sentence for people, `why` one word for programs.",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "why": TEXT,
    },
    "required": ["type", "title", "status"],
    "examples": [{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no such attempt"}],
}
_CALL = {
    "id": TEXT,
    "carrier_call_id": TEXT,
    "direction": TEXT,
    "from": TEXT,
    "to": TEXT,
    "agent": TEXT,
    "started_at": TIME,
    "phase": TEXT,
}
_WORDS: Schema = {"type": "array", "items": TEXT}
_BY_NAME: Schema = {"type": "object", "additionalProperties": TEXT}
_FINDING = table({"source": TEXT, "line": {"type": ["integer", "null"]}, "level": TEXT, "sentence": TEXT})
_AGENT = {
    "name": TEXT,
    "roles": _WORDS,
    "place": TEXT,
    "voice": TEXT,
    "problems": {"type": "array", "items": _FINDING},
    "calls": COUNT,
    "failed": COUNT,
    "tool_calls": COUNT,
    "tool_errors": COUNT,
}
_LAST = table({"who": TEXT, "words": TEXT}) | {"type": ["object", "null"]}
_LIVE = _CALL | {"seconds": {"type": "number"}, "speaking": TEXT, "last": _LAST}
_WRITTEN: dict[str, Schema] = {
    "LiveCall": table(_LIVE),
    "Call": table(
        _CALL
        | {
            "answered_at": TIME_OR_NONE,
            "ended_at": TIME_OR_NONE,
            "end_reason": {"type": ["string", "null"]},
            "ended_by": {"type": ["string", "null"]},
            "turns": COUNT,
            "latency_p50_ms": {"type": ["integer", "null"]},
            "latency_p95_ms": {"type": ["integer", "null"]},
            "usage": {"type": "object"},
            "cost_usd": {"type": ["number", "null"]},
            "error": {"type": ["string", "null"]},
        },
        more=True,
        optional=frozenset({
            "answered_at", "ended_at", "end_reason", "ended_by", "turns", "latency_p50_ms", "latency_p95_ms", "usage",
            "cost_usd", "error",
        }),
    ),
    "CallWithTranscript": {
        "allOf": [
            ref("Call"),
            table(
                {"transcript": {"type": "array", "items": ref("Line")}, "analysis": {"type": "object"}},
                more=True,
                optional=frozenset({"analysis"}),
            ),
        ]
    },
    "Line": table(
        {"turn": COUNT, "role": TEXT, "text": TEXT, "start_ms": {"type": "integer"}, "end_ms": {"type": "integer"}},
        more=True,
        optional=frozenset({"turn", "text", "start_ms", "end_ms"}),
    ),
    "Approval": table({"id": TEXT, "call_id": TEXT, "tool": TEXT, "asked_at": TIME, "arguments": {}}),
    "CarrierRequest": table(
        {
            "id": TEXT,
            "at": TIME,
            "method": TEXT,
            "path": TEXT,
            "signature": {"type": "string", "enum": ["good", "bad", "not checked", "unread"]},
            "status": COUNT,
            "ms": COUNT,
            "fields": {"type": "array", "items": table({"name": TEXT, "value": TEXT})},
            "error": TEXT,
            "replay_of": TEXT,
            "again": {"type": "boolean"},
            "effect": TEXT,
        }
    ),
    "Agent": table(_AGENT),
    "AgentInFull": table(
        _AGENT
        | {
            "instructions": TEXT,
            "greeting": TEXT,
            "facts": _BY_NAME,
            "tools": {"type": "array", "items": table({"name": TEXT, "description": TEXT, "parameters": {}})},
            "tool_sources": _WORDS,
            "handoffs": _WORDS,
            "guardrails": {
                "type": "array", "items": table({"name": TEXT, "on": TEXT, "say": TEXT, "every": {"type": "integer"}})
            },
            "menu": _BY_NAME,
            "estimated_tokens": COUNT,
        }
    ),
    "BrokenAgent": table({"spec": TEXT, "error": TEXT, "roles": _WORDS}),
    "WatchedCall": table(
        _LIVE
        | {
            "told": {"type": "array", "items": table({"fact": TEXT}, more=True)},
            "team": {"type": "array", "items": TEXT},
            "tools": {"type": "array", "items": ref("RunningTool")},
            "approvals": {"type": "array", "items": ref("Approval")},
            "listeners": COUNT,
        }
    ),
    "Explained": table({"id": TEXT, "ending": TEXT, "findings": {"type": "array", "items": ref("WentWrong")}}),
    "WentWrong": table(
        {
            "rule": TEXT,
            "sentence": TEXT,
            "at_ms": {"type": "array", "items": {"type": "integer"}},
            "advice": TEXT,
            "evidence": {"type": "object"},
        }
    ),
    "Checked": table(
        {
            "id": TEXT,
            "title": TEXT,
            "severity": {"enum": list(get_args(Severity))},
            "level": {"enum": list(get_args(Level))},
            "detail": TEXT,
            "cause": TEXT,
            "fix": TEXT,
            "env": {"type": "array", "items": TEXT},
            "fixable": {"type": "boolean"},
            "took_ms": COUNT,
        }
    ),
    "Setting": table({"name": TEXT, "value": TEXT, "source": TEXT, "why": TEXT}),
    "FailedCheck": table({"title": TEXT, "detail": TEXT, "fix": TEXT}),
    "RefusedRow": table(
        {
            "line": {"type": "integer"},
            "column": TEXT,
            "text": TEXT,
            "why": TEXT,
            "sentence": TEXT,
            "cells": {"type": "array", "items": TEXT},
        }
    ),
    "Try": table({"id": TEXT, "at": TIME, "state": TEXT, "outcome": TEXT, "reason": TEXT, "call_id": TEXT}),
}  # fmt: skip
