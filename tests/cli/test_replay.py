"""A past call's caller before another agent: the very same bytes, and another call."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from house_world import house

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.kept import kept_to_ulaw, ulaw_to_kept
from bridge.cli.replay import caller_audio, replay
from bridge.config import Settings
from bridge.errors import StoreError
from bridge.sim import loop
from bridge.sim.script import DEMO
from bridge.store import folder
from bridge.store.folder import CallFolders

OTHER = replace(load_agent(""), name="other", greeting="Good day, this is somebody else. What can I do for you?")


def past_call(data: Path, **changes: object) -> tuple[str, bytes]:
    """A call, and what its caller's phone sent."""

    async def story() -> tuple[str, bytes]:
        async with house(data, **changes) as world:  # type: ignore[arg-type]
            call = await world.ring(DEMO)
            await call.ended()
            await world.written()
            return world.records()[0]["id"], call.phone.spoken.sound

    return loop.run(story())


def replayed(data: Path, call_id: str, agent: Agent) -> str:
    settings = Settings(data=data, realtime_audio="pcmu")
    return loop.run(replay(settings, CallFolders(data), call_id, agent, ears="energy"))


def test_another_agent_hears_the_same_bytes(tmp_path: Path) -> None:
    call_id, sent = past_call(tmp_path)
    folders = CallFolders(tmp_path)
    old = caller_audio(folders.path(call_id) / folder.RECORDING)
    assert old in sent, "the recording holds what the phone sent, to the byte"
    new_id = replayed(tmp_path, call_id, OTHER)
    new = caller_audio(folders.path(new_id) / folder.RECORDING)
    whole = min(len(old), len(new)) // 160 * 160
    assert whole > 20 * 8000
    assert new[:whole] == old[:whole]
    record = folders.read(new_id)
    assert (record["agent"], record["replay_of"]) == ("other", call_id)
    assert [one["id"] for one in folders.replays(call_id)] == [new_id]
    words = [turn for turn in folders.lines(new_id, folder.TRANSCRIPT) if turn["role"] == "agent"]
    assert words[0]["text"].startswith("Good day, this is somebody else.")
    keys = [turn["text"] for turn in folders.lines(new_id, folder.TRANSCRIPT) if turn["role"] == "keys"]
    assert keys == ["4271"]
    assert not list(tmp_path.glob(".replay-*")), "nothing is left beside it"


def test_a_replay_is_in_no_list(tmp_path: Path) -> None:
    call_id, _ = past_call(tmp_path)
    new_id = replayed(tmp_path, call_id, OTHER)

    async def story() -> None:
        async with house(tmp_path) as world:
            await world.until(lambda: world.app.services.dialer.db is not None)
            from bridge.store.calls import CallStore

            assert await CallStore(world.app.services.db).ended() == {call_id}
            import httpx2

            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{world.admin_port}", trust_env=False) as http:
                beside = (await http.get(f"/calls/{call_id}/replays")).text
                assert "somebody else" in beside
                assert f"/calls/{new_id}" in beside
                assert f"/calls/{call_id}/replays" in (await http.get(f"/calls/{new_id}")).text

    loop.run(story())


def test_what_was_not_recorded_cannot_be_played(tmp_path: Path) -> None:
    call_id, _ = past_call(tmp_path, record="off")
    with pytest.raises(StoreError, match="was not recorded"):
        replayed(tmp_path, call_id, OTHER)
    with pytest.raises(StoreError, match="there is no call"):
        replayed(tmp_path, "call_00000000000000000000", OTHER)


def test_every_code_of_mu_law_is_kept_and_none_is_heard_otherwise() -> None:
    codes = bytes(range(256)) + random.Random(1).randbytes(8000)
    kept = ulaw_to_kept(codes)
    assert kept_to_ulaw(kept) == codes
    plain = ulaw_to_pcm16(codes)
    assert max(abs(kept[at] - plain[at]) for at in range(0, len(kept), 2) if codes[at // 2] != 0x7F) == 0


def test_the_command_shows_both_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id, _ = past_call(tmp_path)
    new_id = replayed(tmp_path, call_id, OTHER)
    from bridge.cli.replay_view import show
    from bridge.observe.papers import read_papers

    folders = CallFolders(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    show(read_papers(folders, call_id), read_papers(folders, new_id))
    shown = capsys.readouterr().out
    assert call_id in shown
    assert new_id in shown
    assert "somebody else" in shown


def test_explain_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bridge.cli.explain import explain

    call_id, _ = past_call(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATA", str(tmp_path))
    monkeypatch.setenv("BRIDGE_ADMIN_PORT", "9")
    explain("last", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "id": call_id,
        "ending": "The agent said goodbye and hung up.",
        "findings": [],
    }
    explain(call_id, as_json=False)
    assert "nothing that went wrong" in capsys.readouterr().out
