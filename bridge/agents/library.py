"""Finds the agent that a setting or a command names: ours, one in a module, or one in a file."""

from __future__ import annotations

from pathlib import Path

from bridge.agents.agent import Agent
from bridge.agents.document import ENDINGS
from bridge.agents.file import load_agent_file
from bridge.agents.loading import load_file, load_module, pick_agent, split_spec
from bridge.agents.team import Routing
from bridge.errors import AgentError

_LONGEST_NAME, _LONGEST = 255, 4000
"""Bytes of a file's name, and characters of a path: for a longer one the system has an error and no answer."""


def load_agent(spec: str) -> Agent | Routing:
    """The agent (or the routing between agents) that `spec` names.

    Raises AgentError, one sentence with file and line where there is one.

    "" is the bundled reception, else `module:attr`, `path/to/file.py`, `file.py:attr` or `path/to/agent.toml` (.yaml).
    Modules are looked for in the current folder too. Without `:attr`, `agent` and `app` are tried.
    """
    spec = spec.strip()
    if not spec:
        from bridge.agents.examples.reception import agent

        return agent
    if any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in spec.split("/")) or len(spec) > _LONGEST:
        raise AgentError(f"{spec[:40]!r}... is too long for the name of an agent")
    if spec.endswith(ENDINGS):
        return load_agent_file(Path(spec))
    if Path(spec).is_file() and not spec.endswith(".py"):
        raise AgentError(f"{spec} is no agent file; those end in .py, {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    source, attribute = split_spec(spec)
    module = load_file(Path(source)) if source.endswith(".py") else load_module(source)
    return pick_agent(module, attribute, source)
