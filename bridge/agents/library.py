"""Finds the agent that a setting or a command names: ours, one in a module, or one in a file."""

from __future__ import annotations

from pathlib import Path

from bridge.agents.agent import Agent
from bridge.agents.document import ENDINGS
from bridge.agents.file import load_agent_file
from bridge.agents.loading import load_file, load_module, pick_agent, split_spec
from bridge.agents.team import Routing
from bridge.errors import AgentError


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
    if spec.endswith(ENDINGS):
        return load_agent_file(Path(spec))
    if Path(spec).is_file() and not spec.endswith(".py"):
        raise AgentError(f"{spec} is no agent file; those end in .py, {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    source, attribute = split_spec(spec)
    module = load_file(Path(source)) if source.endswith(".py") else load_module(source)
    return pick_agent(module, attribute, source)
