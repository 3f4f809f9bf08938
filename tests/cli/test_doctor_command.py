"""`callbridge doctor` and `callbridge numbers`, as a person uses them, beside a pretend carrier."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import command, document, environment, refused, run

from bridge.cli.dotenv_file import put
from bridge.errors import UsageError

NUMBER = "+14155550100"
SID, TOKEN = "AC" + "0" * 32, "a-token"
PUBLIC = "https://voice.example.test"


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment that leads to a pretend carrier with one number."""
    keys = ("--public-url", PUBLIC, "--account-sid", SID, "--auth-token", TOKEN, "--connect", "127.0.0.1:9")
    arguments = command("sim", "carrier", *keys, "--owns", NUMBER)
    part = subprocess.Popen(arguments, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert part.stdout is not None
    url = part.stdout.readline().strip()
    yield {"TWILIO_API_URL": url, "TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"}
    part.send_signal(signal.SIGTERM)
    part.communicate(timeout=20)


def test_with_nothing_it_says_what_is_missing_and_ends_with_1(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", env={"TWILIO_API_URL": "http://127.0.0.1:9"})
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"  OK    certificates       \d+ certificates in .+", lines[-3])
    assert "  FAIL  openai key         OPENAI_API_KEY is not set" in lines
    assert re.fullmatch(r"\d+ ok, \d+ warnings?, \d+ failures \(exit 1\)", lines[-1])
    assert done.stderr == ""


@pytest.mark.sockets
def test_a_server_that_never_answers_takes_no_longer(tmp_path: Path) -> None:
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        port = deaf.getsockname()[1]
        env = {
            "TWILIO_API_URL": f"http://127.0.0.1:{port}",
            "TWILIO_ACCOUNT_SID": SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_PHONE_NUMBER": NUMBER,
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "REALTIME_URL": f"ws://127.0.0.1:{port}/v1/realtime",
        }
        found = document(run(tmp_path, "doctor", "--json", env=env, limit_s=60))
    assert found["took_ms"] < 8000
    by_id = {check["id"]: check for check in found["checks"]}
    assert len(by_id) == 15
    failed = {check_id for check_id, check in by_id.items() if check["level"] == "fail"}
    assert failed >= {"openai", "twilio", "public-url", "websocket"}  # a busy machine takes its time for the others too


def test_what_cannot_be_asked_is_one_sentence(tmp_path: Path) -> None:
    assert refused(tmp_path, "doctor", "--only", "net").startswith("there is no check 'net'; there are python, ")
    assert "where to?" in refused(tmp_path, "numbers", "attach", NUMBER)
    assert "PUBLIC_URL is 'nonsense'" in refused(tmp_path, "numbers", "attach", NUMBER, "--url", "nonsense")
    assert "no Twilio credentials" in refused(tmp_path, "numbers", "list", code=3)


@pytest.mark.sockets
def test_fix_points_the_number_here_and_fills_in_env(tmp_path: Path, carrier: dict[str, str]) -> None:
    env = carrier | {"PUBLIC_URL": PUBLIC}
    only = ("--only", "number,webhook")
    asked = run(tmp_path, "doctor", *only, "--fix", env=env)
    assert "nobody is there to say yes" in asked.stderr
    assert not (tmp_path / ".env").exists()
    done = run(tmp_path, "doctor", *only, "--fix", "--yes", env=env)
    assert f"TWILIO_PHONE_NUMBER={NUMBER} is in .env" in done.stdout
    assert done.returncode == 1, "only now it is known which number that is"
    done = run(tmp_path, "doctor", *only, "--fix", "--yes", env=env)
    assert f"{NUMBER} points at {PUBLIC}/twilio/voice (before: nobody)" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 ok, 0 warnings, 0 failures (exit 0)"
    assert done.returncode == 0


@pytest.mark.sockets
def test_numbers_there_and_back(tmp_path: Path, carrier: dict[str, str]) -> None:
    unasked = run(tmp_path, "numbers", "attach", NUMBER, "--url", PUBLIC, env=carrier)
    assert unasked.returncode == 2
    assert "nobody is there to say yes" in unasked.stderr
    done = run(tmp_path, "numbers", "attach", NUMBER, "--url", PUBLIC, "--yes", env=carrier)
    assert done.stdout == f"{NUMBER} points at {PUBLIC}/twilio/voice (before: nobody)\n"
    [listed] = document(run(tmp_path, "numbers", "list", "--json", env=carrier | {"PUBLIC_URL": PUBLIC}))["numbers"]
    assert (listed["number"], listed["here"], listed["before"]["voice_url"]) == (NUMBER, True, "")
    shown = run(tmp_path, "numbers", "list", env=carrier | {"PUBLIC_URL": PUBLIC}).stdout
    assert f"{PUBLIC}/twilio/voice" in shown
    assert "here" in shown
    gone = document(run(tmp_path, "numbers", "detach", NUMBER, "--yes", "--json", env=carrier))
    assert gone["after"]["voice_url"] == ""
    back = run(tmp_path, "numbers", "restore", NUMBER, "--yes", env=carrier)
    assert back.returncode == 0
    assert "nothing is kept" in refused(tmp_path, "numbers", "restore", NUMBER, "--yes", env=carrier)


def test_a_line_of_env_is_changed_and_the_others_are_left(tmp_path: Path) -> None:
    put("PORT=9000", tmp_path)
    assert (tmp_path / ".env").read_text() == "PORT=9000\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    (tmp_path / ".env").write_text("# mine\nexport PORT = 1\nOPENAI_API_KEY=sk-x")
    (tmp_path / ".env").chmod(0o640)
    put(r"PORT=\1", tmp_path)
    put("BRIDGE_ADMIN_TOKEN=t", tmp_path)
    assert (tmp_path / ".env").read_text() == "# mine\nPORT=\\1\nOPENAI_API_KEY=sk-x\nBRIDGE_ADMIN_TOKEN=t\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o640
    (tmp_path / "folder" / ".env").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        put("PORT=1", tmp_path / "folder")
