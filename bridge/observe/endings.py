"""Why a call ended, as a sentence. The words are a closed list: `live.info.END_REASONS`; a test holds both together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SENTENCES = {
    "caller_hung_up": "The caller hung up.",
    "agent_hung_up": "The agent said goodbye and hung up.",
    "transferred": "The caller was connected to somebody else.",
    "silence": "Nobody said anything any more, so the agent hung up.",
    "max_duration": "The longest time for a call was up.",
    "rejected": "The call was not taken.",
    "model_failed": "The model failed, and the caller was told so.",
    "phone_lost": "The phone's connection broke and did not come back.",
    "no_answer": "Nobody picked up.",
    "busy": "The line was busy.",
    "machine": "An answering machine picked up.",
    "shutdown": "callbridge was stopped, and ended its calls.",
    "crashed": "callbridge was killed during this call.",
}
OPERATOR = "Somebody at the console hung up."


def ending(record: Mapping[str, Any]) -> str:
    """One sentence, and the error behind it where there is one."""
    reason = record.get("end_reason")
    if not reason:
        return "The call is not over."
    sentence = SENTENCES.get(str(reason), f"The call ended: {reason}.")
    if reason == "agent_hung_up" and record.get("ended_by") == "operator":
        sentence = OPERATOR
    if reason == "caller_hung_up" and record.get("direction") == "outbound":
        sentence = "Whoever was called hung up."
    error = " ".join(str(record.get("error") or "").split())
    if not error or reason == "crashed":
        return sentence
    return f"{sentence} {error[:1].upper()}{error[1:]}" + ("" if error.endswith((".", "!", "?")) else ".")
