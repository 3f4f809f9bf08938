"""How a model is asked to say something word for word."""

from __future__ import annotations

import json


def exactly(words: str) -> str:
    """Instructions for a response that is these words and nothing else."""
    return f"Say exactly these words: {json.dumps(words.strip(), ensure_ascii=False)}\nSay nothing else."
