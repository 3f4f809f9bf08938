"""`python -m tests.web.browser.screenshots [name ...]`: every page of the console as a picture, in docs/.

Each page in both themes on a desk, and once on a phone; docs/console.md shows them all. Data and calls are those of the
browser tests.
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parents[1] / "live"):
    sys.path.insert(0, str(folder))

from console_world import CHROMIUM, TOKEN, Console, Visit, chromium, console, visit  # noqa: E402
from pages import PAGES  # noqa: E402
from seed import nothing  # noqa: E402

DOCS = HERE.parents[2] / "docs"
PICTURES = DOCS / "screenshots"
LOOKS = (("light", 1280), ("dark", 1280), ("light", 390))
TALLEST = 1_500
"""Pixels: of a long list nobody needs the end."""
QUALITY = 80


def main(names: list[str]) -> None:
    """Take them."""
    if CHROMIUM is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        console(Path(folder, "data")) as open_house,
        console(Path(folder, "guarded"), nothing, admin_token=TOKEN) as guarded_house,
        chromium() as browser,
    ):
        for shown in PAGES:
            if names and shown.name not in names:
                continue
            house = guarded_house if shown.guarded else open_house
            if shown.ring:
                talking(house)
            for theme, width in LOOKS:
                seen = visit(browser, house, shown.path, theme=theme, width=width, device_scale_factor=1)
                seen.page.wait_for_timeout(1_200)  # its first live state
                file = PICTURES / f"{shown.name}-{theme if width > 640 else 'phone'}.webp"
                file.write_bytes(picture(seen, whole=width > 640))
                seen.page.context.close()
                sys.stdout.write(f"{file.relative_to(DOCS.parent)}\n")
    (DOCS / "console.md").write_text("\n".join(album()), encoding="utf-8")


def talking(house: Console) -> None:
    """A call is going on in which something has been said, and which will not be over soon."""
    live = house.world.app.services.switchboard
    while live.live and time.time() - live.live[0].info.began_at > 9:
        time.sleep(0.5)
    house.keep_ringing()
    time.sleep(7)


def picture(seen: Visit, *, whole: bool) -> bytes:
    """The page as WebP: what the window shows, or all of it down to `TALLEST`."""
    size = seen.page.viewport_size
    assert size is not None
    height = size["height"]
    if whole:
        height = min(TALLEST, max(height, seen.page.evaluate("document.documentElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
    asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": whole}
    found = seen.page.context.new_cdp_session(seen.page).send("Page.captureScreenshot", asked)
    return base64.b64decode(found["data"])


def album() -> Iterator[str]:
    """docs/console.md, line by line."""
    yield "# The console, page by page"
    yield ""
    yield "Made by `make screenshots`, with the data of the tests. Each page also in the dark, and on a phone."
    for shown in PAGES:
        yield ""
        yield f"## {shown.what}"
        yield ""
        yield f"`{shown.path}`"
        yield ""
        others = " and ".join(f"[{word}](screenshots/{shown.name}-{look}.webp)" for word, look in OTHERS)
        yield f"![{shown.what}](screenshots/{shown.name}-light.webp)"
        yield ""
        yield f"The same {others}."
    yield ""


OTHERS = (("in the dark", "dark"), ("on a phone", "phone"))


if __name__ == "__main__":
    main(sys.argv[1:])
