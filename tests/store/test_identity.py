"""The installation's own key: one for all its processes, told to nobody."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.store.identity import FILE, Identity, is_nonce, new_nonce


def test_processes_of_one_folder_know_each_other_and_no_others(tmp_path: Path) -> None:
    ours, again, theirs = Identity(tmp_path / "a"), Identity(tmp_path / "a"), Identity(tmp_path / "b")
    nonce = new_nonce()
    assert is_nonce(nonce)
    assert again.answered_by_us(nonce, ours.answer(nonce))
    assert again.asked_by_us(nonce, ours.ask(nonce))
    for strange in (theirs.answer(nonce), ours.answer(new_nonce()), ours.ask(nonce), "", "\xe4"):
        assert not ours.answered_by_us(nonce, strange)
    assert not ours.asked_by_us(nonce, ours.answer(nonce)), "an answer is no question"
    assert not ours.asked_by_us("x", ours.ask("x")), "and only nonces are questions"


def test_the_key_is_for_its_owner_and_is_made_once(tmp_path: Path) -> None:
    nonce = new_nonce()
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: Identity(tmp_path).answer(nonce), range(32)))
    assert len(answers) == 1, "whoever begins together has one key"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_key_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    assert Identity(tmp_path).answer(new_nonce())
    assert (tmp_path / FILE).stat().st_size == 32


@pytest.mark.skipif(os.name == "nt", reason="needs a file in a folder's place")
def test_no_place_for_a_key_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match=r"data/\.identity: no key can be kept there"):
        Identity(tmp_path / "data").answer(new_nonce())
