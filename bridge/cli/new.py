"""`callbridge new`: a folder with an agent, a test that calls it, and ten lines on what to do. Overwrites nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from bridge.errors import UsageError

TEMPLATES = Path(__file__).with_name("templates")
_PLACEHOLDER = "template-name"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


def template_names() -> list[str]:
    """The templates there are."""
    return sorted(folder.name for folder in TEMPLATES.iterdir() if (folder / "README.md").is_file())


def new(name: str, template: str) -> None:
    """Make the folder `name`. Raises UsageError, and has written nothing, when it cannot be made as asked."""
    if template not in template_names():
        raise UsageError(f"--template {template!r}: there are {', '.join(template_names())}")
    folder = Path(name)
    if not _NAME.fullmatch(folder.name):
        raise UsageError(f"{name!r} cannot be an agent's name: use letters (a to z), digits, '-', '_', '.' and blanks")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty; nothing was written")
    files = _files(template, folder.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            # "x": should it have appeared in the meantime, it is not ours to write over.
            with (folder / file).open("x", encoding="utf-8", newline="\n") as out:
                out.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written ({error.strerror})") from None
    _tell(folder, list(files))


def _files(template: str, name: str) -> dict[str, str]:
    sources = sorted(path for path in (TEMPLATES / template).iterdir() if path.is_file())
    return {path.name: path.read_text(encoding="utf-8").replace(_PLACEHOLDER, name) for path in sources}


def _tell(folder: Path, files: list[str]) -> None:
    agent = next(file for file in files if file.startswith("agent."))
    print(f"made {folder}: {', '.join(files)}")
    file = shlex.quote(str(folder / agent))
    print(f"look at it    callbridge agents check {file}")
    print(f"call it       pytest {shlex.quote(str(folder))}")
    print(f"put it online callbridge serve {file}")
