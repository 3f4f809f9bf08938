"""An agent from one file: everything can be said there, in TOML and in YAML, and what is wrong is told by its line."""

import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from agent_files import TOOLS, marked, write

from bridge.agents.agent import Agent
from bridge.agents.environment import Environment
from bridge.agents.file import load_agent_file, read_agent_file
from bridge.agents.hours import OpeningHours
from bridge.agents.library import load_agent
from bridge.agents.listening import Silence, TurnDetection
from bridge.errors import AgentError

CALL: Any = SimpleNamespace(id="call_01")

WHOLE_TOML = """
name = "desk"
prompt = "desk.md"
greeting = "Hello {caller}, this is {shop}."
voice = "cedar"
tools = ["hang_up", "tools.py:opening_hours"]
language = "de"
transfer_to = "+14155550142"
transfer = "warm"
model = "gpt-realtime-2"
transcription_model = ""
noise_reduction = "far_field"
handoffs = ["billing", "night.toml"]
handoff_description = "Everything else."
protect_greeting = true
false_interruption_ms = 800
prepare = "tools.py:prepare"

[limits]
max_minutes = 10
warn_minutes = 2
prepare_s = 1.5

[variables]
shop = "Harbour Lane Books"

[turn_detection]
type = "server_vad"
threshold = 0.6
prefix_padding_ms = 200
silence_duration_ms = 400
idle_timeout_ms = 8000
create_response = false
interrupt_response = false

[silence]
after_s = 10
say = ["Are you there?", "Hello?"]
goodbye_after_s = 30

[menu]
1 = "opening hours"
0 = "transfer"

[hours]
timezone = "Europe/Berlin"
closed_say = "We are closed."
mon = "09:00-18:00"
sat = "10:00-12:00, 13:00-16:00"

[analysis]
summary = false
dispositions = ["booked", "lost"]
instructions = "Booked means that a day is agreed."
timeout = 20
schema = "tools.py:Booking"

[hooks]
"call.ended" = "tools.py:note"

[[guardrails]]
words = ["money back", "refund"]
say = "I cannot promise that."
[[guardrails]]
check = "tools.py:check"
on = "caller"
every = 10
timeout_s = 1.0
[[guardrails]]
name = "card numbers"
pattern = '\\d{16}'
"""

WHOLE_YAML = """
name: desk
prompt: desk.md
greeting: "Hello {caller}, this is {shop}."
voice: cedar
tools: [hang_up, "tools.py:opening_hours"]
language: de
transfer_to: +14155550142
transfer: warm
model: gpt-realtime-2
transcription_model: ""
noise_reduction: far_field
handoffs: [billing, night.toml]
handoff_description: Everything else.
protect_greeting: true
false_interruption_ms: 800
prepare: tools.py:prepare
limits: {max_minutes: 10, warn_minutes: 2, prepare_s: 1.5}
variables: {shop: Harbour Lane Books}
turn_detection:
  type: server_vad
  threshold: 0.6
  prefix_padding_ms: 200
  silence_duration_ms: 400
  idle_timeout_ms: 8000
  create_response: false
  interrupt_response: false
silence:
  after_s: 10
  say:
    - Are you there?
    - Hello?
  goodbye_after_s: 30
menu:
  1: opening hours
  0: transfer
hours:
  timezone: Europe/Berlin
  closed_say: We are closed.
  week:
    mon: 09:00-18:00
    sat: 10:00-12:00, 13:00-16:00
analysis:
  summary: false
  dispositions: [booked, lost]
  instructions: Booked means that a day is agreed.
  timeout: 20
  schema: tools.py:Booking
hooks:
  call.ended: tools.py:note
guardrails:
  - words: [money back, refund]
    say: I cannot promise that.
  - check: tools.py:check
    on: caller
    every: 10
    timeout_s: 1.0
  - name: card numbers
    pattern: '\\d{16}'
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with tools, a prompt and two other agents; what is imported is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    write(tmp_path, "tools.py", TOOLS)
    write(tmp_path, "desk.md", "You work for {shop}. The caller is {caller}.\n")
    words = 'instructions = "Be brief."\nhandoff_description = "Money."\nvoice = "cedar"\nhandoffs = ["desk"]\n'
    write(tmp_path, "billing.toml", words)
    write(tmp_path, "night.toml", f'name = "night desk"\n{words}')
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def problems(path: Path, environment: dict[str, str] | None = None) -> list[str]:
    reading = read_agent_file(path, Environment(environment or {}))
    assert (reading.agent is None) == bool(reading.problems)
    return [str(problem) for problem in reading.problems]


@pytest.mark.parametrize("text", [WHOLE_TOML, WHOLE_YAML], ids=["toml", "yaml"])
def test_everything_can_be_said(folder: Path, text: str) -> None:
    path = write(folder, "desk.toml" if text is WHOLE_TOML else "desk.yaml", text)
    agent = load_agent(str(path))
    assert (agent.name, agent.voice, agent.language, agent.model) == ("desk", "cedar", "de", "gpt-realtime-2")
    assert agent.instructions == "You work for Harbour Lane Books. The caller is {caller}.\n"
    assert agent.greeting == "Hello {caller}, this is Harbour Lane Books."
    assert [tool.name for tool in agent.all_tools] == ["hang_up", "opening_hours", "transfer_to_person"]
    assert (agent.transfer_to, agent.transcription_model, agent.noise_reduction) == ("+14155550142", "", "far_field")
    assert (agent.max_minutes, agent.warn_minutes, agent.prepare_s) == (10, 2, 1.5)
    assert agent.turn_detection == TurnDetection("server_vad", 0.6, 200, 400, 8000, "auto", False, False)
    assert agent.silence == Silence(10, ("Are you there?", "Hello?"), 30)
    assert agent.menu == {"1": "opening hours", "0": "transfer"}
    week = {"mon": "09:00-18:00", "sat": "10:00-12:00, 13:00-16:00"}
    assert agent.hours == OpeningHours(week, "Europe/Berlin", "We are closed.")
    assert (agent.protect_greeting, agent.false_interruption_ms) == (True, 800)
    assert agent.analysis is not None
    assert (agent.analysis.summary, agent.analysis.dispositions, agent.analysis.timeout) == (
        False,
        ("booked", "lost"),
        20,
    )
    assert agent.analysis.instructions == "Booked means that a day is agreed."
    assert list(agent.analysis.shape.model_fields) == ["disposition", "data"]
    assert agent.prepare is not None
    assert agent.prepare.__name__ == "prepare"
    [hook] = agent.hooks("call.ended")
    assert getattr(hook, "__name__", "") == "note"


@pytest.mark.parametrize("text", [WHOLE_TOML, WHOLE_YAML], ids=["toml", "yaml"])
def test_no_field_of_an_agent_is_forgotten(folder: Path, text: str) -> None:
    """A new field of `Agent` that a file cannot say fails here."""
    agent = load_agent_file(write(folder, "desk.toml" if text is WHOLE_TOML else "desk.yaml", text))
    default = Agent("x", "y")
    same = [one.name for one in fields(Agent) if one.init and getattr(agent, one.name) == getattr(default, one.name)]
    assert same == []


def test_guardrails_are_checks(folder: Path) -> None:
    words, check, pattern = load_agent_file(write(folder, "desk.toml", WHOLE_TOML)).guardrails
    assert (words.name, words.say, words.on) == ("words", "I cannot promise that.", "agent")
    assert (check.name, check.on, check.every, check.timeout_s) == ("check", "caller", 10, 1.0)
    assert check.check("a secret", CALL) is True
    for text, tripped in [("No Refund!", True), ("your money\nback", True), ("refundable", False), ("ok", False)]:
        assert getattr(words.check(text, CALL), "tripped", None) is tripped
    assert getattr(words.check("a refund", CALL), "rationale", "") == "it holds 'refund'"
    assert pattern.name == "card numbers"
    assert getattr(pattern.check("4242424242424242", CALL), "tripped", None) is True


def test_a_team_may_go_in_a_circle(folder: Path) -> None:
    agent = load_agent_file(write(folder, "desk.toml", WHOLE_TOML))
    billing, night = agent.handoffs
    assert isinstance(billing, Agent)
    assert isinstance(night, Agent)
    assert (billing.name, night.name) == ("billing", "night desk")
    assert billing.handoffs == night.handoffs == ("desk",)


def test_an_agent_in_python_can_be_handed_to(folder: Path) -> None:
    write(
        folder, "other.py", "from bridge import Agent\nagent = Agent('other', 'Be brief.', handoff_description='x')\n"
    )
    agent = load_agent_file(write(folder, "a.toml", 'instructions = "x"\nhandoffs = ["other.py"]\n'))
    assert [one.name for one in agent.handoffs if isinstance(one, Agent)] == ["other"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.toml",
            'instructions = "x"\nhandoffs = [{ to = "billing", say = "One moment.", description = "Money." }]\n',
        ),
        ("a.yaml", "instructions: x\nhandoffs:\n  - {to: billing, say: One moment., description: Money.}\n"),
    ],
)
def test_a_handoff_may_have_words(folder: Path, name: str, text: str) -> None:
    write(folder, "billing.toml", 'instructions = "Be brief."\nhandoff_description = "Money."\n')
    [way] = load_agent_file(write(folder, name, text)).ways
    assert (way.target_name, way.say, way.description) == ("billing", "One moment.", "Money.")


def test_several_numbers_may_be_rung_first(folder: Path) -> None:
    text = 'instructions = "x"\ntransfer = "warm"\ntools = ["hang_up"]\n[transfer_to]\nsales = "+14155550101"\n'
    tool = load_agent_file(write(folder, "a.toml", text)).all_tools[-1]
    assert (tool.name, tool.manner.wait) == ("transfer_to_person", "music")


def test_the_name_is_the_files_name_when_none_is_said(folder: Path) -> None:
    assert load_agent_file(write(folder, "front desk.yml", "instructions: Be brief.")).name == "front desk"


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "desk.toml", WHOLE_TOML)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_agent("../desk.toml").name == "desk"


def test_several_numbers_become_one_tool(folder: Path) -> None:
    text = 'instructions = "x"\ntools = ["hang_up"]\n[transfer_to]\nsales = "+14155550101"\ndesk = "${DESK}"\n'
    reading = read_agent_file(write(folder, "a.toml", text), Environment({"DESK": "+14155550102"}))
    assert reading.agent is not None
    assert [tool.name for tool in reading.agent.all_tools] == ["hang_up", "transfer_to_person"]
    assert "+1415" not in str(reading.agent.all_tools[1].definition())


def test_values_come_from_the_environment_or_dotenv(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, "a.toml", 'instructions = "x ${DESK}"\ntools = ["hang_up"]\ntransfer_to = "${DESK}" # <-\n')
    told = f"{path}:{marked(path)}: ${{DESK}} is not set; put DESK into the environment or into .env"
    assert problems(path) == [told]
    write(folder, ".env", "DESK=+14155550109\n")
    assert load_agent_file(path).transfer_to == "+14155550109"
    assert load_agent_file(path).instructions == "x ${DESK}", "what the model reads is left alone"
    monkeypatch.setenv("DESK", "+14155550108")
    assert load_agent_file(path).transfer_to == "+14155550108"
    write(folder, "number", "+14155550107\n")
    reading = read_agent_file(path, Environment({"DESK_FILE": str(folder / "number")}))
    assert reading.agent is not None
    assert reading.agent.transfer_to == "+14155550107"


WRONG = [
    ('nmae = "x" # <-', "nmae: x # <-", "'nmae' is unknown; did you mean name?"),
    ("max_minutes = 'ten' # <-", "max_minutes: ten # <-", "max_minutes is a number, not 'ten'"),
    ("max_minutes = 56 # <-", "max_minutes: 56 # <-", "max_minutes is between 0 and 55, not 56"),
    ("protect_greeting = 1 # <-", "protect_greeting: 1 # <-", "protect_greeting is true or false, not 1"),
    ("voice = 3 # <-", "voice: 3 # <-", "voice is text, not 3"),
    (
        "noise_reduction = 'x' # <-",
        "noise_reduction: x # <-",
        "noise_reduction is 'near_field' or 'far_field' or '', not 'x'",
    ),
    (
        "[limits]\nmax_minutes = 5\nmax_mintes = 1 # <-",
        "limits:\n  max_minutes: 5\n  max_mintes: 1 # <-",
        "'max_mintes' is unknown in limits; did you mean max_minutes?",
    ),
    (
        "[limits]\nwarn_minutes = 1\nmax_minutes = 70 # <-",
        "limits:\n  warn_minutes: 1\n  max_minutes: 70 # <-",
        "max_minutes is between 0 and 55, not 70",
    ),
    (
        "[turn_detection]\ntype = 'server_vad'\ntreshold = 0.5 # <-",
        "turn_detection:\n  type: server_vad\n  treshold: 0.5 # <-",
        "'treshold' is unknown in turn_detection; did you mean threshold?",
    ),
    (
        "[turn_detection]\ntype = 'server_vad'\nthreshold = 3 # <-",
        "turn_detection:\n  type: server_vad\n  threshold: 3 # <-",
        "turn_detection: threshold is between 0 and 1, not 3",
    ),
    ("analysis = 3 # <-", "analysis: 3 # <-", "analysis is a table of names and values, not 3"),
    (
        "[analysis]\nsumary = true # <-",
        "analysis:\n  sumary: true # <-",
        "'sumary' is unknown in analysis; did you mean summary?",
    ),
    (
        "[analysis]\nschema = 'tools.py:number' # <-",
        "analysis:\n  schema: tools.py:number # <-",
        "analysis: schema is a pydantic model (a class), not 7",
    ),
    (
        "[analysis]\ntimeout = 0 # <-",
        "analysis:\n  timeout: 0 # <-",
        "analysis: timeout is more than 0 seconds, not 0",
    ),
    ("silence = 3 # <-", "silence: 3 # <-", "silence is a table of names and values, not 3"),
    (
        "[silence]\nafter_s = 0 # <-",
        "silence:\n  after_s: 0 # <-",
        "silence: after_s and goodbye_after_s are seconds, more than 0",
    ),
    (
        'tools = [\n  "hang_up",\n  "hangup", # <-\n]',
        "tools:\n  - hang_up\n  - hangup # <-",
        "there is no tool 'hangup'; did you mean hang_up?",
    ),
    (
        'tools = ["transfer_to_person"] # <-',
        "tools: [transfer_to_person] # <-",
        "transfer_to_person comes with transfer_to: set that to the person's number",
    ),
    ('tools = ["tools.py:plain"] # <-', 'tools: ["tools.py:plain"] # <-', "tools.py:plain is not a tool; put @tool"),
    (
        'tools = ["tools.py:wordless"] # <-',
        'tools: ["tools.py:wordless"] # <-',
        "tool 'wordless' has no description; give its function a docstring",
    ),
    (
        'tools = ["tools.py:opening_huors"] # <-',
        'tools: ["tools.py:opening_huors"] # <-',
        "tools.py has no 'opening_huors'; did you mean opening_hours?",
    ),
    ('tools = ["hang_up", "hang_up"] # <-', "tools: [hang_up, hang_up] # <-", "more than one tool is called hang_up"),
    ("tools = 3 # <-", "tools: 3 # <-", "tools is a list or a table, not 3"),
    (
        "tools = [{ htp = { url = 'x' } }] # <-",
        "tools:\n  - htp: {url: x} # <-",
        "a tool that is a table is {http = ...} or {mcp = ...}",
    ),
    ("handoffs = ['gone.toml'] # <-", "handoffs: [gone.toml] # <-", "there is no file {folder}/gone.toml"),
    (
        "handoffs = [{ say = 'x' }] # <-",
        "handoffs:\n  - say: x # <-",
        "a handoff that is a table needs to: the name or file",
    ),
    (
        "handoffs = [{ to = 'billing', says = 'x' }] # <-",
        "handoffs:\n  - {to: billing, says: x} # <-",
        "'says' is unknown",
    ),
    ("handoffs = [3] # <-", "handoffs: [3] # <-", "an entry of handoffs is text, not 3"),
    ("transfer_to = '911' # <-", "transfer_to: 911 # <-", "911"),
    (
        "transfer_to = { sales = '+14155550101', desk = '911' } # <-",
        "transfer_to:\n  sales: +14155550101\n  desk: '911' # <-",
        "'911' is not a number to transfer to",
    ),
    ("[menu]\n1 = 'x'\n12 = 'y' # <-", "menu:\n  1: x\n  12: y # <-", "'12' is no key of a telephone"),
    ("[menu]\n0 = 3 # <-", "menu:\n  0: 3 # <-", "menu.0 is text, not 3; put it in quotes"),
    ("[hours]\nmon = '9-5' # <-", "hours:\n  mon: 9-5 # <-", "opening hours: mon: '9-5' is no span"),
    (
        "[hours]\ntimezone = 'Berlin' # <-\nmon = '09:00-10:00'",
        "hours:\n  timezone: Berlin # <-",
        "opening hours: 'Berlin' is no time zone",
    ),
    (
        "[hours]\ntimezon = 'UTC' # <-",
        "hours:\n  timezon: UTC # <-",
        "'timezon' is unknown in hours; did you mean timezone?",
    ),
    (
        "[[guardrails]]\nwords = ['x']\n[[guardrails]]\nsay = 'y' # <-",
        "guardrails:\n  - words: [x]\n  - say: y # <-",
        "a guardrail has one of check, words and pattern; this one has none of them",
    ),
    (
        "[[guardrails]]\non = 'agent'\npattern = '(' # <-",
        "guardrails:\n  - on: agent\n    pattern: ( # <-",
        "pattern is no regular expression: missing ), unterminated subpattern at position 0",
    ),
    (
        "[[guardrails]]\nwords = ['x']\non = 'callr' # <-",
        "guardrails:\n  - words: [x]\n    on: callr # <-",
        "on is 'agent' or 'caller', not 'callr'",
    ),
    (
        "[[guardrails]]\ncheck = 'tools.py:gone' # <-",
        "guardrails:\n  - check: tools.py:gone # <-",
        "tools.py has no 'gone'",
    ),
    (
        "prepare = 'tools.py:number' # <-",
        "prepare: tools.py:number # <-",
        "tools.py:number is a int and not a function",
    ),
    (
        "[hooks]\n'call.ended' = 'tools.py:takes_one' # <-",
        "hooks:\n  call.ended: tools.py:takes_one # <-",
        "what hooks on to 'call.ended' is called with two values",
    ),
    (
        "[hooks]\n'call.end' = 'tools.py:note' # <-",
        "hooks:\n  call.end: tools.py:note # <-",
        "'call.end' is unknown in hooks; did you mean call.ended?",
    ),
    ("variables = { a-b = 'x' } # <-", "variables: {a-b: x} # <-", "'a-b' cannot be a variable"),
    ("greeting = ['x'] # <-", "greeting: [x] # <-", "greeting is text, not a list"),
]


@pytest.mark.parametrize(("toml", "yaml", "sentence"), WRONG)
@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_what_is_wrong_is_told_with_its_line(folder: Path, ending: str, toml: str, yaml: str, sentence: str) -> None:
    head = 'instructions = "Be brief."\n' if ending == "toml" else "instructions: Be brief.\n"
    path = write(folder, f"desk.{ending}", f"# an agent\n{head}\n{toml if ending == 'toml' else yaml}\n")
    place, told = problems(path)[0].split(": ", 1)
    expected = marked(path)
    if "[[guardrails]]\nsay" in toml and ending == "toml":
        expected -= 1  # of a table without the key that is missed, the head is told
    assert place == f"{path}:{expected}"
    assert sentence.format(folder=folder) in told if "{folder}" in sentence else sentence in told


def test_all_of_it_is_told_at_once_and_serve_hears_the_first(folder: Path) -> None:
    path = write(folder, "a.toml", 'nmae = "x"\ninstructions = "x"\nvoice = 3\n')
    assert [told.split(": ", 1)[0] for told in problems(path)] == [f"{path}:1", f"{path}:3"]
    with pytest.raises(AgentError) as refusal:
        load_agent(str(path))
    more = f" (and 1 more: callbridge agents check {path})"
    assert str(refusal.value) == f"{path}:1: 'nmae' is unknown; did you mean name?{more}"


def test_a_fault_in_another_file_is_told_where_it_is(folder: Path) -> None:
    write(folder, "tools.py", "import json\n1 / 0\n")
    path = write(folder, "a.toml", 'instructions = "x"\ntools = ["tools.py:opening_hours"]\nhandoffs = ["b"]\n')
    write(folder, "b.yaml", "instructions: x\nvioce: marin\n")
    assert problems(path) == [
        f"{folder}/tools.py:2: ZeroDivisionError: division by zero",
        f"{folder}/b.yaml:2: 'vioce' is unknown; did you mean voice?",
    ]


def test_two_of_one_name(folder: Path) -> None:
    write(folder, "b.toml", 'name = "a"\ninstructions = "x"\n')
    path = write(folder, "a.toml", 'instructions = "x"\nhandoffs = ["b"]\n')
    assert problems(path) == [f"{folder}/b.toml:1: {path} is called 'a' already"]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ('prompt = "gone.md"', 1, "there is no file {folder}/gone.md"),
        ('prompt = "dsek.md"', 1, "there is no file {folder}/dsek.md; did you mean desk.md?"),
        ('instructions = "x"\nprompt = "desk.md"', 2, "prompt and instructions are both said; line 1 has the other"),
        ('name = "x"', 1, "it has no instructions: write them here, or name their file with prompt"),
        ('name = "x"\ninstructions = " "', 2, "it has no instructions"),
        ('name = " "\ninstructions = "x"', 1, "an agent needs a name"),
    ],
)
def test_instructions_are_there_once(folder: Path, text: str, line: int, sentence: str) -> None:
    path = write(folder, "a.toml", text)
    assert problems(path)[0].startswith(f"{path}:{line}: {sentence.format(folder=folder)}")


def test_an_empty_prompt_is_told(folder: Path) -> None:
    write(folder, "empty.md", " \n")
    path = write(folder, "a.toml", 'prompt = "empty.md"')
    assert problems(path)[0] == f"{path}:1: empty.md is empty; it is to hold the instructions"


@pytest.mark.parametrize(
    ("name", "raw", "told"),
    [
        ("a.toml", b'name = "x"\nname = "y"\n', "a.toml:2: this is no TOML: Cannot overwrite a value"),
        (
            "a.toml",
            b'name = "x"\n[hours\n',
            "a.toml:2: this is no TOML: Expected ']' at the end of a table declaration",
        ),
        ("a.toml", b'name = "x"\nvoice = """x\n', "a.toml:2: this is no TOML: "),
        ("a.toml", b'name = "x"\nvoice = "\xff"\n', "a.toml:2: a character is not UTF-8"),
        ("a.toml", b"", "a.toml:1: it is empty; an agent needs at least instructions"),
        ("a.yaml", b"# nothing\n", "a.yaml:1: it is empty"),
        ("a.yaml", b"name: x\nname: y\n", "a.yaml:2: this is no YAML: 'name' is said twice, first in line 1"),
        ("a.yaml", b"name: x\nvoice: [\n", "a.yaml:3: this is no YAML: expected the node content"),
        ("a.yaml", b"name: x\n  voice: y\n", "a.yaml:2: this is no YAML: mapping values are not allowed here"),
        ("a.yaml", b"- x\n", "a.yaml:1: it must be a table of names and values"),
        (
            "a.yaml",
            b"name: x\ntools: !!python/object/apply:os.getcwd []\n",
            "a.yaml:2: this is no YAML: the tag !!python/",
        ),
        ("a.yaml", b"name: x\nmenu: &a {b: *a}\n", "a.yaml:2: this is no YAML: a value contains itself"),
        ("a.yaml", b"name: x\ntools: !mine x\n", "a.yaml:2: this is no YAML: the tag !mine is not allowed here"),
        ("a.yaml", b"name: x\nvoice: \x01\n", "a.yaml:2: this is no YAML: the character '\\x01' is not allowed"),
        ("a.yaml", b"a: " + b"[" * 20_000, "a.yaml:1: it is nested too deeply"),
        ("a.yaml", b"name: x\n--- \nname: y\n", "a.yaml:2: this is no YAML: but found another document"),
    ],
)
def test_what_is_no_toml_or_yaml(folder: Path, name: str, raw: bytes, told: str) -> None:
    (folder / name).write_bytes(raw)
    with pytest.raises(AgentError) as refusal:
        load_agent(name)
    assert str(refusal.value).startswith(told)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        (
            "a.toml",
            'tools = ["x"]\n[[tools.mcp]] # <-',
            "beside [[tools.mcp]] or [[tools.http]] write [tools] use = ",
        ),
        ("a.toml", "a = 1\na = 2 # <-", "a name is said twice in one table"),
        ("a.toml", 'name = "x # <-\n', "a text ends without its quote"),
        ("a.toml", "name = bistro # <-", "texts stand in straight quotes"),
        ("a.toml", "name = \N{LEFT DOUBLE QUOTATION MARK}x\N{RIGHT DOUBLE QUOTATION MARK} # <-", "in straight quotes"),
        ("a.toml", "say = 'it's' # <-", "without that quote inside"),
        ("a.toml", "name: x # <-", "TOML is name = value"),
        ("a.yaml", "instructions: Be brief: say hello. # <-", "a text with ': ' in it stands in quotes"),
        ("a.yaml", "silence:\n\tafter_s: 10 # <-", "indent with blanks, not with tabs"),
    ],
)
def test_the_usual_mistakes_are_told_with_their_remedy(folder: Path, name: str, text: str, remedy: str) -> None:
    path = write(folder, name, text)
    with pytest.raises(AgentError) as refusal:
        load_agent(name)
    assert str(refusal.value).startswith(f"{name}:{marked(path)}: ")
    assert remedy in str(refusal.value)


def test_a_file_that_is_not_there(folder: Path) -> None:
    write(folder, "desk.toml", 'instructions = "x"')
    with pytest.raises(AgentError, match=r"^there is no file dsek.toml; did you mean desk.toml\?$"):
        load_agent("dsek.toml")


def test_yaml_says_what_it_looks_like(folder: Path) -> None:
    """In YAML 1.1 `on` is True, `no` is False, 12:30 are 750 and +1415... has no plus."""
    text = (
        "instructions: x\nname: no\nlanguage: no\nmenu:\n  1: 'on'\n  2: on\n  3: 12:30\n  4: 0123\nmax_minutes: 7.5\n"
    )
    agent = load_agent_file(write(folder, "a.yaml", text))
    assert (agent.name, agent.language, agent.max_minutes) == ("no", "no", 7.5)
    assert agent.menu == {"1": "on", "2": "on", "3": "12:30", "4": "0123"}


def test_an_agent_from_a_file_is_an_agent(folder: Path) -> None:
    agent = load_agent_file(write(folder, "a.toml", 'instructions = "x"\ntools = ["hang_up"]\n'))
    assert replace(agent, voice="cedar") == Agent("a", "x", voice="cedar", tools=agent.tools)
