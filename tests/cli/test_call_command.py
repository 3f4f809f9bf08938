"""`callbridge call`, `dialer` and `do-not-call`, as a person types them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import command, document, environment, refused, run
from dialing_serve import dialing_serve

from bridge.cli.call import local_times, outcome_lines, plan, raise_for
from bridge.dialer.rules import Rules
from bridge.errors import BridgeError, CarrierError
from bridge.numbers import read_number

BUSY, NOBODY, RINGS = "+14155550200", "+14155550201", "+14155550209"
NO_SERVE = {"BRIDGE_ADMIN_PORT": "9", "BRIDGE_COUNTRIES": "US"}
MORNING = 1_796_151_600.0
"""Tuesday, 2026-12-01, 11:00 in California."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[dict[str, str]]:
    with dialing_serve(tmp_path / "data") as env:
        yield env


# ---- before the call


def test_the_plan_says_what_time_it_is_there_and_what_it_may_cost() -> None:
    assert plan(read_number("+14155550123"), Rules(max_minutes=5), MORNING) == [
        "number     +14155550123, fixed or mobile, US",
        "there      Tue 11:00 (America/Los_Angeles)",
        "cost       about $0.15 a minute, at most $0.75 (5 minutes)",
    ]


def test_a_number_in_several_zones_shows_all_their_times() -> None:
    told = local_times(["America/New_York", "America/Detroit", "America/Chicago"], MORNING)
    assert told == "Tue 14:00 (America/New_York, America/Detroit) or Tue 13:00 (America/Chicago)"
    assert local_times([], MORNING).startswith("nobody knows")


@pytest.mark.parametrize(
    ("number", "words"),
    [("911", "emergency"), ("+19005550123", "premium"), ("+18095550123", "BRIDGE_COUNTRIES"), ("hello", "no phone")],
)
def test_a_number_that_nobody_may_dial_is_refused_without_a_server(tmp_path: Path, number: str, words: str) -> None:
    sentence = refused(tmp_path, "call", number, "--yes", env=NO_SERVE)
    assert words in sentence or "is not a phone number" in sentence


def test_nobody_is_called_when_nobody_says_yes(tmp_path: Path) -> None:
    done = run(tmp_path, "call", BUSY, env=NO_SERVE)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "callbridge: nobody is there to say yes (stdin is closed); --yes asks no questions"
    )
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command("call", BUSY)],
        cwd=tmp_path,
        env=environment(NO_SERVE),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert closed.returncode == 2 and "--yes asks no questions" in closed.stderr, closed
    no = subprocess.run(
        command("call", BUSY),
        cwd=tmp_path,
        env=environment(NO_SERVE),
        input="n\n",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (no.returncode, no.stderr.splitlines()[-1]) == (0, "Call them? [y/N] nobody was called")


def test_without_a_server_there_is_no_call(tmp_path: Path) -> None:
    done = run(tmp_path, "call", BUSY, "--yes", env=NO_SERVE)
    assert done.returncode == 1 and "no `callbridge serve` answers at" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--var", "name"), "--var is 'name': it must look like name=value"),
        (("--voicemail", "shout"), "voicemail = 'shout' can be"),
        (("--set", "concurency=1"), "did you mean concurrency"),
        (("--max-minutes", "0"), "max_minutes = 0.0 must be"),
    ],
)
def test_flags_that_cannot_be(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(tmp_path, "call", BUSY, "--yes", *arguments, env=NO_SERVE)


# ---- the call


@pytest.mark.sockets
def test_a_call_is_followed_to_its_outcome(tmp_path: Path, serve: dict[str, str]) -> None:
    done = run(tmp_path, "call", BUSY, "--yes", "--var", "name=Ada", "--max-minutes", "2", env=serve)
    assert done.returncode == 1 and done.stderr == "callbridge: nobody was reached: busy\n"
    assert "at most $0.30 (2 minutes)" in done.stdout
    assert "over: busy" in done.stdout and "outcome    busy" in done.stdout
    gone = run(tmp_path, "call", NOBODY, "--yes", "--json", env=serve)
    assert gone.returncode == 1
    assert document(gone)["outcome"] == "bad_number"
    assert "token" not in gone.stdout


@pytest.mark.sockets
def test_ctrl_c_hangs_up(tmp_path: Path, serve: dict[str, str]) -> None:
    calling = subprocess.Popen(
        command("call", RINGS, "--yes"),
        cwd=tmp_path,
        env=environment(serve) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert calling.stdout is not None
    seen = ""
    while "it rings" not in seen:
        line = calling.stdout.readline()
        assert line, calling.communicate()
        seen += line
    calling.send_signal(signal.SIGINT)
    rest, errors = calling.communicate(timeout=30)
    assert "over: canceled" in rest, (rest, errors)
    assert calling.returncode == 1 and errors == "callbridge: nobody was reached: canceled\n"


# ---- what the outcome means to a shell


def ended(**changes: Any) -> dict[str, Any]:
    found = {"id": "att_1", "state": "closed", "outcome": "human", "reason": "", "result": "", "call_id": ""}
    return found | {"carrier_usd": 0.0, "model_usd": 0.0} | changes


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("busy", BridgeError), ("no_answer", BridgeError), ("refused", CarrierError), ("unknown", CarrierError)],
)
def test_whom_an_outcome_blames(outcome: str, kind: type[BridgeError]) -> None:
    with pytest.raises(kind) as told:
        raise_for(ended(outcome=outcome))
    assert type(told.value) is kind


def test_who_was_reached_is_no_error_and_its_call_can_be_read() -> None:
    raise_for(ended())
    raise_for(ended(outcome="voicemail_left"))
    assert outcome_lines(ended(call_id="call_1", model_usd=0.0123, result="goal", reason="paid\x1b[2J")) == [
        "outcome    human",
        "because    paid [2J",
        "result     goal",
        "cost       $0.0123",
        "more       callbridge calls show call_1",
    ]


# ---- who must not be called


@pytest.mark.sockets
def test_the_do_not_call_list(tmp_path: Path, serve: dict[str, str]) -> None:
    def say(*arguments: str, code: int = 0) -> str:
        done = run(tmp_path, "do-not-call", *arguments, env=serve)
        assert done.returncode == code, done
        return done.stdout

    assert say("list") == "nobody is on the do-not-call list\n"
    assert say("add", BUSY, "--reason", "asked us") == f"{BUSY} is on the do-not-call list\n"
    assert say("add", BUSY) == f"{BUSY} is on the do-not-call list already\n"
    (tmp_path / "list.csv").write_text("phone,note\n+14155550203,x\n+1 415 555 0200,y\nhello,z\n,w\n", "utf-8")
    assert say("import", "list.csv", code=1) == "1 new of 2 numbers\n"
    assert "asked us" in say("list")
    sentence = refused(tmp_path, "do-not-call", "remove", "+14155550299", "--why", "x", env=serve)
    assert sentence == "+14155550299 is not on the do-not-call list"
    refusal = run(tmp_path, "call", BUSY, "--yes", env=serve)
    assert refusal.returncode == 2 and "this number is on the do-not-call list" in refusal.stderr
    assert say("remove", BUSY, "--why", "mistyped") == f"{BUSY} may be called again\n"
    found = document(run(tmp_path, "do-not-call", "list", "--json", env=serve))
    assert [row["phone"] for row in found["do_not_call"]] == ["+14155550203"]


def test_the_list_is_read_without_a_server(tmp_path: Path) -> None:
    assert "there is no database" in refused(tmp_path, "do-not-call", "list", code=1, env=NO_SERVE)
    run(tmp_path, "db", "upgrade", env=NO_SERVE)
    assert document(run(tmp_path, "do-not-call", "list", "--json", env=NO_SERVE)) == {"do_not_call": []}


# ---- a dialer of its own


DIALER = {
    "BRIDGE_COUNTRIES": "US",
    "PUBLIC_URL": "https://bridge.example.com",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "t",
    "BRIDGE_DIALER": "off",
}


def test_a_dialer_says_what_it_needs(tmp_path: Path) -> None:
    for name in ("PUBLIC_URL", "TWILIO_ACCOUNT_SID", "BRIDGE_COUNTRIES"):
        assert refused(tmp_path, "dialer", env={k: v for k, v in DIALER.items() if k != name}).startswith(name)


def test_an_sqlite_file_has_one_dialer_which_ends_when_told(tmp_path: Path) -> None:
    first = subprocess.Popen(
        command("dialer"), cwd=tmp_path, env=environment(DIALER), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert first.stderr is not None
    assert "dialing from" in first.stderr.readline()
    sentence = refused(tmp_path, "dialer", code=1, env=DIALER)
    assert "another dialer is at work on" in sentence
    first.send_signal(signal.SIGTERM)
    _, rest = first.communicate(timeout=20)
    assert (first.returncode, rest) == (0, "")
