"""A dialer's proof of life on a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.store import proof
from bridge.store.proof import FileProof


def test_a_proof_that_came_half_way_lets_go_and_can_be_had_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, or a file cannot be made, at the moment of the start: the next try succeeds."""
    database = tmp_path / "callbridge.db"
    monkeypatch.setattr(proof, "_name", lambda: "no/such/folder")
    with pytest.raises(StoreError, match="cannot be written"):
        FileProof(database)
    monkeypatch.undo()
    found = FileProof(database)
    asyncio.run(found.close())
    assert found.owner
