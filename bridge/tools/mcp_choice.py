"""What an agent takes of an MCP server: which of its tools, by what names, and how they behave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import AgentError
from bridge.tools.base import DEFAULT_TIMEOUT_S, Manner

if TYPE_CHECKING:
    from mcp.types import ToolAnnotations

_PREFIX = re.compile(r"[a-zA-Z0-9_-]{0,32}")


@dataclass(frozen=True)
class Choice:
    """Which of a server's tools are offered, and how they behave. Raises AgentError."""

    allow: Sequence[str] = ()
    approve: Sequence[str] | bool = ()
    confirm: Mapping[str, str] | None = None
    prefix: str = ""
    timeout: float = DEFAULT_TIMEOUT_S
    say: str = ""

    def __post_init__(self) -> None:
        check_names("allow", self.allow)
        if not isinstance(self.approve, bool):
            check_names("approve", self.approve)
        check_texts("confirm", self.confirm or {})
        if not isinstance(self.prefix, str) or not _PREFIX.fullmatch(self.prefix):
            raise AgentError("prefix has letters, digits, '_' and '-', at most 32")
        if not isinstance(self.say, str):
            raise AgentError(f"say is a text, not {self.say!r}")
        check_seconds("timeout", self.timeout)
        hidden = sorted(self.named - set(self.allow)) if self.allow else []
        if hidden:
            raise AgentError(f"approve or confirm name {hidden[0]!r}, which allow does not")

    @property
    def named(self) -> set[str]:
        """Tools that are to be handled with care."""
        return {*(self.confirm or {}), *(() if isinstance(self.approve, bool) else self.approve)}

    def manner(self, tool: str, hints: ToolAnnotations | None) -> Manner:
        """How one of them behaves."""
        harmless = hints is not None and bool(hints.read_only_hint or hints.idempotent_hint)
        return Manner(
            timeout_s=self.timeout,
            say=self.say,
            confirm=(self.confirm or {}).get(tool, ""),
            approve=self.approve if isinstance(self.approve, bool) else tool in self.approve,
            idempotent=harmless,
        )


def check_names(field: str, given: object) -> None:
    """A list of texts, or AgentError."""
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        hint = f"; write [{given!r}]" if isinstance(given, str) else ""
        raise AgentError(f"{field} is a list of texts{hint}")


def check_texts(field: str, given: object) -> None:
    """A table of texts, or AgentError, which shows no value."""
    if not isinstance(given, Mapping):
        raise AgentError(f"{field} is a table of name to text")
    for name, text in given.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise AgentError(f"{field}: {name} is not a text")


def check_seconds(field: str, given: object) -> None:
    """A time to wait, or AgentError."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise AgentError(f"{field} is a number of seconds, more than 0")
