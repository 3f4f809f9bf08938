"""One folder a call: `<data>/calls/<call id>/`.

    call.json          the record: who, when, how long, why it ended, what it cost
    transcript.jsonl   who said what
    timeline.jsonl     both protocols and our decisions, in one order
    blackbox.jsonl     events with their times, for replay
    analysis.json      what a text model made of it, when the agent asks for that
    recording.wav      caller left, agent right, when BRIDGE_RECORD is on
    peaks.json         the recording's outline, for a picture of it
    replays.json       the calls in which its caller was played to another agent

`call.json` and `analysis.json` are replaced whole, so a reader sees the old one or the new one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bridge.errors import StoreError
from bridge.store.ids import new_id

RECORD = "call.json"
TRANSCRIPT = "transcript.jsonl"
TIMELINE = "timeline.jsonl"
BLACKBOX = "blackbox.jsonl"
RECORDING = "recording.wav"
PEAKS = "peaks.json"
REPLAYS = "replays.json"
ANALYSIS = "analysis.json"

_decode = msgspec.json.decode
_ID = re.compile(r"call_[0-9a-z]{20}").fullmatch


def new_call_id(epoch_s: float | None = None) -> str:
    """An id for a call."""
    return new_id("call", epoch_s)


class CallFolders:
    """All calls' folders below one data directory. Everything here blocks: for threads and commands."""

    def __init__(self, data: Path) -> None:
        self.root = data / "calls"

    def path(self, call_id: str) -> Path:
        """Where a call's files are. Raises StoreError when the id is none, so that no path can be smuggled in."""
        if _ID(call_id) is None:
            raise StoreError(f"{call_id!r} is not a call id; they look like call_01k...")
        return self.root / call_id

    def ids(self) -> list[str]:
        """Every call there is, newest first."""
        if not self.root.is_dir():
            return []
        return sorted((p.name for p in self.root.iterdir() if _ID(p.name)), reverse=True)

    def read(self, call_id: str) -> dict[str, Any]:
        """A call's record. Raises StoreError when there is none that can be read."""
        path = self.path(call_id) / RECORD
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(f"there is no call {call_id} in {self.root}") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise StoreError(f"{path} holds no record")
        return found

    def analysis(self, call_id: str) -> dict[str, Any] | None:
        """What was made of a call; None when nothing was, or not yet."""
        try:
            found = json.loads((self.path(call_id) / ANALYSIS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def replays(self, call_id: str) -> list[dict[str, Any]]:
        """The calls in which this one's caller was played to somebody else, oldest first: id, agent, model, made_at."""
        try:
            found = json.loads((self.path(call_id) / REPLAYS).read_text(encoding="utf-8"))
            return [one for one in found["replays"] if _ID(str(one["id"]))]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def lines(self, call_id: str, name: str) -> Iterator[dict[str, Any]]:
        """The lines of one of a call's files; a last line that a kill cut short is left out."""
        return (found for found in self.entries(call_id, name) if isinstance(found, dict))

    def entries(self, call_id: str, name: str) -> Iterator[Any]:
        """The same for a file whose lines are anything: the black box's are lists."""
        path = self.path(call_id) / name
        if not path.is_file():
            return
        with path.open("rb") as file:
            for line in file:
                try:
                    yield _decode(line)
                except (ValueError, msgspec.DecodeError):
                    with contextlib.suppress(ValueError):  # no UTF-8, perhaps, and JSON all the same
                        yield json.loads(line.decode("utf-8", "replace"))

    def write(self, call_id: str, record: dict[str, Any], name: str = RECORD) -> None:
        """Replace a call's record (or its analysis). Raises StoreError when the disk refuses."""
        folder = self.path(call_id)
        part = folder / f".{name}.part"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            part.replace(folder / name)
        except (OSError, UnicodeError) as error:
            raise StoreError(f"{folder / name} cannot be written: {error}") from error

    def close_crashed(self, ended_at: str) -> list[str]:
        """Give every record that a killed process left open its end; returns their ids."""
        closed = []
        for call_id in self.ids():
            try:
                record = self.read(call_id)
            except StoreError:
                continue
            if record.get("ended_at"):
                continue
            turns = sum(line.get("role") != "tool" for line in self.lines(call_id, TRANSCRIPT))
            end = {"ended_at": ended_at, "end_reason": "crashed", "ended_by": "bridge", "turns": turns}
            self.write(call_id, record | end | {"error": "callbridge was killed during this call"})
            closed.append(call_id)
        return closed
