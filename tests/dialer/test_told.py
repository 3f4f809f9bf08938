"""What the outside is told of attempts that came to nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.dialer.told import news
from bridge.store.base import Attempt

PLACED = Attempt("t", "+14155550101", "+14155550199", "placed", "one", 1.0, id="att_1")


@pytest.mark.parametrize(
    ("campaign_id", "outcome", "kinds"),
    [
        (None, "busy", ["call.failed"]),
        (None, "not_placed", ["call.failed"]),
        ("cmp_1", "busy", ["call.failed"]),
        ("cmp_1", "not_placed", []),
    ],
)
def test_a_call_that_was_taken_back_has_failed_unless_its_person_is_due_again(
    campaign_id: str | None, outcome: str, kinds: list[str]
) -> None:
    before = replace(PLACED, campaign_id=campaign_id)
    after = replace(before, state="closed", outcome=outcome)
    found = news([(before, after)], {}, 9.0)
    assert [event.type for event in found] == kinds
    assert news([(after, after)], {}, 9.0) == [], "told once"
