"""After an attempt: again inside the window, or never. One cap a contact, one a day, and a promise is kept."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dialer.outcomes import OUTCOMES
from bridge.dialer.retries import Done, GiveUp, RetryAt, Review, Skip, decide, earliest, may_dial
from bridge.dialer.rules import Rules
from bridge.dialer.windows import is_open, local_day
from bridge.store.base import Contact

ZONE = "America/Chicago"
CONTACT = Contact(1, "camp", 2, "+13125550123", zones=(ZONE,), attempts=1)
RULES = Rules()
HOUR = 3600.0


def at(*when: int) -> float:
    return datetime(*when, tzinfo=ZoneInfo(ZONE)).timestamp()  # type: ignore[misc, arg-type]


MORNING = at(2026, 11, 25, 10)
"""A Wednesday."""


def after(outcome: Any, *, attempts: int = 1, rules: Rules = RULES, **more: Any) -> Any:
    contact = replace(CONTACT, attempts=attempts)
    more = {"ended_at": MORNING, "dialled": [MORNING - 30]} | more
    return decide(outcome, contact, rules, **more)


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        ("human", Done()),
        ("goal", Done()),
        ("no_goal", Done()),
        ("voicemail_left", Done()),
        ("opted_out", Done(do_not_call=True)),
        ("bad_number", GiveUp("bad_number")),
        ("blocked", GiveUp("blocked")),
        ("declined", GiveUp("declined")),
        ("fax", GiveUp("fax")),
        ("menu", GiveUp("menu")),
        ("unknown", Review("nobody can tell whether it was dialled")),
        ("no_answer", RetryAt(at(2026, 11, 26, 9))),
        ("busy", RetryAt(at(2026, 11, 26, 9))),
        ("machine", RetryAt(at(2026, 11, 26, 9))),
        ("failed", RetryAt(at(2026, 11, 26, 9))),
        ("silence", RetryAt(at(2026, 11, 26, 10))),
        ("abandoned", RetryAt(at(2026, 11, 26, 10))),
        ("callback", RetryAt(at(2026, 11, 26, 10), promised=True)),
    ],
)
def test_the_table_of_outcomes(outcome: Any, decision: object) -> None:
    assert after(outcome) == decision


def test_every_outcome_has_an_answer() -> None:
    assert {type(after(outcome)) for outcome in OUTCOMES} == {Done, GiveUp, RetryAt, Review}


def test_with_room_for_two_a_day_the_spacing_decides() -> None:
    twice = Rules.read({"per_day": 2})
    assert after("busy", rules=twice) == RetryAt(MORNING - 30 + 4 * HOUR)
    # Four hours after 17:00 it is evening.
    late = at(2026, 11, 25, 17)
    assert after("busy", rules=twice, ended_at=late, dialled=[late]) == RetryAt(at(2026, 11, 26, 9))
    both = [MORNING, late]
    assert after("busy", rules=Rules.read({"per_day": 2, "spacing_h": 0}), ended_at=late, dialled=both) == RetryAt(
        at(2026, 11, 26, 9)
    )


def test_saturday_is_followed_by_monday() -> None:
    saturday = at(2026, 11, 28, 15)
    assert after("no_answer", ended_at=saturday, dialled=[saturday]) == RetryAt(at(2026, 11, 30, 9))


def test_the_cap_is_the_contacts_and_the_table_may_only_lower_it() -> None:
    assert after("no_answer", attempts=3) == GiveUp("attempts")
    assert after("busy", attempts=3, outcomes=["no_answer", "failed", "busy"]) == GiveUp("attempts")
    assert after("failed", attempts=2, outcomes=["failed", "failed"]) == GiveUp("attempts")
    assert isinstance(after("failed", attempts=2, outcomes=["no_answer", "failed"]), RetryAt)
    again = Rules.read({"retry.no_goal.most": 1})
    assert after("no_goal", rules=again) == RetryAt(at(2026, 11, 26, 10))
    assert after("no_goal", rules=again, attempts=3) == Done()
    assert after("no_goal", rules=again, attempts=2, outcomes=["no_goal", "no_goal"]) == Done()


def test_what_the_carrier_refused_was_no_attempt() -> None:
    assert after("refused", attempts=3, outcomes=["no_answer", "refused", "refused"], dialled=[]) == RetryAt(
        MORNING + HOUR
    )
    assert after("refused", attempts=4, outcomes=["refused"] * 4) == GiveUp("attempts")


def test_a_promise_is_kept_inside_the_window() -> None:
    afternoon = at(2026, 11, 25, 16)
    assert after("callback", callback_at=afternoon, attempts=3) == RetryAt(afternoon, promised=True)
    midnight = at(2026, 11, 25, 23)
    assert after("callback", callback_at=midnight) == RetryAt(at(2026, 11, 26, 9), promised=True)
    assert after("callback", callback_at=MORNING - 1e6) == RetryAt(MORNING, promised=True)
    assert after("callback", outcomes=["callback"] * 3, callback_at=afternoon) == Done()
    # The two calls that were promised do not use up the attempts.
    past = ["callback", "callback", "no_answer"]
    assert isinstance(after("no_answer", attempts=3, outcomes=past), RetryAt)


def test_unknown_is_only_dialled_again_where_the_rules_say_so() -> None:
    assert after("unknown", rules=Rules(redial_unknown=True)) == RetryAt(at(2026, 11, 26, 9))


def test_the_last_look_before_a_dial() -> None:
    assert may_dial(CONTACT, RULES, MORNING) is None
    assert may_dial(CONTACT, RULES, MORNING, [MORNING - 5 * HOUR]) == RetryAt(at(2026, 11, 26, 9))
    assert may_dial(replace(CONTACT, outcome="callback"), RULES, MORNING, [MORNING - HOUR]) is None
    evening = at(2026, 11, 25, 20)
    assert may_dial(CONTACT, RULES, evening) == RetryAt(at(2026, 11, 26, 9))
    assert may_dial(replace(CONTACT, outcome="callback"), RULES, evening) == RetryAt(at(2026, 11, 26, 9))
    assert may_dial(replace(CONTACT, zones=()), RULES, MORNING) == Skip("no_zone")
    apart = replace(CONTACT, zones=("Pacific/Auckland", "Europe/London"))
    assert may_dial(apart, RULES, MORNING) == Skip("no_hours")
    assert decide("busy", apart, RULES, ended_at=MORNING) == GiveUp("no_hours")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(OUTCOMES),
    st.integers(1, 6),
    st.lists(st.sampled_from(OUTCOMES), max_size=6),
    st.lists(st.floats(-3 * 24, 0), max_size=4),
    st.lists(st.sampled_from([ZONE, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]), max_size=3),
    st.floats(-1e6, 1e7),
)
def test_every_retry_is_inside_the_window_and_the_days_cap(
    outcome: Any, attempts: int, outcomes: list[str], ago_h: list[float], zones: list[str], later: float
) -> None:
    contact = replace(CONTACT, zones=tuple(zones), attempts=attempts)
    dialled = [MORNING + hours * HOUR for hours in ago_h]
    found = decide(
        outcome,
        contact,
        RULES,
        ended_at=MORNING,
        outcomes=outcomes,
        dialled=dialled,
        callback_at=MORNING + later,
    )
    if not isinstance(found, RetryAt):
        return
    assert found.at >= MORNING and is_open(RULES.window, zones, found.at)
    if not found.promised:
        assert all(found.at - past >= 4 * HOUR for past in dialled)
        assert all(local_day(zone, past) != local_day(zone, found.at) for zone in zones for past in dialled)


def test_a_number_that_may_be_in_two_zones_has_its_day_in_both() -> None:
    coasts = replace(CONTACT, zones=("America/New_York", "America/Los_Angeles"))
    late = at(2026, 11, 26, 0)  # already Thursday in New York, still Wednesday in Los Angeles
    due = earliest(coasts, RULES, not_before=late, dialled=[late])
    assert due is not None and datetime.fromtimestamp(due, ZoneInfo("America/New_York")).day == 27
