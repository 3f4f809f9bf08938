"""A spoken yes, before a tool has an effect (`Manner.confirm`).

The first time the model calls such a tool it is told to ask; the same call again runs only when the caller has said
something since, and that was a yes. The words are looked at here and not by the model, because a model that wants to
help hears a yes in much. Where nobody writes down what callers say, that they answered at all has to do.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

from bridge.tools.base import Call, Tool, ToolResult, Turn

PATIENCE_S = 2.0
"""The words of a turn are written down after the model has heard them; so long they are waited for."""
LOOK_S = 0.05

# In the languages of most callers; whole words, lower case.
_YES = """
yes yeah yep yup sure ok okay correct right absolutely definitely certainly fine please confirm confirmed agreed
go-ahead do-it of-course sounds-good ja jawohl genau richtig stimmt gerne oui d'accord bien-sûr parfait sí si claro
vale adelante correcto de-acuerdo sì certo va-bene sim pode-ser tak dobrze zgoda graag prima klopt jo joo kyllä да
хорошо はい 是 是的 好 好的 对 evet tamam
"""
# Also what makes another wish of it: who says "but" is asked again.
_NO = """
but instead rather actually again repeat hold-on hang-on aber lieber nochmal mais plutôt pero mejor mas ma invece
no nope not don't dont never stop wait cancel wrong nein nicht kein warte stopp halt non pas attendez nada espera não
nao nie nee niet ei нет 不 不是 いいえ
"""


def _pattern(words: str) -> re.Pattern[str]:
    each = (re.escape(word.replace("-", " ")) for word in words.split())
    return re.compile(rf"(?<!\w)(?:{'|'.join(each)})(?!\w)")


_IS_YES, _IS_NO = _pattern(_YES), _pattern(_NO)


def is_yes(words: str) -> bool:
    """Is this a yes, and nothing else? "Yes, but not on Friday" is none, and "Is that right?" is a question."""
    said = " ".join(words.lower().replace("\u2019", "'").split())
    asks = "?" in said or "\uff1f" in said
    return not asks and bool(_IS_YES.search(said)) and not _IS_NO.search(said)


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    arguments: str
    after: int
    """How many turns of the caller there had been when it was asked."""


class Consent:
    """The questions of one call; one is open at a time."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._open: _Question | None = None

    async def missing(self, tool: Tool, arguments: str) -> ToolResult | None:
        """What the model has to do before the tool may run; None: the caller has said yes to just this."""
        question = _Question(tool.name, _canonical(arguments), len(self._caller_turns()))
        had = self._open
        if had is None or (had.name, had.arguments) != (question.name, question.arguments):
            self._open = question
            return self._ask(tool, "")
        words = await self._answer(had)
        if words is None:
            return self._ask(tool, "The caller has not answered yet. ")
        if not words and self._written_down():
            return self._ask(tool, "What the caller said could not be understood. ")
        if words and not is_yes(words):
            self._open = question
            return self._ask(tool, "The caller did not say yes. If they meant something else, do that. Else: ")
        self._open = None
        return None

    async def _answer(self, question: _Question) -> str | None:
        """What the caller said since the question ("" when nobody writes it down); None when they said nothing."""
        waited_s = 0.0
        while True:
            since = self._caller_turns()[question.after :]
            if (since and since[-1].text.strip()) or waited_s >= PATIENCE_S:
                return " ".join(turn.text for turn in since).strip() if since else None
            await asyncio.sleep(LOOK_S)
            waited_s += LOOK_S

    def _written_down(self) -> bool:
        """Does anybody write down what is said? (Keys are no words.)"""
        return any(turn.text.strip() and not turn.text.startswith("(pressed") for turn in self._caller_turns())

    def _caller_turns(self) -> list[Turn]:
        return [turn for turn in self._call.turns if turn.who == "caller"]

    @staticmethod
    def _ask(tool: Tool, why: str) -> ToolResult:
        todo = f"Ask the caller: {json.dumps(tool.manner.confirm, ensure_ascii=False)} Say what you are about to do."
        then = f"When they have said yes, call {tool.name} again with the same arguments."
        return ToolResult(json.dumps({"not_done_yet": f"{why}{todo} {then}"}, ensure_ascii=False))


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
