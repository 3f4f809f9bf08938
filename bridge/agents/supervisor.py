"""A supervisor: a reasoning model behind the one that speaks. It is asked for answers, or whether a tool may be used.

    supervisor = Supervisor("Our returns policy: ... Answer by it, and by nothing else.")

    Agent(
        "desk",
        instructions="You greet, chat and collect facts. For everything else use ask_supervisor.",
        tools=[
            supervisor.as_tool(),
            supervisor.validates(return_order, "Returns are possible within 30 days, unopened, with the receipt."),
        ],
    )

The voice answers in half a second and does not think much; the supervisor thinks for seconds. While it does, the
caller hears `say`. What it was given to read: its instructions, the last turns, and what the speaking model adds,
because the caller's newest words may not have been written down yet.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from bridge.agents.conversation import MATERIAL, as_text
from bridge.agents.thinker import Thinker, thinker_of
from bridge.errors import AgentError, ModelError
from bridge.tools.base import Call, Tool, ToolResult
from bridge.tools.function import FunctionTool, tool

if TYPE_CHECKING:
    from typing import Any

    from bridge.agents.validation import ValidatedTool

log = logging.getLogger(__name__)

DEFAULT_FALLBACK = "I am sorry, I cannot check that at the moment. Is there anything else I can help you with?"
SPARE_S = 1.0
"""What a tool may take longer than the supervisor: the sentence for when it is too late has to come from us."""
ASK_TOOL = "ask_supervisor"
ASK_DESCRIPTION = (
    "Ask your supervisor, who knows the rules and thinks before answering, what to say next. Use it for every question "
    "or request that you cannot answer from your own instructions with certainty. It may take some seconds. "
    "Then say its answer to the caller as it stands."
)
_ANSWERING = (
    "You are the supervisor of an agent who is on the telephone with a caller and asks you what to say next. Answer "
    "with just the words to be said to the caller: short, natural sentences, without lists, symbols or markup. When "
    "something is missing that you need, let the agent ask the caller for it. Never make up what you do not know."
)


class Supervisor:
    """One supervisor; may serve many tools and agents. Raises AgentError for what cannot work."""

    def __init__(  # noqa: PLR0913 - it is declared by data, one argument a field
        self,
        instructions: str,
        *,
        model: str = "",
        url: str = "",
        name: str = "supervisor",
        history: int = 10,
        timeout: float = 10.0,
        say: str = "Let me check that.",
        fallback: str = DEFAULT_FALLBACK,
        thinker: Thinker | None = None,
    ) -> None:
        """Declare it.

        Args:
            instructions: What it knows and goes by: a policy, facts, how to decide.
            model: Another model than SUPERVISOR_MODEL.
            url: Another address than SUPERVISOR_URL. The key of the settings goes there only if the host is the same.
            name: Shown in logs and records.
            history: How many of the last turns it reads.
            timeout: How many seconds it may think.
            say: What the agent says while it thinks, if that takes longer than 0.8 s.
            fallback: What the agent says when no answer came.
            thinker: The text model to ask; without it, that of the settings.
        """
        if not (isinstance(instructions, str) and instructions.strip()):
            raise AgentError(f"supervisor {name!r}: it has no instructions; write what it goes by")
        if not (history >= 0 and timeout > 0):
            raise AgentError(f"supervisor {name!r}: history is 0 or more turns, timeout more than 0 seconds")
        if not fallback.strip():
            raise AgentError(f"supervisor {name!r}: without `fallback` the caller would get no answer")
        self.instructions = instructions.strip()
        self.name = name
        self.timeout = timeout
        self.say = say
        self.fallback = fallback
        self._history = history
        self._model = model
        self._url = url
        self._thinker = thinker

    def __repr__(self) -> str:
        return f"<supervisor {self.name}>"

    def as_tool(self, name: str = ASK_TOOL, description: str = ASK_DESCRIPTION) -> FunctionTool[Any, Any]:
        """The supervisor as a tool, whose answer the speaking model says."""

        @tool(name=name, description=description, timeout=self.timeout + SPARE_S, say=self.say, idempotent=True)
        async def ask(relevant_context: str, call: Call) -> ToolResult:
            """Ask.

            Args:
                relevant_context: What the caller has just said and wants, with every name, number and date in it: the
                    supervisor may not have read their newest words yet.
            """
            return await self._answer(relevant_context, call)

        return ask

    def validates(self, tool: Tool, policy: str, *, on_failure: Literal["refuse", "allow"] = "refuse") -> ValidatedTool:
        """The same tool to the model, but the supervisor is asked first whether the policy allows it.

        `on_failure`: what happens when no verdict comes in time; "refuse" says the fallback.
        """
        from bridge.agents.validation import ValidatedTool

        return ValidatedTool(self, tool, policy, on_failure)

    def thinker(self, call: Call) -> Thinker:
        """The text model it thinks with."""
        if self._thinker is None:
            found = thinker_of(call)
            if not self._url:
                return found
            self._thinker = found.at(self._url)
        return self._thinker

    @property
    def model(self) -> str:
        """The model it asks for; empty: that of the settings."""
        return self._model

    def read(self, call: Call) -> str:
        """The last turns, as it reads them."""
        return as_text(call.turns, self._history) if self._history else "(not told)"

    async def _answer(self, relevant_context: str, call: Call) -> ToolResult:
        instructions = f"{_ANSWERING}\n\n{MATERIAL}\n\n{self.instructions}"
        text = f"The conversation so far:\n{self.read(call)}\n\nThe agent asks about this:\n{relevant_context.strip()}"
        try:
            answer = await self.thinker(call).ask(instructions, text, limit_s=self.timeout, model=self._model)
        except ModelError as error:
            self.failed(call, ASK_TOOL, error)
            return ToolResult(self.fallback, note=f"{self.name} gave no answer: {error}")
        return ToolResult.of(answer)

    def failed(self, call: Call, tool: str, error: ModelError) -> None:
        """Log that no answer came."""
        facts = {"call_id": call.id, "supervisor": self.name, "tool": tool, "error": str(error)}
        log.warning("the supervisor gave no answer", extra=facts)
