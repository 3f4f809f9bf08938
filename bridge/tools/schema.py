"""A function's signature as the model sees it (JSON schema) and as its arguments are checked (a pydantic model)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError

from bridge.errors import AgentError
from bridge.tools.base import Call, JSONSchema
from bridge.tools.callables import checked_name, place_of
from bridge.tools.docstring import read_docstring
from bridge.tools.hints import check_default, check_parameter, first_line, is_call, resolve_hints, shown, words_beside
from bridge.tools.strict import strict_schema

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
        positional: list[object] = []
        named: dict[str, object] = {}
        for number, (name, parameter) in enumerate(self.signature.parameters.items()):
            value = call if name == self.call_parameter else getattr(arguments, _field(number))
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional.extend(cast("list[object]", value))
            elif parameter.kind is parameter.KEYWORD_ONLY:
                named[name] = value
            else:
                positional.append(value)
        return positional, named


def read_function(function: Callable[..., object], name: str = "", description: str = "") -> FunctionShape:
    """Read a function: name, docstring, type hints, defaults.

    Raises AgentError, naming file, line, function, parameter and what to do, for what the model could not be told: no
    docstring, a parameter without a type hint or with one that has no JSON schema, `**kwargs`, a default that does not
    fit, a name the API would refuse.
    """
    name = checked_name(function, name)
    where = f"{place_of(function)}: tool {name!r}"
    words = read_docstring(function)
    description = description or words.description
    if not description.strip():
        raise AgentError(f"{where}: the model is not told what it does; write a docstring, or @tool(description=...)")
    signature = inspect.signature(function)
    hints = resolve_hints(function, where)
    call_parameter = ""
    fields: dict[str, Any] = {}
    for number, (parameter_name, parameter) in enumerate(signature.parameters.items()):
        hint = hints.get(parameter_name, parameter.empty)
        if is_call(hint):
            _check_call(parameter, call_parameter, where)
            call_parameter = parameter_name
            continue
        check_parameter(parameter, hint, where)
        said = words.parameters.get(parameter_name) or words_beside(hint)
        # A description of None would wipe out the one in `Annotated[str, Field(description=...)]`.
        field = Field(alias=parameter_name, description=said) if said else Field(alias=parameter_name)
        default = ... if parameter.default is parameter.empty else parameter.default
        if parameter.kind is parameter.VAR_POSITIONAL:
            # As the OpenAI Agents SDK does; `list[hint]` would be read as a type by those who check types.
            hint, default = list.__class_getitem__(hint), Field(default_factory=list)
        fields[_field(number)] = (Annotated[hint, field], default)
    arguments, parameters = _model(name, fields, where)
    for parameter_name, parameter in signature.parameters.items():
        if parameter_name != call_parameter:
            check_default(parameter, hints[parameter_name], where)
    return FunctionShape(name, description, parameters, arguments, signature, call_parameter)


def _field(number: int) -> str:
    return f"argument_{number}"


def _check_call(parameter: inspect.Parameter, already: str, where: str) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise AgentError(f"{where}: there is one call, not many; write `{parameter.name}: Call` instead of {parameter}")
    if already:
        raise AgentError(
            f"{where}: both {already!r} and {parameter.name!r} would be the running call; keep one of them"
        )


def _model(name: str, fields: dict[str, Any], where: str) -> tuple[type[BaseModel], JSONSchema]:
    try:
        # Models write an order number as 4271 where the schema says text: that is no reason to fail.
        config = ConfigDict(coerce_numbers_to_str=True)
        model = create_model(f"{name}_args", __config__=config, **fields)
        return model, strict_schema(cast("JSONSchema", model.model_json_schema()))
    except _UNUSABLE as error:
        raise AgentError(f"{where}: {_blame(fields) or first_line(error)}") from error


def _blame(fields: dict[str, Any]) -> str:
    """Which parameter has no schema, why, and what to write instead."""
    for hint, default in fields.values():
        try:
            alone = create_model("alone", field=(hint, default))
            strict_schema(cast("JSONSchema", alone.model_json_schema()))
        except _UNUSABLE as error:
            kind, name = get_args(hint)[0], get_args(hint)[-1].alias
            why = f"({first_line(error)})"
            if isinstance(error, PydanticSchemaGenerationError | PydanticInvalidForJsonSchema):
                # pydantic's own advice is about its models, and no help here.
                why = "(a model writes JSON); use text, a number, an enum, a list, a dataclass or a pydantic model"
            return f"parameter {name!r} is a {shown(kind)}, which the model cannot be told {why}"
    return ""
