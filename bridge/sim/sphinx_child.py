"""Helper process: sound in, words out, by PocketSphinx (extra `local`). Run as a script by `child.py`.

PocketSphinx holds the interpreter for as long as it thinks (a third of a second for a sentence), so it gets one of its
own. It knows a grammar of phrases, strings of digits, and "something else": a loop over common words that soaks up
what is none of the phrases, so that a stranger's sentence does not come out as the nearest phrase.
"""

from __future__ import annotations

import json
import sys
from typing import Any

DIGITS = ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SOMETHING_ELSE = (
    *("the", "and", "you", "that", "in", "my", "book", "time", "good", "name"),
    *("not", "what", "do", "of", "how", "would", "music", "table", "find", "dinner"),
)
"""Twenty words of many sounds. More cost more than they bring: a loop of 170 takes seconds for a sentence."""

SOMETHING_ELSE_WEIGHT = 0.01
"""Against the phrases: small enough that a phrase of the grammar wins when it was said.

Measured with three synthetic voices through mu-law: see tests/sim/test_model_ears.py.
"""


def grammar(phrases: list[str], known: set[str]) -> str:
    """The phrases, digits and something else as JSGF; phrases with words the dictionary lacks are left out."""
    sayable = [phrase for phrase in phrases if phrase and set(phrase.split()) <= known]
    rest = sorted(set(SOMETHING_ELSE) & known)
    return (
        "#JSGF V1.0;\ngrammar turns;\n"
        f"public <turn> = /1.0/ <phrase> | /0.2/ <digit>+ | /{SOMETHING_ELSE_WEIGHT}/ <other>+ ;\n"
        f"<phrase> = {' | '.join(sayable)} ;\n"
        f"<digit> = {' | '.join(DIGITS)} ;\n"
        f"<other> = {' | '.join(rest)} ;\n"
    )


class Recogniser:
    """PocketSphinx with the grammar of one script. Raises ImportError when it is not installed."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder: Any = Decoder(lm=None, loglevel="FATAL", remove_noise=False)
        self._phrases: list[str] | None = None

    def hear(self, phrases: list[str], pcm16: bytes) -> str:
        """The phrase or digits in PCM16 mono at 16 kHz; empty for something else."""
        if phrases != self._phrases:
            known = {word for phrase in phrases for word in phrase.split() if self._decoder.lookup_word(word)}
            known |= {word for word in SOMETHING_ELSE if self._decoder.lookup_word(word)}
            self._decoder.add_jsgf_string("turns", grammar(phrases, known))
            self._decoder.activate_search("turns")
            self._phrases = phrases
        self._decoder.start_utt()
        self._decoder.process_raw(pcm16, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        words = hypothesis.hypstr if hypothesis is not None else ""
        return words if words in phrases or set(words.split()) <= set(DIGITS) else ""


def main() -> None:
    """Answer questions `{"phrases"}` with sound behind them until the pipe closes."""
    reply, ask = sys.stdout.buffer, sys.stdin.buffer
    try:
        recogniser = Recogniser()
    except (ImportError, RuntimeError) as error:
        _tell(reply, {"error": f"PocketSphinx cannot be used: {error}"})
        return
    _tell(reply, {"ready": True})
    while line := ask.readline():
        question = json.loads(line)
        _tell(reply, {"words": recogniser.hear(question["phrases"], ask.read(question["bytes"]))})


def _tell(pipe: Any, answer: dict[str, Any]) -> None:
    pipe.write(json.dumps(answer).encode() + b"\n")
    pipe.flush()


if __name__ == "__main__":
    main()
