"""`callbridge dev` as a person uses it: with nothing at all, and with a number, a tunnel and a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from command_line import command, environment, refused, run

pytestmark = pytest.mark.sockets
NUMBER = "+14155550100"
SID, TOKEN = "AC" + "0" * 32, "a-token"
PUBLIC = "https://calm-sea.trycloudflare.com"
AGENT = """from bridge import Agent
agent = Agent("{name}", instructions="Help.", greeting="Hello, this is {name}.")
"""
LONG = "\n".join(["listen", "wait 12", 'say "Thank you, goodbye."', "wait 1", "hang up"])
SHORT = "listen\nhang up\n"


class Running:
    """A running dev, and what it has said so far."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str]) -> None:
        self.out, self.err = folder / "dev.out", folder / "dev.err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                command("dev", *arguments),
                cwd=folder,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def says(self, words: str, limit_s: float = 40.0) -> str:
        """Wait for words on stderr; the text so far."""
        return until(lambda: words in self.err.read_text() and self.err.read_text(), limit_s, self.err.read_text)

    def end(self, sign: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(sign)
        return self.process.wait(30)


def until(true: Callable[[], Any], limit_s: float, show: Callable[[], object] = str) -> Any:
    over = time.monotonic() + limit_s
    while not (found := true()):
        assert time.monotonic() < over, show()
        time.sleep(0.1)
    return found


@contextmanager
def dev(folder: Path, *arguments: str, **env: str) -> Iterator[Running]:
    one = Running(folder, *arguments, env=env)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.end()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def records(folder: Path) -> list[dict[str, Any]]:
    """Every call's record, oldest first."""
    return [json.loads(path.read_text()) for path in sorted((folder / "data" / "calls").glob("*/call.json"))]


def ring(folder: Path, url: str, score: str) -> subprocess.Popen[str]:
    path = folder / f"{len(score)}.score"
    path.write_text(score)
    arguments = ("sim", "phone", "--public-url", url, "--auth-token", "any", "--script", str(path))
    return subprocess.Popen(command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)


def hung_up(phone: subprocess.Popen[str]) -> str:
    out, _ = phone.communicate(timeout=60)
    assert phone.returncode == 0, out
    return out


def test_with_nothing_at_all_calls_finish_on_the_code_they_began_with(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(AGENT.format(name="First"))
    with dev(tmp_path, "shop.py", "--port", "0", "--admin-port", "0") as one:
        told = one.says("Ctrl-C stops")
        assert "the local engine, because OPENAI_API_KEY is not set" in told
        assert "phone    none, because TWILIO_AUTH_TOKEN is not set" in told
        url = re.search(r"sim phone --public-url (\S+)", told)
        assert url is not None
        long = ring(tmp_path, url.group(1), LONG)
        until(lambda: records(tmp_path), 20)
        (tmp_path / "shop.py").write_text(AGENT.format(name="Second"))
        one.says("shop.py changed: new calls go to the new agent")
        assert long.poll() is None, "the call goes on"
        hung_up(ring(tmp_path, url.group(1), SHORT))
        (tmp_path / "shop.py").write_text("this is no Python")
        one.says("shop.py changed, and the agent did not start: ")
        one.says("shop.py:1: invalid syntax; calls go to it as it was")
        hung_up(ring(tmp_path, url.group(1), SHORT))
        assert "caller" in hung_up(long)
        until(lambda: all(record.get("ended_at") for record in records(tmp_path)), 20)
        assert [(r["agent"], r["end_reason"]) for r in records(tmp_path)] == [
            ("First", "caller_hung_up"),
            ("Second", "caller_hung_up"),
            ("Second", "caller_hung_up"),
        ]
        lines = one.out.read_text()
        assert re.search(r'^\d\d:\d\d:\d\d \S+  turn 1 .*"Hello, this is First\."$', lines, re.MULTILINE), lines
        assert re.search(r'^\d\d:\d\d:\d\d \S+  turn 1 .*"Hello, this is Second\."$', lines, re.MULTILINE), lines
        assert lines.count("ended  caller_hung_up") == 3
        assert one.end() == 0
        assert one.err.read_text().splitlines()[-1] == "stopped; nothing is left running"
    until(lambda: not _group(one.process.pid), 5, lambda: _group(one.process.pid))


def _group(leader: int) -> list[str]:
    """What was started from there and lives, by its environment's own words."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = place.read_text().rpartition(")")
        except OSError:
            continue
        if rest.split()[1] == str(leader):
            found.append(name)
    return found


def test_what_cannot_be_begun_is_one_sentence(tmp_path: Path) -> None:
    keys = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN}
    assert "a tunnel needs TWILIO_ACCOUNT_SID" in refused(tmp_path, "dev", "--tunnel", "ngrok")
    assert "--number needs TWILIO_ACCOUNT_SID" in refused(tmp_path, "dev", "--number", NUMBER)
    assert "give --tunnel ngrok as well" in refused(tmp_path, "dev", "--number", NUMBER, env=keys)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert "choose another PORT" in refused(tmp_path, "dev", "--port", port, "--admin-port", "0")
    done = run(tmp_path, "dev", "no_agent.py", "--port", "0", "--admin-port", "0", limit_s=60)
    assert done.returncode == 1
    assert "the agent did not start: there is no file no_agent.py" in done.stderr


@pytest.fixture
def way_in(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A pretend carrier that owns a number, and a cloudflared; the environment that leads to them, PORT included."""
    port = free_port()
    keys = ("--account-sid", SID, "--auth-token", TOKEN, "--owns", NUMBER)
    arguments = command("sim", "carrier", "--public-url", PUBLIC, "--connect", f"127.0.0.1:{port}", *keys)
    part = subprocess.Popen(arguments, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert part.stdout is not None
    url = part.stdout.readline().strip()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cloudflared").write_text(f"#!/bin/sh\necho '| {PUBLIC} |' >&2\nexec sleep 600\n")
    (tools / "cloudflared").chmod(0o755)
    yield {
        "TWILIO_API_URL": url,
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "NO_PROXY": "127.0.0.1",
        "PORT": str(port),
        "BRIDGE_ADMIN_PORT": "0",
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }
    part.send_signal(signal.SIGTERM)
    part.communicate(timeout=20)


def points_at(env: dict[str, str]) -> str:
    with httpx2.Client(auth=(SID, TOKEN), trust_env=False) as http:
        answer = http.get(f"{env['TWILIO_API_URL']}/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json")
    return str(answer.json()["incoming_phone_numbers"][0]["voice_url"])


def test_a_number_rings_here_and_points_back_at_the_end_and_after_a_kill(
    tmp_path: Path, way_in: dict[str, str]
) -> None:
    assert (
        run(tmp_path, "numbers", "attach", NUMBER, "--url", "https://old.example.com", "--yes", env=way_in).returncode
        == 0
    )
    (tmp_path / "data" / "numbers.json").unlink()  # that was its owner, long ago
    before = "https://old.example.com/twilio/voice"
    arguments = ("--tunnel", "cloudflared", "--number", NUMBER, "--yes")
    with dev(tmp_path, *arguments, **way_in) as one:
        told = one.says("Ctrl-C stops")
        assert f"{NUMBER} points here" in told
        assert "Public URL: " in told, "this machine has no way out, and that is said"
        assert points_at(way_in) == f"{PUBLIC}/twilio/voice"
        wish = {"from": "+14155550123", "to": NUMBER, "say": ["Thank you, goodbye."]}
        call = httpx2.post(f"{way_in['TWILIO_API_URL']}/sim/calls", json=wish, trust_env=False, timeout=60).json()
        state = f"{way_in['TWILIO_API_URL']}/sim/calls/{call['sid']}"
        until(lambda: httpx2.get(state, trust_env=False).json()["status"] == "completed", 60)
        assert httpx2.get(state, trust_env=False).json()["problems"] == []
        assert one.end(signal.SIGTERM) == 0
        assert f"{NUMBER} points at {before} again" in one.err.read_text()
        assert points_at(way_in) == before

    with dev(tmp_path, *arguments, **way_in) as one:
        one.says("Ctrl-C stops")
        one.process.kill()
        one.process.wait(20)
    assert points_at(way_in) == f"{PUBLIC}/twilio/voice"

    quiet = {name: value for name, value in way_in.items() if name != "PORT"} | {"PORT": "0"}
    with dev(tmp_path, **quiet) as one:
        told = one.says("Ctrl-C stops")
        assert "A callbridge dev that was killed left +14155550100" in told, "asked, and nobody is there to say yes"
        assert points_at(way_in) == f"{PUBLIC}/twilio/voice"
        one.end()
    with dev(tmp_path, "--yes", **quiet) as one:
        assert f"{NUMBER} points at {before} again" in one.says("Ctrl-C stops")
        assert points_at(way_in) == before
        one.end()
