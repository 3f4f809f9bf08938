"""Data as a house has it that has been open for some days: a whole simulated call with everything that belongs to it,
and the papers of some dozen others."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign_seed import SeededCampaigns, seed_campaigns
from house_world import House, house
from payloads import PAYLOADS

from bridge.records.callrecord import iso
from bridge.sim import loop
from bridge.sim.script import DEMO
from bridge.store import folder
from bridge.store.access import AccessStore, digest
from bridge.store.audit import Audit
from bridge.store.base import AuditEntry, Endpoint
from bridge.store.folder import CallFolders, new_call_id
from bridge.store.webhooks import Event, Tried, WebhookStore

TALK = [
    ("caller", "Hello, when do you open tomorrow?"),
    ("tool", '{"day": "tomorrow", "hours": "9 to 18"}'),
    ("agent", "We open at nine in the morning and close at six in the evening."),
    ("caller", "Great. And can I change my appointment?"),
    ("agent", "Of course. Which day would suit you better?"),
    ("caller", "Thursday afternoon, if there is anything."),
    ("agent", "There is a place at half past three. Shall I take it for you?"),
    ("caller", "Yes please, thank you."),
    ("agent", "It is done. See you on Thursday, and goodbye."),
]
DEEDS: list[tuple[str, dict[str, Any]]] = [
    ("call.listen", {}),
    ("call.note", {"text": "They are a regular: offer the afternoon.", "respond": False}),
    ("call.hangup", {}),
    ("call.transfer", {"to": "+14155550107"}),
]
ENDS = [("agent_hung_up", "agent")] * 7 + [("caller_hung_up", "caller")] * 6 + [("transferred", "agent")] * 2
ENDS += [("model_failed", "model"), ("phone_lost", "carrier")]
AGENTS = ["reception", "reception", "reception", "appointment", "survey"]


@dataclass(frozen=True)
class Seeded:
    """What a page of one call may be looked at with."""

    call: str
    """The simulated one."""
    campaigns: SeededCampaigns | None = None

    @property
    def names(self) -> dict[str, str]:
        """What stands for the names in a path of `pages.py`."""
        made = self.campaigns
        more = {"campaign": made.running, "checked": made.checked, "contact": str(made.contact)} if made else {}
        return {"call": self.call, **more}


def seed(data: Path, others: int = 36) -> Seeded:
    """Fill a new data folder."""
    call_id = _simulated(data)
    folders, chance = CallFolders(data), random.Random(7)
    now = time.time()
    for n in range(others):
        began = now - 300 - n * chance.uniform(500, 2_400)
        write_call(folders, began, chance)
    return Seeded(call_id, seed_campaigns(data, now))


async def furnish(world: House) -> None:
    """What people did in that house: tokens, a log-in, and what was written down about it."""
    services = world.app.services
    db = services.db
    store, audit, now = AccessStore(db), Audit(db), time.time()
    for days, (name, scope) in enumerate(
        (("wall display", "viewer"), ("Grace", "operator"), ("nightly export", "viewer"))
    ):
        made, secret = await store.create_token(name, scope, "admin", now - 86_400 * (9 - days))
        await audit.add(
            AuditEntry(made.created_at, "admin", "token.create", made.id, {}, {"name": name, "scope": scope})
        )
        if name == "Grace":
            await store.find_token(secret, now - 1_200)
            await store.open_session(digest(secret), "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0", now - 600, 0.0)
        if name == "nightly export":
            await store.revoke_token(made.id, now - 3_600)
            before = {"name": name, "scope": scope}
            await audit.add(AuditEntry(now - 3_600, "admin", "token.revoke", made.id, before, {}))
    for n, call_id in enumerate(services.folders.ids()[2:70:3]):
        what, after = DEEDS[n % len(DEEDS)]
        await audit.add(AuditEntry(now - 3_000 + 120 * n, "Grace", what, call_id, {}, after))
    await _tell(WebhookStore(db), now)


async def _tell(hooks: WebhookStore, now: float) -> None:
    """Somebody was told what happened, and is not any more: nothing goes out of this house."""
    url = "https://hooks.example.com/callbridge"
    await hooks.add(Endpoint("whe_one", url, "whsec_none", [], now - 90_000, "Ada"))
    kinds = ("call.started", "call.answered", "call.completed", "call.analyzed", "contact.done", "campaign.paused")
    for n, kind in enumerate(kinds * 2):
        await hooks.announce([Event(kind, f"{kind}:{n}", now - 4_000 + 240 * n, {"id": f"call_{n}"})])
    for n, row in enumerate((await hooks.page(50)).rows[2:]):
        bad = n % 4 == 1
        at, ms = row.created_at + 1, 80 + 7 * n
        for _ in range(9 if bad else 0):
            await hooks.settle(row.id, Tried("waiting", at, at, 500, ms, "HTTP 500"))
        gone = Tried("failed", None, at, 500, ms, "HTTP 500; given up after 10 attempts")
        await hooks.settle(row.id, gone if bad else Tried("delivered", None, at, 204, ms, ""))
    await hooks.switch("whe_one", now - 60, "switched off by Ada")


def nothing(_: Path) -> Seeded:
    """A new house."""
    return Seeded("")


def hostile(data: Path) -> Seeded:
    """Calls whose every word wants to run in the browser of who reads about them."""
    folders, chance, now = CallFolders(data), random.Random(7), time.time()
    at_once = 6
    for start in range(0, len(PAYLOADS), at_once):
        words = " ".join(PAYLOADS[start : start + at_once])
        names = ("carrier_call_id", "from", "to", "agent", "end_reason", "ended_by", "handed_to", "error", "direction")
        call_id = write_call(folders, now - 20 - start, chance, **dict.fromkeys(names, words))
    lines: list[dict[str, Any]] = []
    for turn, payload in enumerate(PAYLOADS, 1):
        spoken = {"turn": turn, "role": "caller", "text": payload, "start_ms": turn * 900, "end_ms": turn * 900 + 300}
        said = {"heard_ms": 300, "length_ms": 300, "cut": False, "heard_text": payload, "latency_ms": 400}
        used = {"tool": payload, "arguments": payload, "ok": False, "note": payload}
        lines += [spoken, spoken | {"role": "agent"} | said, spoken | {"role": "tool"} | used]
    _write_lines(folders, call_id, folder.TRANSCRIPT, lines)
    facts = [{"t": 0.1 * n, "fact": payload, "text": payload, "raw": payload} for n, payload in enumerate(PAYLOADS)]
    facts += [{"t": 9.0 + 0.1 * n, "side": "model", "way": "in", "raw": {"type": p}} for n, p in enumerate(PAYLOADS)]
    _write_lines(folders, call_id, folder.TIMELINE, facts)
    made = {"model": PAYLOADS[0], "made_at": iso(now), "summary": " ".join(PAYLOADS), "goal": PAYLOADS[1]}
    folders.write(call_id, made, folder.ANALYSIS)
    return Seeded(call_id, seed_campaigns(data, now, " ".join(PAYLOADS)[:4000]))


def _write_lines(folders: CallFolders, call_id: str, name: str, lines: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folders.path(call_id) / name).write_text(text, encoding="utf-8")


def _simulated(data: Path) -> str:
    """One call through the whole house, in virtual time: record, transcript, timeline, black box, recording."""

    async def story() -> str:
        async with house(data) as world:
            call = await world.ring(DEMO)
            await call.ended()
            await world.written()
            return str(world.records()[0]["id"])

    return loop.run(story())


def write_call(folders: CallFolders, began: float, chance: random.Random, **changes: Any) -> str:
    """The papers of a call as they would be. `changes`: fields of its record that are to be different."""
    reason, by = chance.choice(ENDS)
    failed = reason in ("model_failed", "phone_lost")
    turns = [] if reason == "model_failed" else TALK[: chance.choice((5, 7, 9))]
    lines, at = [], 900
    for number, (role, text) in enumerate(turns, 1):
        length = len(text) * 55 if role != "tool" else 140
        line: dict[str, Any] = {"turn": number, "role": role, "text": text, "start_ms": at, "end_ms": at + length}
        if role == "agent":
            wait = int(chance.lognormvariate(6.45, 0.35))
            line |= {"heard_ms": length, "length_ms": length, "cut": False, "heard_text": text, "latency_ms": wait}
        if role == "tool":
            line |= {"tool": "opening_hours", "arguments": '{"day": "tomorrow"}', "ok": chance.random() > 0.1}
        lines.append(line)
        at += length + chance.randint(300, 900)
    waits = sorted(line["latency_ms"] for line in lines if line["role"] == "agent")
    tools = [line["ok"] for line in lines if line["role"] == "tool"]
    outbound = chance.random() < 0.25
    other = f"+1415555{chance.randint(100, 199):04d}"
    call_id = new_call_id(began)
    record: dict[str, Any] = {
        "id": call_id,
        "carrier_call_id": "CA" + f"{chance.getrandbits(128):032x}",
        "direction": "outbound" if outbound else "inbound",
        "from": "+14155550100" if outbound else other,
        "to": other if outbound else "+14155550100",
        "agent": chance.choice(AGENTS),
        "started_at": iso(began),
        "answered_at": None if reason == "model_failed" else iso(began + 1.4),
        "ended_at": iso(began + 2 + at / 1000),
        "end_reason": reason,
        "ended_by": by,
        "turns": len(turns) - len(tools),
        "latency_p50_ms": waits[len(waits) // 2] if waits else None,
        "latency_p95_ms": waits[-1] if waits else None,
        "barge_ins": chance.choice((0, 0, 0, 1, 2)) if turns else 0,
        "tool_calls": len(tools),
        "tool_errors": tools.count(False),
        "handed_to": "+14155550107" if reason == "transferred" else "",
        "usage": {"input_audio_tokens": at // 100, "output_audio_tokens": at // 50} if turns else {},
        "cost_usd": round(at / 60_000 * 0.09, 4) if turns else None,
        "error": "the model closed the connection (1011)" if failed else None,
    } | changes
    folders.write(call_id, record)
    _write_lines(folders, call_id, folder.TRANSCRIPT, lines)
    return call_id
