"""A browser with a microphone that speaks, on a page that calls."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console_world import Console, Visit, chromium, visit
from playwright.sync_api import Browser, Page

from bridge.sim.voice import RATE_HZ, Mouth

QUESTION = "Hello, what are your opening hours?"
WATCH = """
window.told = [];
document.addEventListener("talk", ({detail}) => window.told.push(detail));
"""


def wav(path: Path, *parts: str | float) -> Path:
    """A recording: words are spoken, numbers are seconds of silence."""
    mouth = Mouth()
    sound = b""
    for part in parts:
        if isinstance(part, str):
            sound += asyncio.run(mouth.say(part, voice="caller"))
        else:
            sound += bytes(2 * round(part * RATE_HZ))
    mouth.close()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(sound)
    return path


@contextmanager
def talker(
    folder: Path, *parts: str | float, flags: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Iterator[Browser]:
    """Chromium whose microphone hears this, once, from the moment it is opened."""
    spoken = wav(folder / "microphone.wav", *(parts or (60.0,)))
    with chromium(f"--use-file-for-fake-audio-capture={spoken}%noloop", *flags, without=without) as browser:
        yield browser


@dataclass
class Talk:
    """The page while it is used."""

    seen: Visit
    console: Console

    @property
    def page(self) -> Page:
        return self.seen.page

    def told(self, what: str, fact: str = "") -> list[dict[str, Any]]:
        """What the page told of so far; of its facts those of one kind."""
        found = self.page.evaluate("window.told")
        return [one for one in found if one["what"] == what and (not fact or one.get("fact") == fact)]

    def until(self, what: str, fact: str = "", count: int = 1, limit_s: float = 20.0) -> dict[str, Any]:
        """Wait until so many were told; the last of them."""
        condition = "([w, f, n]) => window.told.filter((t) => t.what === w && (!f || t.fact === f)).length >= n"
        self.page.wait_for_function(condition, arg=[what, fact, count], timeout=limit_s * 1000, polling=20)
        return self.told(what, fact)[count - 1]

    def call(self) -> None:
        self.page.get_by_role("button", name="Call", exact=True).click()

    def hang_up(self) -> None:
        self.page.get_by_role("button", name="Hang up").click()
        self.until("fact", "CallEnded")

    def record(self) -> dict[str, Any]:
        """The record of the call that is over."""
        call_id = self.told("call")[-1]["id"]
        self.console.run(self.console.world.written())
        return self.console.world.app.services.folders.read(call_id)


def alert(talk: Talk) -> str:
    """What the page says is wrong."""
    return talk.page.get_by_role("alert").inner_text(timeout=15_000)


def on_talk(browser: Browser, house: Console, path: str = "/talk", script: str = "", **more: Any) -> Talk:
    """Open the page. `script` runs before it. Whoever opens it closes its context."""
    return Talk(visit(browser, house, path, script=WATCH + script, **more), house)
