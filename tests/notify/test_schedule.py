"""What follows from an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.notify.post import check_url, retry_after
from bridge.notify.schedule import LONGEST_S, PAUSES_S, Again, Answer, Delivered, GiveUp, Gone, decide
from bridge.notify.signature import check_secret, new_secret


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_success(status: int) -> None:
    assert decide(1, Answer(status), 0.0, 0.5) == Delivered()


@pytest.mark.parametrize("status", [0, 100, 301, 302, 304, 400, 401, 404, 429, 500, 503])
def test_nothing_else_is(status: int) -> None:
    assert decide(1, Answer(status), 1000.0, 0.0) == Again(1005.0)


def test_410_means_that_nobody_is_there_any_more() -> None:
    assert decide(1, Answer(410), 0.0, 0.0) == Gone()


def test_an_address_that_may_not_be_asked_is_not_asked_again() -> None:
    assert decide(1, Answer(0, error="private", hopeless=True), 0.0, 0.0) == GiveUp("private")


def test_it_is_tried_for_days_and_then_given_up() -> None:
    now, attempts = 0.0, 1
    while isinstance(found := decide(attempts, Answer(500), now, 1.0), Again):
        assert found.at > now
        now, attempts = found.at, attempts + 1
    assert isinstance(found, GiveUp) and "10 attempts" in found.why
    assert 3 * 86_400 < now < 5 * 86_400


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1e7), st.sampled_from([429, 500, 503, 0]))
def test_a_pause_is_never_shorter_than_planned_or_asked_for(n: int, chance: float, asked: float, status: int) -> None:
    found = decide(n, Answer(status, retry_after_s=asked), 0.0, chance)
    assert isinstance(found, Again)
    assert PAUSES_S[n - 1] <= found.at <= max(PAUSES_S[n - 1] * 1.2, LONGEST_S)
    assert found.at >= min(asked, LONGEST_S)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 110.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("9" * 30, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(text, 10.0) == seconds


@pytest.mark.parametrize(
    "text", ["", "secret", "whsec_", "whsec_short", "whsec_" + "A" * 200, "whsec_" + "A" * 44 + ",x"]
)
def test_a_secret_that_is_none_is_told_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="new-secret") as found:
        check_secret(text, "BRIDGE_WEBHOOK_SECRET")
    assert len(text) < 10 or text not in str(found.value)
    check_secret(f"{new_secret()}, {new_secret()}", "x")


@pytest.mark.parametrize(
    ("url", "alone"),
    [
        ("ftp://x.example", True),
        ("https://", True),
        ("http://hooks.example.com/x", True),
        ("https://ann:pw@hooks.example.com", True),
        ("http://127.0.0.1/x", False),
        ("https://x.example:99999", True),
    ],
)
def test_an_address_that_is_no_endpoint_is_told_so(url: str, alone: bool) -> None:
    with pytest.raises(ConfigError, match="HOOK"):
        check_url(url, alone=alone, name="HOOK")
    check_url("https://hooks.example.com/x?key=1", alone=False, name="HOOK")
    check_url("http://localhost:9000/x", alone=True, name="HOOK")
