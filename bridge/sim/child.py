"""A helper process that answers one question at a time over its pipes: the far side of the speech libraries.

They are kept out of our process because one holds the interpreter for a third of a second at a time (pocketsphinx) and
one is under another licence than ours (eSpeak NG, GPLv3): text in, sound out, nothing shared.

Wire, both ways: one line of JSON, in which `bytes` counts the raw bytes that follow it. The helper writes one such
line, `{"ready": true}` or `{"error": "..."}`, before the first question.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from bridge.errors import BridgeError

ANSWER_LIMIT_S = 30.0
"""Nothing the helpers do takes longer than a second; one that is silent for this long is stuck and is ended."""


class ChildError(BridgeError):
    """A helper process of the local engine failed."""


class Child:
    """One helper process, started with the first question and again after it died.

    `ask` may be called from several tasks at once: questions queue up. Raises ChildError.
    """

    def __init__(self, script: Path) -> None:
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    async def ask(self, question: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send `question` and `data`, wait for the answer and its data. The event loop stays free meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(None, self._ask, question, data)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(BrokenPipeError):  # a question it never took
                process.communicate()

    def _ask(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        with self._one_at_a_time:
            try:
                return self._converse(self._running(), question, data)
            except (OSError, ValueError) as error:  # a broken pipe, or half a line of JSON: it died at work
                self.close()
                raise ChildError(f"{self._script.name}: the helper process ended unexpectedly") from error
            except ChildError:
                self.close()
                raise

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # -P: the script's own folder must not shadow the standard library.
            command = [sys.executable, "-P", str(self._script)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own file
            self._read(_open(self._process.stdout))
        return self._process

    def _converse(
        self, process: subprocess.Popen[bytes], question: dict[str, Any], data: bytes
    ) -> tuple[dict[str, Any], bytes]:
        watch = threading.Timer(ANSWER_LIMIT_S, process.kill)
        watch.start()
        try:
            _write(_open(process.stdin), question, data)
            return self._read(_open(process.stdout))
        finally:
            watch.cancel()

    def _read(self, pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
        line = pipe.readline()
        if not line:
            raise ChildError(f"{self._script.name}: the helper process ended unexpectedly")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ChildError(f"{self._script.name}: {answer['error']}")
        return answer, pipe.read(answer.get("bytes", 0))


def _write(pipe: IO[bytes], question: dict[str, Any], data: bytes) -> None:
    pipe.write(json.dumps({**question, "bytes": len(data)}).encode() + b"\n" + data)
    pipe.flush()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe of a process that was started with pipes, and so has it."""
    if pipe is None:
        raise ChildError("the helper process was started without pipes")
    return pipe
