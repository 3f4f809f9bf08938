"""Ended calls become rows, whatever the database does meanwhile, and no call is the worse for it."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge.records.callbook import TOGETHER, CallBook
from bridge.sim import loop
from bridge.store.base import CallRow, Line
from bridge.store.calls import CallStore
from bridge.store.database import Database
from bridge.store.disk import Disk, GrowingFile
from bridge.store.folder import RECORD, TRANSCRIPT, CallFolders, new_call_id

BEGAN = 1_790_000_000.0


def record(call_id: str, **more: object) -> dict[str, object]:
    return {
        "id": call_id,
        "carrier_call_id": "CA1",
        "direction": "inbound",
        "from": "+14155550101",
        "to": "+14155550199",
        "agent": "reception",
        "started_at": "2026-09-21T14:13:20.000Z",
        "answered_at": "2026-09-21T14:13:21.500Z",
        "ended_at": "2026-09-21T14:14:20.000Z",
        "end_reason": "goodbye",
        "ended_by": "agent",
        "turns": 2,
        "usage": {"input_audio_tokens": 5},
        "cost_usd": 0.01,
        "error": None,
    } | more


def folder_of(data: Path, **more: object) -> str:
    call_id = new_call_id(BEGAN)
    folder = CallFolders(data).path(call_id)
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(json.dumps(record(call_id, **more)))
    turns = [
        {"turn": 2, "role": "caller", "text": "Hi \ud83d\0 there", "start_ms": 900, "end_ms": 1500},
        {"turn": 1, "role": "agent", "text": "Hello", "start_ms": 0, "end_ms": 800, "heard_ms": 700, "cut": True},
    ]
    (folder / TRANSCRIPT).write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    return call_id


def with_book(data: Path, story: Callable[[CallBook, CallStore], Awaitable[None]]) -> None:
    async def whole() -> None:
        db, disk = await Database.open("", data), Disk()
        store = CallStore(db)
        book = CallBook(store, CallFolders(data), disk)
        await story(book, store)
        await book.close()
        await db.close()
        disk.close()

    loop.run(whole())


async def until(store: CallStore, count: int) -> None:
    for _ in range(1000):
        if len(await store.ended()) == count:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"never {count} calls")


def test_an_ended_call_is_a_row_with_its_turns_in_order(tmp_path: Path) -> None:
    async def story(book: CallBook, store: CallStore) -> None:
        call_id = folder_of(tmp_path)
        book.over(call_id)
        await until(store, 1)
        stored = await store.get(call_id)
        assert stored is not None
        assert stored.row == CallRow(
            call_id, "CA1", "inbound", "+14155550101", "+14155550199", "reception", BEGAN, BEGAN + 1.5, BEGAN + 60,
            "goodbye", "agent", 2, {"input_audio_tokens": 5}, 0.01,
        )  # fmt: skip
        assert stored.lines == (
            Line(1, "agent", "Hello", 0, 800, 700, True),
            Line(2, "caller", "Hi ? there", 900, 1500),
        )

    with_book(tmp_path, story)


def test_while_the_database_is_away_calls_are_kept_and_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, away = tmp_path / "callbridge.db", tmp_path / "away.db"

    async def story(book: CallBook, store: CallStore) -> None:
        path.rename(away)
        for _ in range(30):
            book.over(folder_of(tmp_path))
        await asyncio.sleep(100.0)
        away.rename(path)
        await until(store, 30)

    with caplog.at_level(logging.WARNING):
        with_book(tmp_path, story)
    assert [entry.getMessage() for entry in caplog.records] == ["cannot write calls into the database; they are kept"]


def test_a_start_finds_what_a_killed_process_had_not_written(tmp_path: Path) -> None:
    async def story(book: CallBook, store: CallStore) -> None:
        known = folder_of(tmp_path)
        book.over(known)
        await until(store, 1)
        lost = {folder_of(tmp_path) for _ in range(25)}
        folder_of(tmp_path, ended_at=None)
        assert await book.sync() == 25
        assert await store.ended() == lost | {known}
        assert await book.sync() == 0

    with_book(tmp_path, story)


def test_a_folder_that_holds_nonsense_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(book: CallBook, store: CallStore) -> None:
        good = folder_of(tmp_path)
        for wrong in ({"turns": "many"}, {"started_at": 5}, {"usage": 7}, {"cost_usd": {"much": 1}}):
            book.over(folder_of(tmp_path, **wrong))
        book.over(good)
        await until(store, 1)
        assert await store.ended() == {good}

    with caplog.at_level(logging.WARNING):
        with_book(tmp_path, story)
    assert len(caplog.records) == 4


def test_what_waits_at_the_end_is_written_before_it_closes(tmp_path: Path) -> None:
    async def story(book: CallBook, store: CallStore) -> None:
        call_id = folder_of(tmp_path)
        book.over(call_id)
        await book.close()
        assert await store.ended() == {call_id}
        book.over(folder_of(tmp_path))

    with_book(tmp_path, story)


def test_a_call_whose_record_the_disk_refuses_is_listed_as_soon_as_it_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    call_id = new_call_id(BEGAN)
    room: list[bool] = []

    def write() -> None:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        CallFolders(tmp_path).write(call_id, record(call_id))

    async def story(book: CallBook, store: CallStore) -> None:
        book._disk.submit(write, owed_as=CallFolders(tmp_path).path(call_id) / RECORD)
        book.over(call_id)
        await asyncio.sleep(30.0)
        assert (await store.page(10)).rows == ()
        room.append(True)
        await asyncio.sleep(70.0)
        assert [row.id for row in (await store.page(10)).rows] == [call_id]

    with caplog.at_level(logging.WARNING):
        with_book(tmp_path, story)
    assert [entry.getMessage() for entry in caplog.records] == [
        "cannot write call data",
        "cannot write calls into the database; they are kept",
    ]


def test_a_call_whose_last_lines_are_owed_is_listed_with_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is small and finds room where the transcript finds none. The others need not wait for it."""
    call_id, write, full = new_call_id(BEGAN), os.write, [False]

    def a_nearly_full_disk(fd: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", a_nearly_full_disk)

    def line(number: int) -> bytes:
        return json.dumps({"turn": number, "role": "agent", "text": f"line {number}"}).encode()

    async def story(book: CallBook, store: CallStore) -> None:
        folders, disk = CallFolders(tmp_path), book._disk
        folders.path(call_id).mkdir(parents=True)
        transcript: GrowingFile[bytes] = GrowingFile(disk, folders.path(call_id) / TRANSCRIPT, lambda entries: entries)
        transcript.append(line(1))
        await disk.drained()
        full[0] = True
        transcript.append(line(2))
        transcript.append(line(3))
        transcript.finish()
        disk.submit(lambda: folders.write(call_id, record(call_id)), folders.path(call_id) / RECORD)
        book.over(call_id)
        await asyncio.sleep(3.0)
        other = folder_of(tmp_path)
        book.over(other)
        await asyncio.sleep(1.0)
        assert await book.sync() == 0
        assert await store.ended() == {other}
        full[0] = False
        await asyncio.sleep(20.0)
        stored = await store.get(call_id)
        assert stored is not None
        assert [found.text for found in stored.lines] == ["line 1", "line 2", "line 3"]

    with_book(tmp_path, story)


def test_calls_whose_folders_were_removed_do_not_keep_the_others_out(tmp_path: Path) -> None:
    async def story(book: CallBook, store: CallStore) -> None:
        folders = CallFolders(tmp_path)
        for _ in range(2 * TOGETHER):
            call_id = new_call_id(BEGAN)
            lost: GrowingFile[bytes] = GrowingFile(book._disk, folders.path(call_id) / TRANSCRIPT, lambda made: made)
            lost.append(b"{}")
            lost.finish()
            book.over(call_id)
        good = folder_of(tmp_path)
        book.over(good)
        await asyncio.sleep(3.0)
        assert await store.ended() == {good}
        assert book._task is None

    with_book(tmp_path, story)


def test_calls_that_the_disk_still_owes_do_not_keep_the_others_out(tmp_path: Path) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story(book: CallBook, store: CallStore) -> None:
        for _ in range(2 * TOGETHER):
            call_id = folder_of(tmp_path)
            book._disk.submit(full, CallFolders(tmp_path).path(call_id) / RECORD)
            book.over(call_id)
        await asyncio.sleep(60.0)
        good = folder_of(tmp_path)
        book.over(good)
        await asyncio.sleep(1.0)
        assert await store.ended() == {good}

    with_book(tmp_path, story)
