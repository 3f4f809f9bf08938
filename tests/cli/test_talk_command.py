"""`callbridge talk`: an agent in writing, against a local engine, as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sockets

SHOP = '''
from bridge import Agent, Call, tool
from bridge.tools.phone import hang_up

@tool(confirm="Shall I look?")
def opening_hours() -> str:
    """Opening hours."""
    return "We open at nine."

back = Agent("Back", instructions="You are the back office.", tools=[hang_up])
agent = Agent("Desk", instructions="Answer.", greeting="Hello {name}.", tools=[opening_hours, hang_up],
              handoffs=[back], prepare=lambda call: {"name": "Ms Doe"})
'''


def talk(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge", "talk", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, timeout=60, check=False)


def test_a_conversation_in_writing(tmp_path: Path) -> None:
    done = talk(tmp_path, "What are your opening hours?\n\nThank you, goodbye\nNever read\n", "--text")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == "Thanks for calling Harbour Lane Books. How can I help you?"
    assert any(line.startswith("  [opening_hours({}) -> We are open from Monday") for line in lines)
    assert lines[-1] == "(the agent hangs up)"


def test_an_agent_of_ones_own_is_prepared_and_asks_before_it_acts(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    done = talk(tmp_path, "What are your opening hours?\nyes\nYour opening hours please.\n", "shop.py")
    assert done.returncode == 0, done.stderr
    assert "Hello Ms Doe." in done.stdout
    assert "not_done_yet" in done.stdout
    assert "We open at nine." in done.stdout


def test_an_agent_that_is_not_there(tmp_path: Path) -> None:
    done = talk(tmp_path, "", "nobody.py")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no file nobody.py" in done.stderr


def test_the_local_engine_thinks_for_supervisors_too(tmp_path: Path) -> None:
    checked = 'Supervisor("You know the rules.").validates(opening_hours, "Anybody may ask.")'
    shop = SHOP.replace("tools=[opening_hours, hang_up]", f"tools=[{checked}, hang_up]").replace(
        '@tool(confirm="Shall I look?")', "@tool"
    )
    (tmp_path / "shop.py").write_text("from bridge.agents.supervisor import Supervisor\n" + shop)
    done = talk(tmp_path, "What are your opening hours?\n", "shop.py")
    assert done.returncode == 0, done.stderr
    assert "[opening_hours({}) -> We open at nine.]" in done.stdout
