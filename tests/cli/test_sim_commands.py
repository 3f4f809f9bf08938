"""`callbridge sim ...`: the URL first, running until told, exit 0; and what cannot be done in one sentence."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import httpx2
import pytest
from command_line import command, environment, refused, run

CARRIER = ("sim", "carrier", "--public-url", "https://voice.example.test", "--auth-token", "a-token")


def started(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A running part and the first line it printed."""
    part = subprocess.Popen(command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    assert part.stdout is not None
    return part, part.stdout.readline().strip()


def stopped(part: subprocess.Popen[str], sign: signal.Signals) -> int:
    part.send_signal(sign)
    part.communicate(timeout=20)
    return part.returncode


@pytest.mark.sockets
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_model_prints_its_url_and_runs_until_told(tmp_path: Path, sign: signal.Signals) -> None:
    part, url = started(tmp_path, "sim", "model", "--ears", "energy")
    try:
        assert url.startswith("ws://127.0.0.1:")
        health = url.replace("ws://", "http://").replace("/v1/realtime", "/healthz")
        assert httpx2.get(health, trust_env=False).text == "ok\n"
    finally:
        assert stopped(part, sign) == 0


@pytest.mark.sockets
def test_the_carrier_prints_its_url_and_runs_until_told(tmp_path: Path) -> None:
    part, url = started(tmp_path, *CARRIER, "--connect", "127.0.0.1:9")
    try:
        assert httpx2.get(f"{url}/sim/calls", trust_env=False).json() == {"calls": []}
    finally:
        assert stopped(part, signal.SIGTERM) == 0


@pytest.mark.sockets
def test_a_carrier_with_people(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("number,who\n+14155550123,busy\n+14155550124,invalid\n", "utf-8")
    people = ("--people", "people.csv", "--crowd", "7", "--share", "no_answer=1", "--silent", "--cps", "50")
    weather = ("--concurrency", "5", "--faults", "error=0", "--callbacks", "lost=0.1")
    sid = "AC" + "0" * 32
    part, url = started(tmp_path, *CARRIER, "--connect", "127.0.0.1:9", *people, *weather)
    try:
        calls = f"{url}/2010-04-01/Accounts/{sid}/Calls.json"
        order = {"From": "+14155550199", "Twiml": "<Response/>", "Timeout": "60"}
        codes = []
        for last in "123455555":
            to = {"To": f"+1415555012{last}"}
            answer = httpx2.post(calls, data=order | to, auth=(sid, "a-token"), trust_env=False)
            codes.append(answer.json().get("code", answer.json()["status"]))
        told = httpx2.get(f"{url}/sim/dialled", trust_env=False).json()
        assert codes == ["queued", "queued", "queued", 21211, "queued", "queued", 10004, 10004, 10004]
        assert told["numbers"] == {f"+1415555012{n}": 1 for n in "123"} | {"+14155550125": 2}
    finally:
        assert stopped(part, signal.SIGTERM) == 0


@pytest.mark.sockets
def test_a_phone_that_reaches_nobody_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "sim", "phone", *CARRIER[2:], "--connect", "127.0.0.1:9", "--say", "Yes please.")
    assert done.returncode == 1
    assert done.stdout.startswith("http://127.0.0.1:")
    assert done.stderr.splitlines()[-1] == "callbridge: the call ended as failed: application_error"


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1:{port}" in refused(tmp_path, "sim", "model", "--port", port)
        sentence = refused(tmp_path, *CARRIER, "--connect", "127.0.0.1:9", "--port", port)
        assert f"cannot listen on 127.0.0.1:{port}" in sentence


def test_values_that_make_no_sense(tmp_path: Path) -> None:
    assert "no ears called 'big'" in refused(tmp_path, "sim", "model", "--ears", "big")
    assert "'burn' is not a fault" in refused(tmp_path, "sim", "model", "--fault", "burn")
    assert "must be greater than zero" in refused(tmp_path, "sim", "model", "--speed", "0")
    there = (*CARRIER, "--connect", "127.0.0.1:9")
    assert "there is no 'ghost'" in refused(tmp_path, *there, "--crowd", "1", "--share", "ghost=1")
    assert "give --crowd SEED as well" in refused(tmp_path, *there, "--share", "human=1")
    assert "none.csv: cannot be read" in refused(tmp_path, *there, "--people", "none.csv")
    assert "an order can meet rate_limited" in refused(tmp_path, *there, "--faults", "slow=1")
    assert "PUBLIC_URL is missing" in refused(tmp_path, "sim", "carrier")
    assert "TWILIO_AUTH_TOKEN is missing" in refused(tmp_path, *CARRIER[:4])
    assert "--connect is 'there'" in refused(tmp_path, *CARRIER, "--connect", "there")
    assert "only calls this machine" in refused(tmp_path, *CARRIER, "--connect", "192.0.2.1:80")
    assert run(tmp_path, "sim", "model", "--port", "70000").returncode == 2


def test_a_score_that_cannot_be_read(tmp_path: Path) -> None:
    phone = ("sim", "phone", *CARRIER[2:], "--connect", "127.0.0.1:9", "--script")
    assert "cannot be read" in refused(tmp_path, *phone, "none.txt")
    (tmp_path / "score.txt").write_text("listen\nshout 3\n", "utf-8")
    assert "score.txt, line 2: 'shout 3' is no step of a score" in refused(tmp_path, *phone, "score.txt")


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    env = {"PUBLIC_URL": "https://voice.example.test", "TWILIO_AUTH_TOKEN": "t"}
    sentence = refused(tmp_path, "sim", "carrier", env=env)
    assert "https://voice.example.test is not on this machine" in sentence
