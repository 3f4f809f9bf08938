"""What a response costs, in tokens, by OpenAI's rules: the caller's sound one per 100 ms, the model's one per 50 ms.

The whole conversation is input again for every response; what was input of the response before, unchanged and from the
start on, comes from the cache. Text is estimated (see items.py). Source: OpenAI guide "Managing costs" (Realtime).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bridge.sim.engine.items import AGENT_MS_PER_TOKEN, Item, audio_tokens, text_tokens


class Meter:
    """Counts the tokens of one session's responses."""

    def __init__(self) -> None:
        self._last_prefix = ""

    def bill(
        self,
        instructions: str,
        tools: Sequence[dict[str, Any]],
        context: Sequence[Item],
        output: Sequence[Item],
        generated_ms: float,
    ) -> dict[str, Any]:
        """The `usage` object of one response. `generated_ms` is the sound that was generated, truncated or not."""
        prefix = instructions + (msgspec.json.encode(list(tools)).decode() if tools else "")
        cached = prefix == self._last_prefix
        text_in = text_tokens(prefix)
        audio_in = 0
        text_cached, audio_cached = (text_in, 0) if cached else (0, 0)
        for item in context:
            text, audio = item.tokens()
            # One changed item spoils the cache for all that follow it.
            cached = cached and item.billed == (text, audio)
            text_in, audio_in = text_in + text, audio_in + audio
            if cached:
                text_cached, audio_cached = text_cached + text, audio_cached + audio
            item.billed = (text, audio)
        self._last_prefix = prefix
        text_out = sum(text_tokens(item.words) for item in output)
        audio_out = audio_tokens(generated_ms, AGENT_MS_PER_TOKEN)
        return {
            "total_tokens": text_in + audio_in + text_out + audio_out,
            "input_tokens": text_in + audio_in,
            "output_tokens": text_out + audio_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": text_cached + audio_cached,
                "cached_tokens_details": {
                    "text_tokens": text_cached,
                    "audio_tokens": audio_cached,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }
