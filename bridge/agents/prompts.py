"""What can be read off an agent's words without a model: their length in tokens, and the tools they speak of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from bridge.agents.agent import Agent

MOST_TOKENS = 16_384
"""Of instructions and tools together: what the Realtime API takes. All of it is read again for every answer."""
_PART = re.compile(r"\n\s*\n|\n(?=\s*[-*#\d])")
_TOOL_NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+"
_MENTIONS = (
    re.compile(rf"\b(?:call|calls|use|using|run|invoke|tools?)\s+[`\"']?({_TOOL_NAME})\b", re.IGNORECASE),
    re.compile(rf"[`\"']({_TOOL_NAME})[`\"']"),
    re.compile(rf"\b({_TOOL_NAME})(?:\(|[`\"']?\s+tool\b)"),
)
_CONDITION = re.compile(
    r"\bif (?:you|there|it)\b.{0,20}\b(?:have|has|is|are)\b|\bwhen you have\b|\bif .{0,20}available\b"
)


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has: four characters of English are one, a character of Chinese is one."""
    plain = sum(1 for character in text if ord(character) < 0x250)
    return plain // 4 + (len(text) - plain)


def agent_tokens(agent: Agent) -> int:
    """About how many tokens the model reads before the first word: instructions, and the tools that are known."""
    tools = "".join(json.dumps(tool.definition(), ensure_ascii=False) for tool in agent.all_tools)
    return estimated_tokens(agent.instructions) + estimated_tokens(tools)


def mentioned_tools(instructions: str, known: Sequence[str]) -> list[str]:
    """Names in the instructions that are meant for tools, in order; not those that are spoken of with an "if".

    A tool's name is told from prose by its underscore, and by what is around it: `call_it`, "call x_y", "tool x_y".
    """
    found = dict.fromkeys(name for part in _PART.split(instructions) for name in _in_part(part, known))
    return list(found)


def _in_part(part: str, known: Sequence[str]) -> Iterator[str]:
    if _CONDITION.search(" ".join(part.lower().split())):
        return
    hits = [(hit.start(1), hit[1]) for pattern in _MENTIONS for hit in pattern.finditer(part)]
    hits += [(hit.start(), hit[0]) for name in known for hit in re.finditer(rf"\b{re.escape(name)}\b", part)]
    yield from (name for _, name in sorted(hits))
