from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import CHROMIUM, TOKEN, Console, Visit, chromium, console, visit
from playwright.sync_api import Browser, expect
from seed import hostile, nothing

HERE = Path(__file__).parent

# A page shows what has happened after 5.5 s at the latest (`web/updates.py`); Playwright's own patience is 5 s.
expect.set_options(timeout=10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            item.add_marker("sockets")
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium (Debian: apt-get install chromium)"))


@pytest.fixture(scope="session")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house with some days' data; whoever reaches it on this machine is its admin."""
    with console(tmp_path_factory.mktemp("console")) as found:
        yield found


@pytest.fixture(scope="session")
def new_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house in which nothing has happened yet."""
    with console(tmp_path_factory.mktemp("new"), nothing) as found:
        yield found


@pytest.fixture(scope="session")
def hostile_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house all of whose callers mean harm."""
    with console(tmp_path_factory.mktemp("hostile"), hostile) as found:
        yield found


@pytest.fixture(scope="session")
def guarded_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house that wants a token: `console_world.TOKEN`."""
    with console(tmp_path_factory.mktemp("guarded"), nothing, admin_token=TOKEN) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; for one file of tests, because this thread can run no other loop while it is open."""
    with chromium() as found:
        yield found


@pytest.fixture
def page_at(browser: Browser, open_house: Console) -> Iterator[Callable[..., Visit]]:
    """`page_at("/calls", theme="dark", width=360)`: that page, in the open house unless `house=` is another."""
    opened: list[Visit] = []

    def open_page(path: str, *, house: Console | None = None, **more: Any) -> Visit:
        opened.append(visit(browser, house or open_house, path, **more))
        return opened[-1]

    yield open_page
    for one in opened:
        one.page.context.close()
