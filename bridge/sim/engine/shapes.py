"""Shapes of JSON: small checks that are put together into the shape of a session, an item or an event.

A check is called with a value and the path under which the client knows it (`session.audio.input.format`); it returns
when the value is fine and raises a `Complaint` naming the path when it is not. Like OpenAI's server, and unlike most
clients, an unknown key is a mistake: one beta field in a GA session refuses the whole update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.sim.engine.complaints import invalid_type, invalid_value, missing_parameter, out_of_range, unknown_parameter

Check = Callable[[Any, str], None]


def anything(value: Any, path: str) -> None:
    """No rule."""


def flag(value: Any, path: str) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise invalid_type(path, "a boolean", value)


def json_object(value: Any, path: str) -> None:
    """An object with keys of its own, such as a JSON schema."""
    if not isinstance(value, dict):
        raise invalid_type(path, "an object", value)


def text(value: Any, path: str) -> None:
    """A string of any length."""
    if not isinstance(value, str):
        raise invalid_type(path, "a string", value)


def short_text(most: int) -> Check:
    """A string of at most `most` characters."""

    def check(value: Any, path: str) -> None:
        text(value, path)
        if len(value) > most:
            raise out_of_range(path, f"one of length {len(value)}", f"a string with maximum length {most}")

    return check


def number(low: float, high: float, *, whole: bool = False) -> Check:
    """A number (a whole one) between two bounds, both included."""

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise invalid_type(path, "an integer" if whole else "a decimal", value)
        if not low <= value <= high:
            raise out_of_range(path, value, f"a value from {low:g} to {high:g}")

    return check


def one_of(*supported: str) -> Check:
    """One of these strings."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise invalid_type(path, "a string", value)
        if value not in supported:
            raise invalid_value(path, value, supported)

    return check


def nullable(inner: Check) -> Check:
    """null, or what `inner` takes."""
    return lambda value, path: None if value is None else inner(value, path)


def list_of(inner: Check, *, least: int = 0, most: int = 1000) -> Check:
    """An array whose elements `inner` takes."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise invalid_type(path, "an array", value)
        if not least <= len(value) <= most:
            raise out_of_range(path, f"{len(value)} elements", f"{least} to {most} elements")
        for place, element in enumerate(value):
            inner(element, f"{path}[{place}]")

    return check


def table_of(inner: Check) -> Check:
    """An object with keys of its own, whose values `inner` takes."""

    def check(value: Any, path: str) -> None:
        json_object(value, path)
        for key, element in value.items():
            inner(element, _join(path, key))

    return check


def either(strings: Check, objects: Check) -> Check:
    """A string that the first takes, or else what the second takes."""
    return lambda value, path: (strings if isinstance(value, str) else objects)(value, path)


def fields(known: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    """An object with these keys and no others."""

    def check(value: Any, path: str) -> None:
        json_object(value, path)
        for key, inner in value.items():
            if key not in known:
                raise unknown_parameter(_join(path, key))
            known[key](inner, _join(path, key))
        for key in required:
            if key not in value:
                raise missing_parameter(_join(path, key))

    return check


def tagged(key: str, kinds: Mapping[str, Check]) -> Check:
    """An object whose shape depends on the string under `key`."""

    def check(value: Any, path: str) -> None:
        json_object(value, path)
        if key not in value:
            raise missing_parameter(_join(path, key))
        one_of(*kinds)(value[key], _join(path, key))
        kinds[value[key]](value, path)

    return check


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
