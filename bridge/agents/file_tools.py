"""The tools of an agent file: phone tools by name, Python tools by reference, HTTP tools and MCP servers as tables.

    tools = ["hang_up", "tools.py:opening_hours", { http = { name = "...", ... } }]

or, where tables are many,

    [tools]
    use = ["hang_up", "tools.py:opening_hours"]
    [[tools.http]]
    name = "..."
    [[tools.mcp]]
    url = "..."
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.agents.environment import openly_secret
from bridge.agents.fields import shown
from bridge.agents.file_kinds import KINDS
from bridge.agents.loading import did_you_mean
from bridge.agents.reader import Keys, Reader
from bridge.errors import AgentError
from bridge.tools import outreach, phone
from bridge.tools.base import Tool, ToolSource, is_source
from bridge.tools.function import FunctionTool

PHONE_TOOLS: Mapping[str, FunctionTool[Any, Any]] = {
    tool.name: tool for module in (phone, outreach) for tool in vars(module).values() if isinstance(tool, FunctionTool)
}
"""What `bridge.tools.phone` and `bridge.tools.outreach` have to offer without being told a number."""


def tools(reader: Reader, value: object) -> list[Tool | ToolSource]:
    """Everything that `tools` of a file names."""
    found = []
    for entry, keys in _entries(reader, value):
        made = _table(reader, entry, keys) if isinstance(entry, dict) else _named(reader, entry, keys)
        if made is not None:
            found.append(made)
    return found


def _entries(reader: Reader, value: object) -> Iterator[tuple[object, Keys]]:
    """Each tool as it stands in the list form, and where."""
    if isinstance(value, list):
        yield from ((entry, ("tools", index)) for index, entry in enumerate(value))
        return
    if not isinstance(value, dict):
        reader.wrong(f"tools is a list or a table, not {shown(value)}", "tools")
        return
    for key, given in reader.known(value, ["use", *KINDS], "tools").items():
        many = given if isinstance(given, list) else [given]
        for index, entry in enumerate(many):
            keys = ("tools", key, index) if isinstance(given, list) else ("tools", key)
            yield (entry if key == "use" else {key: entry}, keys)


def _named(reader: Reader, entry: object, keys: Keys) -> Tool | ToolSource | None:
    if not isinstance(entry, str):
        reader.wrong(f"a tool is a name or a table, not {shown(entry)}", *keys)
        return None
    if entry in PHONE_TOOLS:
        return PHONE_TOOLS[entry]
    if entry == phone.TRANSFER_TOOL:
        reader.wrong(f"{entry} comes with transfer_to: set that to the person's number", *keys)
        return None
    if ":" not in entry:
        hint = did_you_mean(entry, PHONE_TOOLS) or "; write file.py:name for a tool in Python"
        reader.wrong(f"there is no tool {entry!r}{hint}", *keys)
        return None
    return _checked(reader, reader.python(entry, *keys), entry, keys)


def _checked(reader: Reader, found: Any, entry: str, keys: Keys) -> Tool | ToolSource | None:
    """A tool of the user's Python, if it is one."""
    if found is None:
        return None
    if is_source(found):
        return found
    if not (hasattr(found, "definition") and hasattr(found, "description")):
        hint = "; put @tool above the function" if callable(found) else ""
        reader.wrong(f"{entry} is not a tool{hint}", *keys)
        return None
    if not str(found.description).strip():
        reader.wrong(f"tool {found.name!r} has no description; give its function a docstring", *keys)
        return None
    tool: Tool = found
    return tool


def _table(reader: Reader, entry: Mapping[str, Any], keys: Keys) -> Tool | ToolSource | None:
    kinds = list(entry)
    if len(kinds) != 1 or kinds[0] not in KINDS:
        reader.wrong(f"a tool that is a table is {' or '.join(f'{{{kind} = ...}}' for kind in KINDS)}", *keys)
        return None
    [name] = kinds
    # In the list form the table stands one key deeper.
    keys = keys if name in keys else (*keys, name)
    table = reader.table(entry[name], *keys)
    if table is None:
        return None
    before = len(reader.problems)
    kind = KINDS[name]
    maker = reader.attempt(lambda: kind.made_by(table), *keys)
    if maker is None:
        return None
    kind.check(reader, table, maker, keys)
    # Filled for all, also where it is the tool that fills: what is not set is told with its line.
    given = kind.arguments(reader, table, _filled(reader, table, keys), keys)
    if given is None or len(reader.problems) > before:
        return None
    try:
        return maker(**given)
    except (AgentError, TypeError, ValueError) as error:
        reader.blamed(AgentError(str(error)), table, keys)
        return None


def _filled(reader: Reader, value: Any, keys: Keys) -> Any:
    """The table with `${NAME}` from the environment, and a problem for each secret that stands in it openly."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if keys[-1] in ("headers", "env") and openly_secret(name, inner):
                sentence = f"{name} looks like a secret; put it into the environment and write ${{NAME}} here"
                reader.wrong(sentence, *keys, name)
        return {name: _filled(reader, inner, (*keys, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(reader, inner, (*keys, index)) for index, inner in enumerate(value)]
    if isinstance(value, str):
        return reader.attempt(lambda: reader.environment.fill(value), *keys)
    return value
