"""Values of a file against the fields of a dataclass: their names, and whether they are of the right kind."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_KINDS: dict[object, tuple[type | tuple[type, ...], str]] = {
    str: (str, "text"),
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
}


def hints(cls: type) -> dict[str, Any]:
    """The fields of a dataclass that can be given, with their kinds."""
    known = get_type_hints(cls)
    return {field.name: known[field.name] for field in fields(cls) if field.init}


def needed(cls: type) -> list[str]:
    """The fields that have no default."""
    return [one.name for one in fields(cls) if one.init and one.default is MISSING and one.default_factory is MISSING]


def is_plain(hint: object) -> bool:
    """Can a value of this kind stand in a file as it is?"""
    if get_origin(hint) in (Union, types.UnionType):
        return all(is_plain(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Sequence:
        return get_args(hint) == (str,)
    return hint in _KINDS or get_origin(hint) is Literal


def mismatch(value: object, hint: object) -> str:
    """What a value should have been, such as `a number`; empty when it fits. Only for plain kinds."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [part for part in get_args(hint) if part is not type(None)]
        wrong = [mismatch(value, part) for part in kinds]
        return "" if value is None or not all(wrong) else " or ".join(wrong)
    if get_origin(hint) is Sequence:
        fits = isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        return "" if fits else "a list of texts"
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return "" if value in choices else " or ".join(repr(one) for one in choices)
    kind, said = _KINDS[hint]
    fits = isinstance(value, kind) and (hint is bool or not isinstance(value, bool))
    return "" if fits else said


def takes(function: Callable[..., object], count: int) -> bool:
    """Can it be called with so many values? Yes where Python cannot tell."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # some that are written in C have no signature
        return True
    return True


def shown(value: object) -> str:
    """A wrong value in a sentence: short, and of a table or list only that it is one."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
