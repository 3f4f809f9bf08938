"""The headers of an HTTP tool: keys from the environment, facts of the call, and never an argument of the model's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bridge.errors import AgentError
from bridge.tools.template import Template, Values, fill_environment

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")
_NO_VALUE = re.compile(r"[^\x20-\x7e]|^ | $")
_ALL_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True, repr=False)
class HeaderTemplates:
    """Names in small letters, values with gaps. Without a repr: it would show keys."""

    templates: Mapping[str, Template]

    @classmethod
    def read(cls, headers: Mapping[str, str], environment: Mapping[str, str]) -> HeaderTemplates:
        """Raises AgentError, which names the header and never shows its value."""
        if not isinstance(headers, Mapping):
            raise AgentError("headers is a table of name to text")
        return cls({name.lower(): _read(name, value, environment) for name, value in headers.items()})

    def fill(self, values: Values) -> dict[str, str]:
        """The headers of one request."""
        # A caller chooses what is written as their number: it shall not begin a new line.
        return {
            name: value.fill(values, lambda _, text: quote(text, safe=_ALL_PRINTABLE))
            for name, value in self.templates.items()
        }


def check_header(name: object, value: object) -> None:
    """Can it be sent as it is? Raises AgentError, which names the header and never shows its value."""
    _check_name(name, value)
    if _NO_VALUE.search(str(value)):
        raise AgentError(f"headers: {name}: a value is plain ASCII in one line, with no blank at its ends")


def _check_name(name: object, value: object) -> None:
    if not isinstance(value, str) or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AgentError(f"headers: {name!r} is no header with a text")
    if name.lower() in _OURS:
        raise AgentError(f"headers: {name} is set by us")


def _read(name: str, value: str, environment: Mapping[str, str]) -> Template:
    _check_name(name, value)
    try:
        filled = fill_environment(value, environment)
    except AgentError as error:
        raise AgentError(f"headers: {name}: {error}") from None
    check_header(name, filled)
    try:
        read = Template.read(filled)
    except AgentError:
        raise AgentError(f"headers: {name}: gaps are written {{call.from_number}}, and braces {{{{ and }}}}") from None
    arguments = sorted(one for one in read.names if not one.startswith("call."))
    if arguments:
        raise AgentError(f"headers: {name}: {{{arguments[0]}}}: facts of the call may go here, arguments may not")
    return read
