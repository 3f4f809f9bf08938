"""A campaign's rules: what holds when nothing is said, both ways of writing them, and a sentence for each mistake."""

import json
import tomllib
from typing import Any

import pytest

from bridge.dialer.rules import RETRIES, Breaker, Retry, Rules
from bridge.dialer.windows import Window
from bridge.errors import UsageError

FILE = """
concurrency = 5
cps = 2
window = "08:30-18:00"
days = "mon-fri"
attempts = 4
numbers = ["+14155550100", "+14155550101"]
voicemail = "message"
voicemail_text = "Please call {company} back."
budget_day_usd = 20
countries = ["us", "CA"]
disclosure = false
[breaker]
share = 0.3
[retry.busy]
delay_h = 0.5
most = 2
"""


def test_a_careful_caller_by_default() -> None:
    rules = Rules.read({})
    assert rules == Rules()
    assert (rules.concurrency, rules.cps, rules.attempts, rules.spacing_h, rules.per_day) == (1, 1.0, 3, 4, 1)
    assert rules.window == Window(540, 1200, frozenset({0, 1, 2, 3, 4, 5}))
    assert rules.breaker == Breaker(0.5, 120, 5)
    assert rules.disclosure and not rules.redial_unknown and rules.voicemail == "hang_up"
    assert rules.call_cost_usd == pytest.approx(1.5)


def test_a_file_and_a_command_line_say_the_same() -> None:
    from_file = Rules.read(tomllib.loads(FILE))
    from_flags = Rules.read(
        {
            "concurrency": "5",
            "cps": "2",
            "window": "08:30-18:00",
            "days": "Mon-Fri",
            "attempts": "4",
            "numbers": "+14155550100, +14155550101",
            "voicemail": "message",
            "voicemail_text": "Please call {company} back.",
            "budget_day_usd": "20",
            "countries": "US,CA",
            "disclosure": "no",
            "breaker.share": "0.3",
            "retry.busy.delay_h": "0.5",
            "retry.busy.most": "2",
        }
    )
    assert from_file == from_flags
    assert from_file.retry["busy"] == Retry(0.5, 2)
    assert from_file.retry["no_answer"] == RETRIES["no_answer"]
    assert from_file.countries == {"US", "CA"}
    assert from_file.allowed(frozenset({"US", "GB"})) == {"US"}
    assert from_file.allowed(frozenset({"GB"})) == from_file.allowed(frozenset()) == frozenset()
    assert Rules().allowed(frozenset({"GB"})) == {"GB"}


def test_what_the_database_keeps_is_read_back() -> None:
    for rules in (Rules(), Rules.read(tomllib.loads(FILE))):
        assert Rules.read(json.loads(json.dumps(rules.dump()))) == rules


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"concurency": 3}, "did you mean concurrency?"),
        ({"zzz": 3}, "there are attempts"),
        ({"concurrency": 0}, "concurrency = 0 must be a whole number from 1"),
        ({"concurrency": True}, "concurrency = True must be"),
        ({"concurrency": "1.5"}, "must be a whole number"),
        ({"cps": "fast"}, "cps = 'fast' must be a number"),
        ({"cps": float("nan")}, "must be a number"),
        ({"attempts": 10**400}, "attempts = "),
        ({"ring_s": 5}, "from 15 to 600"),
        ({"window": "20:00-08:00"}, "hours over midnight"),
        ({"window": "09:00-09:00"}, "hours over midnight"),
        ({"window": "9 to 5"}, "must look like"),
        ({"window": "09:00-25:00"}, "is no time of day"),
        ({"window": "09:00-24:30"}, "is no time of day"),
        ({"window": {"begin": "09:00"}}, "is no part of window"),
        ({"days": "mon-fry"}, "which is no day"),
        ({"days": "monsoon"}, "which is no day"),
        ({"days": ""}, "names no day"),
        ({"days": 5}, "must be a list of words"),
        ({"voicemail": "beep"}, "can be hang_up or message or recording"),
        ({"voicemail": "message"}, "needs voicemail_text"),
        ({"voicemail": "recording"}, "needs voicemail_file"),
        ({"numbers": "4155550100"}, "write it as +14155550100"),
        ({"countries": "UK"}, "write GB"),
        ({"countries": ["XX"]}, "'XX' is no country"),
        ({"breaker": 3}, "must be a table with share"),
        ({"breaker": {"share": 2}}, "breaker.share = 2"),
        ({"retry": {"buzy": {"most": 1}}}, "did you mean busy?"),
        ({"retry": {"busy": 3}}, "must be a table with delay_h"),
        ({"retry": {"blocked": {"most": 1}}}, "nobody is called again"),
        ({"retry": 1, "retry.busy.most": 1}, "is no table"),
        ({"budget_usd": 1}, "less than one call may cost ($1.50)"),
        ({"budget_usd": 1, "price_minute_usd": 0}, "is needed for a budget"),
        ({"purpose": 7}, "must be a text"),
        ({"disclosure": "perhaps"}, "true or false"),
    ],
)
def test_every_mistake_has_its_sentence(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as error:
        Rules.read(given)
    assert says in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_days_may_wrap_around_the_weekend() -> None:
    assert Rules.read({"days": "sat-mon"}).window.days == {5, 6, 0}
    assert Rules.read({"days": ["Wednesday", "fri"]}).window.days == {2, 4}
    assert Rules.read({"window": {"end": "24:00"}}).window == Window(540, 1440)


def test_a_cheap_call_lowers_what_one_may_cost() -> None:
    assert Rules.read({"budget_call_usd": 0.4, "budget_usd": 1}).call_cost_usd == 0.4
