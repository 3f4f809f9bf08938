"""What the database holds, as values: frozen rows, and the words their states are written in.

Times are epoch seconds (UTC) as floats, money is US dollars, phone numbers are E.164. JSON columns hold plain dicts.

Contact:   waiting -> dialing -> ringing -> in_call -> done
           waiting <-> retry_at ;  gave_up | skipped | cancelled ;  unsure -> review | waiting
Attempt:   intent -> placed -> answered -> closed
           intent -> unknown -> placed | closed | review
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

CampaignState = Literal["draft", "checked", "running", "paused", "done", "cancelled"]
ContactState = Literal[
    "waiting",
    "retry_at",
    "dialing",
    "ringing",
    "in_call",
    "done",
    "gave_up",
    "skipped",
    "cancelled",
    "unsure",
    "review",
]
AttemptState = Literal["intent", "placed", "answered", "unknown", "review", "closed"]

DUE: tuple[ContactState, ...] = ("waiting", "retry_at")
"""Contacts that may be claimed once their `due_at` has come."""
OPEN: tuple[AttemptState, ...] = ("intent", "placed", "answered", "unknown", "review")
"""Attempts that are not decided: nobody else may dial their number."""
FINAL: tuple[ContactState, ...] = ("done", "gave_up", "skipped", "cancelled")
"""Contacts with whom a campaign is finished. `review` is not: a person has to decide it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A list of people to call, and the rules for it. `rules` is `dialer.rules.Rules` as JSON."""

    id: str
    name: str
    state: CampaignState
    reason: str
    """Why it is paused or cancelled."""
    agent: str
    """As `load_agent` takes it; "" is the one that serves."""
    rules: Mapping[str, Any]
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Contact:
    """One person of one campaign."""

    id: int
    campaign_id: str
    line: int
    """The line of the file it came from; the header is line 1."""
    phone: str
    name: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    agent: str = ""
    """Instead of the campaign's; "" is the campaign's."""
    timezone: str = ""
    """What the row said; "" when only the number tells."""
    zones: tuple[str, ...] = ()
    """The zones in all of which the window must be open; empty: unknown, and nobody may call."""
    language: str = ""
    external_id: str = ""
    priority: int = 5
    """0 to 9; higher is called first."""
    consent_source: str = ""
    consent_at: str = ""
    state: ContactState = "waiting"
    outcome: str = ""
    """The last attempt's, see `dialer.outcomes`; for `skipped`: why."""
    attempts: int = 0
    due_at: float = 0.0
    """When it may be called next."""
    last_attempt_at: float | None = None
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dialling of one number. Evidence about it is kept as it came; `outcome` is worked out from all of it."""

    token: str
    """Stands in the URLs the carrier asks and tells; random, and never shown."""
    phone: str
    from_number: str
    state: AttemptState
    owner: str
    """The dialer that wrote it down."""
    claimed_at: float
    id: str = ""
    """What people and programs call it: `att_...`."""
    contact_id: int | None = None
    """None: a single call that belongs to no campaign."""
    campaign_id: str | None = None
    n: int = 1
    agent: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)
    """What this call may do and cost, as JSON: minutes, voicemail, ring time."""
    carrier_call_id: str = ""
    placed_at: float | None = None
    rang_at: float | None = None
    """When it first was begun or rang, where the carrier told of it: until then it stood in the carrier's queue."""
    answered_at: float | None = None
    ended_at: float | None = None
    status: str = ""
    """The carrier's last word that counts."""
    called_off: str = ""
    """Why it was to be taken out of the carrier's queue, in one word; whether that came in time, `status` says."""
    sip: int = 0
    error_code: int = 0
    answered_by: str = ""
    """The carrier's detection."""
    judged: str = ""
    """Our own judgement of who or what answered."""
    call_id: str = ""
    end_reason: str = ""
    """Of our session, when there was one."""
    result: str = ""
    """What the call came to by its own words: opted_out, callback, goal ..."""
    callback_at: float | None = None
    outcome: str = ""
    reason: str = ""
    """One sentence, where `outcome` does not say it all."""
    carrier_usd: float = 0.0
    """What the phone company takes for it."""
    model_usd: float = 0.0
    """What the model took for it."""
    request_key: str = ""
    """The Idempotency-Key it was asked for with."""
    request_hash: str = ""
    """Of that request's content: the same key with other content is a mistake."""
    looked_at: float | None = None
    """When the carrier's list was last searched for it, in vain."""
    looks: int = 0


@dataclass(frozen=True, slots=True)
class DoNotCall:
    """A number that nobody may dial any more."""

    phone: str
    added_at: float
    source: str
    """import, call, key, operator, api."""
    reason: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the right to call a number comes from, as it was told when its list was imported."""

    phone: str
    recorded_at: float
    source: str
    """A form, a contract, a call: in the words of who brought the list."""
    given_at: str = ""
    """When they agreed, as the list says it."""
    campaign_id: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Somebody did something that must be traceable."""

    at: float
    who: str
    what: str
    subject: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call as `call.json` has it, for lists and sums."""

    id: str
    carrier_call_id: str
    direction: str
    from_number: str
    to_number: str
    agent: str
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    end_reason: str = ""
    ended_by: str = ""
    turns: int = 0
    usage: Mapping[str, Any] = field(default_factory=dict)
    cost_usd: float | None = None
    error: str = ""
    campaign_id: str = ""
    latency_p50_ms: int | None = None
    """From the caller's last word to the agent's first sound on the phone: the median of the call's turns."""
    latency_p95_ms: int | None = None
    barge_ins: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    handed_to: str = ""
    """Whom the caller was handed over to, when they were."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a call's transcript."""

    turn: int
    role: str
    """caller, agent, tool or keys."""
    text: str
    start_ms: int
    end_ms: int
    heard_ms: int | None = None
    cut: bool = False
    latency_ms: int | None = None
    """Of an agent's turn that answers the caller: how long they waited for its first sound."""


DeliveryState = Literal["waiting", "delivered", "failed", "dropped"]
"""`failed`: given up after days; `dropped`: its endpoint is gone, or was switched off."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is told what happens."""

    id: str
    """`whe_...`; `settings` is the one of BRIDGE_WEBHOOK_URL."""
    url: str
    secret: str = field(repr=False)
    """`whsec_...`; "" for `settings`, whose secret stays where it is."""
    events: Sequence[str]
    """Types it is told; none: all."""
    created_at: float
    created_by: str = ""
    disabled_at: float | None = None
    disabled_why: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint. Its id is the message's own, and the same in every attempt."""

    id: str
    """`msg_...`"""
    endpoint_id: str
    type: str
    key: str
    """What happened, so that it is told once: `call.completed:call_...`."""
    body: str = field(repr=False)
    """As it is signed and sent."""
    created_at: float
    state: DeliveryState = "waiting"
    due_at: float | None = None
    """When it is tried (again); None: not any more."""
    attempts: int = 0
    last_at: float | None = None
    last_status: int = 0
    """The HTTP status of the last answer; 0: there was none."""
    last_ms: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """Opens the admin listener for a program, or for a person who logs in with it. Its secret is not in here."""

    id: str
    """`tok_...`"""
    name: str
    scope: str
    """viewer, operator or admin."""
    created_at: float
    created_by: str
    last_used_at: float | None = None
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody who logged in with a browser."""

    id: str
    """`ses_...`; not what their cookie holds."""
    credential: str
    """The digest of what they logged in with."""
    client: str
    """What their browser calls itself."""
    created_at: float
    seen_at: float
