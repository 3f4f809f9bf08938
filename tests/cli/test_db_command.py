"""`callbridge db`: what a person sees of it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from command_line import document, refused, run

from bridge.cli.db import seconds
from bridge.errors import UsageError
from bridge.store.folder import RECORD, CallFolders, new_call_id


def test_a_new_database_is_made_and_then_is_there_already(tmp_path: Path) -> None:
    assert "it was new" in run(tmp_path, "db", "upgrade").stdout
    again = document(run(tmp_path, "db", "upgrade", "--json"))
    assert again["database"] == "data/callbridge.db"
    assert again["from"] == again["to"] != ""
    assert "already" in run(tmp_path, "db", "upgrade").stdout


def test_a_copy_is_one_whole_file_and_overwrites_nothing(tmp_path: Path) -> None:
    assert "there is no database" in refused(tmp_path, "db", "backup", "copy.db")
    run(tmp_path, "db", "upgrade")
    made = document(run(tmp_path, "db", "backup", "copy.db", "--json"))
    assert made == {"file": "copy.db", "bytes": (tmp_path / "copy.db").stat().st_size}
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("select count(*) from do_not_call").fetchone() == (0,)
    copy.close()
    assert "exists" in refused(tmp_path, "db", "backup", "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "data"]


def test_a_server_is_copied_by_its_own_tool(tmp_path: Path) -> None:
    env = {"DATABASE_URL": "postgresql://anna:zqpw@db.example.test/bridge"}
    said = refused(tmp_path, "db", "backup", "copy.db", env=env)
    assert "pg_dump" in said
    assert "zqpw" not in said


def test_purging_says_first_what_it_would_do(tmp_path: Path) -> None:
    folder = CallFolders(tmp_path / "data").path(new_call_id(time.time() - 40 * 86_400))
    folder.mkdir(parents=True)
    (folder / RECORD).write_text('{"ended_at": "2020-01-02T10:00:00.000Z"}')
    would = document(run(tmp_path, "db", "purge", "--older-than", "30d", "--dry-run", "--json"))
    assert (would["folders"], would["dry_run"], folder.exists()) == (1, True, True)
    assert "would be removed" in run(tmp_path, "db", "purge", "--older-than", "30d", "--dry-run").stdout
    done = run(tmp_path, "db", "purge", "--older-than", "30d").stdout
    assert done.startswith("removed:\n  folders")
    assert not folder.exists()
    assert "30d" in refused(tmp_path, "db", "purge", "--older-than", "a month")


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all" * 100)
    for url, code in (("mysql://a:zqpw@h/d", 2), ("sqlite:///text.db", 1), ("postgresql://a:zqpw@127.0.0.1:1/d", 1)):
        answer = run(tmp_path, "db", "upgrade", env={"DATABASE_URL": url})
        assert answer.returncode == code
        assert answer.stderr.startswith("callbridge: ")
        assert answer.stderr.count("\n") == 1
        assert "zqpw" not in answer.stderr


def test_ages_as_people_write_them() -> None:
    assert [seconds(age) for age in ("12h", "30d", " 8W ")] == [43_200, 2_592_000, 4_838_400]
    for wrong in ("", "30", "d", "-1d", "1.5d", "30 days"):
        with pytest.raises(UsageError, match="30d"):
            seconds(wrong)
