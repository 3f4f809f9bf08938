"""The writing thread: everything in order, growing files every two seconds, a refusing disk told once."""

import asyncio
import errno
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from bridge.sim.loop import run
from bridge.store import disk as disk_module
from bridge.store import owed as owed_module
from bridge.store.disk import AGAIN_S, BIG, FILES, FLUSH_S, TOGETHER_S, Disk, GrowingFile
from bridge.store.folder import CallFolders, new_call_id


def as_they_are(entries: list[bytes]) -> Iterable[bytes]:
    return entries


def growing(disk: Disk, path: Path) -> GrowingFile[bytes]:
    return GrowingFile(disk, path, as_they_are)


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


def test_a_growing_file_is_written_every_two_seconds(tmp_path: Path) -> None:
    async def story() -> list[bytes]:
        disk = Disk()
        file = growing(disk, tmp_path / "lines")
        seen = []
        for line in (b"one", b"two", b"three"):
            file.append(line)
            await disk.submit(list)  # what was handed to the thread before this is written
            seen.append(file.path.read_bytes() if file.path.exists() else b"")
            await asyncio.sleep(FLUSH_S * 0.6)
        await disk.drained()
        disk.close()
        return [*seen, file.path.read_bytes()]

    assert run(story()) == [b"", b"", b"one\ntwo\n", b"one\ntwo\nthree\n"]


def test_a_lot_at_once_does_not_wait(tmp_path: Path) -> None:
    async def story() -> tuple[bool, bytes]:
        disk = Disk()
        file = growing(disk, tmp_path / "lines")
        line = b"x" * 999
        for _ in range(BIG // 1000 + 1):
            file.append(line, size=len(line) + 1)
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
    """The folder of one call is gone; every other call's lines of that moment are still written."""

    async def story() -> int:
        disk = Disk()
        files = [growing(disk, tmp_path / name) for name in ("a", "gone/b", "c", "gone/d", "e")]
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
    """Drained and closed while a file was waiting: nothing may wake up later and find the thread gone."""

    async def story() -> list[str]:
        troubles: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(str(context)))
        for drain in (True, False):
            disk = Disk()
            growing(disk, tmp_path / "x").append(b"1")
            if drain:
                await disk.drained()
            disk.close()
        await asyncio.sleep(FLUSH_S * 3)
        return troubles

    assert run(story()) == []
    assert (tmp_path / "x").read_bytes() == b"1\n"


# ---- how growing files are written --------------------------------------------------------------------------------


def test_lines_are_made_when_the_file_is_written_and_what_is_still_counted_comes_with_them(tmp_path: Path) -> None:
    made: list[float] = []

    async def story() -> None:
        loop, disk = asyncio.get_running_loop(), Disk()

        def lines(entries: list[int]) -> Iterable[bytes]:
            made.append(loop.time())
            return (b"%d" % entry for entry in entries)

        file = GrowingFile(disk, tmp_path / "lines", lines)
        file.before = lambda: file.append(99)
        for number in range(3):
            file.append(number)
        await asyncio.sleep(FLUSH_S + TOGETHER_S)
        await disk.drained()
        disk.close()

    run(story())
    assert [FLUSH_S <= at <= FLUSH_S + TOGETHER_S for at in made] == [True]
    assert (tmp_path / "lines").read_bytes() == b"0\n1\n2\n99\n"


def test_a_file_has_its_turn_every_two_seconds_while_it_has_something_to_write(tmp_path: Path) -> None:
    made: list[tuple[float, int]] = []

    async def story() -> tuple[bool, bool]:
        loop, disk = asyncio.get_running_loop(), Disk()

        def lines(entries: list[int]) -> Iterable[bytes]:
            made.append((loop.time(), len(entries)))
            return ()

        file = GrowingFile(disk, tmp_path / "lines", lines)
        for _ in range(30):  # entries for three seconds
            file.append(0)
            await asyncio.sleep(0.1)
        await asyncio.sleep(FLUSH_S)
        lively = file.has_turn
        await asyncio.sleep(FLUSH_S)
        forgotten = not file.has_turn
        file.append(0)
        await asyncio.sleep(FLUSH_S + TOGETHER_S)
        disk.close()
        return lively, forgotten

    assert run(story()) == (True, True)
    assert made == [
        (FLUSH_S, 20),
        (2 * FLUSH_S, 10),
        (pytest.approx(3 * FLUSH_S + 3.0, abs=TOGETHER_S), 1),
    ]


def test_what_is_counted_alone_is_no_reason_to_write(tmp_path: Path) -> None:
    async def story() -> None:
        disk = Disk()
        file = growing(disk, tmp_path / "lines")
        file.before = lambda: file.append(b"counted")
        file.finish()
        await disk.drained()
        disk.close()

    run(story())
    assert not (tmp_path / "lines").exists()


def test_files_due_together_are_written_together_sixteen_at_a_time(tmp_path: Path) -> None:
    made: list[tuple[float, int]] = []

    async def story() -> None:
        loop, disk = asyncio.get_running_loop(), Disk()

        def lines(entries: list[int]) -> Iterable[bytes]:
            made.extend((loop.time(), entry) for entry in entries)
            return ()

        for number in range(FILES * 2 + 1):
            GrowingFile(disk, tmp_path / str(number), lines).append(number)
        await asyncio.sleep(TOGETHER_S)
        GrowingFile(disk, tmp_path / "later", lines).append(-1)
        await asyncio.sleep(FLUSH_S + 1)
        disk.close()

    run(story())
    times = sorted({at for at, _ in made})
    together = [[number for when, number in made if when == at] for at in times]
    assert together == [list(range(FILES)), list(range(FILES, FILES * 2)), [FILES * 2], [-1]]


def open_files(under: Path) -> set[str]:
    """Names of the files under this folder that the process holds open."""
    held = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = link.readlink()
        except OSError:
            continue  # the descriptor that lists the folder
        if under in target.parents:
            held.add(target.name)
    return held


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are looked up in /proc")


@needs_proc
def test_a_file_stays_open_until_it_is_finished(tmp_path: Path) -> None:
    async def story() -> list[set[str]]:
        disk, seen = Disk(), list[set[str]]()
        a, b = growing(disk, tmp_path / "a"), growing(disk, tmp_path / "b")

        async def look() -> None:
            await disk.drained()
            seen.append(open_files(tmp_path))

        a.append(b"1")
        b.append(b"1")
        await look()
        a.append(b"2")
        a.finish()
        await look()
        a.append(b"late")  # written all the same, and closed again
        await look()
        b.finish()  # with nothing to write
        await look()
        disk.close()
        return seen

    assert run(story()) == [{"a", "b"}, {"b"}, {"b"}, set()]
    assert (tmp_path / "a").read_bytes() == b"1\n2\nlate\n"
    assert (tmp_path / "b").read_bytes() == b"1\n"


@needs_proc
def test_beyond_so_many_open_files_each_is_closed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "OPEN", 2)

    async def story() -> list[set[str]]:
        disk, seen = Disk(), list[set[str]]()
        files = [growing(disk, tmp_path / name) for name in "abcd"]
        for number in range(3):
            for file in files:
                file.append(b"%d" % number)
            await disk.drained()
            seen.append(open_files(tmp_path))
            if number == 1:
                files[0].finish()  # makes room for one
                await disk.drained()
                seen.append(open_files(tmp_path))
        for file in files:
            file.finish()
        await disk.drained()
        seen.append(open_files(tmp_path))
        disk.close()
        return seen

    assert run(story()) == [{"a", "b"}, {"a", "b"}, {"b"}, {"b", "c"}, set()]
    assert {(tmp_path / name).read_bytes() for name in "abcd"} == {b"0\n1\n2\n"}


def test_a_disk_that_takes_a_part_gets_the_rest_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = os.write, iter([False, False, True])

    def a_little(fd: int, data: bytes) -> int:
        if next(full, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:3])

    async def story() -> int:
        disk = Disk()
        file = growing(disk, tmp_path / "lines")
        monkeypatch.setattr(os, "write", a_little)
        file.append(b"12345678")  # 3 bytes, 3 bytes, and then there is no room
        await disk.drained()
        file.append(b"again")
        await disk.drained()
        monkeypatch.undo()
        file.finish()
        await disk.drained()
        disk.close()
        return disk.failures

    assert run(story()) == 1
    assert (tmp_path / "lines").read_bytes() == b"12345678\nagain\n"


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)


def test_what_was_refused_is_written_by_itself_though_nothing_comes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> list[bool]:
        disk, owes = Disk(), list[bool]()
        file = growing(disk, tmp_path / "lines")
        refusing(monkeypatch)
        file.append(b"last words")
        file.finish()
        await disk.drained()
        owes.append(disk.owes)
        monkeypatch.undo()
        await asyncio.sleep(AGAIN_S + 1.0)
        await disk.submit(lambda: None)
        owes.append(disk.owes)
        disk.close()
        return owes

    with caplog.at_level(logging.INFO):
        assert run(story()) == [True, False]
    assert [r.message for r in caplog.records] == [
        "cannot write call data",
        "what the disk refused of calls is written",
    ]
    assert (tmp_path / "lines").read_bytes() == b"last words\n"


def test_what_waits_for_the_disk_is_bounded_and_ends_with_a_whole_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "MOST_OWED", 30)

    async def story() -> None:
        disk = Disk()
        file = growing(disk, tmp_path / "lines")
        refusing(monkeypatch)
        for number in range(10):
            file.append(b"line %d" % number)
            await disk.drained()
        monkeypatch.undo()
        file.append(b"after")
        await disk.drained()
        disk.close()

    run(story())
    assert (tmp_path / "lines").read_bytes().splitlines() == [b"line 0", b"line 1", b"line 2", b"line 3", b"after"]


def test_a_named_job_is_run_again_until_it_works_or_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    async def story() -> tuple[list[str], bool]:
        disk, done, refuses = Disk(), list[str](), [True]

        def job(word: str) -> None:
            if refuses[0]:
                raise OSError(errno.EROFS, "Read-only file system")
            done.append(word)

        def broken() -> None:
            raise ValueError("ours, and no disk's")

        disk.submit(lambda: job("old record"), tmp_path / "a")
        disk.submit(lambda: job("record"), tmp_path / "a")
        disk.submit(lambda: job("other"), tmp_path / "b")
        disk.submit(lambda: job("nameless"))
        disk.submit(broken, tmp_path / "c")
        await disk.drained()
        refuses[0] = False
        disk.submit(lambda: job("newer"), tmp_path / "b")
        await asyncio.sleep(AGAIN_S + 1.0)
        await disk.drained()
        owes = disk.owes
        disk.close()
        return done, owes

    assert run(story()) == (["newer", "record"], False)


def test_what_the_disk_never_took_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        disk = Disk()
        refusing(monkeypatch)
        growing(disk, tmp_path / "lines").append(b"lost")
        await disk.drained()
        disk.close()

    run(story())
    assert [r.message for r in caplog.records] == [
        "cannot write call data",
        "call data is lost: the disk does not take it",
    ]


def test_an_entry_that_cannot_be_written_costs_the_others_nothing(tmp_path: Path) -> None:
    async def story() -> list[bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
        disk = Disk()

        def lines(entries: list[str]) -> Iterable[bytes]:
            return [entry.encode() for entry in entries]  # a lone surrogate has no UTF-8

        good, bad = (GrowingFile(disk, tmp_path / name, lines) for name in ("good", "bad"))
        for word in ("one", "two"):
            good.append(word)
            bad.append("\udcff")
            await asyncio.sleep(FLUSH_S * 2)
        await disk.submit(lambda: None)  # nothing is flushed by it
        written = (tmp_path / "good").read_bytes() if (tmp_path / "good").exists() else b""
        disk.close()
        return written.splitlines()

    assert run(story()) == [b"one", b"two"]


# ---- what room would not mend, and how much waits ------------------------------------------------------------------


def test_only_what_room_can_mend_is_owed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that was removed or may not be entered: told once, given up, and nothing is left to be tried."""

    def forbidden() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    async def story() -> tuple[bool, list[str]]:
        disk, forgotten = Disk(), list[str]()
        for name in "ab":
            file = growing(disk, tmp_path / "gone" / name)
            file.append(b"line")
            file.finish()
            disk.submit(forbidden, tmp_path / name, lambda name=name: forgotten.append(name))  # type: ignore[misc]
        await disk.submit(lambda: None)
        owes = disk.owes
        disk.close()
        return owes, forgotten

    assert run(story()) == (False, ["a", "b"])
    assert [r.message for r in caplog.records] == ["cannot write call data"] * 2  # one of each kind
    assert not (tmp_path / "gone").exists()


def test_a_call_that_begins_on_a_full_disk_is_written_whole_when_there_is_room(tmp_path: Path) -> None:
    """Its folder cannot be made, so its files have no folder: that is not a folder that was removed."""
    place, full = tmp_path / "calls" / "one", [True]

    def make() -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        place.mkdir(parents=True)

    async def story() -> bool:
        disk = Disk()
        disk.submit(make, place)
        file = growing(disk, place / "lines")
        for number in range(3):
            file.append(b"%d" % number)
            await disk.drained()
        full[0] = False
        file.finish()
        await disk.drained()
        owes = disk.owes
        disk.close()
        return owes

    assert not run(story())
    assert (place / "lines").read_bytes() == b"0\n1\n2\n"


def test_what_is_owed_does_not_make_a_deleted_call_again(tmp_path: Path) -> None:
    folders, call_id, full = CallFolders(tmp_path), new_call_id(), [True]

    def write() -> None:
        if full[0]:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        folders.write(call_id, {"id": call_id})

    async def story() -> list[bool]:
        disk = Disk()
        folders.path(call_id).mkdir(parents=True)
        disk.submit(write, folders.path(call_id) / "call.json")
        await disk.drained()
        owes = [disk.owes]
        folders.path(call_id).rmdir()
        full[0] = False
        await disk.drained()
        owes.append(disk.owes)
        disk.close()
        return owes

    assert run(story()) == [True, False]
    assert folders.ids() == []


def test_an_owed_job_that_fails_in_any_other_way_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> tuple[list[str], bool]:
        disk, done, full = Disk(), list[str](), [True]

        def job(word: str) -> None:
            if full[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            if word == "bad":
                raise ValueError("anything")
            done.append(word)

        for word in ("first", "bad", "last"):
            disk.submit(lambda word=word: job(word), tmp_path / word)  # type: ignore[misc]
        await disk.drained()
        full[0] = False
        await disk.drained()
        owes = disk.owes
        disk.close()
        return done, owes

    assert run(story()) == (["first", "last"], False)
    assert "anything" in [record.__dict__.get("error") for record in caplog.records]


def test_lines_of_all_calls_that_wait_share_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owed_module, "MOST_BYTES", 100)

    async def story() -> int:
        disk = Disk()
        files = [growing(disk, tmp_path / str(number)) for number in range(10)]
        refusing(monkeypatch)
        for _ in range(3):
            for file in files:
                file.append(b"a line of 19 bytes")
            await disk.drained()
        held = sum(len(file.owed) for file in files)
        monkeypatch.undo()
        await disk.drained()
        disk.close()
        return held

    assert 0 < run(story()) <= 100
    written = [line for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert (set(written), len(written)) == ({b"a line of 19 bytes"}, 5)


def test_new_writes_come_between_while_much_is_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "SLICE_S", 0.0)

    async def story() -> list[str]:
        disk, done, full, new = Disk(), list[str](), [True], threading.Event()

        def job() -> bool:
            if full[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            new.wait(5.0)
            done.append("owed")
            return len(done) < 100

        disk.submit(job, tmp_path / "much")
        await disk.drained()
        full[0] = False
        paying = asyncio.ensure_future(disk.drained())
        await asyncio.sleep(0)
        disk.submit(lambda: done.append("new"))
        new.set()
        await paying
        disk.close()
        return done

    done = run(story())
    assert (len(done), done.index("new") < 5) == (100, True)
