"""`callbridge tokens`: made, listed, revoked."""

from __future__ import annotations

from pathlib import Path

from command_line import document, refused, run

from bridge.store.access import PREFIX


def test_a_token_is_told_once_and_can_be_revoked_by_its_name(tmp_path: Path) -> None:
    assert run(tmp_path, "tokens", "list").stdout == "there are no tokens\n"
    secret = run(tmp_path, "tokens", "create", "the wall display").stdout.strip()
    assert secret.startswith(PREFIX) and len(secret) > 40
    listed = run(tmp_path, "tokens", "list").stdout
    assert "viewer" in listed and "the wall display" in listed and "used never" in listed
    assert secret not in listed
    assert secret.encode() not in (tmp_path / "data" / "callbridge.db").read_bytes()
    assert "opens nothing any more" in run(tmp_path, "tokens", "revoke", "the wall display").stdout
    [row] = document(run(tmp_path, "tokens", "list", "--json"))["tokens"]
    assert row["revoked_at"] is not None
    again = document(run(tmp_path, "tokens", "create", "the wall display", "--scope", "operator", "--json"))
    assert (again["scope"], again["token"][:4]) == ("operator", PREFIX)


def test_what_cannot_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert "viewer, operator, admin" in refused(tmp_path, "tokens", "create", "x", "--scope", "root")
    assert "1 to 60 characters" in refused(tmp_path, "tokens", "create", " ")
    run(tmp_path, "tokens", "create", "twice")
    assert "another name" in refused(tmp_path, "tokens", "create", "twice", code=1)
    assert "tokens list" in refused(tmp_path, "tokens", "revoke", "nobody", code=1)
