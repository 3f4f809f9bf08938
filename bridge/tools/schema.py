"""A function's signature as the model sees it (JSON schema) and as its arguments are checked (a pydantic model)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError

from bridge.errors import AgentError
from bridge.tools.base import Call, JSONSchema
from bridge.tools.docstring import read_docstring
from bridge.tools.strict import strict_schema

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNUSABLE = (PydanticUserError, NameError, TypeError, ValueError)
"""What pydantic and `strict_schema` raise for hints of which no schema can be made."""


@dataclass(frozen=True, slots=True)
class FunctionShape:
    """Everything about a function that its tool needs."""

    name: str
    description: str
    parameters: JSONSchema
    arguments: type[BaseModel]
    """Checks the model's arguments. Its fields are numbered, not named: `json` and `copy` are fine parameter names,
    but not fine field names. The aliases are the parameters' names."""
    signature: inspect.Signature
    call_parameter: str
    """Which parameter gets the `Call`; empty when none does."""

    def bind(self, arguments: BaseModel, call: Call) -> tuple[list[object], dict[str, object]]:
        """Checked arguments as `(args, kwargs)` for the function."""
        values = {info.alias: getattr(arguments, field) for field, info in type(arguments).model_fields.items()}
        positional: list[object] = []
        named: dict[str, object] = {}
        for name, parameter in self.signature.parameters.items():
            value = call if name == self.call_parameter else values[name]
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[name] = value
            else:
                positional.append(value)
        return positional, named


def read_function(function: Callable[..., object], name: str = "", description: str = "") -> FunctionShape:
    """Read a function: name, docstring, type hints, defaults.

    Raises AgentError, naming file and line, for what the model could not be told: a parameter without a type hint or
    with one that has no JSON schema, `*args`, `**kwargs`, a name the API would refuse.
    """
    name = name or getattr(function, "__name__", "")
    where = f"{place_of(function)}: tool {name!r}"
    if not _NAME.fullmatch(name):
        raise AgentError(f"{where}: a tool's name has 1 to 64 letters, digits, '_' and '-'")
    words = read_docstring(function)
    signature = inspect.signature(function)
    hints = _hints(function, where)
    call_parameter = ""
    fields: dict[str, Any] = {}
    for number, (parameter_name, parameter) in enumerate(signature.parameters.items()):
        hint = hints.get(parameter_name, parameter.empty)
        if hint is Call and not call_parameter:
            call_parameter = parameter_name
            continue
        _check_parameter(parameter, hint, where)
        said = words.parameters.get(parameter_name) or _words_beside(hint)
        # A description of None would wipe out the one in `Annotated[str, Field(description=...)]`.
        field = Field(alias=parameter_name, description=said) if said else Field(alias=parameter_name)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"argument_{number}"] = (Annotated[hint, field], default)
    arguments, parameters = _model(name, fields, where)
    return FunctionShape(name, description or words.description, parameters, arguments, signature, call_parameter)


def _model(name: str, fields: dict[str, Any], where: str) -> tuple[type[BaseModel], JSONSchema]:
    try:
        # Models write an order number as 4271 where the schema says text: that is no reason to fail.
        config = ConfigDict(coerce_numbers_to_str=True)
        model = create_model(f"{name}_args", __config__=config, **fields)
        return model, strict_schema(cast("JSONSchema", model.model_json_schema()))
    except _UNUSABLE as error:
        raise AgentError(f"{where}: {_blame(fields) or _first_line(error)}") from error


def _blame(fields: dict[str, Any]) -> str:
    """Which parameter has no schema, and why."""
    for hint, default in fields.values():
        try:
            alone = create_model("alone", field=(hint, default))
            strict_schema(cast("JSONSchema", alone.model_json_schema()))
        except _UNUSABLE as error:
            kind, name = get_args(hint)[0], get_args(hint)[-1].alias
            shown = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
            return f"parameter {name!r} is a {shown}, which the model cannot be told ({_first_line(error)})"
    return ""


def _hints(function: Callable[..., object], where: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise AgentError(f"{where}: its type hints cannot be resolved ({_first_line(error)})") from error


def _check_parameter(parameter: inspect.Parameter, hint: object, where: str) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise AgentError(f"{where}: the model must be told each parameter by name; {parameter} says none")
    if hint is parameter.empty:
        raise AgentError(f"{where}: parameter {parameter.name!r} has no type hint")


def _words_beside(hint: object) -> str:
    """The text in `Annotated[str, "text"]`."""
    if get_origin(hint) is not Annotated:
        return ""
    return next((item for item in get_args(hint)[1:] if isinstance(item, str)), "")


def place_of(function: Callable[..., object]) -> str:
    """File and line of a function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
