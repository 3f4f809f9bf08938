"""The writing thread: everything in order, growing files once a second, a refusing disk told once."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from bridge.sim.loop import run
from bridge.store.disk import BIG, FLUSH_S, Disk, GrowingFile


def test_jobs_run_in_order_in_one_thread() -> None:
    async def story() -> tuple[list[int], set[int]]:
        disk, seen, threads = Disk(), list[int](), set[int]()

        def job(number: int) -> None:
            seen.append(number)
            threads.add(threading.get_ident())

        for number in range(200):
            disk.submit(lambda n=number: job(n))  # type: ignore[misc]
        await disk.drained()
        disk.close()
        return seen, threads

    seen, threads = asyncio.run(story())
    assert seen == list(range(200))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_growing_file_is_written_once_a_second(tmp_path: Path) -> None:
    async def story() -> list[bytes]:
        disk = Disk()
        file = GrowingFile(disk, tmp_path / "lines")
        seen = []
        for line in (b"one", b"two", b"three"):
            file.append(line)
            seen.append(file.path.read_bytes() if file.path.exists() else b"")
            await asyncio.sleep(FLUSH_S * 0.6)
        await disk.drained()
        disk.close()
        return [*seen, file.path.read_bytes()]

    assert run(story()) == [b"", b"", b"one\ntwo\n", b"one\ntwo\nthree\n"]


def test_a_lot_at_once_does_not_wait_for_the_second(tmp_path: Path) -> None:
    async def story() -> tuple[bool, bytes]:
        disk = Disk()
        file = GrowingFile(disk, tmp_path / "lines")
        line = b"x" * 999
        for _ in range(BIG // 1000 + 1):
            file.append(line)
        await asyncio.sleep(FLUSH_S / 2)
        early = file.path.exists()
        file.append(b"after")
        await disk.drained()
        disk.close()
        return early, file.path.read_bytes()

    early, written = run(story())
    assert early
    lines = written.splitlines()
    assert (len(lines), lines[-1], set(lines[:-1])) == (BIG // 1000 + 2, b"after", {b"x" * 999})


def test_a_refusing_disk_is_told_once_and_the_rest_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder of one call is gone; every other call's lines of that second are still written."""

    async def story() -> int:
        disk = Disk()
        files = [GrowingFile(disk, tmp_path / name) for name in ("a", "gone/b", "c", "gone/d", "e")]
        for second in range(3):
            for file in files:
                file.append(b"%d" % second)
            await asyncio.sleep(FLUSH_S * 1.5)
        await disk.drained()
        disk.close()
        return disk.failures

    with caplog.at_level(logging.ERROR):
        assert run(story()) == 3
    assert [(r.name, r.message) for r in caplog.records] == [("bridge.store.disk", "cannot write call data")]
    assert "gone" in caplog.records[0].__dict__["error"]
    assert {name: (tmp_path / name).read_bytes() for name in "ace"} == dict.fromkeys("ace", b"0\n1\n2\n")


def test_a_job_may_fail_in_any_way_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> tuple[list[str], int]:
        disk, done = Disk(), list[str]()

        def bad() -> None:
            raise RuntimeError("anything")

        disk.submit(bad)
        disk.submit(lambda: done.append("next"))
        disk.submit(bad)
        await disk.drained()
        disk.close()
        return done, disk.failures

    assert asyncio.run(story()) == (["next"], 2)
    assert len(caplog.records) == 1


def test_after_the_end_no_timer_is_left(tmp_path: Path) -> None:
    """Drained and closed while a second was running: nothing may wake up later and find the thread gone."""

    async def story() -> list[str]:
        troubles: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(str(context)))
        for drain in (True, False):
            disk = Disk()
            GrowingFile(disk, tmp_path / "x").append(b"1")
            if drain:
                await disk.drained()
            disk.close()
        await asyncio.sleep(FLUSH_S * 3)
        return troubles

    assert run(story()) == []
    assert (tmp_path / "x").read_bytes() == b"1\n"
