"""Whatever happens to a campaign, in whatever order: nobody is called twice, nobody who said no, and nobody forgotten.

Hypothesis plays the owner, the carrier, the clock and death, over the real ledger, orders and database. DIALER_EXAMPLES
makes it try harder (`make soak`: 500).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from dialers_world import ALL_DAY, OURS, Call, CarrierError, Day, Listing, OpenHouse, person
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.carriers.base import DialOrder
from bridge.dialer.evidence import ENDS, Word, is_waiting
from bridge.dialer.ledger import Ledger
from bridge.dialer.office import Office
from bridge.dialer.orders import Orders
from bridge.dialer.reconcile import Reconciler
from bridge.sim.loop import VirtualTimeLoop
from bridge.store import attempts, contacts, do_not_call
from bridge.store.base import FINAL, Attempt, DoNotCall
from bridge.store.database import Database
from bridge.store.proof import FileProof

T = TypeVar("T")
PEOPLE = 8
OPEN, SHUT = {"window": "00:00-24:00", "days": "mon-sun"}, {"window": "03:00-03:01", "days": "sun"}
BETWEEN = ("", "", "", "", "pause", "shut", "no", "die", "look")
"""What may happen between an intent and its order."""
LATE_S = (0.0, 0.0, 0.0, 3.0, 30.0)
"""How long a dialer sleeps between the intent and the order."""
TROUBLES = ("", "", "", "", "full", "lost_before", "lost_behind", "no_number")


def template() -> Path:
    """A database at head, made once: each example begins with a copy."""
    folder = Path(tempfile.mkdtemp(prefix="cb-template-"))

    async def make() -> None:
        await (await Database.open("", folder)).close()

    asyncio.run(make())
    return folder / "callbridge.db"


class Campaign(RuleBasedStateMachine):
    """One campaign of some people, each to be called once."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cb-story-"))
        shutil.copy(self.template, self.folder / "callbridge.db")
        self.loop = VirtualTimeLoop()
        self.clock = Day(self.loop)
        self.trouble = ""
        self.carrier = Listing(clock=Day(self.loop), trouble=self._trouble)
        self.carrier.on_call.append(self._called)
        self.wrong: list[str] = []
        self.listed: set[str] = set()
        self.by_person: Counter[str] = Counter()
        """How often a person said `dial`."""
        self.state, self.open = "running", True
        self.waiting: list[Attempt] = []
        self._do(self._open())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        self.db = await Database.open("", self.folder)
        await self._live()
        made = await self.office.create("whatever", "", {**ALL_DAY, "concurrency": PEOPLE, "ring_s": 15}, "tests")
        await self.office.fill(made.id, [person(n) for n in range(PEOPLE)], "tests")
        await self.office.move(made.id, "start", "tests")
        self.campaign_id = made.id

    async def _live(self) -> None:
        """A dialer begins."""
        assert self.db.address.path is not None
        self.proof = FileProof(self.db.address.path)
        self.ledger = Ledger(self.db, self.proof.owner, self.clock)
        self.orders = Orders(self.ledger, self.carrier, OpenHouse(), self._paused)  # type: ignore[arg-type]
        self.reconciler = Reconciler(self.ledger, self.proof, self.carrier, self.orders)  # type: ignore[arg-type]
        self.office = Office(self.db, lambda: None, self.clock)

    async def _paused(self, campaign_id: str, why: str) -> None:
        raise AssertionError("no trouble here is of a kind that pauses")

    def _trouble(self, order: DialOrder, call: Call | None) -> None:
        match self.trouble:
            case "full" if call is None:
                raise CarrierError("too many", status=429, placed="no", kind="rate_limited")
            case "no_number" if call is None:
                raise CarrierError("no such number", status=400, placed="no", kind="bad_number", code=21211)
            case "lost_before" if call is None:
                raise CarrierError("no answer", placed="maybe")
            case "lost_behind" if call is not None:
                raise CarrierError("no answer", placed="maybe")
            case _:
                pass

    def _called(self, call: Call) -> None:
        """The carrier places a call: may it? Told in a task of the dialer's, so it is only written down here."""
        if self.state != "running":
            self.wrong.append(f"called {call.to} while the campaign is {self.state}")
        if call.to in self.listed:
            self.wrong.append(f"called {call.to}, who had said no")
        if not self.open:
            self.wrong.append(f"called {call.to} outside of the window")

    # ---- what the dialer does

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        """Intents are on the disk, and their orders come later, or never."""
        claim = self._do(
            self.ledger.claim(self.campaign_id, lambda s: [OURS] * max(0, min(most, PEOPLE - s.open_calls)))
        )
        self.waiting += claim.attempts

    @rule(
        between=st.sampled_from(BETWEEN),
        trouble=st.sampled_from(TROUBLES),
        late_s=st.sampled_from(LATE_S),
        dies=st.sampled_from((False, False, True)),
        then=st.booleans(),
    )
    def call(self, between: str, trouble: str, late_s: float, dies: bool, then: bool) -> None:
        """Something happens between an intent and its order, the order goes well or badly, and the dialer may die
        before the answer is on the disk. `then`: whoever stopped something lets it go on."""
        if not self.waiting:
            self.claim(1)
        if not self.waiting:
            return
        attempt = self.waiting.pop(0)
        self._happens(between, attempt.phone)
        self.trouble = trouble
        self._do(self._give(attempt, late_s))
        self.trouble = ""
        if dies:
            self.die()
        if then:
            self._happens("resume")
            self._happens("open")

    async def _give(self, attempt: Attempt, late_s: float) -> None:
        await asyncio.sleep(late_s)
        self.orders.begin(attempt)
        await self.orders.finished()

    def _happens(self, what: str, phone: str = "") -> None:
        match what:
            case "pause" | "resume" if self.state == {"pause": "running", "resume": "paused"}[what]:
                self.state = self._do(self.office.move(self.campaign_id, what, "tests")).state
            case "shut" | "open" if self.state in ("running", "paused"):
                self._do(self.office.edit(self.campaign_id, OPEN if what == "open" else SHUT, "tests"))
                self.open = what == "open"
            case "no":
                self._do(self.db.write(do_not_call.add, [DoNotCall(phone, self.clock(), "operator")]))
                self.listed.add(phone)
            case "die":
                self.die()
            case "look":
                self._do(self._pass(50))
            case _:
                pass

    @rule(seconds=st.sampled_from((1, 7, 50, 700)))
    def look_after(self, seconds: int) -> None:
        self._do(self._pass(seconds))

    async def _pass(self, seconds: int) -> None:
        """As many looks as matter: each is a step of what is done about an attempt."""
        for _ in range(min(4, -(-seconds // 5))):
            await asyncio.sleep(max(5.0, seconds / 4))
            await self.reconciler.run(lambda campaign_id: False)
            await self.ledger.settled()

    @rule()
    def die(self) -> None:
        """Killed: what was in its hands is lost, and another one begins."""
        self.waiting.clear()
        self.ledger.stop()
        self._do(self._die())

    async def _die(self) -> None:
        await self.proof.close()
        await self._live()

    # ---- what the carrier says

    @precondition(lambda self: self.carrier.calls)
    @rule(
        place=st.integers(0, 99),
        status=st.sampled_from(("initiated", "ringing", "in-progress", "completed", "busy", "no-answer")),
        told=st.booleans(),
    )
    def news(self, place: int, status: str, told: bool) -> None:
        """In any order, or lost: then only the carrier itself knows."""
        call = self.carrier.calls[place % len(self.carrier.calls)]
        if call.status == "canceled":  # it never rang
            status = "canceled"
        elif status in ENDS or (status == "ringing" and call.status == "queued"):
            call.status = status
        if told:
            self._do(self._tell(Word(token=call.token, at=self.clock(), carrier_call_id=call.id, status=status)))

    async def _tell(self, word: Word) -> None:
        self.ledger.note(word)
        await self.ledger.settled()

    # ---- what people do

    @rule(what=st.sampled_from(("pause", "resume", "resume", "shut", "open", "open")))
    def stop_or_go_on(self, what: str) -> None:
        self._happens(what)

    @precondition(lambda self: len(self.carrier.calls) > 3)
    @rule()
    def cancel(self) -> None:
        if self.state in ("running", "paused"):
            self.state = self._do(self.office.move(self.campaign_id, "cancel", "tests")).state

    @rule(n=st.integers(0, PEOPLE - 1))
    def say_no(self, n: int) -> None:
        self._happens("no", person(n).phone)

    @rule(hours=st.sampled_from((-25, -1, 1, 25)))
    def set_clock(self, hours: int) -> None:
        if not -60 < (self.clock.off / 3600 + hours) < 60:
            hours = -hours
        self.clock.off += 3600 * hours

    @rule(decision=st.sampled_from(("called", "dial")))
    def decide(self, decision: Any) -> None:
        for attempt in self._do(self.office.review(self.campaign_id))[:1]:
            self._do(self.office.decide(attempt.id, decision, "tests"))
            self.by_person[attempt.phone] += decision == "dial"

    # ---- what must hold

    @invariant()
    def every_call_was_allowed(self) -> None:
        assert getattr(self, "wrong", []) == []

    @rule()
    def who_waits_is_taken_back(self) -> None:
        """Two looks after a campaign has stopped nothing of which the carrier can be asked stands in its queue."""
        if self.state == "running" and self.open:
            return
        self._do(self._pass(40))
        left = [call for call in self.carrier.calls if call.status == "queued"]
        known = {a.token: a for a in self._do(self.db.read(attempts.of_campaign, self.campaign_id))}
        assert [call.to for call in left if is_waiting(known[call.token])] == []

    @invariant()
    def nobody_is_called_twice(self) -> None:
        calls = [call for call in getattr(self, "carrier", Listing()).calls if call.status != "canceled"]
        for phone, count in Counter(call.to for call in calls).items():
            assert count <= 1 + self.by_person[phone], f"{phone} was called {count} times"

    def teardown(self) -> None:
        """The weather clears, the owner goes on, time passes: everybody is decided, or shown to a person."""
        if not hasattr(self, "loop"):
            return
        try:
            self._do(self._clear_up())
        finally:
            self._do(self._close())
            self.loop.close()
            shutil.rmtree(self.folder)

    async def _clear_up(self) -> None:
        if self.state == "paused":
            self.state = (await self.office.move(self.campaign_id, "resume", "tests")).state
        if self.state == "running":
            await self.office.edit(self.campaign_id, OPEN, "tests")
            self.open = True
        for turn in range(40):
            for call in self.carrier.calls:
                call.status = call.status if call.status in ENDS else "completed"
            for attempt in (
                await self.ledger.claim(self.campaign_id, lambda s: [OURS] * (PEOPLE - s.open_calls))
            ).attempts:
                self.orders.begin(attempt)
            await self.orders.finished()
            await self._pass(900 if turn else 70)
            if not [c for c in await self.db.read(self._people) if c.state not in (*FINAL, "review")]:
                break
            await asyncio.sleep(6 * 3600)
        people = await self.db.read(self._people)
        forgotten = [(c.phone, c.state, c.due_at - self.clock()) for c in people if c.state not in (*FINAL, "review")]
        assert forgotten == []
        intents = {a.token: a for a in await self.db.read(attempts.of_campaign, self.campaign_id)}
        assert all(call.token in intents for call in self.carrier.calls), "no call without an intent"
        self.nobody_is_called_twice()
        self.every_call_was_allowed()

    def _people(self, conn: Any) -> Any:
        return contacts.page(conn, self.campaign_id, most=100)

    async def _close(self) -> None:
        await self.orders.finished()
        await self.ledger.settled()
        self.ledger.stop()
        await self.proof.close()
        await self.db.close()


Campaign.TestCase.settings = settings(
    max_examples=int(os.environ.get("DIALER_EXAMPLES", "20")),
    stateful_step_count=30,
    deadline=None,
    derandomize="DIALER_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)


class TestCampaign(Campaign.TestCase):  # type: ignore[misc]
    """Run by pytest."""

    @classmethod
    def setUpClass(cls) -> None:
        Campaign.template = template()

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(Campaign.template.parent)


def test_a_clock_that_was_ahead_by_more_than_a_day_when_its_dialer_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the machine: by the clock of who wrote the intent, the call was placed long before it."""
    monkeypatch.setattr(Campaign, "template", template(), raising=False)
    steps = Campaign()
    steps.begin()
    steps.set_clock(hours=25)
    steps.call(between="", dies=False, late_s=0.0, then=False, trouble="")
    steps.die()
    steps.teardown()
    assert max(Counter(call.to for call in steps.carrier.calls).values()) == 1
    shutil.rmtree(Campaign.template.parent)
