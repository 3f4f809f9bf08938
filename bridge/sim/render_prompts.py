"""Render the sentences of the bundled scripts and callers to `prompts/`: `python -m bridge.sim.render_prompts`.

For developers, after a sentence changed. Needs the program `flite` (its voices are under a BSD-like licence, which is
why they may be shipped; eSpeak's GPL voices are not). Nothing at run time needs it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bridge.audio.wav import read_wav, write_wav
from bridge.errors import UsageError
from bridge.sim.voice import PROMPTS, normalised

RATE_HZ = 8000
"""The telephone's rate: 16 kB a second, and nobody will hear more of it."""

VOICES = {"agent": "slt", "caller": "rms"}
"""flite's female US voice for the agent; its male one for the caller, which speech recognition takes best."""

SENTENCES = Path(__file__).with_name("scripts") / "sentences.json"


def render(flite: str, text: str, voice: str, target: Path) -> None:
    """One sentence to one WAV file. Raises UsageError when flite does not do it."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        command = [flite, "-voice", VOICES[voice], "-t", text, "-o", str(spoken)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # found by which()
        if done.returncode or not spoken.exists():
            raise UsageError(f"flite could not say {text!r}: {done.stderr.strip()}")
        write_wav(target, read_wav(spoken, RATE_HZ), RATE_HZ)


def main() -> None:
    """Write all prompts anew, with their index; files of sentences that are gone are removed."""
    flite = shutil.which("flite")
    if flite is None:
        raise UsageError("Rendering prompts needs the program flite (Debian package flite).")
    sentences: dict[str, list[str]] = json.loads(SENTENCES.read_text("utf-8"))
    index: dict[str, dict[str, str]] = {}
    for old in PROMPTS.glob("*.wav"):
        old.unlink()
    for voice, texts in sentences.items():
        index[voice] = {}
        for text in texts:
            name = f"{voice}-{'-'.join(normalised(text).replace(chr(39), '').split()[:6])}-{len(index[voice]):02d}.wav"
            render(flite, text, voice, PROMPTS / name)
            index[voice][normalised(text)] = name
    (PROMPTS / "index.json").write_text(json.dumps(index, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    try:
        main()
    except UsageError as problem:
        sys.exit(str(problem))
