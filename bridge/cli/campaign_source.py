"""Where commands read about campaigns: a running `serve` when there is one, else the database itself.

What changes something goes to the `serve` alone, which is told nothing that it does not know.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bridge.client import AdminClient, client_of
from bridge.config import Settings
from bridge.errors import ServiceUnavailable, StoreError

if TYPE_CHECKING:
    from bridge.dialer.office import Office, Report
    from bridge.store.database import Database

T = TypeVar("T")


class CampaignSource(Protocol):
    """What can be read. Every method raises UsageError for a campaign that is not there, and StoreError."""

    def campaigns(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        ...

    def report(self, name: str) -> dict[str, Any]:
        """How one stands."""
        ...

    def people(self, name: str) -> dict[str, Any]:
        """The same with all its contacts."""
        ...

    def table(self, name: str) -> Iterator[str]:
        """Its contacts as CSV, piece by piece."""
        ...

    def review(self, name: str) -> list[dict[str, Any]]:
        """Attempts that wait for a decision; of all campaigns when `name` is empty."""
        ...


class FromServer:
    """Read by the admin API."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def campaigns(self) -> list[dict[str, Any]]:
        """All of them."""
        return list(self._client.get("/campaigns")["campaigns"])

    def report(self, name: str) -> dict[str, Any]:
        """How one stands."""
        return self._client.get(f"/campaigns/{_quoted(name)}")

    def people(self, name: str) -> dict[str, Any]:
        """With all its contacts."""
        return self._client.get(f"/campaigns/{_quoted(name)}/report.json")

    def table(self, name: str) -> Iterator[str]:
        """As CSV."""
        return self._client.download(f"/campaigns/{_quoted(name)}/report.csv")

    def review(self, name: str) -> list[dict[str, Any]]:
        """What waits for a decision."""
        return list(self._client.get("/review", campaign=name)["review"])


class FromDatabase:
    """Read by the database, while no serve answers. Each question opens it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def campaigns(self) -> list[dict[str, Any]]:
        """All of them."""
        from bridge.dialer.shown import campaign_row

        return [campaign_row(row) for row in self._ask(lambda office: office.every())]

    def report(self, name: str) -> dict[str, Any]:
        """How one stands, as far as the database knows."""

        async def ask(office: Office) -> dict[str, Any]:
            return _shown(await office.report((await office.find(name)).id))

        return self._ask(ask)

    def people(self, name: str) -> dict[str, Any]:
        """With all its contacts."""
        from bridge.dialer.results import json_row, results

        async def ask(office: Office) -> dict[str, Any]:
            campaign = await office.find(name)
            rows = [json_row(result) async for page in results(office.db, campaign.id) for result in page]
            return _shown(await office.report(campaign.id)) | {"people": rows}

        return self._ask(ask)

    def table(self, name: str) -> Iterator[str]:
        """As CSV."""
        from bridge.dialer.results import table_pieces

        async def ask(office: Office) -> str:
            out = io.StringIO()
            async for piece in table_pieces(office.db, (await office.find(name)).id):
                out.write(piece)
            return out.getvalue()

        yield self._ask(ask)

    def review(self, name: str) -> list[dict[str, Any]]:
        """What waits for a decision."""
        from bridge.dialer.shown import attempt_row

        async def ask(office: Office) -> list[dict[str, Any]]:
            rows = await office.review((await office.find(name)).id if name else "")
            return [attempt_row(row) for row in rows]

        return self._ask(ask)

    def _ask(self, question: Callable[[Office], Awaitable[T]]) -> T:
        from bridge.dialer.office import Office

        async def work() -> T:
            async with opened(self._settings) as db:
                return await question(Office(db, lambda: None, time.time))

        return asyncio.run(work())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database, to look into it. Raises StoreError; where there is none yet, none is made."""
    from bridge.store.address import read_address
    from bridge.store.database import Database

    path = read_address(settings.database_url, settings.data).path
    if path is not None and not path.is_file():
        raise StoreError(f"no serve answers, and there is no database {path} yet")
    db = await Database.open(settings.database_url, settings.data)
    try:
        yield db
    finally:
        await db.close()


def reading(settings: Settings, question: Callable[[CampaignSource], T]) -> T:
    """Ask the running serve; where there is none, or it has no database, ask the database."""
    try:
        with client_of(settings) as client:
            return question(FromServer(client))
    except (ServiceUnavailable, StoreError):
        return question(FromDatabase(settings))


def _shown(report: Report) -> dict[str, Any]:
    from bridge.dialer.shown import report_row
    from bridge.dialer.standstill import standstill

    return report_row(report, standstill(report, time.time()))


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
