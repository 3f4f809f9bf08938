"""`@tool`: a Python function that the model may call.

    @tool
    def opening_hours(day: str) -> str:
        \"\"\"Say when the shop is open.

        Args:
            day: A day of the week.
        \"\"\"

The schema comes from the signature and the docstring. A parameter annotated `Call` gets the running call, and the
model is not told of it. `async` functions run on the event loop, plain ones in a thread, so that neither a slow disk
nor a database driver holds up the sound of other calls. A thread cannot be stopped: after a time-out the function
runs on to its end, and nobody hears its result.
"""

from __future__ import annotations

import asyncio
import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from pydantic import ValidationError

from bridge.errors import AgentError
from bridge.tools.base import (
    DEFAULT_TIMEOUT_S,
    Call,
    JSONSchema,
    Manner,
    SpeakAfter,
    ToolResult,
    Wait,
    definition_of,
)
from bridge.tools.callables import place_of
from bridge.tools.schema import read_function
from bridge.tools.threads import CallFromThread, in_thread

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_MOST_PROBLEMS = 5
_MANNER = frozenset(one.name for one in fields(Manner)) - {"timeout_s"} | {"timeout"}
"""What `@tool` takes besides name and description."""


class FunctionTool(Generic[P, R]):
    """A function with what the model has to know about it. Called plainly, it is still the function."""

    def __init__(
        self, function: Callable[P, R], *, name: str = "", description: str = "", manner: Manner | None = None
    ) -> None:
        self._function = function
        self._shape = read_function(function, name, description)
        self.manner = manner or Manner()
        """See `Tool.manner`."""
        self.__doc__ = function.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    @property
    def name(self) -> str:
        """What the model calls it by."""
        return self._shape.name

    @property
    def description(self) -> str:
        """The docstring's first text, or what `@tool(description=...)` says."""
        return self._shape.description

    @property
    def parameters(self) -> JSONSchema:
        """JSON schema of the arguments, in strict form."""
        return self._shape.parameters

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it."""
        return definition_of(self)

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Check the arguments and call the function.

        Arguments that do not fit give a result that tells the model what to mend. What the function raises comes out.
        """
        try:
            checked = self._shape.arguments.model_validate_json(arguments.strip() or "{}")
        except ValidationError as error:
            return ToolResult.failure(f"{self.name} was not run: {_problems(error)}. Call it again with this mended.")
        if inspect.iscoroutinefunction(self._function):
            args, kwargs = self._shape.bind(checked, call)
            value = await cast("Callable[..., Awaitable[object]]", self._function)(*args, **kwargs)
        else:
            args, kwargs = self._shape.bind(checked, CallFromThread(call, asyncio.get_running_loop()))
            value = await in_thread(cast("Callable[..., object]", self._function), *args, **kwargs)
            if inspect.isawaitable(value):  # an async function under a plain decorator
                value = await value
        try:
            return ToolResult.of(value)
        except TypeError:
            # It has had its effect: "failed" would make the model do it again.
            log.exception("a tool's result cannot be written", extra={"tool": self.name, "call_id": call.id})
            said = (
                f"{self.name} was run, but its result cannot be read. Do not call it again, and do not guess: say so."
            )
            return ToolResult.failure(said)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    name: str = "",
    description: str = "",
    timeout: float = DEFAULT_TIMEOUT_S,
    say: str = "",
    speak_after: SpeakAfter = "always",
    confirm: str = "",
    approve: bool = False,
    wait: Wait = "tone",
    interruptible: bool = True,
    idempotent: bool = False,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[P, R] | None = None, /, *, name: str = "", description: str = "", **manner: Any
) -> FunctionTool[P, R] | Callable[[Callable[P, R]], FunctionTool[P, R]]:
    """Make a function a tool: `@tool`, or `@tool(timeout=4, say="One moment, please.")`.

    Args:
        function: The function; async, or plain (then it runs in a thread).
        name: What the model calls it by, if not by the function's name.
        description: What the model is told of it, if not the docstring's first text.
        manner: `timeout` in seconds, and the other fields of `Manner` (`say`, `speak_after`, `confirm`, `approve`,
            `wait`, `interruptible`, `idempotent`).

    Raises AgentError, naming file and line, when the model could not be told how to call it.
    """
    if function is not None:
        return FunctionTool(function)

    def decorate(inner: Callable[P, R]) -> FunctionTool[P, R]:
        try:
            how = _manner(manner)
        except (AgentError, TypeError) as error:
            raise AgentError(
                f"{place_of(inner)}: tool {name or getattr(inner, '__name__', inner)!r}: {error}"
            ) from None
        return FunctionTool(inner, name=name, description=description, manner=how)

    return decorate


def _manner(given: Mapping[str, Any]) -> Manner:
    for unknown in given.keys() - _MANNER:
        near = difflib.get_close_matches(unknown, _MANNER, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_MANNER))}"
        raise AgentError(f"@tool takes no {unknown!r}; {hint}")
    return Manner(**{"timeout_s" if name == "timeout" else name: value for name, value in given.items()})


def _problems(error: ValidationError) -> str:
    # Without the input: it may be a card number, and the model knows what it wrote.
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in found[:_MOST_PROBLEMS]]
    return "; ".join(told)
