"""Reads one agent's document field by field, and collects everything that is wrong with it, not only the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from bridge.agents.document import Document
from bridge.agents.environment import Environment
from bridge.agents.fields import hints, is_plain, mismatch, needed, shown
from bridge.agents.loading import HAS_PLACE, did_you_mean, importable, load_file, load_module, split_spec
from bridge.agents.problems import Problem
from bridge.errors import AgentError

T = TypeVar("T")
Keys = tuple[str | int, ...]


class Reader:
    """What the parts of an agent file are read with. `problems` grows; a part that is wrong is None."""

    def __init__(self, document: Document, environment: Environment, problems: list[Problem]) -> None:
        self.document = document
        self.environment = environment
        self.problems = problems
        self._modules: dict[Path, ModuleType] = {}

    def wrong(self, sentence: str, *keys: str | int) -> None:
        """Note an error at the line of a value."""
        # What came from the environment may be a secret, and an error is read by many.
        told = self.environment.masked(sentence)
        self.problems.append(Problem(self.document.line(*keys), "error", told, self.document.name))

    def failed(self, error: AgentError, *keys: str | int) -> None:
        """Note what was raised: at its own place when it names one, else at the line of a value."""
        place = HAS_PLACE.match(str(error))
        if place:
            self.problems.append(Problem(int(place[2]), "error", str(error)[place.end() :], place[1]))
        else:
            self.wrong(str(error), *keys)

    def blamed(self, error: AgentError, table: Mapping[str, object], keys: Keys) -> None:
        """Note what a table as a whole was refused for, at the line of the key that the sentence names."""
        told = str(error)
        named = [key for key in table if re.search(rf"\b{re.escape(key.removesuffix('s'))}s?\b", told)]
        self.failed(error, *keys, *named[:1])

    def attempt(self, make: Callable[[], T], *keys: str | int) -> T | None:
        """What `make` gives; None, and a problem noted, when it raises AgentError."""
        try:
            return make()
        except AgentError as error:
            self.failed(error, *keys)
            return None

    def table(self, value: object, *keys: str | int) -> dict[str, Any] | None:
        """A table, or None and a problem."""
        if isinstance(value, dict):
            return value
        self.wrong(f"{_label(keys)} is a table of names and values, not {shown(value)}", *keys)
        return None

    def text(self, value: object, *keys: str | int) -> str | None:
        """A text, or None and a problem."""
        if isinstance(value, str):
            return value
        hint = "; put it in quotes" if isinstance(value, int | float) else ""
        self.wrong(f"{_label(keys)} is text, not {shown(value)}{hint}", *keys)
        return None

    def known(self, table: Mapping[str, Any], names: Iterable[str], *keys: str | int) -> dict[str, Any]:
        """The entries whose names there are; each other one is a problem."""
        names = list(names)
        for key in table:
            if key not in names:
                where = f" in {keys[-1]}" if keys and isinstance(keys[-1], str) else ""
                hint = did_you_mean(key, names) or f"; there are {', '.join(names)}"
                self.wrong(f"{key!r} is unknown{where}{hint}", *keys, key)
        return {key: value for key, value in table.items() if key in names}

    def plain(self, table: Mapping[str, Any], cls: type, *keys: str | int) -> dict[str, Any]:
        """Those entries that are plain fields of `cls` and of the right kind; a problem for each of a wrong kind."""
        found = {}
        for name, hint in hints(cls).items():
            if name in table and is_plain(hint):
                if want := mismatch(table[name], hint):
                    self.wrong(f"{name} is {want}, not {shown(table[name])}", *keys, name)
                else:
                    found[name] = table[name]
        return found

    def build(self, cls: Callable[..., T], value: object, *keys: str | int) -> T | None:
        """A dataclass of plain fields from a table."""
        assert isinstance(cls, type)  # noqa: S101 - a class is a callable whose result has its type
        table = self.table(value, *keys)
        if table is None:
            return None
        before = len(self.problems)
        given = self.plain(self.known(table, hints(cls), *keys), cls, *keys)
        for name in needed(cls):
            if name not in table:
                self.wrong(f"{keys[-1]} needs {name}", *keys)
        return self.made(cls, given, table, keys) if len(self.problems) == before else None

    def made(self, cls: Callable[..., T], given: Mapping[str, Any], table: Mapping[str, Any], keys: Keys) -> T | None:
        """`cls(**given)`; what it refuses is a problem at the key it names."""
        try:
            return cls(**given)
        except AgentError as error:
            self.blamed(error, table, keys)
            return None

    def python(self, reference: object, *keys: str | int) -> Any:
        """What `module:name` or `file.py:name` names; None and a problem when there is no such thing."""
        text = self.text(reference, *keys)
        if text is None:
            return None
        return self.attempt(lambda: self._object(text), *keys)

    def _object(self, reference: str) -> Any:
        source, name = split_spec(reference)
        if not name:
            raise AgentError(f"{reference!r} names no object; write module:name or file.py:name")
        module = self._module(source)
        if not hasattr(module, name):
            public = [one for one in vars(module) if not one.startswith("_")]
            raise AgentError(f"{source} has no {name!r}{did_you_mean(name, public)}")
        return getattr(module, name)

    def _module(self, source: str) -> ModuleType:
        if not source.endswith(".py"):
            importable(self.document.path.parent)
            return load_module(source)
        path = self.document.beside(source)
        if path not in self._modules:  # once: two tools of one file share what is in it
            self._modules[path] = load_file(path)
        return self._modules[path]


def _label(keys: Keys) -> str:
    """A value as a sentence calls it: `voice`, `menu.0`, `an entry of handoffs`."""
    if isinstance(keys[-1], int):
        return f"an entry of {keys[-2]}"
    return f"{keys[-2]}.{keys[-1]}" if len(keys) > 1 and isinstance(keys[-2], str) else keys[-1]
