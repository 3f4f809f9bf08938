"""`${NAME}` in an agent file: secrets come from the environment and never stand in the file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge.errors import AgentError

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SHORTEST_SECRET = 4
"""Masking a "1" would only garble sentences."""
_SECRET_NAME = re.compile(r"auth|token|secret|password|api[-_]?key|^x?-?key$|cookie", re.IGNORECASE)


class Environment(Mapping[str, str]):
    """The variables of the process, and behind them those of `.env` in the current folder; `NAME_FILE` names a file.

    As a mapping it has the names that have a value, and none of it is shown.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = _variables() if variables is None else variables
        self._used: set[str] = set()

    def __repr__(self) -> str:
        return "<the environment>"

    def __getitem__(self, name: str) -> str:
        if not (self._variables.get(name) or self._variables.get(f"{name}_FILE")):
            raise KeyError(name)
        return self._noted(self._value(name))

    def __iter__(self) -> Iterator[str]:
        set_ = [name for name, value in self._variables.items() if value]
        return iter({*set_, *(name.removesuffix("_FILE") for name in set_)})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def fill(self, text: str) -> str:
        """`text` with every `${NAME}` replaced. Raises AgentError, which names the variable and no value."""
        return _REFERENCE.sub(lambda found: self._noted(self._value(found[1])), text)

    def masked(self, sentence: str) -> str:
        """A sentence without any value that was filled in."""
        for value in sorted(self._used, key=len, reverse=True):
            if len(value) < _SHORTEST_SECRET:
                break
            sentence = sentence.replace(value, "***")
        return sentence

    def _noted(self, value: str) -> str:
        self._used.add(value)
        return value

    def _value(self, name: str) -> str:
        if value := self._variables.get(name):
            return value
        file = self._variables.get(f"{name}_FILE")
        if not file:
            raise AgentError(f"${{{name}}} is not set; put {name} into the environment or into .env")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise AgentError(f"{name}_FILE: {file} cannot be read ({error})") from error


def openly_secret(name: str, value: object) -> bool:
    """Is this a header or variable whose value must come from the environment, and does not?"""
    return isinstance(value, str) and bool(_SECRET_NAME.search(name)) and not _REFERENCE.search(value)


def _variables() -> dict[str, str]:
    from dotenv import dotenv_values

    file = Path(".env")
    found = dotenv_values(file, encoding="utf-8") if file.is_file() else {}
    return {name: value for name, value in found.items() if value is not None} | dict(os.environ)
