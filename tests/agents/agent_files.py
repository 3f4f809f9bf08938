"""Agent files for tests: written into a folder, with the wrong line marked `# <-` so that no test counts lines."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

TOOLS = '''
from bridge import Call, tool
from pydantic import BaseModel

class Booking(BaseModel):
    day: str | None

@tool
def opening_hours(day: str) -> str:
    """Say when we are open.

    Args:
        day: A day.
    """
    return "nine to six"

class Wordless:
    name, description, parameters, manner, run, definition = "wordless", "", {}, None, None, None

wordless = Wordless()

def plain() -> str:
    """No tool."""
    return ""

async def prepare(call: Call) -> dict[str, str]:
    return {"caller": "Ada"}

def check(text: str, call: Call) -> bool:
    return "secret" in text

def note(call: Call, fact: object) -> None: ...
def takes_one(call: Call) -> None: ...

number = 7
'''


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def marked(path: Path) -> int:
    """The line that holds `# <-`."""
    [line] = [number for number, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "# <-" in text]
    return line
