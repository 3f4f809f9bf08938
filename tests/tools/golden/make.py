"""Make golden/schemas.json anew: what OpenAI's Agents SDK tells a model about the functions in shapes.py.

Run by hand, never by the tests, in an environment of its own that has the SDK beside what this package needs:

    python3 -m venv /tmp/venv-agents && /tmp/venv-agents/bin/pip install openai-agents -e .
    /tmp/venv-agents/bin/python tests/tools/golden/make.py           # shows what would change and where we differ
    /tmp/venv-agents/bin/python tests/tools/golden/make.py --write   # and writes the file

A shape that the SDK accepts stands there in its words (`agents.function_tool`, strict; a `Call` in front is its
`RunContextWrapper`, a `Call` elsewhere, which it has no word for, is left out). One that it refuses stands in ours, or
as refused by both, with the SDK's reason in `note`. `OURS` are the shapes that it accepts and that we tell otherwise on
purpose, with the reason.
"""

from __future__ import annotations

import difflib
import inspect
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

import agents  # noqa: E402
import shapes  # noqa: E402
import shapes_later  # noqa: E402

from bridge.errors import AgentError  # noqa: E402
from bridge.tools.base import Call  # noqa: E402
from bridge.tools.function import tool  # noqa: E402

FILE = HERE / "schemas.json"
OURS: dict[str, str] = {}
"""Shape -> why ours is better."""

Told = dict[str, Any]


def main() -> None:
    """Make, show the differences, and write if asked to."""
    made = {name: entry(name, function) for name, function in functions().items()}
    text = json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    had = FILE.read_text("utf-8") if FILE.exists() else ""
    show("schemas.json", had, text)
    for name, function in functions().items():
        show(f"{name}: ours", dump(without_note(made[name])), dump(ours(function)))
    if "--write" in sys.argv:
        FILE.write_text(text, "utf-8")


def functions() -> dict[str, Callable[..., Any]]:
    """Every shape by name."""
    found = {}
    for module in (shapes, shapes_later):
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and name != "noted":
                found[name] = function
    return found


def entry(name: str, function: Callable[..., Any]) -> Told:
    """What stands in the file about one shape."""
    if name in OURS:
        return ours(function) | {"note": OURS[name]}
    try:
        return theirs(function)
    except Exception as error:  # whatever it refuses with, that is what we want to know
        reason = str(error).strip().split("\n", 1)[0]
        return ours(function) | {"note": f"openai-agents refuses: {type(error).__name__}: {reason}"}


def ours(function: Callable[..., Any]) -> Told:
    """Our words; `refused` when we have none."""
    try:
        told = tool(function)
    except AgentError as error:
        return {"refused": str(error).split(": ", 2)[2]}
    return {"name": told.name, "description": told.description, "parameters": told.parameters}


def theirs(function: Callable[..., Any]) -> Told:
    """The SDK's words."""
    told = agents.function_tool(as_theirs(function))
    return {"name": told.name, "description": told.description, "parameters": told.params_json_schema}


def as_theirs(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the SDK's context in place of our call."""
    hints = inspect.get_annotations(inspect.unwrap(function), eval_str=True)
    calls = [name for name, hint in hints.items() if hint is Call]
    if not calls:
        return function
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__doc__, copy.__module__ = function.__doc__, function.__module__
    parameters = []
    for number, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        hint = agents.RunContextWrapper[Any] if name in calls else hints[name]
        if name not in calls or number == 0:
            parameters.append(parameter.replace(annotation=hint))
    copy.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    copy.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return copy


def without_note(told: Told) -> Told:
    """What the model sees."""
    return {key: value for key, value in told.items() if key != "note"}


def dump(told: Told) -> str:
    """For the eye; the order of keys says nothing."""
    return json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True)


def show(title: str, had: str, now: str) -> None:
    """A difference, if there is one."""
    lines = list(difflib.unified_diff(had.splitlines(), now.splitlines(), "golden", title, lineterm="", n=2))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
