"""`python -m tests.web.browser.screenshots [name ...]`: every page of the console as a picture, in docs/screenshots/.

Each page in both themes on a desk, and once on a phone. Data and calls are those of the browser tests.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parents[1] / "live"):
    sys.path.insert(0, str(folder))

from console_world import CHROMIUM, TOKEN, chromium, console, visit  # noqa: E402
from pages import PAGES  # noqa: E402
from seed import nothing  # noqa: E402

OUT = HERE.parents[2] / "docs" / "screenshots"
LOOKS = (("light", 1280), ("dark", 1280), ("light", 390))


def main(names: list[str]) -> None:
    """Take them."""
    if CHROMIUM is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    OUT.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as full,
        tempfile.TemporaryDirectory() as guarded,
        console(Path(full)) as open_house,
        console(Path(guarded), nothing, admin_token=TOKEN) as guarded_house,
        chromium() as browser,
    ):
        for shown in PAGES:
            if names and shown.name not in names:
                continue
            house = guarded_house if shown.guarded else open_house
            if shown.ring:
                house.keep_ringing()
            for theme, width in LOOKS:
                seen = visit(browser, house, shown.path, theme=theme, width=width, device_scale_factor=1)
                seen.page.wait_for_timeout(700)  # its first live state
                file = OUT / f"{shown.name}-{theme if width > 640 else 'phone'}.png"
                seen.page.screenshot(path=file, full_page=width > 640)
                seen.page.context.close()
                sys.stdout.write(f"{file.relative_to(OUT.parents[1])}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
