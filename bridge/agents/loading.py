"""Runs users' Python: a module or a file, of which something with a name is wanted (an agent, a tool, a check).

Whatever goes wrong there is told in one sentence with the place, because the person who reads it has just edited that
file.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from bridge.agents.agent import Agent
from bridge.agents.team import Routing
from bridge.errors import AgentError

_USUAL_NAMES = ("agent", "app")
HAS_PLACE = re.compile(r"([^\n]+):(\d+): ")
"""How a sentence begins that says file and line."""


def split_spec(spec: str) -> tuple[str, str]:
    """`file.py:attr` or `module:attr` as (source, attr); attr is empty when none is named. Raises AgentError."""
    file, ending, attribute = spec.partition(".py:")
    if ending:
        return f"{file}.py", attribute
    if spec.endswith(".py"):
        return spec, ""
    module, _, attribute = spec.partition(":")
    if not all(part.isidentifier() for part in module.split(".")):
        raise AgentError(f"{spec!r} names no agent; write module:name or path/to/file.py")
    return module, attribute


def load_file(path: Path) -> ModuleType:
    """The module a file makes, run anew each time. Raises AgentError."""
    if not path.is_file():
        beside = [str(path.with_name(other.name)) for other in path.parent.glob("*.py")]
        raise AgentError(f"there is no file {path}{did_you_mean(str(path), beside)}")
    importable(path.parent)
    spec = importlib.util.spec_from_file_location(f"callbridge_agent_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise AgentError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pydantic look a class's module up by name while it is being run.
    sys.modules[spec.name] = module
    loader = spec.loader
    _run(lambda: loader.exec_module(module), str(path))
    return module


def load_module(name: str) -> ModuleType:
    """A module by its name, also one of the current folder. Raises AgentError."""
    importable(Path.cwd())
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        # One of `name`'s own packages is missing (or is no package), or something else that one of them imports?
        if not f"{name}.".startswith(f"{error.name}."):
            raise _explained(error, name) from error
        found = None
    except (Exception, SystemExit) as error:  # the boundary to users' code: a package above it is run already
        raise _explained(error, name) from error
    if found is None:
        here = [path.stem for path in Path.cwd().glob("*.py")]
        raise AgentError(f"there is no module {name!r} in {Path.cwd()} or installed{did_you_mean(name, here)}")
    module: list[ModuleType] = []
    _run(lambda: module.append(importlib.import_module(name)), found.origin or name)
    return module[0]


def importable(folder: Path) -> None:
    """Let what lies in a folder be imported."""
    # As `python file.py` would do: what lies beside the agent may be imported by it.
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))


def _run(load: Callable[[], None], source: str) -> None:
    try:
        load()
    except (Exception, SystemExit) as error:  # the boundary to users' code: it may raise anything
        raise _explained(error, source) from error


def _explained(error: BaseException, source: str) -> AgentError:
    if isinstance(error, SyntaxError):
        return AgentError(f"{error.filename or source}:{error.lineno or 1}: {error.msg}")
    if isinstance(error, AgentError):
        told = str(error)
        return error if HAS_PLACE.match(told) else AgentError(f"{_place(error, source)}: {told}")
    said = " ".join(str(error).split())
    return AgentError(f"{_place(error, source)}: {type(error).__name__}{f': {said}' if said else ''}")


def _place(error: BaseException, source: str) -> str:
    """Where in the user's own files it happened: not in ours, nor in Python's or in an installed package."""
    ours = str(Path(__file__).resolve().parents[1])
    foreign = (ours, *(sysconfig.get_path(part) for part in ("stdlib", "platstdlib", "purelib", "platlib")))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(("<", *foreign)):
            return f"{frame.filename}:{frame.lineno}"
    return source


def pick_agent(module: ModuleType, attribute: str, source: str) -> Agent | Routing:
    """The agent of that name in a module; `agent` or `app` when none is named. Raises AgentError."""
    agents = [name for name, value in vars(module).items() if isinstance(value, Agent)]
    if not attribute:
        attribute = next((name for name in _USUAL_NAMES if hasattr(module, name)), "")
        if not attribute:
            hint = f"; it has {', '.join(f'{source}:{name}' for name in agents)}" if agents else ""
            raise AgentError(f"{source} has no 'agent' (and no 'app'){hint}")
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise AgentError(
            f"{source} has no {attribute!r}{did_you_mean(attribute, agents) or did_you_mean(attribute, public)}"
        )
    found = getattr(module, attribute)
    if not isinstance(found, Agent | Routing):
        hint = f"; did you mean {source}:{agents[0]}?" if agents else ""
        raise AgentError(f"{source}:{attribute} is a {type(found).__name__} and not an Agent{hint}")
    return found


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The end of a sentence about a name that there is not; empty when nothing is like it."""
    close = difflib.get_close_matches(name, list(candidates), 1)
    return f"; did you mean {close[0]}?" if close else ""
