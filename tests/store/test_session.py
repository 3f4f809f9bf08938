"""Proof of life by a lock that its holder's death alone sets free, and news from process to process."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path

import pytest
from postgres_server import Server, empty_schema
from store_house import House

from bridge.errors import DatabaseLost, StoreError
from bridge.store.database import Database
from bridge.store.session import Session

KEY = -(2**63) + 12345
"""Any 64 bits, the sign among them."""


def hold(url: str, data: Path, held: ProcessEvent) -> None:
    """In a process of its own: takes the lock and lives on."""

    async def work() -> None:
        session = await Session.open(await Database.open(url, data))
        assert await session.try_lock(KEY)
        held.set()
        await asyncio.Event().wait()

    asyncio.run(work())


async def free(session: Session) -> bool:
    """Does the lock become free within some seconds?"""
    for _ in range(200):
        if not await session.is_held(KEY):
            return True
        await asyncio.sleep(0.05)
    return False


def test_a_frozen_process_holds_its_lock_and_a_killed_one_does_not(postgres: Server, tmp_path: Path) -> None:
    url = empty_schema(postgres)
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    other = context.Process(target=hold, args=(url, tmp_path, held))

    async def story() -> None:
        db = await Database.open(url, tmp_path)
        other.start()
        assert await asyncio.to_thread(held.wait, 30)
        session = await Session.open(db)
        assert await session.is_held(KEY)
        assert not await session.try_lock(KEY)
        os.kill(other.pid or 0, signal.SIGSTOP)
        await asyncio.sleep(0.2)
        assert await session.is_held(KEY), "frozen is not dead"
        other.kill()
        assert await free(session)
        assert await session.try_lock(KEY)
        await session.unlock(KEY)
        assert not await session.is_held(KEY)
        await session.close()
        await db.close()

    try:
        asyncio.run(story())
    finally:
        other.kill()
        other.join()
        other.close()


def test_news_reach_everybody_who_listens(postgres: Server, tmp_path: Path) -> None:
    async def story() -> None:
        db = await Database.open(url, tmp_path)
        one, two = await Session.open(db), await Session.open(db)
        heard: asyncio.Queue[str] = asyncio.Queue()
        await one.listen("contacts", heard.put_nowait)
        await two.tell("contacts", "c1")
        await two.tell("other", "c2")
        await two.tell("contacts")
        assert [await asyncio.wait_for(heard.get(), 5) for _ in range(2)] == ["c1", ""]
        for session in (one, two):
            await session.close()
            assert session.lost.is_set()
        await db.close()

    url = empty_schema(postgres)
    asyncio.run(story())


def test_a_session_whose_server_dies_says_so_at_once(postgres: Server, tmp_path: Path) -> None:
    if postgres.bin is None:
        pytest.skip("DATABASE_URL_TEST is not ours to stop")

    async def story() -> None:
        db = await Database.open(url, tmp_path)
        session = await Session.open(db)
        assert await session.try_lock(KEY)
        await asyncio.to_thread(postgres.crash)
        await asyncio.wait_for(session.lost.wait(), 5)
        with pytest.raises(DatabaseLost, match="its locks with it"):
            await session.is_held(KEY)
        with pytest.raises(DatabaseLost):
            await Session.open(db)
        await session.close()
        await asyncio.to_thread(postgres.start)
        again = await Session.open(db)
        assert await again.try_lock(KEY)
        await again.close()
        await db.close()

    url = empty_schema(postgres)
    asyncio.run(story())


def test_a_file_has_no_sessions(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        with pytest.raises(StoreError, match="is a file"):
            await Session.open(db)

    House("", tmp_path).run(story)
