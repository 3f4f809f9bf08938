"""What every handler may use: made once by `app.py`, read only."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from bridge.agents.team import Routing
from bridge.carriers.registry import Carrier
from bridge.config import Settings
from bridge.dialer.dialer import Dialer
from bridge.errors import DatabaseLost, StoreError
from bridge.live.analyst import Analyst
from bridge.live.approvals import Approvals
from bridge.live.audience import Audience
from bridge.live.glances import Glances
from bridge.live.people import People
from bridge.live.switchboard import Switchboard
from bridge.notify.courier import Courier
from bridge.store.audit import Audit
from bridge.store.base import AuditEntry
from bridge.store.database import Database
from bridge.store.disk import Disk
from bridge.store.folder import CallFolders
from bridge.web.checks.keeper import Keeper
from bridge.web.feed import Feed
from bridge.web.inspector import Inspector

log = logging.getLogger(__name__)


class Engine(Protocol):
    """A local engine that can be had; `sim.local_engine.LocalEngine` is one."""

    async def url(self) -> str:
        """Where it answers, once it does. Raises ModelUnreachable, one sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one process."""

    settings: Settings
    routing: Routing
    carrier: Carrier
    switchboard: Switchboard
    folders: CallFolders
    disk: Disk
    feed: Feed
    approvals: Approvals
    glances: Glances
    audience: Audience
    people: People
    analyst: Analyst
    dialer: Dialer
    engine: Engine
    checks: Keeper
    """Whether everything is there that a call needs."""
    courier: Courier
    inspector: Inspector
    """What the carrier asked lately."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each setting came from, by its field's name; what is missing has its default."""

    @property
    def db(self) -> Database:
        """The database. Raises DatabaseLost while there is none."""
        if self.dialer.db is None:
            raise DatabaseLost(self.dialer.trouble or "the database is closed")
        return self.dialer.db

    async def audit(
        self,
        request: HTTPConnection,
        what: str,
        subject: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that whoever sent this request did it: `what` as "call.hangup", to `subject`.

        It is told after the deed, and never undoes it: a call is hung up although the database is away. Then the
        entry stands in the log.
        """
        entry = AuditEntry(time.time(), request.state.who.name, what, subject, before or {}, after or {})
        try:
            await Audit(self.db).add(entry)
        except StoreError as error:
            told = {"who": entry.who, "what": what, "subject": subject, "error": str(error)}
            log.warning("an audit entry could not be written", extra=told)
