"""Which Python things can be tools, and where they stand in the source.

A function can, and so can a method that is bound to its object. What cannot is told so where it is decorated, because
the other place to learn of it is a call.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.errors import AgentError

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ROOM = str(Path(__file__).parent)


def checked_name(function: Callable[..., object], name: str = "") -> str:
    """The tool's name, once it is clear that `function` can be one. Raises AgentError, with its place."""
    told = name or getattr(function, "__name__", "")
    where = f"{place_of(function)}: tool {told!r}"
    wrong = _wrong_kind(function)
    if wrong:
        raise AgentError(f"{place_of(function)}: @tool needs a function, and {wrong}")
    if told == "<lambda>":
        raise AgentError(f"{where}: a lambda has no name and no words for the model; write a def with a docstring")
    if not _NAME.fullmatch(told):
        raise AgentError(
            f"{where}: a tool's name has 1 to 64 letters, digits, '_' and '-'; give it another by @tool(name=...)"
        )
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise AgentError(f"{where}: it yields, and a tool has one result; return a list, or one text")
    return told


def place_of(thing: object) -> str:
    """File and line of a function; of what has none, the line that wants to make it a tool."""
    inner: Any = thing
    code = getattr(inspect.unwrap(inner), "__code__", None)  # a classmethod is not callable, and has one all the same
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ROOM):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _wrong_kind(thing: object) -> str:
    if isinstance(thing, type):
        return f"{thing.__name__} is a class; write a def that makes one and returns what the model shall read"
    if isinstance(thing, staticmethod | classmethod):
        return f"this is a {type(thing).__name__}; give the finished one, as in tool(Class.method)"
    if inspect.isbuiltin(thing):
        return f"{thing.__name__} is built in and has no type hints; write a def around it"
    if not inspect.isroutine(thing):
        return f"{thing!r} is none; write a def around it"
    return ""
