"""`callbridge new`: what it makes passes its own test, its lint and mypy --strict; it never writes over anything."""

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, environment, refused, run

from bridge.cli.new import template_names

FILES = {name: ["README.md", "agent.py", "test_agent.py"] for name in ("blank", "reception", "survey")}
FILES["file"] = ["README.md", "agent.toml", "prompt.md", "test_agent.py"]


def test_every_template_is_known_here() -> None:
    assert template_names() == sorted(FILES)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment({"MYPYPATH": str(ROOT)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("template", sorted(FILES))
def test_what_is_made_works_at_once(tmp_path: Path, template: str) -> None:
    done = run(tmp_path, "new", "my shop", "--template", template)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pytest 'my shop'\n" in done.stdout, "what it says to type can be typed"
    folder = tmp_path / "my shop"
    assert sorted(path.name for path in folder.iterdir()) == FILES[template]
    assert len((folder / "README.md").read_text("utf-8").splitlines()) == 10
    agent = FILES[template][1]
    checked = run(folder, "agents", "check", agent)
    assert (checked.returncode, checked.stdout) == (0, f"{agent}: 'my shop' has no problems\n")
    tested = python(
        folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest"
    )
    assert tested.returncode == 0, tested.stdout
    assert not list(folder.glob("*.jsonl")), "a test keeps nothing"


def test_every_template_is_typed(tmp_path: Path) -> None:
    scripts = []
    for template in sorted(FILES):
        assert run(tmp_path, "new", f"shop_{template}", "--template", template).returncode == 0
        scripts += [str(path.relative_to(tmp_path)) for path in sorted((tmp_path / f"shop_{template}").glob("*.py"))]
    for script in scripts:
        (tmp_path / script).parent.joinpath("__init__.py").touch()  # four modules called agent, side by side
    typed = python(tmp_path, "-m", "mypy", "--strict", "--follow-imports=silent", *scripts)
    assert typed.returncode == 0, typed.stdout


def test_blank_is_the_default(tmp_path: Path) -> None:
    done = run(tmp_path, "new", "far/shop")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "made far/shop: README.md, agent.py, test_agent.py"
    assert 'name="shop"' in (tmp_path / "far/shop/agent.py").read_text("utf-8")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    mine = tmp_path / "shop" / "mine.txt"
    mine.write_text("mine")
    assert refused(tmp_path, "new", "shop") == "shop exists and is not empty; nothing was written"
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["mine.txt"]
    assert refused(tmp_path, "new", "shop/mine.txt") == "shop/mine.txt exists and is not empty; nothing was written"
    assert mine.read_text() == "mine"
    mine.unlink()
    assert run(tmp_path, "new", "shop").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shop", "--template", "recepton"], "--template 'recepton': there are blank, file, reception, survey"),
        (["-x"], ""),
        (["a/.."], "'a/..' cannot be an agent's name"),
        (['sh"op'], "cannot be an agent's name"),
    ],
)
def test_what_cannot_be_made(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    if not sentence:
        assert run(tmp_path, "new", *arguments).returncode == 2
        return
    assert sentence in refused(tmp_path, "new", *arguments)
    assert list(tmp_path.iterdir()) == []
