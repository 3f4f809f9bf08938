"""The Autobahn cases, served by kosoku: the model's socket fails none that the client of websockets passes.

Without 12.* and 13.*: compression is never offered. The heavy 9.* come after the others, some of which ask for an
answer within a second. kosoku runs in a process of its own because its cases, from the
days of Python 2, change `sys.path` and `binascii` of the one they run in.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed

from bridge.realtime import connection
from bridge.realtime.connection import MAX_MESSAGE, Connection, connect

pytest.importorskip("kosoku")
pytestmark = pytest.mark.sockets

Verdicts = dict[str, tuple[bool, str]]
"""Passed or not, and in words, of each case."""
Talk = Callable[[str], Awaitable[None]]

LIGHT, HEAVY = (["*"], ["9.*", "12.*", "13.*"]), (["9.*"], ["9.1.5", "9.1.6", "9.2.5", "9.2.6"])
"""Which cases, and which of them not: messages of 8 and 16 MiB show no more than those of 4 do."""
KOSOKU = """
import asyncio, json, os, sys
from kosoku import FailureError, run_fuzzingserver

async def main():
    async with run_fuzzingserver(*json.loads(sys.argv[1]), host="127.0.0.1", port=0) as server:
        print(server.port, flush=True)
        try:
            results = await asyncio.wait_for(server.get_result(), 60)
        except FailureError as failure:
            results = failure.results
    words = "{0.behavior.value}: {0.result} Close {0.behavior_close.value}: {0.result_close}"
    print(json.dumps({r.case_id: (r.passed, words.format(r)) for r in results}), flush=True)
    os._exit(0)  # kosoku 0.1.0 now and then aborts while the interpreter winds up, its work done

asyncio.run(main())
"""


class Echo(Connection):
    """Sends back what comes. The bridge hears and speaks text only, so bytes are told apart, and sent, here."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self._on_messages = self._send_back
        self._texts: list[bool] = []

    def _take(self, message: bytes, *, text: bool = True) -> None:
        before = len(self._come)
        super()._take(message, text=text)
        if len(self._come) > before:
            self._texts.append(text)

    def _send_back(self, messages: list[bytes]) -> None:
        texts, self._texts = self._texts or [True], []  # a text that came alone goes past `_take`
        for message, text in zip(messages, texts, strict=True):
            if text:
                self.send(message)
            elif self._open:
                self._ws.send_binary(message)
                self._write()


async def ours(url: str) -> None:
    closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    await connect(url, {}, lambda messages: None, lambda code, reason: closed.set_result(code))
    await closed


async def theirs(url: str) -> None:
    async with plain_connect(url, compression=None, max_size=MAX_MESSAGE, ping_interval=None, proxy=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)


def verdicts(talk: Talk, *, uvloop: bool = False) -> Verdicts:
    """Let `talk` go through every case, 16 at a time."""
    problems: list[str] = []

    async def run(base: str) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(f"the loop: {context}"))
        async with plain_connect(f"{base}/getCaseCount", compression=None, proxy=None) as socket:
            cases = iter(range(1, int(await socket.recv()) + 1))

        async def some() -> None:
            for case in cases:
                async with asyncio.timeout(30):
                    await talk(f"{base}/runCase?case={case}&agent=callbridge")

        await asyncio.gather(*(some() for _ in range(16)))
        async with plain_connect(f"{base}/updateReports?agent=callbridge", compression=None, proxy=None) as socket:
            await socket.wait_closed()  # kosoku's own run is over with it

    found: Verdicts = {}
    for cases in (LIGHT, HEAVY):
        with (
            kosoku(cases) as (base, results),
            asyncio.Runner(loop_factory=pytest.importorskip("uvloop").new_event_loop if uvloop else None) as runner,
        ):
            runner.run(run(base))
            found |= results()
    assert problems == []
    return found


@contextlib.contextmanager
def kosoku(cases: tuple[list[str], list[str]]) -> Iterator[tuple[str, Callable[[], Verdicts]]]:
    """Where the cases are served, and what became of them."""

    def results() -> Verdicts:
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        return {case: (passed, words) for case, (passed, words) in json.loads(out).items()}

    command = [sys.executable, "-c", KOSOKU, json.dumps(cases)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, "kosoku did not start"
            yield f"ws://127.0.0.1:{port}", results
        finally:
            process.kill()


@pytest.fixture(scope="module")
def yardstick() -> Verdicts:
    """The client of websockets."""
    found = verdicts(theirs)
    assert len(found) > 290
    assert len([case for case, (passed, _) in found.items() if not passed]) < 5, found
    return found


@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_the_socket_fails_no_case_that_websockets_passes(
    yardstick: Verdicts, monkeypatch: pytest.MonkeyPatch, uvloop: bool
) -> None:
    monkeypatch.setattr(connection, "Connection", Echo)
    monkeypatch.setattr(connection, "PING_S", 60.0)  # Autobahn fails whoever pings it, as we would on a busy machine
    found = verdicts(ours, uvloop=uvloop)
    assert found.keys() == yardstick.keys()
    worse = [f"{case} {words}" for case, (passed, words) in found.items() if yardstick[case][0] and not passed]
    assert not worse, "\n".join(worse)
