"""The parts of an agent file that are more than a value: guardrails, hours, transfer numbers, variables, functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.agents.agent import HOOKS, Agent, Hook
from bridge.agents.analysis import Analysis
from bridge.agents.fields import hints, shown
from bridge.agents.guardrails import Check, Guardrail, forbidden, matching
from bridge.agents.hours import DAYS, OpeningHours
from bridge.agents.loading import did_you_mean
from bridge.agents.reader import Reader
from bridge.errors import AgentError

MENU_KEYS = tuple("0123456789*#")
_WAYS = ("check", "words", "pattern")
VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""`{name}` in a greeting or in instructions."""


def guardrails(reader: Reader, value: object) -> tuple[Guardrail, ...]:
    """`[[guardrails]]`: each with a `check` in Python, or `words` or a `pattern` that may not be said."""
    entries = [value] if isinstance(value, dict) else value
    if not isinstance(entries, list):
        reader.wrong(f"guardrails is a list of tables, not {shown(value)}", "guardrails")
        return ()
    where = [("guardrails",) if isinstance(value, dict) else ("guardrails", index) for index in range(len(entries))]
    found = [_guardrail(reader, entry, keys) for entry, keys in zip(entries, where, strict=True)]
    return tuple(one for one in found if one is not None)


def _guardrail(reader: Reader, value: object, keys: tuple[str | int, ...]) -> Guardrail | None:
    if not isinstance(value, dict):
        reader.wrong(f"a guardrail is a table with check, words or pattern, not {shown(value)}", *keys)
        return None
    before = len(reader.problems)
    names = [*_WAYS, "name", "on", "say", "every", "timeout_s"]
    table = reader.known(value, names, *keys)
    given = reader.plain(table, Guardrail, *keys)
    ways = [way for way in _WAYS if way in table]
    if len(ways) != 1:
        said = " and ".join(ways) or "none of them"
        reader.wrong(f"a guardrail has one of check, words and pattern; this one has {said}", *keys)
        return None
    check = _check(reader, ways[0], table[ways[0]], keys)
    if check is None or len(reader.problems) > before:
        return None
    given.setdefault("name", "" if ways[0] == "check" else ways[0])
    return reader.made(Guardrail, {**given, "check": check}, table, keys)


def _check(reader: Reader, way: str, value: object, keys: tuple[str | int, ...]) -> Check | None:
    if way == "check":
        found: Check | None = reader.python(value, *keys, way)
        return found
    if way == "words":
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list):
            reader.wrong(f"words is a list of words or phrases, not {shown(value)}", *keys, way)
            return None
        return reader.attempt(lambda: forbidden(words), *keys, way)
    text = reader.text(value, *keys, way)
    return None if text is None else reader.attempt(lambda: matching(text), *keys, way)


def hours(reader: Reader, value: object) -> OpeningHours | None:
    """`[hours]`: `timezone`, `closed_say`, and each day by its name; the days may also stand in `week`."""
    table = reader.table(value, "hours")
    if table is None:
        return None
    before = len(reader.problems)
    about = {name: text for name in ("timezone", "closed_say") if (text := table.get(name)) is not None}
    week: dict[str, Any] = {}
    for key, text in table.items():
        if key == "week":
            week |= reader.table(text, "hours", "week") or {}
        elif key not in about and key.strip().lower()[:3] not in DAYS:
            hint = did_you_mean(key, [*about, "timezone", "closed_say", "week"]) or f"; days are {', '.join(DAYS)}"
            reader.wrong(f"{key!r} is unknown in hours{hint}", "hours", key)
        elif key not in about:
            week[key] = text
    for key, text in {**about, **week}.items():
        reader.text(text, "hours", *(["week"] if key not in table else []), key)
    if len(reader.problems) > before:
        return None
    try:
        return OpeningHours(week, **about)
    except AgentError as error:
        blame = next((day for day in week if f": {day}: " in str(error) or f"{day!r} is no" in str(error)), "timezone")
        within = [] if blame in table or blame == "timezone" else ["week"]
        reader.wrong(str(error), "hours", *within, blame)
        return None


def analysis(reader: Reader, value: object) -> Analysis | None:
    """`[analysis]`: the fields of `Analysis`, with `schema = "file.py:Model"`."""
    table = reader.table(value, "analysis")
    if table is None:
        return None
    before = len(reader.problems)
    table = reader.known(table, hints(Analysis), "analysis")
    given = reader.plain(table, Analysis, "analysis")
    if "schema" in table:
        given["schema"] = reader.python(table["schema"], "analysis", "schema")
    return reader.made(Analysis, given, table, ("analysis",)) if len(reader.problems) == before else None


def menu(reader: Reader, value: object) -> Mapping[str, str]:
    """`[menu]`: keys and what they mean."""
    table = reader.table(value, "menu") or {}
    for key in table:
        if key not in MENU_KEYS:
            reader.wrong(f"{key!r} is no key of a telephone; keys are 0 to 9, * and #", "menu", key)
    return {key: text for key, given in table.items() if (text := reader.text(given, "menu", key)) is not None}


def variables(reader: Reader, value: object) -> dict[str, str]:
    """`[variables]`: what always fills the `{variables}` of greeting and instructions."""
    found = {}
    for name, given in (reader.table(value, "variables") or {}).items():
        if isinstance(given, dict | list):
            reader.wrong(f"{name} is text or a number, not {shown(given)}", "variables", name)
        elif not VARIABLE.fullmatch(f"{{{name}}}"):
            reader.wrong(f"{name!r} cannot be a variable; use letters, digits and '_'", "variables", name)
        else:
            found[name] = str(given)
    return found


def filled(text: str, known: Mapping[str, str]) -> str:
    """A text with the variables we know; the others are left for `prepare`."""
    return VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)


def function(reader: Reader, value: object, *keys: str | int) -> Any:
    """A Python function by its reference; None and a problem when it is none."""
    found = reader.python(value, *keys)
    if found is not None and not callable(found):
        reader.wrong(f"{value} is a {type(found).__name__} and not a function", *keys)
        return None
    return found


def hooks(reader: Reader, value: object) -> dict[str, Hook]:
    """`[hooks]`: events and the functions that are called with them."""
    table = reader.known(reader.table(value, "hooks") or {}, HOOKS, "hooks")
    found = {event: function(reader, reference, "hooks", event) for event, reference in table.items()}
    return {event: hook for event, hook in found.items() if hook is not None}


def hook_on(reader: Reader, agent: Agent, found: Mapping[str, Hook]) -> None:
    """Have the functions of `[hooks]` called; a problem for each that cannot be."""
    for event, hook in found.items():
        reader.attempt(lambda event=event, hook=hook: agent.on(event)(hook), "hooks", event)  # type: ignore[misc]
