"""What a function's docstring says to the model: what it does, and what each parameter means.

Google ("Args:"), NumPy ("Parameters" underlined) and Sphinx (":param x:") docstrings are read by griffe; which of the
three it is, nobody says, so it is seen from what only one of them writes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from griffe import Docstring, DocstringSectionParameters, DocstringSectionText

Style = Literal["google", "numpy", "sphinx"]

_SPHINX = re.compile(r"^:(param|type|return|returns|rtype|raises)\b[^\n]*:", re.MULTILINE)
_NUMPY = re.compile(r"^(Parameters|Returns|Yields|Raises)[ \t]*\n-{3,}[ \t]*$", re.MULTILINE)
_GOOGLE_HEADER_WITHOUT_GAP = re.compile(
    r"(?<=[^\n])\n((?:Args|Arguments|Params|Parameters):[ \t]*\n[ \t]+\S)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Words:
    """The first text of the docstring, and the sentences on its parameters by name."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(function: Callable[..., object]) -> Words:
    """The words of a function's docstring; empty when it has none."""
    text = inspect.getdoc(function) or ""
    style = _style(text)
    if style == "google":
        # griffe wants a blank line before "Args:" and takes it for text otherwise; people do not write one.
        text = _GOOGLE_HEADER_WITHOUT_GAP.sub(r"\n\n\1", text)
    # griffe strips the common indent of all lines but the first, so the first must be empty to count with the rest.
    sections = Docstring("\n" + text, lineno=1).parse(style, warnings=False)
    described = [section for section in sections if isinstance(section, DocstringSectionText)]
    listed = [section for section in sections if isinstance(section, DocstringSectionParameters)]
    return Words(
        description=described[0].value if described else "",
        parameters={entry.name.lstrip("*"): entry.description for section in listed for entry in section.value},
    )


def _style(text: str) -> Style:
    if _SPHINX.search(text):
        return "sphinx"
    if _NUMPY.search(text):
        return "numpy"
    return "google"
