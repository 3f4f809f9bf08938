"""Operations on agents: they are looked at here, and changed in their files."""

from __future__ import annotations

from bridge.web.operations.base import LOOK, Operation, Operations
from bridge.web.schemas import ref, table


def agents() -> Operations:
    """Them."""
    every = {
        "agents": {"type": "array", "items": ref("Agent")},
        "broken": {"type": "array", "items": ref("BrokenAgent")},
    }
    return {
        ("GET", "/api/v1/agents"): Operation(
            name="listAgents",
            what="Who answers and who calls, with findings and the figures of a week; and who cannot be loaded",
            part="Agents",
            needs=LOOK,
            answers={200: table(every)},
        ),
        ("GET", "/api/v1/agents/{name:path}"): Operation(
            name="getAgent",
            what="One agent with its instructions and tools",
            part="Agents",
            needs=LOOK,
            answers={200: ref("AgentInFull")},
            fails=(404,),
        ),
    }
