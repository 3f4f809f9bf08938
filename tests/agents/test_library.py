"""An agent is found by module or file, and what is wrong with it is told in one sentence with its place."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from bridge.agents.library import load_agent
from bridge.errors import AgentError

GOOD = """
from bridge.agents.agent import Agent
agent = Agent("desk", instructions="Answer.")
night = Agent("night desk", instructions="Answer softly.")
number = 7
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(dedent(text), encoding="utf-8")


def refusal(spec: str) -> str:
    with pytest.raises(AgentError) as error:
        load_agent(spec)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "spec", ["", "  ", "bridge.agents.examples.reception", "bridge.agents.examples.reception:agent"]
)
def test_the_bundled_reception(spec: str) -> None:
    assert load_agent(spec).name == "reception"


def test_a_file_and_what_lies_beside_it() -> None:
    write("shop/words.py", 'GREETING = "Hello."\n')
    write("shop/desk.py", "from words import GREETING\n" + GOOD.replace('r."', 'r.", greeting=GREETING', 1))
    assert load_agent("shop/desk.py").greeting == "Hello."
    assert load_agent(str(Path("shop/desk.py").resolve())).name == "desk"
    assert load_agent("shop/desk.py:night").name == "night desk"


def test_a_module_of_the_current_folder() -> None:
    write("my_shop/__init__.py", "")
    write("my_shop/desk.py", GOOD)
    assert load_agent("my_shop.desk").name == "desk"
    assert load_agent("my_shop.desk:night").name == "night desk"


def test_app_is_a_usual_name_too() -> None:
    write("desk.py", GOOD.replace("agent =", "app ="))
    assert load_agent("desk.py").name == "desk"


def test_a_file_edited_since_is_read_anew() -> None:
    write("desk.py", GOOD)
    assert load_agent("desk.py").name == "desk"
    write("desk.py", GOOD.replace('"desk"', '"other"'))
    assert load_agent("desk.py").name == "other"


def test_what_is_not_there_is_told_with_the_nearest_name(folder: Path) -> None:
    write("desk.py", GOOD)
    assert refusal("dsek.py") == "there is no file dsek.py; did you mean desk.py?"
    assert refusal("far/desk.py") == "there is no file far/desk.py"
    assert refusal("desks:agent") == f"there is no module 'desks' in {folder} or installed; did you mean desk?"
    assert refusal("desk.inner:agent").startswith("there is no module 'desk.inner'")
    write("desk.json", "{}")
    assert refusal("a" * 300 + ".toml").endswith("is too long for the name of an agent")
    assert refusal("desk.json") == "desk.json is no agent file; those end in .py, .toml, .yaml or .yml"
    assert refusal("my shop") == "'my shop' names no agent; write module:name or path/to/file.py"
    assert refusal("desk.py:nihgt") == "desk.py has no 'nihgt'; did you mean night?"
    assert refusal("desk.py:xyz") == "desk.py has no 'xyz'"
    assert refusal("desk.py:number") == "desk.py:number is a int and not an Agent; did you mean desk.py:agent?"


def test_a_file_without_an_agent_is_told_so() -> None:
    write("empty.py", "")
    assert refusal("empty.py") == "empty.py has no 'agent' (and no 'app')"
    write("named.py", GOOD.replace("agent =", "day ="))
    assert refusal("named.py") == "named.py has no 'agent' (and no 'app'); it has named.py:day, named.py:night"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("x = 1\ndef broken(:\n", 2, "invalid syntax"),
        ("\nimport no_such_thing\n", 2, "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("from bridge.agents.agent import Agnet\n", 1, "ImportError: cannot import name 'Agnet'"),
        ("import json\n\njson.loads('')\n", 3, "JSONDecodeError: Expecting value"),
        ("raise SystemExit\n", 1, "SystemExit"),
        ("raise ValueError('two\\nlines')\n", 1, "ValueError: two lines"),
        (
            "from bridge.agents.agent import Agent\nagent = Agent('desk', instructions='')\n",
            2,
            "it has no instructions",
        ),
        (
            "from bridge.tools.function import tool\n@tool\ndef hours(day):\n    'Hours.'\n",
            2,
            "tool 'hours': parameter 'day' has no type hint",
        ),
    ],
)
@pytest.mark.parametrize("spec", ["desk.py", "desk"])
def test_what_goes_wrong_in_it_is_told_with_its_line(
    folder: Path, spec: str, text: str, line: int, sentence: str
) -> None:
    write("desk.py", text)
    place, _, told = refusal(spec).partition(": ")
    assert Path(place.rpartition(":")[0]).resolve() == folder / "desk.py"
    assert int(place.rpartition(":")[2]) == line
    assert sentence in told


def test_a_fault_in_what_it_imports_is_told_where_it_is(folder: Path) -> None:
    write("words.py", "GREETING = 'Hello.'\n1 / 0\n")
    write("desk.py", "from words import GREETING\n" + GOOD)
    assert refusal("desk.py") == f"{folder / 'words.py'}:2: ZeroDivisionError: division by zero"
