"""The line of every key of a TOML text, whatever stands between them."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.agents.toml_lines import toml_lines

TRICKY = '''# a comment with [brackets] and "quotes"
name = "a # no comment"
"quoted.key" = 'C:\\path'
a.b.c = 3
a.b.d = 4  # dotted keys of one table
long = """
not = "a key" ""
\\""" nor this"""
raw = \'\'\'
[no table]\'\'\'
list = [ # a comment ]
  "x",
  { u = 1, v = [2, "]"] },

  3,
]
when = 1979-05-27 07:32:00
[table]
k = """four quotes: """"

[[table.http]]
url = "a"
[table.http.headers]
X-Key = 'y'
[[table.http]]

url = "b"
more = { "a" = "}#", b.c = 2 }
[table.http.deep."x y"]
z = 1
'''

EXPECTED = {
    ("name",): 2,
    ("quoted.key",): 3,
    ("a",): 4,
    ("a", "b", "c"): 4,
    ("a", "b", "d"): 5,
    ("long",): 6,
    ("raw",): 9,
    ("list",): 11,
    ("list", 0): 12,
    ("list", 1): 13,
    ("list", 1, "v", 1): 13,
    ("list", 2): 15,
    ("when",): 17,
    ("table",): 18,
    ("table", "k"): 19,
    ("table", "http"): 21,
    ("table", "http", 0, "url"): 22,
    ("table", "http", 0, "headers", "X-Key"): 24,
    ("table", "http", 1): 25,
    ("table", "http", 1, "url"): 27,
    ("table", "http", 1, "more", "b", "c"): 28,
    ("table", "http", 1, "deep", "x y", "z"): 30,
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, inner in pairs for one in ((*path, key), *paths(inner, (*path, key)))]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_tricky_text(line_end: str) -> None:
    text = TRICKY.replace("\n", line_end)
    lines = toml_lines(text)
    assert {path: lines.get(path) for path in EXPECTED} == EXPECTED
    assert sorted(map(str, lines)) == sorted(map(str, paths(tomllib.loads(text)))), (
        "neither more nor less than there is"
    )


texts = st.text(alphabet="ab\"'\\#[]{}=,.\n é", max_size=12)


def written(value: Any) -> str:
    """A value in TOML; texts in one of their four forms, by their length."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        if len(value) % 3 == 0:
            return f'"""\n{escaped}"""'
        if "'" not in value and "\n" not in value:
            return f"'{value}'"
        return '"' + escaped.replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[\n" + "".join(f"  {written(one)}, # ]\n" for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(one)}" for key, one in value.items()) + "}"
    return "true" if value is True else "false" if value is False else str(value)


keys = st.sampled_from(["a", "b", "c-d", "e_1"])
scalars = st.one_of(texts.filter(lambda text: "\r" not in text), st.integers(-9, 9), st.booleans())
flat = st.dictionaries(keys, scalars, max_size=3)
values = st.one_of(scalars, st.lists(st.one_of(scalars, flat), max_size=3), flat)


@given(st.dictionaries(keys, values, max_size=4), st.lists(st.dictionaries(keys, values, max_size=3), max_size=3))
def test_every_value_has_its_line(top: dict[str, Any], tables: list[dict[str, Any]]) -> None:
    text = "".join(f"{key} = {written(value)}\n# between\n" for key, value in top.items())
    for table in tables:
        text += "[[t.u]]\n" + "".join(f"{key} = {written(value)}\n" for key, value in table.items())
    content, lines = tomllib.loads(text), toml_lines(text)
    assert sorted(map(str, lines)) == sorted(map(str, paths(content)))
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in rows[line - 1]
