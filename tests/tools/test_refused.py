"""What cannot be a tool is refused where it is decorated, in one sentence: where, whose, which, and what to do."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import IO, TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import Field

from bridge.errors import AgentError
from bridge.tools.base import Call, ToolResult
from bridge.tools.function import tool

if TYPE_CHECKING:
    from decimal import Decimal

Run = Callable[..., ToolResult]


class Order:
    """A class like any."""

    def status(self, number: str) -> str:
        """Say how it stands."""
        return f"{number} is on its way"

    @staticmethod
    def count() -> int:
        """Count."""
        return 3

    @classmethod
    def most(cls) -> int:
        """Most."""
        return 4


def a_socket(line: socket.socket) -> None:
    """S."""


def a_file(file: IO[str]) -> None:
    """F."""


def an_object(order: Order) -> None:
    """O."""


def a_lock_in_a_list(locks: list[threading.Lock]) -> None:  # type: ignore[valid-type,unused-ignore]
    """L."""


def a_function(then: Callable[[], int]) -> None:
    """T."""


def any_dict(options: dict[str, int]) -> None:
    """D."""


def no_hint(day) -> None:  # type: ignore[no-untyped-def]
    """U."""


def nowhere(when: str, day: Dya) -> None:  # type: ignore[name-defined]  # noqa: F821
    """U."""


def only_checked(price: Decimal) -> None:
    """P."""


def no_syntax(day: "str |") -> None:  # type: ignore[syntax]  # noqa: F722
    """S."""


def names(**days: str) -> None:
    """A."""


def two_calls(one: Call, text: str, two: Call | None = None) -> None:
    """T."""


def many_calls(*calls: Call) -> None:
    """M."""


def named_calls(**calls: Call) -> None:
    """M."""


def wrong_default(copies: int = "three") -> None:  # type: ignore[assignment]
    """W."""


def none_default(copies: int = None) -> None:  # type: ignore[assignment]  # noqa: RUF013
    """N."""


def default_beyond_the_limits(copies: Annotated[int, Field(ge=1)] = 0) -> None:
    """L."""


def default_in_a_field(copies: int = Field(default="x")) -> None:
    """F."""


def no_words(day: str) -> None:
    pass


def only_parameters(day: str) -> None:
    """
    Args:
        day: A day.
    """


def yields(day: str) -> Iterator[str]:
    """Y."""
    yield day


async def yields_later(day: str) -> AsyncIterator[str]:
    """Y."""
    yield day


REFUSED = [
    (a_socket, "parameter 'line' is a socket, which the model cannot be told", "use text, a number"),
    (a_file, "parameter 'file' is a typing.IO[str], which the model cannot be told", "use text, a number"),
    (an_object, "parameter 'order' is a Order, which the model cannot be told", "a dataclass or a pydantic model"),
    (a_lock_in_a_list, "parameter 'locks' is a list[", "use text, a number"),
    (a_function, "parameter 'then' is a collections.abc.Callable[[], int]", "use text, a number"),
    (any_dict, "parameter 'options' is a dict[str, int]", "use a dataclass, a TypedDict or a list"),
    (no_hint, "parameter 'day' has no type hint", "write one, as in `day: str`"),
    (nowhere, "the hint of parameter 'day' cannot be resolved (name 'Dya' is not defined)", "import or define it"),
    (only_checked, "the hint of parameter 'price' cannot be resolved", "outside of functions and `if TYPE_CHECKING:`"),
    (no_syntax, "the hint of parameter 'day' cannot be resolved", "import or define it"),
    (names, "**days: 'str' says none", "write them out, or take a dataclass"),
    (two_calls, "both 'one' and 'two' would be the running call", "keep one of them"),
    (many_calls, "there is one call, not many", "write `calls: Call` instead of *calls"),
    (named_calls, "there is one call, not many", "write `calls: Call` instead of **calls"),
    (wrong_default, "parameter 'copies' has the default 'three', not what int is", "mend one of them"),
    (none_default, "parameter 'copies' has the default None, not what int is", "write `| None` behind the hint"),
    (default_beyond_the_limits, "parameter 'copies' has the default 0, not what", "mend one of them"),
    (default_in_a_field, "parameter 'copies' has the default 'x', not what int is", "mend one of them"),
    (no_words, "the model is not told what it does", "write a docstring, or @tool(description=...)"),
    (only_parameters, "the model is not told what it does", "write a docstring, or @tool(description=...)"),
    (yields, "it yields, and a tool has one result", "return a list"),
    (yields_later, "it yields, and a tool has one result", "return a list"),
    (Order.status, "it is a method, and 'self' is missing", "give the bound one, as in tool(x.method)"),
]


@pytest.mark.parametrize(("function", "sentence", "todo"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_the_model_cannot_be_told_is_refused_with_its_place(
    function: Callable[..., Any], sentence: str, todo: str
) -> None:
    with pytest.raises(AgentError) as refusal:
        tool(function)
    said = str(refusal.value)
    assert said.startswith(f"{__file__}:{function.__code__.co_firstlineno}: tool '{function.__name__}': ")
    assert sentence in said and todo in said
    assert "\n" not in said and "pydantic-core" not in said and "arbitrary_types" not in said


def test_what_is_no_function_is_refused_where_it_was_to_become_a_tool() -> None:
    given: list[tuple[Any, str]] = [
        (Order, "Order is a class; write a def that makes one"),
        (len, "len is built in and has no type hints; write a def around it"),
        (print, "print is built in"),
        (max, "max is built in"),
        ("hours", "'hours' is none; write a def around it"),
        (None, "None is none; write a def around it"),
    ]
    for thing, sentence in given:
        with pytest.raises(AgentError) as refusal:
            tool()(thing)
        line = sys._getframe().f_lineno - 1
        assert str(refusal.value).startswith(f"{__file__}:{line}: @tool needs a function, and {sentence}")


def test_a_function_that_is_not_finished_is_refused_where_it_stands() -> None:
    for name, line in (("count", Order.count), ("most", Order.most.__func__)):
        with pytest.raises(AgentError, match=r"this is a (static|class)method; give the finished one") as refusal:
            tool(Order.__dict__[name])
        assert str(refusal.value).startswith(f"{__file__}:{line.__code__.co_firstlineno}: ")


def test_a_class_says_its_own_line() -> None:
    make: Any = tool
    with pytest.raises(AgentError, match=r"test_refused\.py:\d+: @tool needs a function, and Inner is a class"):

        @make
        class Inner:
            pass


def test_a_lambda_is_refused() -> None:
    with pytest.raises(AgentError, match=r"a lambda has no name .*; write a def with a docstring"):
        tool(lambda: "x")


def test_a_manner_that_makes_no_sense_has_its_place_too() -> None:
    told = {
        "a timeout of -1.0 s leaves no time": {"timeout": -1.0},
        "timeout is a number of seconds, not '4'": {"timeout": "4"},
        "speak_after is always, never or if_silent": {"speak_after": "sometimes"},
        "@tool takes no 'timout'; did you mean timeout": {"timout": 4},
        "@tool takes no 'colour'; there are approve, confirm, idempotent": {"colour": "red"},
    }
    for sentence, manner in told.items():
        more: Any = manner
        with pytest.raises(AgentError, match=rf"test_refused\.py:\d+: tool 'yields': {sentence}"):
            tool(**more)(yields)


@pytest.mark.parametrize("name", ["get hours", "\u00f6ffnen", "x" * 65, "a.b", "a\n"])
def test_names_the_api_refuses_are_refused_here(name: str) -> None:
    with pytest.raises(AgentError, match="letters, digits, '_' and '-'; give it another by"):
        tool(name=name)(a_good_one)


def a_good_one(day: str, hours: list[int] = [], *more: int, call: Annotated[Call, "it"] | None = None) -> str:  # noqa: B006
    """Say what came."""
    hours.append(1)
    return f"{day} {hours} {more} {call.id if call else None}"


def test_what_looks_bad_and_is_not(run: Run) -> None:
    """A mutable default is a new one each time; positions and stars arrive; the call may be optional."""
    good = tool(a_good_one)
    for _ in range(2):
        assert run(good, day="Monday").output == "Monday [1] () call_01"
    assert run(good, day="Monday", hours=[7], more=[1, 2]).output == "Monday [7, 1] (1, 2) call_01"
    assert not run(good, day="Monday", more=["x"]).ok
    assert a_good_one.__defaults__ == ([],)


def test_a_bound_method_is_a_tool(run: Run) -> None:
    assert run(tool(Order().status), number="42").output == "42 is on its way"
    assert run(tool(Order.count)).output == "3"


def test_words_of_the_decorator_stand_in_for_a_docstring() -> None:
    assert tool(description="Say how many.")(no_words).description == "Say how many."
