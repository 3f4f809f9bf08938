"""A function's type hints, resolved and checked one by one, so that each complaint names its parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bridge.errors import AgentError
from bridge.tools.base import Call


def resolve_hints(function: Callable[..., object], where: str) -> dict[str, Any]:
    """Every parameter's hint. Raises AgentError when a name in one of them is nowhere to be found."""
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        names = [name for name in inspect.signature(function).parameters if not _resolves(function, name)]
        whose = f"the hint of parameter {names[0]!r}" if names else "a type hint"
        todo = "import or define it in this module, outside of functions and `if TYPE_CHECKING:`"
        raise AgentError(f"{where}: {whose} cannot be resolved ({first_line(error)}); {todo}") from error


def _resolves(function: Callable[..., object], name: str) -> bool:
    inner = inspect.unwrap(function)
    hints: dict[str, Any] = getattr(inner, "__annotations__", {})
    if name not in hints:
        return True
    # As the only hint of a function in the same place.
    stand_in = type("stand_in", (), {"__annotations__": {name: hints[name]}, "__module__": inner.__module__})
    try:
        get_type_hints(stand_in, getattr(inner, "__globals__", {}), include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError):
        return False
    return True


def is_call(hint: object) -> bool:
    """Does this parameter get the running call? `Call`, also optional, also with words beside it."""
    if get_origin(hint) is Annotated:
        return is_call(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return all(kind is NoneType or is_call(kind) for kind in get_args(hint))
    return hint is Call


def check_parameter(parameter: inspect.Parameter, hint: object, where: str) -> None:
    """Raises AgentError for a parameter that the model could not be told of."""
    name = parameter.name
    if parameter.kind is parameter.VAR_KEYWORD:
        raise AgentError(
            f"{where}: the model must be told each parameter by name, and {parameter} says none; write them out, or "
            "take a dataclass"
        )
    if hint is parameter.empty:
        if name in ("self", "cls"):
            raise AgentError(
                f"{where}: it is a method, and {name!r} is missing; give the bound one, as in tool(x.method)"
            )
        raise AgentError(f"{where}: parameter {name!r} has no type hint; write one, as in `{name}: str`")


def check_default(parameter: inspect.Parameter, hint: Any, where: str) -> None:
    """Raises AgentError for a default that is not what its hint says: the model would be told both."""
    default = parameter.default
    if isinstance(default, FieldInfo):
        default = default.default
    if default is parameter.empty or default is PydanticUndefined or default is ...:
        return
    try:
        fits = TypeAdapter(hint).validate_python(default) == default
    except ValidationError:
        fits = False
    if not fits:
        todo = "write `| None` behind the hint" if default is None else "mend one of them"
        raise AgentError(
            f"{where}: parameter {parameter.name!r} has the default {default!r}, not what {shown(hint)} is; {todo}"
        )


def words_beside(hint: object) -> str:
    """The text in `Annotated[str, "text"]`."""
    if get_origin(hint) is not Annotated:
        return ""
    return next((item for item in get_args(hint)[1:] if isinstance(item, str)), "")


def shown(hint: object) -> str:
    """A hint as people write it."""
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def first_line(error: BaseException) -> str:
    """An error's first sentence, without its full stop."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")
