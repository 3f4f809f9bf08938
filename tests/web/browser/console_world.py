"""A console that runs, and a browser that looks at it.

The house (the real servers, the pretend carrier, the local engine) runs in a thread with a loop of its own, in real
time; the browser is the system's Chromium, with every name but this machine's taken from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from house_world import NUMBER, PUBLIC_URL, House, house
from playwright.sync_api import Browser, Page, sync_playwright
from seed import Seeded, furnish, seed

from bridge.sim.script import DEMO
from bridge.sim.twilio.owned import SimNumber

T = TypeVar("T")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # The network is cut: no name but those of this machine means anything.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
TELL_OF_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
});
"""
OUTBOUND: dict[str, Any] = {"countries": frozenset({"US"}), "twilio_phone_number": NUMBER}
TOKEN = "a-token-of-these-tests"
OWNED = (
    SimNumber(NUMBER, voice_url=f"{PUBLIC_URL}/twilio/voice", status_callback=f"{PUBLIC_URL}/twilio/status"),
    SimNumber("+14155550101", voice_url="https://old.example.com/voice", name="The shop's old number"),
    SimNumber("+14155550102", voice=False),
    SimNumber("+14155550103", trunk_sid="TK" + "0" * 32),
)
"""The account's numbers: one that rings here, and others."""


@dataclass
class Console:
    """The running house as a browser sees it."""

    url: str
    world: House
    seeded: Seeded
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T], limit_s: float = 30.0) -> T:
        """Do something in the house's own loop: ring a call, write into its database."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(limit_s)

    def keep_ringing(self) -> None:
        """A call is going on; it lasts half a minute."""
        if not self.world.app.services.switchboard.live:
            self.run(self.world.ring(DEMO))

    def path(self, path: str) -> str:
        """A path of `pages.py` with its names filled in."""
        live = self.world.app.services.switchboard.live
        names = {**self.seeded.names, "live": live[0].info.call_id if live else ""}
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        return path


@contextlib.contextmanager
def console(
    data: Path, fill: Callable[[Path], Seeded] = seed, carrier: dict[str, Any] | None = None, **changes: Any
) -> Iterator[Console]:
    """A house with data in it, which `fill` has written before it opens. `carrier`: of the pretend one, beside its
    numbers; `changes`: settings."""
    pretend = {"owned": OWNED} | (carrier or {})
    seeded = fill(data)
    started: Future[Console] = Future()
    stop = asyncio.Event()

    async def work() -> None:
        async with house(data, carrier=pretend, **(OUTBOUND | changes)) as world:
            url = f"http://127.0.0.1:{world.admin_port}"
            if fill is seed:
                await furnish(world)
            started.set_result(Console(url, world, seeded, asyncio.get_running_loop()))
            await stop.wait()

    def thread() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:  # whoever waits for the house is told
            if not started.done():
                started.set_exception(error)
            raise

    running = threading.Thread(target=thread, name="console")
    running.start()
    try:
        found = started.result(60)
        yield found
    finally:
        if started.done() and not started.exception():
            started.result().loop.call_soon_threadsafe(stop.set)
        running.join(30)


@contextlib.contextmanager
def chromium(*flags: str, without: tuple[str, ...] = ()) -> Iterator[Browser]:
    """The browser. While it is open this thread has a loop that runs: no `asyncio.run` here.

    `flags` come last and win; flags that begin like one of `without` are left out.
    """
    assert CHROMIUM is not None
    usual = [flag for flag in FLAGS if not flag.startswith(without or ("none",))]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*usual, *flags])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, and all that it did."""

    page: Page
    console: Console
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Errors of its scripts, and of its console."""
    dialogs: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """What the policy stopped."""
        return list(self.page.evaluate("window.violations"))

    @property
    def off_origin(self) -> list[str]:
        """Requests to anybody else."""
        return [url for url in self.requests if not url.startswith((self.console.url + "/", "data:", "blob:"))]

    def overflow(self) -> list[str]:
        """What sticks out of the window to the right, when the page can be moved sideways."""
        return list(self.page.evaluate(STICKS_OUT))


STICKS_OUT = """() => {
  const root = document.documentElement;
  const width = root.clientWidth;
  if (root.scrollWidth <= width) return [];
  const found = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  return [`page ${root.scrollWidth} > ${width}`, ...found.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))];
}"""


def visit(
    browser: Browser,
    console: Console,
    path: str,
    *,
    theme: str = "light",
    width: int = 1280,
    script: str = "",
    **more: Any,
) -> Visit:
    """Open a page. `script` runs before its own; `more` is for the browser's context. Whoever opens it closes that."""
    height = 780 if width < 640 else 860
    context = browser.new_context(viewport={"width": width, "height": height}, **more)
    context.add_cookies([{"name": "theme", "value": theme, "url": console.url}])
    context.add_init_script(TELL_OF_VIOLATIONS + script)
    page = context.new_page()
    page.set_default_timeout(10_000)
    seen = Visit(page, console)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)

    def dialog(found: Any) -> None:
        seen.dialogs.append(found.message)
        found.dismiss()

    page.on("dialog", dialog)
    page.goto(console.url + console.path(path))
    return seen
