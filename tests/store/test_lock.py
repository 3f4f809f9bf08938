"""Who may conclude that a process died."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.store.lock import FolderLock


def test_the_first_is_alone_and_lets_others_in(tmp_path: Path) -> None:
    first = FolderLock(tmp_path / "data")
    assert first.alone
    first.share()
    second = FolderLock(tmp_path / "data")
    assert not second.alone, "somebody is at work: open records may be theirs"
    first.close()
    second.close()
    third = FolderLock(tmp_path / "data")
    assert third.alone
    third.close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="BRIDGE_DATA"):
        FolderLock(tmp_path / "file")
