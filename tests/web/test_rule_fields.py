"""A campaign's rules as pages show them."""

from __future__ import annotations

import pytest

from bridge.web.rule_fields import in_words


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ("mon tue wed thu fri sat sun", "every day"),
        ("mon tue wed thu fri sat", "Mon to Sat"),
        ("sat fri", "Fri and Sat"),
        ("mon wed fri", "Mon, Wed and Fri"),
        ("mon tue wed fri sat sun", "Mon to Wed and Fri to Sun"),
        ("mon wed thu fri sun", "Mon, Wed to Fri and Sun"),
        ("tue", "Tue"),
        ("", "no day"),
    ],
)
def test_weekdays_are_said_as_people_say_them(days: str, said: str) -> None:
    assert in_words(days.split()) == said
