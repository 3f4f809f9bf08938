"""kill -9 in the middle of a word, over real sockets and in real time: what is on the disk then is whole."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from house_world import ACCOUNT, CALLER, NUMBER, PUBLIC_URL, TOKEN

from bridge.cli.serve import listen
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.phone import Phone
from bridge.store.folder import CallFolders

pytestmark = pytest.mark.sockets


def free_port() -> int:
    with listen("127.0.0.1", 0, "PORT") as sock:
        return int(sock.getsockname()[1])


def serve(data: Path, model_url: str, port: int, admin_port: int) -> subprocess.Popen[bytes]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "TWILIO_", "REALTIME_", "OPENAI_"))}
    env |= {"REALTIME_URL": model_url, "REALTIME_AUDIO": "pcmu", "OPENAI_API_KEY": "sk-tests", "PUBLIC_URL": PUBLIC_URL}
    env |= {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "BRIDGE_DATA": str(data)}
    env |= {
        "BRIDGE_HOST": "127.0.0.1",
        "PORT": str(port),
        "BRIDGE_ADMIN_PORT": str(admin_port),
        "BRIDGE_RECORD": "stereo",
    }
    return subprocess.Popen([sys.executable, "-m", "bridge", "serve"], env=env, stderr=subprocess.DEVNULL)


async def reachable(port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return


def test_a_process_killed_in_mid_word(tmp_path: Path) -> None:
    async def story() -> None:
        port, admin_port = free_port(), free_port()
        async with ModelServer(ModelOptions(ears="energy")) as model:
            process = serve(tmp_path, model.url, port, admin_port)
            try:
                await reachable(port)
                options = CarrierOptions(
                    PUBLIC_URL, ACCOUNT, TOKEN, connect=("127.0.0.1", port), on_problem=lambda sid, problem: None
                )
                carrier = Carrier(options)
                await carrier.start()
                phone = Phone()
                await carrier.ring(CALLER, NUMBER, phone=phone)
                async with asyncio.timeout(10):
                    while not phone.agent_speaking:  # noqa: ASYNC110 - a simulated phone has no event for it
                        await asyncio.sleep(0.02)
                await asyncio.sleep(7)  # past what the recorder holds back
                process.kill()
                process.wait(5)
                await carrier.stop()
            finally:
                process.kill()
                process.wait(5)
            folders = CallFolders(tmp_path)
            (call_id,) = folders.ids()
            assert folders.read(call_id)["ended_at"] is None
            with wave.open(str(tmp_path / "calls" / call_id / "recording.wav")) as file:
                assert file.getnframes() / 8 > 2_000
            lines = (tmp_path / "calls" / call_id / "blackbox.jsonl").read_text().splitlines()
            assert len([json.loads(line) for line in lines[:-1]]) > 100

            again = serve(tmp_path, model.url, port, admin_port)
            try:
                await reachable(port)
            finally:
                again.terminate()
                assert again.wait(10) == 0, "SIGTERM without calls ends at once and cleanly"
            record = folders.read(call_id)
            assert (record["end_reason"], record["ended_by"]) == ("crashed", "bridge")
            assert record["ended_at"] is not None

    asyncio.run(story())
