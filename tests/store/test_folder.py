"""A call's folder: ids that sort by age, records replaced whole, no way out of it, and what a kill leaves behind."""

import json
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bridge.errors import StoreError
from bridge.store.folder import RECORD, TIMELINE, TRANSCRIPT, CallFolders, new_call_id


def test_ids_sort_by_age_and_never_meet() -> None:
    times = [0.0, 1.0, 1.0015, 1_700_000_000.0, 1_700_000_000.0015, 4_000_000_000.0, 2**50 / 1000 - 1]
    ids = [new_call_id(at) for at in times]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"call_[0-9a-hjkmnp-tv-z]{20}", one) for one in ids)
    assert len({new_call_id(1.0) for _ in range(2000)}) == 2000
    assert new_call_id() > new_call_id(1_700_000_000.0)


@examples(deadline=None, database=None, derandomize=True, max_examples=100)
@given(st.integers(0, 2**45), st.integers(0, 2**45))
def test_an_older_id_is_smaller(a: int, b: int) -> None:
    older, newer = sorted((a, b))
    assert older == newer or new_call_id(older / 1000 + 0.0004) < new_call_id(newer / 1000 + 0.0004)


def test_the_newest_call_is_named_first(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    assert folders.ids() == []
    ids = [new_call_id(at) for at in (3.0, 1.0, 2.0)]
    for one in ids:
        folders.write(one, {"id": one})
    (tmp_path / "calls" / "notes.txt").write_text("not a call")
    assert folders.ids() == sorted(ids, reverse=True)


GOOD = "call_00000000z80123456789"  # fixed: the names of tests must be the same in every process


@pytest.mark.parametrize(
    "call_id",
    [
        *["", ".", "..", "../calls", "/etc/passwd", GOOD + "/..", GOOD[:-1], GOOD + "0", GOOD.upper()],
        *[GOOD + "\n", GOOD + "\0", "call_" + "." * 20, "call_../../../../../etc"],
        *["call_" + "\u0660" * 20, "call_" + "é" * 20],  # digits and letters of other scripts
    ],
)
def test_no_path_can_be_smuggled_in(tmp_path: Path, call_id: str) -> None:
    folders = CallFolders(tmp_path)
    for act in (folders.path, folders.read, lambda i: list(folders.lines(i, TIMELINE)), lambda i: folders.write(i, {})):
        with pytest.raises(StoreError, match="is not a call id"):
            act(call_id)
    assert list(tmp_path.iterdir()) == []


@examples(deadline=None, database=None, derandomize=True, max_examples=200)
@given(st.text(max_size=40) | st.text("call_./\\0189az", min_size=15, max_size=30))
def test_a_path_is_always_one_step_below(call_id: str) -> None:
    folders = CallFolders(Path("data"))
    try:
        path = folders.path(call_id)
    except StoreError:
        return
    assert path.parent == folders.root
    assert path.name == call_id
    assert path.name not in ("", ".", "..")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    record = {"id": GOOD, "from": "+14155550101", "error": 'é "x"\n', "usage": {"input_tokens": 1}}
    folders.write(GOOD, record)
    assert folders.read(GOOD) == record
    assert [p.name for p in folders.path(GOOD).iterdir()] == [RECORD], "nothing is left beside it"


def test_a_reader_sees_the_old_record_or_the_new_one(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    folders.write(GOOD, {"n": 0, "text": ""})
    stop = threading.Event()
    seen: list[bool] = []

    def read() -> None:
        while not stop.is_set():
            record = folders.read(GOOD)
            seen.append(len(record["text"]) == record["n"])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(0, 60_000, 400):
            folders.write(GOOD, {"n": n, "text": "x" * n})
    finally:
        stop.set()
        reader.join()
    assert seen
    assert all(seen)


def test_records_that_are_missing_or_damaged_are_told_in_one_sentence(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    with pytest.raises(StoreError, match="there is no call"):
        folders.read(GOOD)
    folders.path(GOOD).mkdir(parents=True)
    for content in (b"", b"{", b"[]", b"\xff", b"7"):
        (folders.path(GOOD) / RECORD).write_bytes(content)
        with pytest.raises(StoreError, match=r"cannot be read|holds no record"):
            folders.read(GOOD)
    (folders.path(GOOD) / RECORD).unlink()
    (folders.path(GOOD) / RECORD).mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        folders.read(GOOD)
    with pytest.raises(StoreError, match="cannot be written"):
        folders.write(GOOD, {"id": GOOD})


def test_a_disk_that_refuses_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("a file where the folder should be")
    folders = CallFolders(tmp_path)
    assert folders.ids() == []
    with pytest.raises(StoreError, match="cannot be written"):
        folders.write(GOOD, {})


def test_lines_leave_out_what_a_kill_cut_short(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    assert list(folders.lines(GOOD, TRANSCRIPT)) == []
    folders.path(GOOD).mkdir(parents=True)
    (folders.path(GOOD) / TRANSCRIPT).write_bytes(b'{"turn":1}\n[1]\n\n{"text":"\xff"}\n{"turn":2}\n{"turn":3,"te')
    assert list(folders.lines(GOOD, TRANSCRIPT)) == [{"turn": 1}, {"text": "�"}, {"turn": 2}]


def test_calls_that_a_kill_left_open_are_closed_once(tmp_path: Path) -> None:
    folders = CallFolders(tmp_path)
    open_, ended, damaged = (new_call_id(at) for at in (1.0, 2.0, 3.0))
    folders.write(open_, {"id": open_, "ended_at": None, "turns": 0, "from": "+14155550101"})
    folders.write(ended, {"id": ended, "ended_at": "2026-01-01T00:00:00.000Z", "end_reason": "silence"})
    folders.path(damaged).mkdir()
    (folders.path(damaged) / RECORD).write_text("{")
    lines = [{"turn": 1, "role": "caller"}, {"turn": 2, "role": "tool"}, {"turn": 3, "role": "agent"}]
    (folders.path(open_) / TRANSCRIPT).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"turn": 4')

    assert folders.close_crashed("2026-02-02T00:00:00.000Z") == [open_]
    record = folders.read(open_)
    assert (record["end_reason"], record["ended_by"], record["turns"]) == ("crashed", "bridge", 2)
    assert (record["ended_at"], record["from"]) == ("2026-02-02T00:00:00.000Z", "+14155550101")
    assert "killed" in record["error"]
    assert folders.read(ended)["end_reason"] == "silence"
    assert folders.close_crashed("2026-03-03T00:00:00.000Z") == []
