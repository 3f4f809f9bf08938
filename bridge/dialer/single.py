"""One call, asked for by a person or a program: `callbridge call`, `POST /api/v1/calls`, `bridge.dial()`."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bridge.dialer.callers import AgentBook
from bridge.dialer.ledger import Ledger
from bridge.dialer.rules import Rules
from bridge.dialer.standing import terms
from bridge.dialer.voicemail import Recordings
from bridge.dialer.worker import Worker
from bridge.errors import CallNotAllowed, UsageError
from bridge.numbers import Number, check_number
from bridge.store import attempts, do_not_call
from bridge.store.base import Attempt, Contact
from bridge.store.database import Connection
from bridge.store.ids import new_id

MOST_VARIABLES = 100
MOST_KEY = 255
"""Characters of an Idempotency-Key."""

_REFUSALS = {
    "do_not_call": "this number is on the do-not-call list",
    "being_called": "this number is being called already; wait for the end of that call",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What is asked for. Only `to` must be given."""

    to: str
    agent: str = ""
    """As a campaign names it; "" is the agent that serves."""
    from_number: str = ""
    """One of ours; "" is TWILIO_PHONE_NUMBER."""
    variables: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Those of a campaign that a single call can have: max_minutes, voicemail, company, purpose ..."""
    key: str = ""
    """Idempotency-Key: the same request with the same key is the same call."""

    def content_hash(self) -> str:
        """Of everything but the key."""
        content = {name: value for name, value in asdict(self).items() if name != "key"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """The attempt, and whether it is one that this key had asked for before."""

    attempt: Attempt
    repeated: bool


class SingleCalls:
    """Places single calls. `clock` gives epoch seconds."""

    def __init__(
        self,
        ledger: Ledger,
        worker: Worker,
        agents: AgentBook,
        recordings: Recordings,
        *,
        countries: frozenset[str],
        default_number: str,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._worker = worker
        self._agents = agents
        self._recordings = recordings
        self._countries = countries
        self._default_number = default_number
        self._clock = clock

    def check(self, request: CallRequest) -> Number:
        """Who would be called. Raises UsageError (NumberRefused, AgentError ...): why nobody is."""
        number = check_number(request.to, self._countries, (self._default_number, request.from_number))
        self._agents.get(request.agent)
        if not (request.from_number or self._default_number):
            raise UsageError("there is no number to call from: set TWILIO_PHONE_NUMBER, or give one")
        if len(request.variables) > MOST_VARIABLES or len(request.key) > MOST_KEY:
            raise UsageError(f"at most {MOST_VARIABLES} variables, and {MOST_KEY} characters of Idempotency-Key")
        Rules.read(request.rules)
        return number

    async def place(self, request: CallRequest) -> Placed:
        """Call them. Raises UsageError for what cannot be, CallNotAllowed for what may not be, StoreError."""
        number = self.check(request)
        rules = Rules.read(request.rules)
        await self._recordings.load(rules.voicemail_file)
        attempt = self._intent(request, number, rules)
        found = await self._ledger.db.write(_intend, attempt)
        if isinstance(found, str):
            raise CallNotAllowed(_REFUSALS[found], why=found)
        if found.id != attempt.id:
            if found.request_hash != attempt.request_hash:
                raise CallNotAllowed("this Idempotency-Key was used for another call; take a new one", why="key_reused")
            return Placed(found, repeated=True)
        self._worker.begin(attempt)
        return Placed(attempt, repeated=False)

    def _intent(self, request: CallRequest, number: Number, rules: Rules) -> Attempt:
        now = self._clock()
        nobody = Contact(0, "", 0, number.e164)
        return Attempt(
            token=secrets.token_urlsafe(24),
            id=new_id("att", now),
            phone=number.e164,
            from_number=request.from_number or self._default_number,
            state="intent",
            owner=self._ledger.owner,
            claimed_at=now,
            agent=request.agent,
            variables={key: str(value) for key, value in request.variables.items()},
            terms=terms(rules, nobody),
            request_key=request.key,
            request_hash=request.content_hash(),
        )

    async def get(self, attempt_id: str) -> Attempt | None:
        """An attempt by its public id. Raises StoreError."""
        found = await self._ledger.db.read(attempts.of_id, attempt_id)
        return None if found is None else await self._ledger.attempt(found.token)


def _intend(conn: Connection, attempt: Attempt) -> Attempt | str:
    """Write the intent, or find the one of the same request; else the word for why neither."""
    if attempt.request_key:
        known = attempts.of_request(conn, attempt.request_key)
        if known is not None:
            return known
    if do_not_call.listed(conn, [attempt.phone]):
        return "do_not_call"
    if attempt.id not in attempts.intend(conn, [attempt]):
        return "being_called"
    return attempt
