"""How many calls begin: never more than any limit has room for, and money stops hard."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dialer.pacing import STOPS, Bucket, Grant, Hold, Load, Pacer
from bridge.dialer.rules import Rules

A, B, C = "+14155550100", "+14155550101", "+14155550102"


def test_the_narrowest_limit_counts() -> None:
    pacer = Pacer(Rules.read({"concurrency": 10, "cps": 100}))
    assert pacer.grant(0, Load()) == Grant(10)
    assert pacer.grant(0, Load(open_calls=7)) == Grant(3)
    assert pacer.grant(0, Load(open_calls=7, account_room=2)) == Grant(2)
    assert pacer.grant(0, Load(warm_room=1)) == Grant(1)
    assert pacer.grant(0, Load(open_calls=10)) == Hold("concurrency")
    assert pacer.grant(0, Load(account_room=0)) == Hold("account")
    assert pacer.grant(0, Load(warm_room=0)) == Hold("warm")


def test_one_call_a_second_and_when_the_next() -> None:
    pacer = Pacer(Rules.read({"concurrency": 50}))
    assert pacer.grant(100, Load()) == Grant(1)
    pacer.dialled(100)
    assert pacer.grant(100.25, Load()) == Hold("cps", 101)
    assert pacer.grant(101, Load()) == Grant(1)
    # A clock that is set back an hour begins nothing and stops nothing for long.
    pacer.dialled(101)
    assert isinstance(pacer.grant(101 - 3600, Load()), Hold)
    assert pacer.grant(102 - 3600, Load()) == Grant(1)


def test_two_campaigns_share_the_accounts_rate() -> None:
    account = Bucket(1)
    one, two = (Pacer(Rules.read({"concurrency": 50, "cps": 10}), account=account) for _ in range(2))
    begun = []
    for tick in range(1000):
        now = tick / 100
        for pacer in (one, two) if tick % 2 else (two, one):
            if isinstance(pacer.grant(now, Load()), Grant):
                pacer.dialled(now)
                begun.append(now)
    assert len(begun) == 10
    assert min(later - earlier for earlier, later in pairwise(begun)) >= 0.999


@given(st.floats(0.1, 80), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_second_has_more_than_the_rate(rate: float, gaps: list[float]) -> None:
    bucket, now, begun = Bucket(rate), 0.0, []
    for gap in gaps:
        now += gap
        for _ in range(bucket.room(now)):
            bucket.take(now)
            begun.append(now)
    for start in begun:
        assert sum(start <= moment < start + 1 for moment in begun) <= rate + max(1.0, rate / 10) + 1e-6


def test_caller_ids_are_spread_and_not_overloaded() -> None:
    pacer = Pacer(Rules.read({"numbers": [A, B, C], "per_number": 2, "concurrency": 50, "cps": 1000}))
    assert pacer.grant(0, Load()) == Grant(6)
    assert pacer.grant(0, Load(busy={A: 2, B: 2, C: 1})) == Grant(1)
    assert pacer.grant(0, Load(busy={A: 2, B: 2, C: 5})) == Hold("caller_ids")
    busy = {A: 0, B: 0, C: 0}
    used = []
    for now in range(1, 7):
        number = pacer.caller_id(busy)
        assert number is not None
        pacer.dialled(now, number)
        busy[number] += 1
        used.append(number)
    assert used == [A, B, C, A, B, C]
    assert pacer.caller_id(busy) is None
    # Of those that are equally busy, the one that has rested longest.
    pacer.dialled(10, A)
    assert pacer.caller_id({A: 1, B: 1, C: 1}) == B


def test_without_a_pool_it_is_our_number() -> None:
    assert Pacer(Rules(), A).caller_id({A: 99}) == A
    limited = Pacer(Rules.read({"per_number": 1}), A)
    assert limited.caller_id({A: 1}) is None
    assert limited.grant(0, Load(busy={A: 1})) == Hold("caller_ids")


def test_money_that_running_calls_may_need_is_not_spent_twice() -> None:
    # One call costs 1.50 at most.
    pacer = Pacer(Rules.read({"budget_usd": 6, "concurrency": 50, "cps": 1000}))
    assert pacer.grant(0, Load()) == Grant(4)
    assert pacer.grant(0, Load(open_calls=3)) == Grant(1)
    assert pacer.grant(0, Load(open_calls=4)) == Hold("budget_open")
    assert pacer.grant(0, Load(open_calls=3, spent_usd=0.3)) == Hold("budget_open")
    assert pacer.grant(0, Load(open_calls=1, spent_usd=4.6)) == Hold("budget")
    assert pacer.grant(0, Load(spent_usd=4.5)) == Grant(1)
    assert pacer.grant(0, Load(spent_usd=99)) == Hold("budget")
    assert {"budget", "breaker"} == STOPS


def test_a_day_that_is_spent_ends() -> None:
    pacer = Pacer(Rules.read({"budget_day_usd": 3, "concurrency": 50, "cps": 1000}))
    assert pacer.grant(0, Load(spent_usd=500)) == Grant(2)
    assert pacer.grant(0, Load(spent_today_usd=2, day_ends_at=86_400)) == Hold("budget_day", 86_400)


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.floats(2, 40), st.integers(1, 30))
def test_whatever_calls_cost_the_budget_is_not_passed(seed: int, budget: float, concurrency: int) -> None:
    """C22: over-run at most 1 %, and the next call is refused."""
    chance = random.Random(seed)
    rules = Rules.read({"budget_usd": budget, "concurrency": concurrency, "cps": 1000, "max_minutes": 10})
    pacer, spent, running = Pacer(rules), 0.0, 0
    for now in range(400):
        granted = pacer.grant(now, Load(open_calls=running, spent_usd=spent))
        for _ in range(granted.calls if isinstance(granted, Grant) else 0):
            pacer.dialled(now)
            running += 1
        for _ in range(chance.randint(0, running)):
            spent += chance.choice([0.0, 0.2, rules.call_cost_usd])
            running -= 1
    spent += running * rules.call_cost_usd
    assert spent <= budget * 1.01
    assert pacer.grant(500, Load(spent_usd=spent)) == Hold("budget") or spent < budget


def test_too_many_failures_stop_it_until_somebody_looked() -> None:
    pacer = Pacer(Rules())
    for now, outcome in enumerate(["failed", "failed", "failed", "human"]):
        pacer.ended(now, outcome)
    assert not pacer.tripped(4)  # four calls are no sample
    pacer.ended(4, "no_answer")
    assert pacer.grant(4, Load()) == Hold("breaker")
    assert pacer.tripped(119.9) and not pacer.tripped(121)
    for now in range(200, 205):
        pacer.ended(now, "refused")
    assert pacer.tripped(205)
    pacer.reset()
    assert pacer.grant(206, Load()) == Grant(1)


def test_nobody_at_home_is_no_failure() -> None:
    pacer = Pacer(Rules())
    for now in range(50):
        pacer.ended(now, ("no_answer", "busy", "machine", "declined", "bad_number")[now % 5])
    assert not pacer.tripped(50)


def test_an_edit_is_obeyed_at_once() -> None:
    pacer = Pacer(Rules.read({"concurrency": 50}))
    pacer.dialled(0)
    pacer.obey(Rules.read({"concurrency": 1}))
    assert pacer.grant(0.5, Load()) == Hold("cps", pytest.approx(1.0))
    assert pacer.grant(1, Load(open_calls=1)) == Hold("concurrency")
    pacer.obey(Rules.read({"concurrency": 7, "cps": 100}))
    assert pacer.grant(1, Load()) == Grant(7)
