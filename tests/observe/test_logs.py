"""Logs: one JSON line an event whatever it holds, and no secret in any of them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bridge.config import Settings
from bridge.observe.logs import LONGEST, Redactor, set_up

SECRETS = {
    "openai_api_key": "openai-key-0123456789",
    "twilio_auth_token": "new+token/7f, old.token.5c",
    "twilio_api_secret": "api|secret",
    "admin_token": "admin(token)",
}
VALUES = ["openai-key-0123456789", "new+token/7f", "old.token.5c", "api|secret", "admin(token)"]
log = logging.getLogger("bridge.test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """`set_up` is for a whole process: give the loggers back as they were."""
    root = logging.getLogger()
    names = ["httpx2", "httpcore2", "twilio", "urllib3", "websockets", "asyncio", "uvicorn.error", "uvicorn.access"]
    levels = {name: logging.getLogger(name).level for name in ["", *names]}
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    err = capsys.readouterr().err
    assert err.endswith("\n")
    return [json.loads(line) for line in err.removesuffix("\n").split("\n")]


def test_a_line_has_its_facts_beside_a_message_that_never_changes(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=True)
    log.info("call began", extra={"call_id": "call_1", "turns": 3, "from_number": "+14155550101"})
    (line,) = lines(capsys)
    stamp = line.pop("timestamp")
    assert stamp.endswith("Z")
    assert line == {
        "event": "call began",
        "level": "info",
        "logger": "bridge.test",
        "call_id": "call_1",
        "turns": 3,
        "from_number": "+14155550101",
    }


def test_the_level_is_the_one_that_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(log_level="warning"), as_json=True)
    log.info("no")
    log.warning("yes")
    logging.getLogger("uvicorn.error").info("no")
    assert [line["event"] for line in lines(capsys)] == ["yes"]


HOSTILE = {
    "line ends": 'x\r\n{"event":"forged"}\n',
    "escape codes": "\x1b[2J\x1b[1;31mred\x07",
    "other line ends": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "a megabyte": "N" * 1_000_000,
    "format strings": "%s %n {0} {call_id}",
    "lone surrogate": "\ud800",
    "quotes": '"}\\',
    "nothing": "",
    "zero": "\0",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_gives_exactly_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=True)
    value = HOSTILE[name]
    log.info("call refused", extra={"name_": value, "form": {"Caller": value, "more": [value, value]}})
    log.warning("said: %s", value)
    structured, formatted = lines(capsys)
    kept = value if len(value) <= LONGEST else value[:LONGEST] + "..."
    assert structured["name_"] == kept
    assert structured["form"] == {"Caller": kept, "more": [kept, kept]}
    assert formatted["event"][:100] == ("said: " + value)[:100]
    assert len(json.dumps([structured, formatted])) < 40_000


def test_at_a_terminal_nothing_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=False)
    for value in HOSTILE.values():
        log.info("call refused", extra={"name_": value})
        log.warning("said: %s", value)
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2 * len(HOSTILE)
    assert not any("\x1b[2J" in line for line in shown)
    assert not any(c in line for line in shown for c in "\r\x07\0\u2028\x85")


def test_a_traceback_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(**SECRETS), as_json=True)
    try:
        raise ValueError(f"bad\nvalue {VALUES[0]}")  # noqa: TRY301 - a traceback is what is wanted
    except ValueError:
        log.exception("tool failed")
    (line,) = lines(capsys)
    assert "Traceback" in line["exception"]
    assert "ValueError: bad" in line["exception"]
    assert VALUES[0] not in line["exception"]


@pytest.mark.parametrize("secret", VALUES)
def test_a_known_secret_is_masked_wherever_it_stands(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (True, False):
        set_up(Settings(**SECRETS), as_json=as_json)
        log.info("refused", extra={"url": f"wss://h?key={secret}&x", "deep": {"list": [(secret, {"k": secret})]}})
        log.info("a message with %s in it", secret)
        log.info("an object", extra={"error": ValueError(secret)})
        shown = capsys.readouterr().err
        assert secret not in shown
        assert shown.count("***") == 5


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "auth_token",
        "TWILIO_AUTH_TOKEN",
        "api_key",
        "apiKey",
        "Authorization",
        "X-Twilio-Signature",
        "password",
        "client_secret",
    ],
)
def test_a_value_is_masked_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=True)
    log.info("headers", extra={"headers": {name: "never-seen-before"}, "rows": [{name: ["never", "seen"]}]})
    (line,) = lines(capsys)
    assert (line["headers"], line["rows"]) == ({name: "***"}, [{name: "***"}])


def test_counts_are_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=True)
    log.info("usage", extra={"input_tokens": 132, "ok": True, "none": None, "cost": 0.25})
    (line,) = lines(capsys)
    assert (line["input_tokens"], line["ok"], line["none"], line["cost"]) == (132, True, None, 0.25)


def test_keys_of_any_kind_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Settings(), as_json=True)
    log.info("odd", extra={"table": {(1, 2): "a", None: "b", "token": "c"}})
    (line,) = lines(capsys)
    assert line["table"] == {"(1, 2)": "a", "None": "b", "token": "***"}


LONG = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30)


@examples(
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(st.lists(LONG, min_size=1, max_size=4), st.text(), st.text())
def test_no_masked_event_holds_a_secret(secrets: list[str], before: str, after: str) -> None:
    redact = Redactor(secrets)
    for secret in secrets:
        event = redact(None, "", {"a": before + secret + after, "b": {"c": [secret, {"d": after + secret}]}})
        for value in (event["a"], event["b"]["c"][0], event["b"]["c"][1]["d"]):
            assert secret not in value or secret in (before + "***" + after) or secret in (after + "***")
