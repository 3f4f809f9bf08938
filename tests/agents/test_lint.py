"""What can be told of an agent before anybody calls it, each with its line, from TOML, YAML and Python."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from agent_files import TOOLS, marked, write

from bridge.agents.agent import Agent
from bridge.agents.check import check_agent
from bridge.agents.document import Document
from bridge.agents.file import load_agent_file
from bridge.agents.lint import VOICES, lint
from bridge.agents.problems import Problem
from bridge.agents.prompts import estimated_tokens, mentioned_tools
from bridge.errors import AgentError
from bridge.tools.phone import hang_up


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# (the line in TOML, the same in YAML, level, sentence); None: nothing is wrong
FINDS = [
    ("voice = 'marinn' # <-", "voice: marinn # <-", "error", "voice 'marinn' is unknown; did you mean marin?"),
    ("voice = 'amy' # <-", "voice: amy # <-", "error", "voice 'amy' is unknown; there are alloy, ash,"),
    (
        "voice = 'nova' # <-",
        "voice: nova # <-",
        "error",
        "voice 'nova' is no Realtime voice and gives noise on a phone",
    ),
    ("model = 'own'\nvoice = 'amy' # <-", "model: own\nvoice: amy # <-", "warning", "voice 'amy' is unknown"),
    ("voice = 'voice_123'", "voice: voice_123", None, ""),
    (
        "[turn_detection] # <-\ntype = 'server_vad'\nthreshold = 0.6",
        "turn_detection: # <-\n  type: server_vad\n  threshold: 0.6",
        "warning",
        "turn_detection is partial: it leaves out prefix_padding_ms (300), silence_duration_ms (500)",
    ),
    (
        "[turn_detection] # <-\nthreshold = 0.6\nprefix_padding_ms = 1",
        "turn_detection: # <-\n  threshold: 0.6\n  prefix_padding_ms: 1",
        "warning",
        "turn_detection is partial: it leaves out silence_duration_ms (500)",
    ),
    (
        "[turn_detection]\nthreshold = 0.6\nprefix_padding_ms = 1\nsilence_duration_ms = 4\neagerness = 'low' # <-",
        "turn_detection: {threshold: 1, prefix_padding_ms: 1, silence_duration_ms: 4, eagerness: low} # <-",
        "warning",
        "eagerness does nothing with server_vad",
    ),
    (
        "[turn_detection]\neagerness = 'low'\ntype = 'semantic_vad' # <-",
        "turn_detection:\n  eagerness: low\n  type: semantic_vad # <-",
        "warning",
        "semantic_vad may never notice speech on a telephone line; server_vad does",
    ),
    (
        "handoffs = ['desc'] # <-",
        "handoffs: [desc] # <-",
        "error",
        "handoffs: nobody is called 'desc'; did you mean desk",
    ),
    (
        "handoffs = ['sales'] # <-",
        "handoffs: [sales] # <-",
        "error",
        "handoffs: nobody is called 'sales'; the agent of another file is written as that file, such as 'sales.toml'",
    ),
    ("handoffs = ['desk'] # <-", "handoffs: [desk] # <-", "error", "'desk' hands over to itself"),
    (
        "greeting = 'Hello {nmae}.' # <-",
        "greeting: Hello {nmae}. # <-",
        "error",
        "nothing fills {nmae} in the greeting; set it in variables or return it from prepare",
    ),
    ("greeting = 'You call from {from_number}.'", "greeting: You call from {from_number}.", None, ""),
    ("greeting = '{x}'\nvariables = {x = 'y'}", "greeting: '{x}'\nvariables: {x: y}", None, ""),
    ("greeting = '{x}'\nprepare = 'tools.py:prepare'", "greeting: '{x}'\nprepare: tools.py:prepare", None, ""),
    ("[menu]\n1 = ' ' # <-", "menu:\n  1: ' ' # <-", "error", "menu: key 1 does nothing; say what it means"),
    (
        "[menu]\n1 = 'opening hours'\n0 = 'hangup' # <-",
        "menu:\n  1: opening hours\n  0: hangup # <-",
        "warning",
        "menu: key 0 only tells the model 'hangup'; did you mean hang_up?",
    ),
    (
        "transfer_to = '+14155550142' # <-",
        "transfer_to: +14155550142 # <-",
        "warning",
        "it can transfer a call but not end one; add the tool hang_up",
    ),
    ("transfer_to = '+14155550142'\ntools = ['hang_up']", "transfer_to: +14155550142\ntools: [hang_up]", None, ""),
    (
        "max_minutes = 2\nwarn_minutes = 3 # <-",
        "max_minutes: 2\nwarn_minutes: 3 # <-",
        "warning",
        "warn_minutes is 3, but a call is over after 2: no warning",
    ),
]


@pytest.mark.parametrize(("toml", "yaml", "level", "sentence"), FINDS)
@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_finds(folder: Path, ending: str, toml: str, yaml: str, level: str | None, sentence: str) -> None:
    write(folder, "tools.py", TOOLS)
    head = 'instructions = "Be brief."\n' if ending == "toml" else "instructions: Be brief.\n"
    path = write(folder, f"desk.{ending}", f"{head}{toml if ending == 'toml' else yaml}\n")
    problems = check_agent(str(path)).problems
    if level is None:
        assert problems == ()
        return
    [problem] = problems
    assert (problem.source, problem.line, problem.level) == (str(path), marked(path), level)
    assert problem.sentence.startswith(sentence)
    if level == "error":
        with pytest.raises(AgentError) as refusal:
            load_agent_file(path)
        assert str(refusal.value) == f"{path}:{problem.line}: {problem.sentence}"
    else:
        assert load_agent_file(path).name == "desk"


PROMPTS = [
    ("Then call hang_up.", "the prompt mentions the tool hang_up, which it does not have; add it to tools"),
    (
        "For a person use transfer_to_person.",
        "the prompt mentions the tool transfer_to_person, which it does not have; it comes with transfer_to",
    ),
    ("Call opening_huors first.", "the prompt mentions the tool opening_huors, which it does not have; did you mean"),
    ("With `order_status` you look it up.", "the prompt mentions the tool order_status, which it does not have"),
]


@pytest.mark.parametrize(("prompt", "sentence"), PROMPTS)
@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_a_prompt_that_mentions_a_tool_that_is_not_there(folder: Path, ending: str, prompt: str, sentence: str) -> None:
    write(folder, "tools.py", TOOLS)
    write(folder, "desk.md", prompt)
    text = 'tools = ["tools.py:opening_hours"]\nprompt = "desk.md" # <-\n'
    if ending == "yaml":
        text = 'tools: ["tools.py:opening_hours"]\nprompt: desk.md # <-\n'
    path = write(folder, f"desk.{ending}", text)
    [problem] = check_agent(str(path)).problems
    assert (problem.line, problem.level) == (marked(path), "warning")
    assert problem.sentence.startswith(sentence)


def test_what_is_no_mention_of_a_tool() -> None:
    for text in ["Spell e_mail out.", "If you have transfer_to_person, call transfer_to_person.", "Use your head."]:
        assert mentioned_tools(text, ("hang_up", "transfer_to_person")) == [], text
    assert mentioned_tools("- Call a_b.\n- If you do not have c_d, use e_f.\n- hang_up", ("hang_up",)) == [
        "a_b",
        "hang_up",
    ]


@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_a_prompt_that_is_too_long(folder: Path, ending: str) -> None:
    equals = " = " if ending == "toml" else ": "
    write(folder, "desk.md", "word " * 8_000)
    path = write(folder, f"desk.{ending}", f'name{equals}"desk"\nprompt{equals}"desk.md" # <-\n')
    [problem] = check_agent(str(path)).problems
    assert (problem.line, problem.level) == (marked(path), "warning")
    assert problem.sentence == "prompt and tools have about 10000 tokens, which the model reads again for every answer"
    write(folder, "desk.md", "word " * 14_000)
    [problem] = check_agent(str(path)).problems
    assert (problem.line, problem.level) == (marked(path), "error")
    assert problem.sentence == "prompt and tools have about 17500 tokens; a Realtime session takes 16384"


def test_tokens_are_estimated_by_script() -> None:
    assert estimated_tokens("word " * 100) == 125
    assert estimated_tokens("你好" * 100) == 200


@pytest.mark.parametrize("ending", ["toml", "yaml"])
def test_a_team(folder: Path, ending: str) -> None:
    equals = " = " if ending == "toml" else ": "
    brief = f'instructions{equals}"Be brief."\n'
    path = write(folder, f"desk.{ending}", f'{brief}handoffs{equals}["sales"]\n')
    sales = write(folder, f"sales.{ending}", f'{brief}voice{equals}"cedar" # <-\n')
    lost = write(folder, f"lost.{ending}", f'{brief}handoff_description{equals}"Lost property." # <-\n')
    write(folder, f"alone.{ending}", brief)
    write(folder, "notes.yaml", "- no agent\n")
    never = "voice 'cedar' is never heard: 'desk' speaks first with 'marin', and a voice cannot change within a call"
    silent = "'sales' has no handoff_description, so the others cannot tell when to hand over to it"
    assert list(check_agent(str(path)).problems) == [
        Problem(1, "warning", silent, str(sales)),
        Problem(marked(sales), "warning", never, str(sales)),
        Problem(marked(lost), "warning", "nobody hands a call to 'lost'", str(lost)),
    ]


PYTHON = """
from bridge import Agent
from bridge.agents.listening import TurnDetection
from bridge.tools.phone import hang_up

sales = Agent("sales", "Sell.", handoff_description="Orders.", tools=[hang_up])
lost = Agent("lost", "Find things.", handoff_description="Lost property.")
agent = Agent(
    name="desk",
    instructions="Call order_status.",
    voice="marinn",
    handoffs=[
        sales,
        "slaes",
    ],
    turn_detection=TurnDetection(
        threshold=0.6,
    ),
)
"""


def test_an_agent_in_python_has_lines_too(folder: Path) -> None:
    write(folder, "shop.py", PYTHON)
    told = [f"{one.line}: {one.level}: {one.sentence.split(';')[0]}" for one in check_agent("shop.py").problems]
    never = "voice 'marin' is never heard: 'desk' speaks first with 'marinn', and a voice cannot change within a call"
    partial = "turn_detection is partial: it leaves out prefix_padding_ms (300), silence_duration_ms (500)"
    assert told == [
        f"5: warning: {never}",
        "9: warning: the prompt mentions the tool order_status, which it does not have",
        "10: error: voice 'marinn' is unknown",
        "13: error: handoffs: nobody is called 'slaes'",
        f"15: warning: {partial}",
        "6: warning: nobody hands a call to 'lost'",
    ]


def test_an_agent_that_cannot_be_made_is_a_problem_with_its_line(folder: Path) -> None:
    write(folder, "shop.py", "from bridge import Agent\nagent = Agent('desk', '')\n")
    checked = check_agent("shop.py")
    assert checked.agent is None
    assert not checked.ok
    [problem] = checked.problems
    assert (problem.line, problem.level) == (2, "error")
    with pytest.raises(AgentError, match=r"there is no file gone\.py"):
        check_agent("gone.py")


def test_the_bundled_reception_has_no_problems() -> None:
    assert check_agent("").problems == check_agent("bridge.agents.examples.reception").problems == ()


def test_every_realtime_voice_passes() -> None:
    source = Document(Path("desk.toml"), {}, {})
    agent = Agent("desk", "Be brief.", tools=[hang_up])
    assert [lint(replace(agent, voice=voice), source) for voice in VOICES] == [[]] * 10


def test_two_of_one_name_in_a_team() -> None:
    source = Document(Path("desk.toml"), {}, {})
    one, two = Agent("a", "x", handoff_description="x"), Agent("a", "y", handoff_description="y")
    [problem] = lint(Agent("desk", "z", handoffs=[one, two]), source)
    assert str(problem) == "desk.toml:1: two agents of the team are called 'a'"


def test_a_server_whose_program_is_not_there_is_told_before_anybody_calls(tmp_path: Path) -> None:
    text = 'instructions = "x"\n[[tools.mcp]]\ncommand = "no-such-server"\n'
    [problem] = check_agent(str(write(tmp_path, "a.toml", text))).problems
    assert problem.level == "warning"
    assert problem.sentence == "there is no program 'no-such-server'; calls go without its tools until then"
    assert check_agent(str(write(tmp_path, "a.toml", text.replace("no-such-server", "sh")))).problems == ()
