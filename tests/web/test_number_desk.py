"""Numbers that are pointed at us and back: nothing is lost, whoever is killed when, and nobody's change is undone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from house_world import ACCOUNT, NUMBER, TOKEN

from bridge.carriers.base import NumberHooks, OwnedNumber
from bridge.carriers.registry import CARRIERS
from bridge.config import Settings
from bridge.errors import CarrierError, StoreError, UsageError
from bridge.sim import loop
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.twilio.owned import SimNumber
from bridge.sim.twilio.weather import RestFault
from bridge.store.number_book import FILE, NumberBook, SavedHooks
from bridge.web.number_desk import NumberDesk

OLD, NEW, OTHER = "https://old.example.com/voice", "https://new.example.com", "https://other.example.com/voice"
Story = Callable[[NumberDesk, SimNumber, Carrier], Awaitable[None]]


def told(data: Path, story: Story, **options: Any) -> None:
    async def run() -> None:
        fallback = "https://old.example.com/sorry"
        own = SimNumber(NUMBER, voice_url=OLD, voice_method="GET", voice_fallback_url=fallback, **options)
        carrier = Carrier(CarrierOptions(NEW, ACCOUNT, TOKEN, ("127.0.0.1", 9), owned=(own, SimNumber("+14155550101"))))
        await carrier.start()
        keys = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "twilio_api_url": carrier.url}
        control = CARRIERS["twilio"](Settings(**keys)).control
        try:
            await story(NumberDesk(control, NumberBook(data)), own, carrier)
        finally:
            await carrier.stop()

    loop.run(run())


def test_a_number_is_attached_and_restored(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        done = await desk.attach(NUMBER, NEW + "/")
        assert (done.before.voice_url, done.before.voice_method) == (OLD, "GET")
        assert (own.voice_url, own.voice_method) == (f"{NEW}/twilio/voice", "POST")
        assert own.status_callback == f"{NEW}/twilio/status"
        assert own.voice_fallback_url == "https://old.example.com/sorry", "a fallback elsewhere is kept"
        assert done.warning == ""
        first, second = await desk.list()
        assert (first.before, second.before) == (done.before, None)
        back = await desk.restore(NUMBER)
        assert back.after == done.before
        assert (own.voice_url, own.voice_method, own.status_callback) == (OLD, "GET", "")
        assert await desk.saved() == {}
        with pytest.raises(UsageError, match="nothing is kept"):
            await desk.restore(NUMBER)

    told(tmp_path, story)


def test_what_was_there_first_stays_kept(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        for url in (NEW, "https://newer.example.com", "https://newest.example.com"):
            await desk.attach(NUMBER, url)
        await desk.detach(NUMBER)
        assert (own.voice_url, own.status_callback) == ("", "")
        await desk.restore(NUMBER)
        assert own.voice_url == OLD

    told(tmp_path, story)


def test_a_number_that_points_here_already_is_left_alone(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        own.voice_url, own.voice_method, own.status_callback = f"{NEW}/twilio/voice", "POST", f"{NEW}/twilio/status"
        done = await desk.attach(NUMBER, NEW)
        assert done.before == done.after
        assert await desk.saved() == {}

    told(tmp_path, story)


def test_somebody_elses_change_is_not_undone(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        await desk.attach(NUMBER, NEW)
        own.voice_url = OTHER
        with pytest.raises(UsageError, match=rf"points at {OTHER} now.*--force"):
            await desk.restore(NUMBER)
        assert own.voice_url == OTHER
        await desk.restore(NUMBER, force=True)
        assert own.voice_url == OLD
        await desk.attach(NUMBER, NEW)
        own.voice_url = OTHER
        await desk.attach(NUMBER, NEW)
        await desk.restore(NUMBER)
        assert own.voice_url == OTHER, "what was there last before us"

    told(tmp_path, story)


def test_a_number_of_an_application_is_told_of(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        assert "has the application AP0" in (await desk.attach(NUMBER, NEW)).warning
        own.trunk_sid = "TK" + "0" * 32
        assert "has the trunk TK0" in (await desk.restore(NUMBER)).warning

    told(tmp_path, story, voice_application_sid="AP" + "0" * 32)


def test_a_number_of_nobody_ours(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, carrier: Carrier) -> None:
        with pytest.raises(UsageError, match=rf"does not own \+14155550177: it owns \{NUMBER}, \+14155550101"):
            await desk.attach("+14155550177", NEW)
        carrier.owned.clear()
        with pytest.raises(UsageError, match="it owns none"):
            await desk.detach(NUMBER)

    told(tmp_path, story)


def test_a_carrier_that_refuses_leaves_what_was_there_kept(tmp_path: Path) -> None:
    async def story(desk: NumberDesk, own: SimNumber, carrier: Carrier) -> None:
        carrier.rest_faults.extend([None, RestFault(500)])  # type: ignore[list-item] # the list goes well
        with pytest.raises(CarrierError):
            await desk.attach(NUMBER, NEW)
        assert own.voice_url == OLD
        assert (await desk.saved())[NUMBER].before["voice_url"] == OLD
        await desk.restore(NUMBER)
        assert own.voice_url == OLD

    told(tmp_path, story)


def test_a_disk_that_takes_nothing_changes_no_number(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    async def story(desk: NumberDesk, own: SimNumber, _: Carrier) -> None:
        with pytest.raises(StoreError, match=r"numbers\.json"):
            await desk.attach(NUMBER, NEW)
        assert own.voice_url == OLD

    told(tmp_path / "data", story)


def test_a_book_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"+14155550100": {"number": 1}}'):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(StoreError, match="says what to restore"):
            NumberBook(tmp_path).save(_entry("+14155550102"))
        assert (tmp_path / FILE).read_text() == text


def _entry(number: str, pid: int = 0, by: str = "attach") -> SavedHooks:
    return SavedHooks(number, "PN1", {"voice_url": OLD}, {"voice_url": NEW}, by, pid)


def _save_many(data: Path, first: int) -> None:
    for number in range(first, first + 20):
        NumberBook(data).save(_entry(f"+1415555{number:04d}"))


def test_processes_do_not_lose_each_others_entries(tmp_path: Path) -> None:
    start = multiprocessing.get_context("spawn")
    workers = [start.Process(target=_save_many, args=(tmp_path, first)) for first in (100, 200, 300)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert len(NumberBook(tmp_path).all()) == 60
    NumberBook(tmp_path).forget("+14155550100")
    assert len(NumberBook(tmp_path).all()) == 59


class _KilledWhile:
    """A carrier whose application is killed at one step of a change."""

    def __init__(self, where: str, hooks: NumberHooks) -> None:
        self.where = where
        self.hooks = hooks

    async def numbers(self, number: str = "") -> list[OwnedNumber]:
        return [OwnedNumber("PN1", NUMBER, "", True, self.hooks)]

    async def point_number(self, number_id: str, hooks: NumberHooks) -> OwnedNumber:
        if self.where == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        Path("pointed").write_text(hooks.voice_url)  # noqa: ASYNC240 - nothing else runs here
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def _attach_and_die(folder: Path, where: str) -> None:
    import asyncio

    os.chdir(folder)
    desk = NumberDesk(_KilledWhile(where, NumberHooks(OLD)), NumberBook(folder))  # type: ignore[arg-type]
    asyncio.run(desk.attach(NUMBER, NEW, by="dev", pid=os.getpid()))


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, where: str) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_attach_and_die, args=(tmp_path, where))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert (tmp_path / "pointed").exists() == (where == "after")
    entry = NumberBook(tmp_path).all()[NUMBER]
    assert entry.before["voice_url"] == OLD
    assert entry.left_behind, "the next dev offers to put it back"


def test_only_what_a_dead_dev_left_is_left_behind() -> None:
    assert not _entry(NUMBER).left_behind
    assert not _entry(NUMBER, os.getpid(), "dev").left_behind
    assert _entry(NUMBER, 0, "dev").left_behind
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join(30)
    assert _entry(NUMBER, process.pid or 0, "dev").left_behind
