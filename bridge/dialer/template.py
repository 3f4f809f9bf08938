"""Words with a contact's columns in them: `Hello {first_name}` or `Hello {{First Name}}`.

Names are compared as `columns.normalised` writes them. Rendering is done before a call is made; a name that nobody
fills is then an error of that row, and never heard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.dialer.columns import normalised

_PLACE = re.compile(r"\{\{\s*([^{}]{1,80}?)\s*\}\}|\{([A-Za-z_][A-Za-z0-9_ ]{0,79})\}")
ALWAYS = frozenset({"from_number", "to_number", "direction", "call_id", "phone_number"})
"""What every call knows of itself; filled when it begins."""


def names(*texts: str) -> frozenset[str]:
    """The variables that these texts name."""
    return frozenset(normalised(found[1] or found[2]) for text in texts for found in _PLACE.finditer(text))


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its places filled; what has no value stays as `{name}`, for whoever fills it later."""

    def fill(found: re.Match[str]) -> str:
        name = normalised(found[1] or found[2])
        return values.get(name) or f"{{{name}}}"

    return _PLACE.sub(fill, text)
