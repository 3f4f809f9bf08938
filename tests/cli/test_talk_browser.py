"""`callbridge talk --browser`: from nothing to an agent that speaks, without a key."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from command_line import command, environment, run
from websockets.asyncio.client import connect

pytestmark = pytest.mark.sockets
MINUTE = 60.0


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """The page's address, and what is said of it."""
    process = subprocess.Popen(
        command("talk", "--browser", "--no-open"),
        cwd=folder,
        env=environment({"BRIDGE_ADMIN_PORT": "0"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        page, _, note = process.stdout.readline().strip().partition("   ")
        yield page, note
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert "Traceback" not in err


async def first_words(page: str) -> tuple[str, bool]:
    """What the agent says first; whether it is heard."""
    url = page.replace("http", "ws", 1).replace("/talk", "/api/v1/talk")
    heard, words = False, ""
    async with connect(url, compression=None) as socket, asyncio.timeout(MINUTE):
        start = {"accountSid": "browser", "callSid": "browser", "streamSid": "MZ1"}
        await socket.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))
        async for text in socket:
            message = json.loads(text)
            assert message["event"] != "refused", message
            heard = heard or message["event"] == "media"
            if message["event"] == "fact" and message["fact"]["fact"] == "WordsSaid":
                words = message["fact"]["text"]
            if heard and words.endswith("?"):
                break
    return words, heard


def test_one_command_and_the_agent_speaks(tmp_path: Path) -> None:
    began = time.monotonic()
    with served(tmp_path) as (page, note):
        assert note == "the local engine answers (no OPENAI_API_KEY); Ctrl-C ends it"
        found = httpx2.get(page, trust_env=False)
        assert found.status_code == 200 and "local engine" in found.text
        words, heard = asyncio.run(first_words(page))
        assert words == "Thanks for calling Harbour Lane Books. How can I help you?" and heard
        assert time.monotonic() - began < MINUTE
        again = run(tmp_path, "talk", "--browser", env={"BRIDGE_ADMIN_URL": page.removesuffix("/talk")})
        assert (again.returncode, again.stdout.strip()) == (0, f"{page}   callbridge runs already")
    assert list((tmp_path / "data").glob("**/call.json"))


def test_an_agent_that_there_is_not(tmp_path: Path) -> None:
    done = run(tmp_path, "talk", "nobody.py", "--browser", "--no-open", env={"BRIDGE_ADMIN_PORT": "0"})
    assert done.returncode == 2
    assert "there is no file nobody.py" in done.stderr and "Traceback" not in done.stderr
