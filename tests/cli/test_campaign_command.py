"""`callbridge campaign`: the dry run without a server, and everything else against one, as a person types it."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import command, document, environment, refused, run
from dialing_serve import dialing_serve, until

US = {"BRIDGE_COUNTRIES": "US", "BRIDGE_ADMIN_PORT": "9"}
CONTACTS = """\
Phone Number;First name;Consent
+14155550200;Ada;web form
(415) 555-0201;Bob;web form
+14155550200;Ada again;web form
911;Eve;web form
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contacts.csv").write_text(CONTACTS, "utf-8")
    (tmp_path / "binary.toml").write_bytes(b"\x7fELF\xd0\xff")
    (tmp_path / "good.csv").write_text("phone_number\n+14155550200\n+14155550201\n", "utf-8")
    return tmp_path


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


# ---- the dry run


def test_the_dry_run_says_who_would_be_called_and_who_not(folder: Path) -> None:
    done = run(folder, "campaign", "check", "contacts.csv", "--errors", "errors.csv", env=US)
    assert (done.returncode, done.stderr) == (1, "")
    assert "rows       4, of which 2 can be used" in done.stdout
    assert "not called 1 duplicate, 1 emergency" in done.stdout
    assert "line 5: '911' is an emergency number" in done.stdout
    assert "America/Los_Angeles" in done.stdout and "likely $" in done.stdout
    rows = table(folder / "errors.csv")
    assert [(row["_line"], row["First name"]) for row in rows] == [("4", "Ada again"), ("5", "Eve")]
    assert list(folder.glob("data*")) == [], "nothing was made"


def test_the_dry_run_as_json_and_its_rules(folder: Path) -> None:
    (folder / "rules.toml").write_text('consent = "customers"\nconcurrency = 5\n', "utf-8")
    done = run(
        folder, "campaign", "check", "good.csv", "--rules", "rules.toml", "--set", "attempts=1", "--json", env=US
    )
    assert done.returncode == 0, done
    found = document(done)
    assert (found["valid"], found["ok"], found["invalid"]) == (2, True, {})
    assert found["most_usd"] == 3.0, "2 contacts, 1 attempt, 10 minutes of $0.15"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("good.csv", "--set", "concurency=2"), "did you mean concurrency"),
        (("good.csv", "--set", "attempts"), "must look like name=value"),
        (("good.csv", "--rules", "no.toml"), "no.toml: cannot be read (No such file or directory)"),
        (("good.csv", "--rules", "binary.toml"), "binary.toml: cannot be read (it is no text"),
        (("nobody.csv",), "nobody.csv"),
        (("good.csv", "--agent", "no.toml"), "no.toml"),
    ],
)
def test_what_the_dry_run_cannot_do_is_one_sentence(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(folder, "campaign", "check", *arguments, env=US)


def test_without_a_server_nothing_is_changed_and_nothing_is_known(folder: Path) -> None:
    for arguments in (("start", "spring"), ("create", "good.csv", "--name", "x"), ("edit", "x", "--set", "attempts=1")):
        sentence = refused(folder, "campaign", *arguments, code=1, env=US)
        assert sentence.startswith("no `callbridge serve` answers at http://127.0.0.1:9")
    assert "there is no database data/callbridge.db yet" in refused(folder, "campaign", "list", code=1, env=US)
    assert list(folder.glob("data*")) == [], "looking makes no database"


# ---- with a server


@pytest.fixture
def serve(folder: Path) -> Iterator[dict[str, str]]:
    with dialing_serve(folder / "data") as env:
        yield env


QUICK = ("--set", "consent=customers", "--set", "attempts=1", "--set", "cps=50", "--set", "concurrency=10")


@pytest.mark.sockets
def test_a_campaign_in_four_commands_and_its_report_outlives_the_server(folder: Path) -> None:
    with dialing_serve(folder / "data") as env:
        made = run(folder, "campaign", "create", "good.csv", "--name", "spring", *QUICK, env=env)
        assert (made.returncode, made.stderr) == (0, ""), made
        assert "callable   2" in made.stdout and "`callbridge campaign start spring`" in made.stdout
        started = run(folder, "campaign", "start", "spring", env=env)
        assert started.stdout == "spring is running\n"
        watching = subprocess.Popen(
            command("campaign", "watch", "spring"), cwd=folder, env=environment(env), stdout=subprocess.PIPE, text=True
        )
        until(lambda: document(report(folder, env))["finished"] == 2, 60)
        seen, _ = watching.communicate(timeout=60)
        assert seen.splitlines()[-1].startswith("done, 2 of 2, 0 calls")
        assert watching.returncode == 0
        again = refused(folder, "campaign", "start", "spring", env=env)
        assert "campaign 'spring' is done" in again
    # The server is gone: what only looks asks the database.
    found = document(report(folder, env))
    assert found["campaign"]["state"] == "done"
    assert [person["outcome"] for person in found["people"]] == ["busy", "bad_number"]
    plain = run(folder, "campaign", "report", "spring", "--csv", "report.csv", env=env)
    assert "contacts   [########################################] 2 of 2" in plain.stdout
    rows = table(folder / "report.csv")
    assert [row["phone_number"] for row in rows] == ["'+14155550200", "'+14155550201"]
    assert "spring" in run(folder, "campaign", "list", env=env).stdout
    assert "there is no campaign 'autumn'" in refused(folder, "campaign", "report", "autumn", env=env)


def report(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run(folder, "campaign", "report", "spring", "--json", env=env)


@pytest.mark.sockets
def test_pausing_editing_and_cancelling(folder: Path, serve: dict[str, str]) -> None:
    def say(*arguments: str) -> str:
        done = run(folder, "campaign", *arguments, env=serve)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    night = ("--set", "window=00:00-00:01", "--set", "consent=x")
    made = json.loads(say("create", "good.csv", "--name", "spring", *night, "--json"))
    assert made["contacts"]["contacts"] == 2 and made["campaign"]["state"] == "checked"
    assert say("start", "spring") == "spring is running\n"
    assert say("pause", made["campaign"]["id"], "--reason", "holiday") == "spring is paused: holiday\n"
    assert say("edit", "spring", "--set", "attempts=2") == "spring is changed: attempts\n"
    assert "nothing to change" in refused(folder, "campaign", "edit", "spring", env=serve)
    assert "it is a folder" in run(folder, "campaign", "report", "spring", "--csv", "/", env=serve).stderr
    assert json.loads(say("resume", "spring", "--json"))["rules"]["attempts"] == 2
    assert "nothing waits for a decision" in say("review")
    assert json.loads(say("review", "spring", "--json")) == {"review": []}
    twin = refused(folder, "campaign", "create", "good.csv", "--name", "spring", env=serve)
    assert "is running already" in twin
    unasked = run(folder, "campaign", "cancel", "spring", env=serve)
    assert unasked.returncode == 2 and "--yes asks no questions" in unasked.stderr
    assert say("cancel", "spring", "--yes") == "spring is cancelled\n"


@pytest.mark.sockets
def test_a_file_that_cannot_be_read_leaves_no_campaign(folder: Path, serve: dict[str, str]) -> None:
    (folder / "other.csv").write_text("name,city\nAda,Paris\n", "utf-8")
    sentence = refused(folder, "campaign", "create", "other.csv", "--name", "x", env=serve)
    assert sentence.startswith("other.csv: no column is called phone_number")
    assert document(run(folder, "campaign", "list", "--json", env=serve))["campaigns"] == []
    done = run(folder, "campaign", "create", "contacts.csv", "--name", "y", "--errors", "e.csv", env=serve)
    assert done.returncode == 0 and "refused    1 duplicate, 1 emergency" in done.stdout
    assert [row["_line"] for row in table(folder / "e.csv")] == ["4", "5"]


# ---- words


def shown(**changes: Any) -> dict[str, Any]:
    campaign = {"id": "camp_1", "name": "spring", "state": "running", "reason": "", "rules": {"budget_usd": 20.0}}
    found: dict[str, Any] = {
        "campaign": campaign,
        "contacts": 10,
        "finished": 4,
        "funnel": {"waiting": 5, "in_call": 1, "done": 4},
        "outcomes": {"busy": 1, "human": 3},
        "attempts": 5,
        "open_calls": 1,
        "spent_usd": 1.5,
        "spent_today_usd": 0.5,
        "next_due_at": None,
        "calls_last_minute": 2,
        "ends_at": "1970-01-01T00:30:00.000Z",
        "standstill": {"why": "", "sentence": "", "until": None},
    }
    return found | changes


def test_a_report_in_words() -> None:
    from bridge.cli import campaign_view as view

    assert view.report(shown(), now=0.0) == [
        "campaign   spring (camp_1), running",
        "contacts   [################........................] 4 of 10",
        "where      5 waiting, 1 in call, 4 done",
        "outcomes   3 human, 1 busy",
        "calls      5 placed, 1 going on, 2 in a minute",
        "spent      $1.50 of $20.00, today $0.50",
        "left       about 30 minutes",
    ]
    still = {"why": "not_due", "sentence": "nobody may be called before 9", "until": None}
    assert view.report(shown(standstill=still), now=0.0)[-1] == "now        nobody may be called before 9"


def test_watching_ends_with_the_campaign_and_survives_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    from bridge.cli.campaign_watch import watch
    from bridge.errors import ServiceUnavailable

    done = shown(finished=10, open_calls=0)
    done["campaign"] = done["campaign"] | {"state": "done"}
    answers: list[Any] = [shown(), ServiceUnavailable("the server is gone"), done]

    def look() -> dict[str, Any]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return dict(found)

    slept: list[float] = []
    watch(look, interactive=False, sleep=slept.append)
    assert capsys.readouterr().out.splitlines() == [
        "running, 4 of 10, 1 calls, 2/min, $1.50 of $20.00, today $0.50",
        "trouble: the server is gone",
        "done, 10 of 10, 0 calls, 2/min, $1.50 of $20.00, today $0.50",
    ]
    assert slept == [10.0, 10.0]
    answers += [shown(), done]
    watch(look, interactive=True, sleep=slept.append)
    assert "contacts   [########################################] 10 of 10" in capsys.readouterr().out
