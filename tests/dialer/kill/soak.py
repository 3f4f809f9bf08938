"""The great one, for `make soak`: 2,000 contacts, 20 kills and 30 freezes, one dialer on a file and two on a server.

    python tests/dialer/kill/soak.py [rounds]

Each round has another seed. The server is found as the store's tests find theirs; without one, the file alone is tried.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "store"))
from killing import Plan, run
from postgres_server import empty_schema, own_server, programs


@contextmanager
def server_url() -> Iterator[str]:
    """A PostgreSQL of our own; "" when none can be had."""
    folder = Path(tempfile.mkdtemp(prefix="cb-pg-"))
    try:
        for place in programs():
            try:
                server = own_server(folder, place)
            except (OSError, subprocess.SubprocessError):
                continue
            try:
                yield empty_schema(server)
            finally:
                server.crash()
            return
        yield ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def one(url: str, seed: int) -> bool:
    """One run; did everything hold?"""
    plan = Plan(2000, kills=20, freezes=30, dialers=2 if url else 1, seed=seed, within=100, limit_s=600.0)
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(url, Path(folder), plan))
    sys.stdout.write(f"{'postgresql' if url else 'sqlite'}, seed {seed}: {result}\n")
    sys.stdout.flush()
    return result.holds


def main(rounds: int) -> int:
    """1 when anything did not hold."""
    good = True
    for seed in range(1, rounds + 1):
        good = one("", seed) and good
        with server_url() as url:
            good = (not url or one(url, seed)) and good
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
