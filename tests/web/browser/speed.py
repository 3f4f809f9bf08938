"""`python -m tests.web.browser.speed`: how long the console takes where it has much to show.

100,000 calls in the list (SQLite); a call of an hour with its recording and 10,000 events; the words of a call that
goes on. Everything is looked at in Chromium, the list also by HTTP alone. What it prints belongs to the machine and the
hour.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for folder_of_worlds in (HERE, HERE.parents[1] / "live", HERE.parents[1] / "dialer"):
    sys.path.insert(0, str(folder_of_worlds))

from console_world import CHROMIUM, Console, chromium, console, visit  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402
from seed import Seeded, write_call  # noqa: E402

from bridge.audio.peaks import outline  # noqa: E402
from bridge.call.facts import Fact, WordsSaid  # noqa: E402
from bridge.store import folder  # noqa: E402
from bridge.store.base import CallRow  # noqa: E402
from bridge.store.calls import CallStore, StoredCall  # noqa: E402
from bridge.store.database import Database  # noqa: E402
from bridge.store.folder import CallFolders, new_call_id  # noqa: E402

CALLS = 100_000
HOUR_S = 3_600
EVENTS = 10_000
ROUNDS = 7
NUMBER = "+14155550142"


def main() -> None:
    """Measure, and print each figure beside what is asked of it."""
    if CHROMIUM is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as data, console(Path(data), much) as house, chromium() as browser:
        say(
            f"{CALLS:,} calls on SQLite, and one of an hour with {EVENTS:,} events; each {ROUNDS} times: median (worst)"
        )
        for path in ("/calls", f"/calls?number=%2B{NUMBER[1:]}", "/calls?flag=tool_error&agent=survey", deep(house)):
            tell(f"{path[:40]:<42} by HTTP", over_http(house, path), "100 ms")
        tell("/calls in the browser, to its last byte", [in_browser(browser, house) for _ in range(ROUNDS)], "")
        waves, bytes_of_peaks = hour(browser, house)
        tell("waveform of an hour, after its page", waves, "500 ms")
        say(f"  {'its outline':<58} {bytes_of_peaks / 1000:8.1f} kB   asked: under 60 kB")
        tell("10,000 events, the window that opens", [events(browser, house) for _ in range(ROUNDS)], "1 s")
        tell("words of a running call, from fact to page", words(browser, house), "300 ms")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tell(what: str, seconds: list[float], asked: str) -> None:
    found = f"{1000 * statistics.median(seconds):8.1f} ms ({1000 * max(seconds):.1f})"
    say(f"  {what:<58} {found:<22}" + (f" asked: under {asked}" if asked else ""))


# ---- what there is to see


def much(data: Path) -> Seeded:
    """The calls and the long one."""
    chance = random.Random(5)
    asyncio.run(_many(data, chance))
    return Seeded(_long(data, chance))


async def _many(data: Path, chance: random.Random) -> None:
    now = time.time()
    db = await Database.open("", data)
    try:
        for start in range(0, CALLS, 1_000):
            made = [StoredCall(_row(chance, now - 60 * (start + n)), ()) for n in range(1_000)]
            await CallStore(db).put(made)
    finally:
        await db.close()


def _row(chance: random.Random, began: float) -> CallRow:
    reason = chance.choice(("agent_hung_up", "caller_hung_up", "caller_hung_up", "model_failed"))
    return CallRow(
        new_call_id(began),
        f"CA{chance.getrandbits(128):032x}",
        chance.choice(("inbound", "inbound", "outbound")),
        NUMBER if chance.random() < 0.0005 else f"+1415555{chance.randint(100, 199):04d}",
        "+14155550100",
        chance.choice(("reception", "appointment", "survey")),
        began,
        began + 1,
        began + chance.uniform(20, 400),
        reason,
        "agent",
        turns=chance.randint(2, 30),
        cost_usd=chance.random(),
        latency_p50_ms=chance.randint(300, 900),
        latency_p95_ms=chance.randint(900, 1_800),
        tool_calls=3,
        tool_errors=int(chance.random() < 0.02),
    )


def _long(data: Path, chance: random.Random) -> str:
    folders = CallFolders(data)
    began = time.time() - HOUR_S - 60
    call_id = write_call(folders, began, chance, end_reason="agent_hung_up", ended_by="agent")
    place = folders.path(call_id)
    record = folders.read(call_id)
    record |= {"answered_at": record["started_at"]}
    folders.write(call_id, record)
    with wave.open(str(place / folder.RECORDING), "wb") as made:
        made.setparams((2, 2, 8_000, 0, "NONE", ""))
        for _ in range(HOUR_S):
            made.writeframes(chance.randbytes(4 * 8_000))
    (place / folder.PEAKS).write_text(json.dumps(outline(place / folder.RECORDING)))
    (place / folder.TRANSCRIPT).write_text("".join(json.dumps(line) + "\n" for line in _said()))
    (place / folder.TIMELINE).write_text("".join(json.dumps(line) + "\n" for line in _timeline()))
    return call_id


def _said() -> Iterator[dict[str, Any]]:
    for turn in range(1, 601):
        at = turn * 5_900
        line = {
            "turn": turn,
            "role": "caller",
            "text": "And what about Thursday?",
            "start_ms": at,
            "end_ms": at + 1_500,
        }
        yield line
        heard = {
            "heard_ms": 2_000,
            "length_ms": 2_000,
            "cut": False,
            "heard_text": "There is a place.",
            "latency_ms": 600,
        }
        yield (
            line | {"role": "agent", "text": "There is a place.", "start_ms": at + 2_100, "end_ms": at + 4_100} | heard
        )


def _timeline() -> Iterator[dict[str, Any]]:
    for n in range(EVENTS):
        kind = ("response.output_audio.delta", "response.output_audio_transcript.delta", "response.done")[n % 3]
        yield {"t": n * HOUR_S / EVENTS, "side": "model", "way": "in", "raw": {"type": kind, "event_id": f"event_{n}"}}


# ---- how long it takes


def over_http(house: Console, path: str) -> list[float]:
    """From asking to the last byte, in seconds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with urllib.request.urlopen(house.url + path) as answer:  # noqa: S310
            assert b"<table" in answer.read()
        found.append(time.perf_counter() - began)
    return found


def deep(house: Console) -> str:
    """The address of a page far down."""
    page = house.run(CallStore(house.world.app.services.db).page(50_000), 60)
    return f"/calls?after={page.next}"


def in_browser(browser: Browser, house: Console) -> float:
    """Until the list's document is there, in seconds."""
    seen = visit(browser, house, "/calls")
    took = seen.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    seen.page.context.close()
    return float(took) / 1000


def hour(browser: Browser, house: Console) -> tuple[list[float], int]:
    """From the document to the drawn waveform, in seconds; and the outline's bytes."""
    found = []
    watch = """
    new MutationObserver(() => {
      if (!window.drawn && document.querySelector("#wave[data-ready=true]")) window.drawn = performance.now();
    }).observe(document, {subtree: true, childList: true, attributes: true});
    """
    for _ in range(ROUNDS):
        seen = visit(browser, house, "/calls/{call}", script=watch)
        seen.page.wait_for_selector("#wave[data-ready=true]")
        begun = "performance.getEntriesByType('navigation')[0].responseEnd"
        found.append(float(seen.page.evaluate(f"window.drawn - {begun}")) / 1000)
        seen.page.context.close()
    with urllib.request.urlopen(house.url + house.path("/calls/{call}/peaks.json")) as answer:  # noqa: S310
        return found, len(answer.read())


def events(browser: Browser, house: Console) -> float:
    """The page of events as both protocols have them, from asking to its last byte, in seconds."""
    seen = visit(browser, house, "/calls/{call}/events?view=timeline")
    assert seen.page.locator("table tr").count() > 100
    took = seen.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    seen.page.context.close()
    return float(took) / 1000


def words(browser: Browser, house: Console) -> list[float]:
    """From a fact of words to the page that shows them, in seconds: for each of a call's first words."""
    told: dict[str, float] = {}
    house.run(_ring(house, told))
    seen = visit(browser, house, "/calls/{live}/live")
    page: Page = seen.page
    page.evaluate(
        """() => {
          window.shown = {};
          new MutationObserver(() => {
            for (const one of document.querySelectorAll("#log .said")) window.shown[one.textContent] ??= Date.now();
          }).observe(document.getElementById("log"), {subtree: true, childList: true, characterData: true});
        }"""
    )
    opened = time.time()
    _until(lambda: sum(at > opened for at in told.values()) >= 15)
    page.wait_for_timeout(600)
    shown = page.evaluate("window.shown")
    found = [shown[text] / 1000 - at for text, at in told.items() if at > opened and text in shown]
    assert len(found) >= 10, "the page reads along"
    seen.page.context.close()
    return found


async def _ring(house: Console, told: dict[str, float]) -> None:
    from bridge.sim.script import DEMO

    await house.world.ring(DEMO)
    switchboard = house.world.app.services.switchboard
    await house.world.until(lambda: bool(switchboard.live))

    def note(fact: Fact) -> None:
        if isinstance(fact, WordsSaid) and fact.text:
            told.setdefault(fact.text, time.time())

    switchboard.live[0].subscribers.append(note)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "the call says too little"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
