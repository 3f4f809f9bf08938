"""A call's papers: what its folder holds, read for whoever explains or shows it. All of it blocks: for threads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.observe.arrivals import Gap, find_gaps
from bridge.observe.explain import Explained, explain
from bridge.observe.rules.finding import Case
from bridge.observe.story import Story, read_story
from bridge.store import folder
from bridge.store.folder import CallFolders


@dataclass(frozen=True, slots=True)
class Papers:
    """One call. `transcript` is in the order of its turns."""

    record: dict[str, Any]
    transcript: list[dict[str, Any]]
    story: Story
    gaps: list[Gap]
    explained: Explained
    analysis: dict[str, Any] | None


def read_papers(folders: CallFolders, call_id: str) -> Papers:
    """Everything about one call. Raises StoreError when there is none."""
    record = folders.read(call_id)
    lines = [line for line in folders.lines(call_id, folder.TRANSCRIPT) if isinstance(line.get("role"), str)]
    story = read_story(list(folders.lines(call_id, folder.TIMELINE)))
    gaps = find_gaps(folders.entries(call_id, folder.BLACKBOX))
    explained = explain(Case(record, story, gaps, _loudest(folders, call_id)))
    transcript = sorted(lines, key=_turn)
    return Papers(record, transcript, story, gaps, explained, folders.analysis(call_id))


def _turn(line: Mapping[str, Any]) -> int:
    turn = line.get("turn")
    return turn if isinstance(turn, int) else 0


def _loudest(folders: CallFolders, call_id: str) -> tuple[float, float] | None:
    """Of the recording, when its outline was drawn while it was made."""
    try:
        found = json.loads((folders.path(call_id) / folder.PEAKS).read_text(encoding="utf-8"))
        sides = [max(map(float, found[side]), default=0.0) / 100 for side in ("caller", "agent")]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sides[0], sides[1]
