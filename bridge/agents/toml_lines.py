"""On which line each key of a TOML text stands: `tomllib` reads values only.

Works on texts that `tomllib` has already accepted, so nothing here is checked twice: the scanner only has to know where
a value ends.
"""

from __future__ import annotations

import tomllib

Path = tuple[str | int, ...]
"""Keys and indices from the top: `("tools", "http", 0, "url")`."""

_BLANK = " \t\r\n"


def toml_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table and array element."""
    return _Scanner(text).lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._counts: dict[Path, int] = {}
        table: Path = ()
        while self._skip():
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._next() == "[":
                table = self._header(1)
            else:
                self._pair(table)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, also: str = "") -> bool:
        """Pass blanks, comments and what is in `also`; False at the end of the text."""
        while char := self._next():
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif char in _BLANK or char in also:
                self._at += 1
            else:
                return True
        return False

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self._text.count("\n", 0, self._at) + 1)

    def _header(self, brackets: int) -> Path:
        self._at += brackets
        keys = self._keys()
        table: Path = ()
        for key in keys[:-1]:
            table = (*table, key)
            self._note(table)
            if table in self._counts:
                table = (*table, self._counts[table])
        table = (*table, keys[-1])
        self._note(table)
        if brackets == 2:
            self._counts[table] = self._counts.get(table, -1) + 1
            table = (*table, self._counts[table])
            self._note(table)
        self._at += brackets
        return table

    def _pair(self, table: Path) -> None:
        begun = self._at
        keys = self._keys()
        end, self._at = self._at, begun
        for count in range(1, len(keys) + 1):
            self._note((*table, *keys[:count]))
        self._at = end + 1  # the "="
        self._value((*table, *keys))

    def _keys(self) -> list[str]:
        """A dotted key; stops at the `=` or `]` behind it."""
        keys = []
        while True:
            self._skip()
            begun = self._at
            if self._next() in "\"'":
                self._string()
            else:
                while self._next() not in "=.]" and self._next() not in _BLANK:
                    self._at += 1
            raw = self._text[begun : self._at]
            keys.append(next(iter(tomllib.loads(f"{raw} = 0"))))
            self._skip()
            if self._next() != ".":
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        self._skip()
        char = self._next()
        if char == "[":
            self._array(path)
        elif char == "{":
            self._at += 1
            while self._skip(also=",") and self._next() != "}":
                self._pair(path)
            self._at += 1
        elif char in "\"'":
            self._string()
        else:
            while self._next() and self._next() not in ",]}\n#":
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip(also=",") and self._next() != "]":
            self._note((*path, index))
            self._value((*path, index))
            index += 1
        self._at += 1

    def _string(self) -> None:
        quote = self._next()
        end = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(end)
        while not self._text.startswith(end, self._at):
            self._at += 2 if quote == '"' and self._next() == "\\" else 1
        self._at += len(end)
        # Up to two quotes may stand before the three that end a long string.
        while len(end) == 3 and self._next() == quote:
            self._at += 1
