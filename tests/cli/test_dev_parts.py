"""The small parts of `callbridge dev`: what is watched, what a line says, which tunnels there are."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from bridge.call import facts
from bridge.cli.tunnel import tunnel
from bridge.cli.turn_lines import TurnLines, short
from bridge.cli.watching import Watch, folder_of
from bridge.errors import ConfigError, TunnelError, UsageError
from bridge.sim import loop

CALL = "call_01k0000000000000009f"


def lines(*told: facts.Fact) -> list[str]:
    found: list[str] = []
    view = TurnLines(found.append, lambda: "12:01:07")
    for fact in told:
        view.tell(CALL, fact)
    return found


BEGAN = facts.CallBegan(CALL, "CA" + "0" * 30 + "9f", "inbound", "+14155550123", "+14155550100", "shop")


def said(turn: int, text: str, **changes: Any) -> facts.AgentSaid:
    usual = {"heard_text": text, "start_ms": 0, "end_ms": 900, "heard_ms": 900, "length_ms": 900, "latency_ms": 612}
    return facts.AgentSaid(turn=turn, item_id="i", text=text, **({"cut": False} | usual | changes))


def test_a_line_a_turn() -> None:
    assert lines(
        BEGAN,
        said(1, "Hello.", latency_ms=-1),
        facts.CallerStopped(1000, 3100),
        facts.ToolUsed(2, "t", "get_hours", "{}", "six", True, 3200, 3284),
        said(3, "We are open until six."),
        facts.Interrupted("i", 5000, 400, 900, "speech"),
        facts.CallerStopped(4800, 5300),
        facts.ToolUsed(4, "t", "book", "{}", "no", False, 5400, 5450),
        said(5, "And on Sundays we are closed.", heard_text="And on", cut=True),
        facts.KeysPressed(6, "12\n", 6000),
        facts.AgentTookOver("Billing", "asked", 6100),
        facts.Trouble("model", "x", "it broke"),
        facts.CallEnded("caller_hung_up", "caller", "", 61_000),
    ) == [
        "12:01:07 CA..9f  +14155550123 -> +14155550100, answered by shop",
        '12:01:07 CA..9f  turn 1  "Hello."',
        '12:01:07 CA..9f  turn 2  caller 2.1s  model 612 ms  tool get_hours 84 ms  "We are open until six."',
        '12:01:07 CA..9f  turn 3  caller 0.5s  model 612 ms  tool book 50 ms FAILED  barge-in  "And on"',
        "12:01:07 CA..9f  keys 12",
        "12:01:07 CA..9f  Billing took over",
        "12:01:07 CA..9f  trouble model: it broke",
        "12:01:07 CA..9f  ended  caller_hung_up (by the caller) after 61 s",
    ]


def test_a_line_stays_a_line_and_a_call_met_in_its_middle_has_a_name() -> None:
    (one,) = lines(said(1, "word\x1b[31m " * 40))
    assert one.startswith('12:01:07 ca..9f  turn 1  model 612 ms  "word')
    assert one.endswith(' ..."')
    assert len(one) < 130
    assert "\x1b" not in one
    began = lines(facts.CallBegan("c", "CA1", "outbound", "+14155550100", "+14155550123", "shop"))
    assert began == ["12:01:07 CA1  +14155550123 <- +14155550100, called by shop"]
    assert short("CA123456") == "CA..56"


def test_which_folder_an_agent_is_in(tmp_path: Path) -> None:
    assert folder_of("", tmp_path) is None
    for spec, place in (
        ("shop.py", ""),
        ("shop.py:agent", ""),
        ("agents/shop.toml", "agents"),
        ("agents/shop.py:x", "agents"),
        ("shop:agent", ""),
        ("agents.shop:agent", ""),
    ):
        assert folder_of(spec, tmp_path) == tmp_path / place


def test_changes_of_the_agents_files_are_seen_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("one")
    for name in ("data", ".git", "venv", "node_modules"):
        (tmp_path / name).mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")

    async def story() -> None:
        watch = Watch("shop.py", tmp_path, tmp_path / "data")
        seeing = asyncio.create_task(watch.changed())
        await asyncio.sleep(1)
        for other in ("data/x.json", ".git/x.py", "venv/x.py", "node_modules/x.json", "shop.pyc", ".hidden.py"):
            (tmp_path / other).write_text("other")
        await asyncio.sleep(3)
        assert not seeing.done()
        (tmp_path / "shop.py").write_text("and two")
        (tmp_path / "prompt.md").write_text("Be kind.")
        (tmp_path / ".env").write_text("PORT=1")
        assert [path.name for path in await seeing] == [".env", "prompt.md", "shop.py"]
        gone = asyncio.create_task(watch.changed())
        await asyncio.sleep(1)
        (tmp_path / "prompt.md").unlink()
        assert await gone == [tmp_path / "prompt.md"]

    loop.run(story())


def opened(kind: str) -> tuple[str, list[str]]:
    lost: list[str] = []

    async def story() -> str:
        async with tunnel(kind, 8080, lost.append) as url:
            if kind == "cloudflared":
                await asyncio.sleep(0.5)
            return url

    return asyncio.run(story()), lost


def test_a_url_there_is_already() -> None:
    assert opened("https://bridge.example.com/") == ("https://bridge.example.com", [])
    with pytest.raises(ConfigError, match="Twilio needs https"):
        opened("http://bridge.example.com")
    with pytest.raises(UsageError, match="--tunnel is 'tailscale': it can be ngrok, cloudflared, none"):
        opened("tailscale")


def cloudflared(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name first on the path."""
    program = folder / "cloudflared"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.sockets
def test_cloudflared_is_started_read_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = 'echo "INF |  https://calm-sea.trycloudflare.com  |" >&2; echo "$@" > arguments; exec sleep 600'
    cloudflared(tmp_path, "echo 'INF https://api.trycloudflare.com' >&2; " + said, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert opened("cloudflared") == ("https://calm-sea.trycloudflare.com", [])
    assert (tmp_path / "arguments").read_text() == "tunnel --no-autoupdate --url http://127.0.0.1:8080\n"


@pytest.mark.sockets
def test_a_cloudflared_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudflared(tmp_path, "echo 'ERR no such host' >&2; exit 1", monkeypatch)
    with pytest.raises(TunnelError, match="cloudflared ended: ERR no such host"):
        opened("cloudflared")
    cloudflared(tmp_path, "echo https://calm-sea.trycloudflare.com >&2; exit 1", monkeypatch)
    url, lost = opened("cloudflared")
    assert url.endswith("trycloudflare.com")
    assert lost == ["cloudflared ended: the number leads nowhere until callbridge dev is started again"]
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="cloudflared is not installed"):
        opened("cloudflared")


def test_ngrok_without_a_token_or_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delenv("NGROK_AUTHTOKEN", raising=False)
    monkeypatch.setitem(sys.modules, "ngrok", None)
    with pytest.raises(UsageError, match=r'pip install "callbridge\[ngrok\]"'):
        opened("ngrok")
    monkeypatch.undo()
    pytest.importorskip("ngrok")
    monkeypatch.delenv("NGROK_AUTHTOKEN", raising=False)
    with pytest.raises(UsageError, match="NGROK_AUTHTOKEN is not set"):
        opened("ngrok")
