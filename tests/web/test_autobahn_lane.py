"""The Autobahn cases, played by kosoku: the lane fails none that uvicorn's own WebSocket class passes.

Without 12.* and 13.*: compression is never negotiated. The heavy 9.* come after the others, some of which ask for an
answer within a second. kosoku runs in a process of its own because its cases, from the
days of Python 2, change `sys.path` and `binascii` of the one they run in.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from bridge.cli.serve import listen
from bridge.web.lane import EXTENSION, Lane
from bridge.web.server import server

pytest.importorskip("kosoku")
pytestmark = pytest.mark.sockets

App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
Verdicts = dict[str, tuple[bool, str]]
"""Passed or not, and in words, of each case."""

LIGHT, HEAVY = (["*"], ["9.*", "12.*", "13.*"]), (["9.*"], ["9.1.5", "9.1.6", "9.2.5", "9.2.6"])
"""Which cases, and which of them not: messages of 8 and 16 MiB show no more than those of 4 do."""
KOSOKU = """
import asyncio, json, os, sys
from kosoku import FailureError, run_fuzzingclient

async def main():
    try:
        results = await run_fuzzingclient(sys.argv[1], *json.loads(sys.argv[2]), concurrency=16)
    except FailureError as failure:
        results = failure.results
    words = "{0.behavior.value}: {0.result} Close {0.behavior_close.value}: {0.result_close}"
    print(json.dumps({r.case_id: (r.passed, words.format(r)) for r in results}), flush=True)
    os._exit(0)  # kosoku 0.1.0 now and then aborts while the interpreter winds up, its work done

asyncio.run(main())
"""


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """Sends back what comes, by ASGI alone."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        with contextlib.suppress(RuntimeError, OSError):  # closed meanwhile; lost
            await send({"type": "websocket.send"} | ({"bytes": event["bytes"]} if text is None else {"text": text}))


class Short:
    """Sends back what the lane hands over: texts at once where it can, as the phone's link does; the rest by ASGI."""

    def __init__(self) -> None:
        self.ways: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        lane: Lane = scope["extensions"][EXTENSION]
        box: deque[str | bytes] = deque()
        filled = asyncio.Event()

        def answer(message: str | bytes) -> None:
            if isinstance(message, str) and not box and lane.ready:
                self.ways["written at once"] += 1
                lane.write([message.encode()])
            else:
                box.append(message)
                filled.set()

        def take(messages: Sequence[str | bytes]) -> None:
            self.ways["taken"] += len(messages)
            for message in messages:
                answer(message)

        def hear(text: bytes) -> bool:
            self.ways["heard"] += 1
            if self.ways["heard"] % 3 == 0:
                return False
            answer(text.decode())
            return True

        async def empty() -> None:
            with contextlib.suppress(RuntimeError, OSError):  # closed meanwhile; lost
                while True:
                    await filled.wait()
                    filled.clear()
                    while box:  # a message leaves the box when it is sent: none may overtake it
                        kind = "text" if isinstance(box[0], str) else "bytes"
                        await send({"type": "websocket.send", kind: box[0]})
                        box.popleft()

        lane.take_over(take, hear)
        writer = asyncio.create_task(empty())
        try:
            event = await receive()
            assert event["type"] == "websocket.disconnect", "the lane tells only the end"
        finally:
            writer.cancel()
            await asyncio.wait([writer])


def verdicts(app: App, *, lane: bool, uvloop: bool = False) -> Verdicts:
    """Serve `app` as the bridge is served, but for the size of messages and for pings, and let kosoku talk to it."""
    problems: list[str] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            problems.append(f"the application: {error!r}")
            raise

    async def run() -> Verdicts:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(f"the loop: {context}"))
        sock = listen("127.0.0.1", 0, "PORT")
        serving = server(watched, lifespan="off", lane=lane)
        serving.config.ws_max_size = 16 * 1024 * 1024
        serving.config.ws_ping_interval = None  # Autobahn fails whoever pings it
        task = asyncio.create_task(serving.serve([sock]))
        try:
            while not serving.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
                await asyncio.sleep(0.01)
            url = f"ws://127.0.0.1:{sock.getsockname()[1]}"
            return await asyncio.to_thread(fuzz, url, LIGHT) | await asyncio.to_thread(fuzz, url, HEAVY)
        finally:
            serving.end()
            await task
            sock.close()

    with asyncio.Runner(loop_factory=pytest.importorskip("uvloop").new_event_loop if uvloop else None) as runner:
        found = runner.run(run())
    assert problems == []
    return found


def fuzz(url: str, cases: tuple[list[str], list[str]]) -> Verdicts:
    command = [sys.executable, "-c", KOSOKU, url, json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {case: (passed, words) for case, (passed, words) in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def yardstick() -> Verdicts:
    """uvicorn's own class."""
    found = verdicts(plain, lane=False)
    assert len(found) > 290
    assert len([case for case, (passed, _) in found.items() if not passed]) < 5, found
    return found


def no_worse(found: Verdicts, yardstick: Verdicts) -> None:
    assert found.keys() == yardstick.keys()
    worse = [f"{case} {words}" for case, (passed, words) in found.items() if yardstick[case][0] and not passed]
    assert not worse, "\n".join(worse)


@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_a_lane_that_was_taken_fails_no_case_that_uvicorn_passes(yardstick: Verdicts, uvloop: bool) -> None:
    short = Short()
    no_worse(verdicts(short, lane=True, uvloop=uvloop), yardstick)
    assert short.ways["heard"] > 1000
    assert short.ways["taken"] > 1000
    assert short.ways["written at once"] > 1000


def test_a_lane_that_was_not_taken_fails_no_case_that_uvicorn_passes(yardstick: Verdicts) -> None:
    no_worse(verdicts(plain, lane=True), yardstick)
