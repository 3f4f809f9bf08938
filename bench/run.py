"""`make bench`: what a call costs here, beside the least it could cost. Prints one table; see bench/README.md."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.loop import run
from bench.model import Model, Session
from bench.phones import ACCOUNT, PUBLIC_URL, TOKEN, Phone

TARGETS = ("floor", "callbridge-pcmu", "callbridge-pcm")


@dataclass
class Figures:
    """One run."""

    cpu_ms: float | None
    up: list[float]
    first: list[float]
    lost: int
    rss_mb: float | None


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def pin(cores: Set[int], pid: int = 0) -> None:
    """Keep a process (0: this one) on these cores, where the system can; none: wherever."""
    if cores and hasattr(os, "sched_setaffinity") and cores <= set(range(os.cpu_count() or 1)):
        os.sched_setaffinity(pid, cores)


def cpu_seconds(pid: int) -> float | None:
    """CPU time of a process so far, to the nanosecond; None where the system does not tell."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # Linux: the CPU clock of another process, clock_getcpuclockid(3)
    except (AttributeError, OSError):
        return None


def rss_mb(pid: int) -> float | None:
    """Memory of a process; None where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return None


def surroundings(url: str, data: str, audio: str = "pcmu") -> dict[str, str]:
    """The settings of a bridge whose model is at `url` and whose phones are `bench.phones`."""
    return os.environ | {
        "REALTIME_URL": url,
        "OPENAI_API_KEY": "bench",
        "REALTIME_AUDIO": audio,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "PUBLIC_URL": PUBLIC_URL,
        "BRIDGE_DATA": data,
        "BRIDGE_DRAIN_S": "1",
    }


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], port: int, log: IO[bytes], cores: Set[int] = frozenset({0})
) -> Iterator[int]:
    """A bridge in a process of its own, on these cores, once it listens on `port`; its process id."""
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    pin(cores, process.pid)
    try:
        _wait(process, port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(15)


def serve_command(port: int, admin_port: int) -> list[str]:
    """`callbridge serve` on these ports of loopback."""
    ports = ["--host", "127.0.0.1", "--port", str(port), "--admin-port", str(admin_port)]
    return [sys.executable, "-m", "bridge", "serve", *ports]


def floor_command(port: int, url: str) -> list[str]:
    """The bare relay on this port, to the model at `url`."""
    return [sys.executable, "-m", "bench.floor", str(port), url]


@contextmanager
def bridge(target: str, url: str, port: int) -> Iterator[int]:
    """One of the targets; its process id."""
    with tempfile.TemporaryDirectory(prefix="callbridge-bench-") as data, tempfile.TemporaryFile() as log:
        command = serve_command(port, free_port())
        if target == "floor":
            command = floor_command(port, url)
        with started(command, surroundings(url, data, target.rpartition("-")[2]), port, log) as pid:
            yield pid


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the bridge did not start; run `callbridge serve` to see why")


async def measure(target: str, calls: int, seconds: float) -> Figures:
    """One run of so many calls at once."""
    model, port = Model(), free_port()
    url = await model.start()
    with bridge(target, url, port) as pid:
        pairs: list[tuple[Phone, Session]] = []
        for _ in range(calls):
            phone = Phone()
            await phone.ring(port, "/media" if target == "floor" else "")
            pairs.append((phone, await asyncio.wait_for(model.sessions.get(), 10)))
        await asyncio.sleep(0.5)
        until = time.perf_counter() + seconds
        talking = [asyncio.ensure_future(p.talk(until, 0.020 * i / calls)) for i, (p, _) in enumerate(pairs)]
        await asyncio.sleep(1.0)
        begin_cpu, begin = cpu_seconds(pid), time.perf_counter()
        await asyncio.sleep(seconds - 2.0)
        end_cpu, took = cpu_seconds(pid), time.perf_counter() - begin
        memory = rss_mb(pid)
        await asyncio.gather(*talking)
        for phone, _ in pairs:
            await phone.hang_up()
    await model.stop()
    spent = None if begin_cpu is None or end_cpu is None else (end_cpu - begin_cpu) / took / calls * 1000
    return Figures(spent, *_latencies(pairs), memory)


def _latencies(pairs: list[tuple[Phone, Session]]) -> tuple[list[float], list[float], int]:
    up, first, lost = [], [], 0
    for phone, session in pairs:
        lost += abs(len(phone.said) - len(session.heard))
        up += [(heard - said) * 1000 for said, heard in zip(phone.said, session.heard, strict=False)]
        spoke = [at for at in session.spoke if at < phone.until]  # one begun as the phone hung up is not to be judged
        lost += max(0, len(spoke) - len(phone.heard))
        first += [(heard - at) * 1000 for at, heard in zip(spoke, phone.heard, strict=False)]
    return up, first, lost


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value below which that part of them lies; None of none."""
    return sorted(values)[int(part * (len(values) - 1))] if values else None


def line(target: str, calls: int, runs: list[Figures], floor_ms: float | None) -> str:
    """One line of the table: medians of the runs."""

    def of(values: list[float | None], form: str) -> str:
        known = [v for v in values if v is not None]
        return format(statistics.median(known), form) if known else "-"

    cpu = [r.cpu_ms for r in runs]
    known = [c for c in cpu if c is not None]
    times = f"{statistics.median(known) / floor_ms:.2f}" if known and floor_ms else "-"
    cells = (
        f"{target:16}",
        f"{calls:5}",
        f"{of(cpu, '.2f'):>10}",
        f"{times:>8}",
        f"{of([quantile(r.up, 0.5) for r in runs], '.2f'):>7}",
        f"{of([quantile(r.up, 0.99) for r in runs], '.2f'):>7}",
        f"{of([quantile(r.first, 0.5) for r in runs], '.2f'):>9}",
        f"{sum(r.lost for r in runs):5}",
        f"{of([r.rss_mb for r in runs], '.0f'):>7}",
    )
    return " ".join(cells)


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=20, help="calls at once (default 20)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a run (default 8)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, medians are printed (default 3)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="default: all of them")
    asked = parser.parse_args()
    if asked.calls < 1 or asked.repeat < 1 or asked.seconds < 5:
        parser.error("at least one call, one run and 5 seconds")
    pin({1})
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )
    print("                           CPU ms per  x floor   up ms   up ms  first ms        memory")
    print("target           calls     call-second             p50     p99       p50  lost      MB", flush=True)
    floor_ms: float | None = None
    for target in asked.target or TARGETS:
        runs = [run(measure(target, asked.calls, asked.seconds)) for _ in range(asked.repeat)]
        known = [r.cpu_ms for r in runs if r.cpu_ms is not None]
        if target == "floor" and known:
            floor_ms = statistics.median(known)
        print(line(target, asked.calls, runs, floor_ms), flush=True)


if __name__ == "__main__":
    main()
