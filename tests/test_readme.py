"""Every shell block of the README runs as it stands, and its agent works as it stands."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.agents.agent import Agent
from bridge.agents.check import check_agent
from bridge.agents.library import load_agent

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_RUN = "<!-- not run by the README test"


def blocks(language: str) -> list[tuple[str, str]]:
    """(what stands in the line above, the block) for every block of a language."""
    found = re.findall(rf"([^\n]*)\n```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return [(above, text) for above, text in found]


def name(block: str) -> str:
    return block.strip().splitlines()[0][:40]


RUN = [text for above, text in blocks("sh") if not above.startswith(NOT_RUN)]


def test_few_blocks_are_left_out_and_each_says_why() -> None:
    left_out = [above for above, _ in blocks("sh") if above.startswith(NOT_RUN)]
    assert len(left_out) == 3
    assert all(re.search(r": it (is what runs it|needs a phone)", above) for above in left_out)


@pytest.mark.sockets
@pytest.mark.parametrize("block", RUN, ids=[name(b) for b in RUN])
def test_a_block_runs(block: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if "make " in block and not Path(sys.prefix, ".ready-demo").exists():
        pytest.skip("this environment was not made by the Makefile")
    if "curl " in block and shutil.which("curl") is None:
        pytest.skip("no curl here")
    place = tmp_path_factory.getbasetemp() / "readme"
    place.mkdir(exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "TWILIO_", "REALTIME_", "OPENAI_"))}
    env |= {"PATH": f"{Path(sys.prefix, 'bin')}{os.pathsep}{env['PATH']}", "VENV": sys.prefix}
    # What the blocks make goes into one place for all of them, not into the checkout.
    env |= {"BRIDGE_DATA": str(place / "data")}
    folder = ROOT if "make " in block else place
    shell = ["bash", "-euo", "pipefail", "-c", block]
    with (place / "output").open("w+") as output:
        done = subprocess.Popen(shell, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True)
        try:
            code = done.wait(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):  # what a block that failed left running
                os.killpg(done.pid, signal.SIGKILL)
        output.seek(0)
        assert code == 0, output.read()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """The Python of the README in files of the names it gives them, and of any others."""
    folder = tmp_path_factory.mktemp("python")
    found = {}
    for number, (_, text) in enumerate(blocks("python")):
        before = README[: README.index(text)].rpartition("\n\n")[0][-400:]
        named = re.findall(r"Save this as `(\w+\.py)`", before)
        path = folder / (named[-1] if named else f"part_{number}.py")
        path.write_text(text, encoding="utf-8")
        found[path] = text
    return found


@pytest.mark.sockets
def test_all_python_runs_as_it_stands(written: dict[Path, str]) -> None:
    for path in written:
        env = os.environ | {"CRM_TOKEN": "any-word", "PYTHONPATH": os.pathsep.join([str(ROOT), str(path.parent)])}
        done = subprocess.run(
            [sys.executable, path.name], cwd=path.parent, env=env, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, (path.name, done.stderr)


def test_every_agent_has_no_problems(written: dict[Path, str]) -> None:
    agents = {path.name: check_agent(str(path)) for path, text in written.items() if "\nagent = Agent(" in text}
    assert len(agents) >= 5
    assert {name: one.problems for name, one in agents.items() if one.problems} == {}
    bistro = load_agent(str(next(path for path in written if path.name == "shop.py")))
    assert isinstance(bistro, Agent)
    assert [t.name for t in bistro.all_tools] == ["table_free", "hang_up"]


def test_the_agent_file_has_no_problems(tmp_path: Path) -> None:
    whole, *_ = [text for _, text in blocks("toml")]
    (tmp_path / "bistro.toml").write_text(whole, encoding="utf-8")
    assert check_agent(str(tmp_path / "bistro.toml")).problems == ()


def test_every_file_and_name_of_follow_one_frame_exists() -> None:
    part = README.split("## Follow one frame")[1].split("## ")[0]
    paths = re.findall(r"`(bridge/[\w/]+\.py)`", part)
    assert len(paths) >= 9
    assert all((ROOT / path).is_file() for path in paths)
    for path, owner, verb in re.findall(r"`(bridge/[\w/]+\.py)`\s+`(\w+)\.(\w+)`", part):
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"class {owner}" in text, path
        assert f"def {verb}(" in text, path
