"""Which files an agent is made of, and when they change.

Looked at twice a second: no package and no limit of the system's is needed for that, and some hundred files take a
millisecond.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from bridge.config import DOTENV_FILE, TOML_FILE

LOOK_S = 0.5
MOST_FILES = 5_000
"""Beyond, this is no agent's folder but somebody's home."""
ENDINGS = (".py", ".toml", ".yaml", ".yml", ".md", ".txt", ".json")
LEFT_OUT = {"node_modules", "__pycache__", "site-packages", "data", "dist", "build"}

Seen = dict[Path, tuple[int, int]]


def folder_of(spec: str, here: Path) -> Path | None:
    """The folder whose files make the agent; None for the bundled one."""
    if not spec.strip():
        return None
    path = Path(spec.partition(".py:")[0] + ".py") if ".py:" in spec else Path(spec)
    return (here / path).parent if path.suffix in ENDINGS else here


class Watch:
    """The files of one agent, and the settings' own two."""

    def __init__(self, spec: str, here: Path, data: Path) -> None:
        self._folder = folder_of(spec, here)
        self._settings = (here / DOTENV_FILE, here / TOML_FILE)
        self._data = data.resolve()
        self._seen = self._look()

    async def changed(self) -> list[Path]:
        """Wait for a change, and until it is whole; the files it was in."""
        while True:
            await asyncio.sleep(LOOK_S)
            found = await asyncio.to_thread(self._look)
            if found == self._seen:
                continue
            while (again := await self._a_moment_later()) != found:  # an editor writes several files one by one
                found = again
            before, self._seen = self._seen, found
            names = before.keys() ^ found.keys() | {path for path in before if before[path] != found.get(path)}
            if names:
                return sorted(names)

    async def _a_moment_later(self) -> Seen:
        await asyncio.sleep(LOOK_S / 2)
        return await asyncio.to_thread(self._look)

    def _look(self) -> Seen:
        found: Seen = {}
        for path in (*self._settings, *self._sources()):
            try:
                state = path.stat()
            except OSError:  # gone since it was listed, or never there
                continue
            found[path] = (state.st_mtime_ns, state.st_size)
            if len(found) >= MOST_FILES:
                break
        return found

    def _sources(self) -> Iterator[Path]:
        if self._folder is None:
            return
        for place, folders, files in os.walk(self._folder):
            here = Path(place)
            folders[:] = [name for name in folders if self._holds_source(here / name)]
            yield from (here / name for name in files if name.endswith(ENDINGS) and not name.startswith("."))

    def _holds_source(self, folder: Path) -> bool:
        if folder.name.startswith(".") or folder.name in LEFT_OUT:
            return False
        return not (folder / "pyvenv.cfg").exists() and folder.resolve() != self._data
