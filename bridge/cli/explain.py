"""`callbridge calls explain`: why a call ended and what went wrong in it, from the files of its folder."""

from __future__ import annotations

import json

from bridge import config
from bridge.cli.call_view import clock, printable
from bridge.cli.calls import newest
from bridge.errors import StoreError
from bridge.observe.explain import Explained
from bridge.observe.papers import read_papers
from bridge.store.folder import CallFolders


def explain(call_id: str, *, as_json: bool) -> None:
    """Print what is found. Raises StoreError when there is no such call on this machine."""
    settings = config.load().settings
    folders = CallFolders(settings.data)
    if call_id == "last":
        rows = newest(settings, folders, 1)
        if not rows:
            raise StoreError(f"there is no call in {folders.root}")
        call_id = str(rows[0]["id"])
    found = read_papers(folders, call_id).explained
    if as_json:
        print(json.dumps({"id": call_id, **found.as_dict()}, ensure_ascii=False, indent=1))
        return
    from bridge.cli.call_view import console

    screen = console()
    for line in lines(call_id, found):
        screen.print(line)


def lines(call_id: str, found: Explained) -> list[str]:
    """The findings for people, each with where to look and what to do."""
    shown = [f"call       {call_id}", f"ended      {printable(found.ending)}"]
    if not found.findings:
        return [*shown, "found      nothing that went wrong"]
    for finding in found.findings:
        at = ", ".join(clock(ms) for ms in finding.at_ms)
        shown += ["", f"{finding.rule}: {printable(finding.sentence)}"]
        shown += [f"  at       {at}"] if at else []
        shown.append(f"  do       {finding.advice}")
    return shown
