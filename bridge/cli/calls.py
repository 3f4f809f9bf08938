"""`callbridge calls show` and `calls list`: calls from a running `serve` when it knows them, else from the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge import config
from bridge.client import admin_url
from bridge.config import Settings
from bridge.errors import StoreError
from bridge.store.folder import TRANSCRIPT, CallFolders

if TYPE_CHECKING:
    from rich.console import Console

ADMIN_LIMIT_S = 1.0
"""For a running `serve` on this machine to answer; without one the refusal comes at once."""


def show(call_id: str, *, as_json: bool) -> None:
    """Print one call. Raises StoreError when nobody knows it."""
    settings = config.load().settings
    folders = CallFolders(settings.data)
    call = find(settings, folders, call_id)
    if as_json:
        print(json.dumps(call, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import console

    try:
        _print_call(call, folders, console())
    except (KeyError, TypeError, ValueError) as error:  # files written by hand, or by another version
        raise StoreError(f"{call_id} cannot be shown: its files do not hold what they should ({error!r})") from None


def _print_call(call: dict[str, Any], folders: CallFolders, screen: Console) -> None:
    from bridge.cli.call_figures import call_files
    from bridge.cli.call_view import analysis_lines, turn_lines
    from bridge.cli.call_view import show as show_line

    for line in header(call):
        screen.print(line)
    screen.print()
    for turn in call["transcript"]:
        for spoken in turn_lines(turn):
            show_line(spoken, screen)
    if not call["transcript"]:
        screen.print("nothing was said")
    if call.get("analysis"):
        screen.print()
    for made in analysis_lines(call.get("analysis") or {}):
        screen.print(made)
    files = call_files(folders.path(call["id"]))
    if files:
        screen.print()
    for what, path in files.items():
        screen.print(f"{what:<10} {path}")


def list_calls(limit: int, *, as_json: bool) -> None:
    """Print the newest calls, one a line."""
    settings = config.load().settings
    rows = newest(settings, CallFolders(settings.data), limit)
    if as_json:
        print(json.dumps({"calls": rows}, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import console

    screen = console()
    if not rows:
        screen.print(f"no calls yet in {settings.data}")
    for row in rows:
        _print_row(row, screen)


def find(settings: Settings, folders: CallFolders, call_id: str) -> dict[str, Any]:
    """A call's record with its transcript, in the order of its turns. Raises StoreError."""
    if call_id == "last":
        rows = newest(settings, folders, 1)
        if not rows:
            raise StoreError(f"there is no call in {folders.root}")
        call_id = str(rows[0]["id"])
    folders.path(call_id)  # what is no call id is told so, and asked nobody
    found = ask_admin(settings, f"/api/v1/calls/{call_id}")
    if found is not None and found.get("id") == call_id:
        # What `calls show` gives is call.json and the transcript, whoever was asked; the phase is told while it lasts.
        return {name: value for name, value in found.items() if name != "phase" or value != "ENDED"}
    record = folders.read(call_id)
    turns = sorted(folders.lines(call_id, TRANSCRIPT), key=lambda turn: int(turn.get("turn", 0)))
    analysis = folders.analysis(call_id)
    return record | {"transcript": turns} | ({"analysis": analysis} if analysis else {})


def newest(settings: Settings, folders: CallFolders, limit: int) -> list[dict[str, Any]]:
    """Records of the newest calls, newest first: those of a running `serve` and those of the files."""
    rows: dict[str, dict[str, Any]] = {}
    for call_id in folders.ids():
        if len(rows) == limit:
            break
        try:
            rows[call_id] = folders.read(call_id)
        except StoreError:
            continue  # a folder whose record is not written yet
    answer = ask_admin(settings, f"/api/v1/calls?limit={min(limit, 500)}") or {}
    rows |= {str(row["id"]): row for row in answer.get("calls", [])}
    return [rows[call_id] for call_id in sorted(rows, reverse=True)[:limit]]


def ask_admin(settings: Settings, path: str) -> dict[str, Any] | None:
    """What a running `serve` answers; None when there is none, or it does not know, or will not tell us."""
    import httpx2

    url = admin_url(settings)
    headers = {"Authorization": f"Bearer {settings.admin_token}"} if settings.admin_token else {}
    try:
        answer = httpx2.get(url + path, headers=headers, timeout=ADMIN_LIMIT_S, trust_env=False)
        body = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):  # not there, no address, no JSON: somebody else's server
        return None
    return body if isinstance(body, dict) else None


def header(call: dict[str, Any]) -> list[str]:
    """Who, when, how long, why it ended, what it cost."""
    from bridge.cli.call_figures import duration_ms, outcome_lines
    from bridge.cli.call_view import clock, printable

    lasted = duration_ms(call)
    how_long = f"lasted {clock(lasted)}" if lasted is not None else "never answered"
    if not call["ended_at"]:
        how_long = f"not over ({str(call.get('phase', 'no running serve knows it')).lower()})"
    who = printable(f"{call['direction']}, {call['from']} -> {call['to']}, agent {call['agent']}")
    when = f"{call['started_at']}, {how_long}, {call['turns']} turns"
    return [f"call       {call['id']}", f"who        {who}", f"started    {when}", *outcome_lines(call)]


def _print_row(row: dict[str, Any], screen: Console) -> None:
    from bridge.cli.call_figures import duration_ms
    from bridge.cli.call_view import clock, printable

    lasted = duration_ms(row)
    when = str(row.get("started_at") or "").replace("T", " ")[:19] or "now"
    how = row.get("end_reason") or str(row.get("phase", "not over")).lower()
    text = f"{row['from']} -> {row['to']}"
    screen.print(
        f"{row['id']}  {when:<19}  {printable(text):<28}  {clock(lasted) if lasted is not None else '-':>8}  {how}"
    )
