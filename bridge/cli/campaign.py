"""`callbridge campaign`: many calls, from a contact file to a report.

What changes something speaks to a running `serve`; what only looks also works without one.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from bridge import config
from bridge.errors import BridgeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.client import AdminClient

app = typer.Typer(help="Call many people, from a contact file to a report.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Name = Annotated[str, typer.Argument(help="The campaign's name or id.")]
Contacts = Annotated[Path, typer.Argument(metavar="FILE", help="Contacts, CSV or XLSX, with a column of numbers.")]
RuleFile = Annotated[Path | None, typer.Option("--rules", help="A TOML or JSON file with rules.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One rule. Repeat it.")]
AgentSpec = Annotated[str, typer.Option("--agent", help="Who talks: module:attr or a file; default: who serves.")]
Errors = Annotated[Path | None, typer.Option(help="Write the rows that are refused here, each with its reason.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is shown and kept.")]


@app.command()
def check(
    file: Contacts,
    rules: RuleFile = None,
    sets: Sets = None,
    agent: AgentSpec = "",
    errors: Errors = None,
    json_: Json = False,
) -> None:
    """The dry run: who would be called and when, who not and why, how long it takes and what it costs.

    Exit code 1 when nobody can be called or a row is refused for anything but being there twice.
    """
    from bridge.cli import campaign_view as view
    from bridge.cli.campaign_check import check as dry_run
    from bridge.cli.given import rules as read_rules

    found = dry_run(config.load().settings, file, read_rules(rules, sets or []), agent, errors)
    plain = found.forecast.dump()
    if json_:
        _print_json(plain | {"notes": found.notes, "ok": found.good})
    else:
        _print([*(f"note       {note}" for note in found.notes), *view.dry_run(plain, time.time())])
        _print(view.problems(plain["problems"]))
        if errors is not None:
            print(f"refused    {found.errors:,} rows, in {errors}")
    if not found.good:
        raise typer.Exit(1)


@app.command()
def create(
    file: Contacts,
    name: Annotated[str, typer.Option(help="What it is called; commands and the API find it by this.")],
    rules: RuleFile = None,
    sets: Sets = None,
    agent: AgentSpec = "",
    errors: Errors = None,
    json_: Json = False,
) -> None:
    """Make a campaign of these contacts, and check it. Nobody is called before `campaign start`."""
    from bridge.cli import campaign_view as view
    from bridge.cli.asking import who
    from bridge.cli.campaign_check import must_be_contacts
    from bridge.cli.given import for_server
    from bridge.cli.given import rules as read_rules

    given = read_rules(rules, sets or [])
    must_be_contacts(file)
    if given.get("voicemail_file"):
        given["voicemail_file"] = for_server(str(given["voicemail_file"]))
    with _client() as client:
        body = {"name": name, "agent": for_server(agent), "rules": given, "by": who()}
        path = f"/campaigns/{client.post('/campaigns', body)['id']}"
        try:
            filled = client.put_file(f"{path}/contacts", file, by=who(), errors="all" if errors else "")
            found = client.post(f"{path}/check", {"by": who()})
        except BaseException:  # what was made for this file is not left behind without it
            with contextlib.suppress(BridgeError):
                client.post(f"{path}/cancel", {"by": who(), "reason": "its contacts could not be read"})
            raise
        report = client.get(path)
    if errors is not None:
        _write_errors(errors, filled)
    if json_:
        _print_json({"campaign": report["campaign"], "contacts": filled, "check": found})
        return
    refused = sum(filled["refused"].values())
    _print([*(f"note       {note}" for note in filled["notes"]), *view.dry_run(found, time.time())])
    _print(view.counted("refused", filled["refused"], list(filled["refused"])))
    _print(view.problems(filled["errors"]))
    if refused and errors is None:
        print("           --errors FILE would write them all")
    print(f"made       {report['campaign']['id']}; `callbridge campaign start {name}` begins to call")


@app.command("list")
def list_campaigns(json_: Json = False) -> None:
    """All campaigns, oldest first."""
    from bridge.cli import campaign_view as view
    from bridge.cli.campaign_source import reading

    found = reading(config.load().settings, lambda source: source.campaigns())
    _print_json({"campaigns": found}) if json_ else _print(view.rows(found))


@app.command()
def start(name: Name, json_: Json = False) -> None:
    """Begin to call."""
    _move(name, "start", "", as_json=json_)


@app.command()
def pause(name: Name, reason: Why = "", json_: Json = False) -> None:
    """Call nobody else; calls that go on are finished, those that wait at the carrier are called off."""
    _move(name, "pause", reason, as_json=json_)


@app.command()
def resume(name: Name, json_: Json = False) -> None:
    """Go on after a pause."""
    _move(name, "resume", "", as_json=json_)


@app.command()
def cancel(
    name: Name,
    reason: Why = "",
    yes: Annotated[bool, typer.Option("--yes", help="Ask no questions.")] = False,
    json_: Json = False,
) -> None:
    """End it for good; calls that go on are finished, those that wait at the carrier are called off."""
    from bridge.cli.asking import confirmed

    if confirmed(f"Cancel {name!r} for good?", yes=yes):
        _move(name, "cancel", reason, as_json=json_)


@app.command()
def edit(
    name: Name,
    rules: RuleFile = None,
    sets: Sets = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Another agent.")] = None,
    json_: Json = False,
) -> None:
    """Change rules; they are obeyed from the next call on. Who waited for the old window is called by the new."""
    from bridge.cli.asking import who
    from bridge.cli.given import for_server
    from bridge.cli.given import rules as read_rules

    body: dict[str, Any] = {"rules": read_rules(rules, sets or []), "by": who()}
    if agent is not None:
        body["agent"] = for_server(agent)
    elif not body["rules"]:
        raise UsageError("nothing to change: give --set KEY=VALUE, --rules FILE or --agent")
    with _client() as client:
        found = client.post(f"/campaigns/{_quoted(name)}", body, method="PATCH")
    if json_:
        _print_json(found)
    else:
        print(f"{found['name']} is changed: {', '.join(body['rules']) or 'its agent'}")


@app.command()
def watch(name: Name) -> None:
    """How it goes, live, until it is over. Leave it with Ctrl-C: the campaign goes on."""
    from bridge.cli.campaign_source import reading
    from bridge.cli.campaign_watch import watch as show

    settings = config.load().settings
    show(lambda: reading(settings, lambda source: source.report(name)))


@app.command()
def report(
    name: Name,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every contact with its result here.")] = None,
    json_: Json = False,
) -> None:
    """How it stands; with every contact as CSV (in which nothing is a formula) or JSON."""
    from bridge.cli import campaign_view as view
    from bridge.cli.campaign_source import CampaignSource, reading
    from bridge.cli.given import write_text

    settings = config.load().settings
    if json_:
        _print_json(reading(settings, lambda source: source.people(name)))
    else:
        _print(view.report(reading(settings, lambda source: source.report(name)), time.time()))
    if csv is not None:

        def save(source: CampaignSource) -> None:
            write_text(csv, source.table(name))

        reading(settings, save)
        print(f"contacts   {csv}", file=sys.stderr if json_ else sys.stdout)


@app.command()
def review(
    name: Annotated[str, typer.Argument(help="The campaign's name or id; default: all.")] = "",
    called: Annotated[list[str] | None, typer.Option(help="This attempt was placed: leave them. Repeat it.")] = None,
    dial: Annotated[list[str] | None, typer.Option(help="This attempt was not: call them. Repeat it.")] = None,
    json_: Json = False,
) -> None:
    """Calls of which nobody can tell whether they were placed: look at them, and decide."""
    from bridge.cli import campaign_view as view
    from bridge.cli.asking import who
    from bridge.cli.campaign_source import reading

    decisions = [(attempt, "called") for attempt in called or []] + [(attempt, "dial") for attempt in dial or []]
    if decisions:
        with _client() as client:
            for attempt, decision in decisions:
                client.post(f"/review/{_quoted(attempt)}", {"decision": decision, "by": who()})
    found = reading(config.load().settings, lambda source: source.review(name))
    _print_json({"review": found}) if json_ else _print(view.review(found))


def _move(name: str, verb: str, reason: str, *, as_json: bool) -> None:
    from bridge.cli.asking import who

    with _client() as client:
        found = client.post(f"/campaigns/{_quoted(name)}/{verb}", {"by": who(), "reason": reason})
    if as_json:
        _print_json(found)
    else:
        print(f"{found['name']} is {found['state']}" + (f": {found['reason']}" if found["reason"] else ""))


@contextlib.contextmanager
def _client() -> Iterator[AdminClient]:
    from bridge.client import client_of

    with client_of(config.load().settings) as client:
        yield client


def _write_errors(file: Path, filled: dict[str, Any]) -> None:
    from bridge.cli.campaign_check import write_errors
    from bridge.dialer.importer import RowProblem

    refused = [RowProblem(**error | {"cells": tuple(error["cells"])}) for error in filled["errors"]]
    write_errors(file, tuple(filled["header"]), refused)


def _print(lines: Sequence[str]) -> None:
    from bridge.cli.call_view import console

    screen = console()
    for line in lines:
        screen.print(line)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))


def _quoted(name: str) -> str:
    return quote(name, safe="")
