"""Ended calls become rows of the database, for lists and sums. No call waits for it.

A call's folder is the truth; this reads it when the call is over and its files are written, all of them: while the disk
owes a line of a call, the call waits, and no other waits for it. When the database is in
trouble it is told once, the ids are kept, and they are tried again; what a killed process still had waiting is found at
the next start, by comparing the folders with the table.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from bridge.errors import StoreError
from bridge.store.base import CallRow, Line
from bridge.store.calls import CallStore, StoredCall
from bridge.store.disk import AGAIN_S, Disk
from bridge.store.folder import TRANSCRIPT, CallFolders
from bridge.store.ids import made_at

log = logging.getLogger(__name__)

TOGETHER = 20
"""Calls in one transaction, when many have ended."""
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Between tries, while the database is in trouble; the last one for as long as it takes."""
_OWED = "the disk does not take the records of calls"


class CallBook:
    """Writes ended calls into the database, in one task of its own while there are any."""

    def __init__(self, calls: CallStore, folders: CallFolders, disk: Disk) -> None:
        self._calls = calls
        self._folders = folders
        self._disk = disk
        self._waiting: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._more = asyncio.Event()

    def over(self, call_id: str) -> None:
        """This call has ended, and its files were told to finish."""
        self._waiting[call_id] = None
        self._more.set()
        if self._task is None and not self._closing:
            self._task = asyncio.create_task(self._work(), name="callbook")

    async def sync(self) -> int:
        """Write what has ended and is not in the table; how many were those? Raises StoreError."""
        known = await self._calls.ended()
        missing = [call_id for call_id in await asyncio.to_thread(self._folders.ids) if call_id not in known]
        whole: list[str] = []
        await self._disk.submit(lambda: whole.extend(self._whole(missing)))
        for call_id in set(missing).difference(whole):
            self.over(call_id)
        found = 0
        for at in range(0, len(whole), TOGETHER):
            stored = await asyncio.to_thread(self._read, whole[at : at + TOGETHER])
            await self._put(stored)
            found += len(stored)
        return found

    async def close(self) -> None:
        """One last try with what is waiting. The next start finds the rest."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            while self._waiting and await self._write_some():
                pass
        except StoreError as error:
            self._told(error)
        else:
            if self._waiting:
                self._told(StoreError(_OWED))

    async def _work(self) -> None:
        failures, owed = 0, False
        try:
            while self._waiting:
                try:
                    some = await self._write_some()
                    failures, owed = 0, owed and not some
                except StoreError as error:
                    if not failures:
                        self._told(error)
                    await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                    failures += 1
                    continue
                if not some:
                    if not owed:
                        self._told(StoreError(_OWED))
                    owed = True
                    await self._another()
        finally:
            self._task = None

    async def _another(self) -> None:
        """The disk may have taken what it owed; or one more call is over, and that one may be whole."""
        self._more.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), AGAIN_S)

    async def _write_some(self) -> bool:
        """Those that are whole. False: the disk owes something of each that waits."""
        waiting, ids, stored = list(self._waiting), list[str](), list[StoredCall]()

        def look() -> None:
            # In the disk's thread: what was handed to it before is written, or owed, when this runs.
            ids.extend(islice(self._whole(waiting), TOGETHER))
            stored.extend(self._read(ids))

        await self._disk.submit(look)
        await self._put(stored)
        for call_id in ids:
            self._waiting.pop(call_id, None)
        return bool(ids)

    def _whole(self, ids: list[str]) -> Iterator[str]:
        """Those of which the disk owes nothing: a row that is made too early keeps its holes for ever."""
        owed = self._disk.owed.folders()
        return (call_id for call_id in ids if self._folders.root / call_id not in owed)

    async def _put(self, stored: list[StoredCall]) -> None:
        """Together; but one call that the database does not take must not keep the others out."""
        try:
            await self._calls.put(stored)
        except StoreError as error:
            if error.retry:
                raise
            for call in stored:
                try:
                    await self._calls.put([call])
                except StoreError as refused:
                    if refused.retry:
                        raise
                    log.warning("a call cannot be put into the database", extra={"call_id": call.row.id})

    def _told(self, error: StoreError) -> None:
        log.warning("cannot write calls into the database; they are kept", extra={"error": str(error)})

    def _read(self, ids: list[str]) -> list[StoredCall]:
        """Those of them that have ended. A folder that cannot be read is no row; it stays what it is."""
        found = []
        for call_id in ids:
            try:
                record = self._folders.read(call_id)
                if record.get("ended_at") and not record.get("replay_of"):  # in a replay nobody called
                    turns = sorted(self._folders.lines(call_id, TRANSCRIPT), key=lambda turn: int(turn.get("turn", 0)))
                    found.append(StoredCall(row_of(call_id, record), tuple(map(line_of, turns))))
            except (StoreError, OSError, KeyError, TypeError, ValueError) as error:
                log.warning("a call's folder cannot be read", extra={"call_id": call_id, "error": str(error)})
        return found


def row_of(call_id: str, record: Mapping[str, Any]) -> CallRow:
    """`call.json` as a row."""
    started_at = _epoch(record.get("started_at"))
    return CallRow(
        id=call_id,
        carrier_call_id=_text(record.get("carrier_call_id")),
        direction=_text(record.get("direction")),
        from_number=_text(record.get("from")),
        to_number=_text(record.get("to")),
        agent=_text(record.get("agent")),
        started_at=made_at(call_id) if started_at is None else started_at,
        answered_at=_epoch(record.get("answered_at")),
        ended_at=_epoch(record.get("ended_at")),
        end_reason=_text(record.get("end_reason")),
        ended_by=_text(record.get("ended_by")),
        turns=int(record.get("turns") or 0),
        usage=dict(record.get("usage") or {}),
        cost_usd=record.get("cost_usd"),
        error=_text(record.get("error")),
        campaign_id=_text(record.get("campaign_id")),
        latency_p50_ms=record.get("latency_p50_ms"),
        latency_p95_ms=record.get("latency_p95_ms"),
        barge_ins=int(record.get("barge_ins") or 0),
        tool_calls=int(record.get("tool_calls") or 0),
        tool_errors=int(record.get("tool_errors") or 0),
        handed_to=_text(record.get("handed_to")),
    )


def line_of(turn: Mapping[str, Any]) -> Line:
    """A line of the transcript as a row."""
    heard_ms = turn.get("heard_ms")
    latency_ms = int(turn.get("latency_ms", -1))
    return Line(
        turn=int(turn.get("turn", 0)),
        role=_text(turn["role"]),
        text=_text(turn.get("text")),
        start_ms=int(turn.get("start_ms") or 0),
        end_ms=int(turn.get("end_ms") or 0),
        heard_ms=None if heard_ms is None else int(heard_ms),
        cut=bool(turn.get("cut", False)),
        latency_ms=latency_ms if latency_ms >= 0 else None,
    )


def _text(value: object) -> str:
    """What both databases take as text: PostgreSQL knows no NUL, and half a surrogate pair is no character."""
    return str(value or "").replace("\0", "").encode("utf-8", "replace").decode()


def _epoch(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
