"""What every handler may use: made once by `app.py`, read only."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.agents.team import Routing
from bridge.carriers.registry import Carrier
from bridge.config import Settings
from bridge.dialer.dialer import Dialer
from bridge.live.analyst import Analyst
from bridge.live.approvals import Approvals
from bridge.live.people import People
from bridge.live.switchboard import Switchboard
from bridge.store.disk import Disk
from bridge.store.folder import CallFolders
from bridge.web.feed import Feed


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
    people: People
    analyst: Analyst
    dialer: Dialer
