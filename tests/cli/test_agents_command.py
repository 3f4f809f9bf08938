"""`callbridge agents check|list|show`, and `serve` with a broken agent file, as a user runs them."""

import json
from pathlib import Path

import pytest
from command_line import document, refused, run

GOOD = 'name = "desk"\ninstructions = "Be brief."\ngreeting = "Hello."\ntools = ["hang_up"]\n'
BROKEN = 'name = "desk"\ninstructions = "Be brief."\n\nvoice = "marinn"\n'
WARNED = "instructions: Be brief.\ntransfer_to: +14155550142\n"
READY = {
    "OPENAI_API_KEY": "sk-tests",
    "TWILIO_AUTH_TOKEN": "a-token-of-the-tests",
    "PUBLIC_URL": "https://bridge.example.com",
    "BRIDGE_HOST": "127.0.0.1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.toml").write_text(GOOD)
    (tmp_path / "broken.toml").write_text(BROKEN)
    (tmp_path / "warned.yaml").write_text(WARNED)
    return tmp_path


def test_check_says_what_is_wrong_by_line_and_exits_1(folder: Path) -> None:
    done = run(folder, "agents", "check", "desk.toml", "broken.toml", "warned.yaml")
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "desk.toml: 'desk' has no problems",
        "broken.toml:4: error: voice 'marinn' is unknown; did you mean marin?",
        "warned.yaml:2: warning: it can transfer a call but not end one; add the tool hang_up",
    ]


def test_a_fault_in_python_is_told_by_the_path_one_would_type(folder: Path) -> None:
    (folder / "desk.py").write_text("x = 1\n1 / 0\n")
    done = run(folder, "agents", "check", "desk.py")
    assert (done.returncode, done.stdout) == (1, "desk.py:2: error: ZeroDivisionError: division by zero\n")


def test_warnings_are_no_reason_to_fail(folder: Path) -> None:
    done = run(folder, "agents", "check", "warned.yaml", "--json")
    assert done.returncode == 0
    assert document(done) == {
        "ok": True,
        "agents": [
            {
                "spec": "warned.yaml",
                "name": "warned",
                "ok": True,
                "problems": [
                    {
                        "source": "warned.yaml",
                        "line": 2,
                        "level": "warning",
                        "sentence": "it can transfer a call but not end one; add the tool hang_up",
                    }
                ],
            }
        ],
    }


def test_check_takes_the_agent_of_the_settings(folder: Path) -> None:
    assert run(folder, "agents", "check").stdout == "the bundled reception: 'reception' has no problems\n"
    done = run(folder, "agents", "check", "--json", env={"BRIDGE_AGENT": "broken.toml"})
    assert done.returncode == 1
    found = document(done)
    assert (found["ok"], found["agents"][0]["problems"][0]["line"]) == (False, 4)


def test_what_names_no_agent_is_usage(folder: Path) -> None:
    assert refused(folder, "agents", "check", "gone.toml").startswith("there is no file gone.toml")
    assert refused(folder, "agents", "show", "my shop").startswith("'my shop' names no agent")
    assert refused(folder, "agents", "show", "broken.toml").startswith("broken.toml:4: voice 'marinn' is unknown")


def test_list_tells_what_answers(folder: Path) -> None:
    rows = document(run(folder, "agents", "list", "--json"))["agents"]
    [reception] = [row for row in rows if row["spec"] == "bridge.agents.examples.reception"]
    assert reception["configured"]
    assert reception["tools"] == ["opening_hours", "order_status", "hang_up"]
    rows = document(run(folder, "agents", "list", "--json", env={"BRIDGE_AGENT": "desk.toml"}))["agents"]
    assert [row["spec"] for row in rows if row["configured"]] == ["desk.toml"]
    shown = run(folder, "agents", "list", env={"BRIDGE_AGENT": "broken.toml"}).stdout.splitlines()
    assert shown[0].startswith("* broken.toml")
    assert shown[0].endswith("broken.toml:4: voice 'marinn' is unknown; did you mean marin?")


def test_show_tells_everything(folder: Path) -> None:
    about = document(run(folder, "agents", "show", "desk.toml", "--json"))
    assert (about["name"], about["greeting"], about["voice"]) == ("desk", "Hello.", "marin")
    assert [tool["name"] for tool in about["tools"]] == ["hang_up"]
    assert about["turn_detection"]["silence_duration_ms"] == 500
    assert about["estimated_tokens"] > 10
    shown = run(folder, "agents", "show", "desk.toml").stdout
    assert "greeting               Hello." in shown
    assert shown.rstrip().endswith("Be brief.")


def test_a_broken_agent_file_stops_serve(folder: Path) -> None:
    told = refused(folder, "serve", "broken.toml", env=READY)
    assert told == "broken.toml:4: voice 'marinn' is unknown; did you mean marin?"
    told = refused(folder, "serve", env={**READY, "BRIDGE_AGENT": "gone.yaml"})
    assert told.startswith("there is no file gone.yaml; did you mean warned.yaml")


def test_no_secret_is_shown(folder: Path) -> None:
    (folder / "desk.toml").write_text(GOOD + 'transfer_to = "${DESK}"\n')
    done = run(folder, "agents", "check", "desk.toml", env={"DESK": "s3cret"})
    assert "desk.toml:5: error: '***' is not a number to transfer to" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
    assert json.loads(run(folder, "agents", "check", "desk.toml", "--json", env={"DESK": "+14155550142"}).stdout)["ok"]
