"""Does a running campaign delay the calls that go on? The same calls, with and without one, in one process and one run.

python -m bench.campaign [--calls 10] [--seconds 10] [--rounds 2] [--cps 5]

The campaign is let go and paused in turns, so that an hour that is slow is slow for both. See README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.loop import run
from bench.model import Model, Session
from bench.phones import ACCOUNT, PUBLIC_URL, TOKEN, Phone
from bench.run import cpu_seconds, free_port, pin, quantile, serve_command, started, surroundings
from bridge.client import AdminClient
from bridge.errors import BridgeError
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.party import Directory, Party
from bridge.sim.phone import Phone as Handset

OURS = "+14155550100"
AREAS = (201, 205, 206, 212, 213, 214, 303, 305, 312, 313, 404, 408, 412, 415, 503, 505, 512, 602, 617, 702)
MOST = 100 * len(AREAS) - 1
"""Fictional numbers (555-0100 to 555-0199) in these area codes, without our own."""
FRAME_MS = 20.0
SETTLE_S = 4.0
"""After a pause: calls that were placed before it ring, are answered and end within this."""
RULES: Mapping[str, Any] = {
    "consent": "bench",
    "window": "00:00-24:00",
    "days": "mon-sun",
    "attempts": 1,
    "concurrency": 50,
    "breaker": {"least": 10_000},
}


def numbers(count: int) -> Iterator[str]:
    """Numbers that nobody has, area code by area code."""
    assert count <= MOST, f"there are {MOST} numbers"
    every = (f"+1{area}55501{last:02d}" for area in AREAS for last in range(100))
    return (number for number, _ in zip((one for one in every if one != OURS), range(count), strict=False))


class Brief:
    """Whoever picks up says nothing, and hangs up soon."""

    async def perform(self, phone: Handset) -> None:
        """Live through the call."""
        await phone.rest(1.5)


def people(number: str) -> Party:
    """One in three answers and hangs up again, one in three is busy, the others are no numbers."""
    does: Sequence[Any] = ("answer", "busy", "failed")
    return Party(does=does[int(number) % 3], after_s=0.5, phone=Handset(Brief(), keep=False), detect_s=1.0)


@dataclass
class Dialing:
    """A bridge that dials, in a process of its own, and its model, in this one."""

    pid: int
    port: int
    admin_url: str
    model: Model

    async def ask(self, what: Callable[[AdminClient], Any]) -> Any:
        """By the admin API, in a thread: this loop has frames to send. Raises what the client raises."""

        def do() -> Any:
            with AdminClient(self.admin_url) as client:
                return what(client)

        return await asyncio.to_thread(do)

    async def campaign(self, phones: Sequence[str], **rules: Any) -> str:
        """A campaign that is not started, with these people; its id."""

        def make(client: AdminClient) -> str:
            made = client.post("/campaigns", {"name": "bench", "rules": {**RULES, **rules}, "by": "bench"})
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "people.csv"
                file.write_text("phone_number\n" + "".join(f"{phone}\n" for phone in phones), "utf-8")
                client.put_file(f"/campaigns/{made['id']}/contacts", file, by="bench")
            return str(made["id"])

        while True:
            try:
                return str(await self.ask(make))
            except BridgeError:  # its database is opened while phones are answered already
                await asyncio.sleep(0.1)

    async def move(self, campaign_id: str, verb: str) -> None:
        """Start, pause or resume it."""
        await self.ask(lambda client: client.post(f"/campaigns/{campaign_id}/{verb}", {"by": "bench"}))

    async def ring(self, calls: int, tone_every: int = 23) -> list[tuple[Phone, Session]]:
        """So many calls that come in, one after the other. To be called while nobody else is called."""
        pairs = []
        for _ in range(calls):
            phone = Phone(tone_every)
            await phone.ring(self.port, "")
            pairs.append((phone, await asyncio.wait_for(self.model.sessions.get(), 10)))
        return pairs


def carrier(port: int, cps: float, directory: Directory = people) -> Carrier:
    """A phone company for a bridge on this port."""
    return Carrier(
        CarrierOptions(
            public_url=PUBLIC_URL,
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            connect=("127.0.0.1", port),
            calls_per_second=cps,
            directory=directory,
            on_problem=lambda sid, problem: None,
        )
    )


async def serve_carrier(port: int, cps: float) -> None:
    """Until killed; the first line tells where it is reached."""
    phones = carrier(port, cps)
    await phones.start()
    print(phones.url, flush=True)
    await asyncio.Event().wait()


@contextmanager
def carrier_process(port: int, cps: float) -> Iterator[str]:
    """The same in a process of its own, so that its work delays no frame that is being timed; its URL."""
    command = [sys.executable, "-m", "bench.campaign", "--carrier-for", str(port), "--cps", str(cps)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@contextmanager
def dialing(
    data: str,
    log: IO[bytes],
    *,
    model: Model,
    port: int,
    carrier_url: str,
    cps: float = 5.0,
    cores: Set[int] = frozenset({0}),
    **more: str,
) -> Iterator[Dialing]:
    """`callbridge serve` on this data folder. `model` listens already. `more`: settings, as in the environment."""
    admin_port = free_port()
    env = surroundings(model.url, data) | {
        "TWILIO_API_URL": carrier_url,
        "TWILIO_PHONE_NUMBER": OURS,
        "BRIDGE_COUNTRIES": "US",
        "BRIDGE_CPS": str(cps),
        "BRIDGE_ADMIN_TOKEN": "",
        **more,
    }
    with started(serve_command(port, admin_port), env, port, log, cores) as pid:
        yield Dialing(pid, port, f"http://127.0.0.1:{admin_port}", model)


@dataclass
class Side:
    """What was seen without a campaign, or with one."""

    up: list[float] = field(default_factory=list)
    """Milliseconds from the phone's send of a frame with a tone to its arrival at the model."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0
    dialled: int = 0


async def measure(calls: int, seconds: float, rounds: int, cps: float) -> tuple[Side, Side, int]:
    """Without, with, and how many tones were lost."""
    without, with_one, model, port = Side(), Side(), Model(), free_port()
    await model.start()
    with (
        tempfile.TemporaryDirectory(prefix="callbridge-bench-") as data,
        tempfile.TemporaryFile() as log,
        carrier_process(port, cps) as carrier_url,
        dialing(data, log, model=model, port=port, carrier_url=carrier_url, cps=cps) as house,
    ):
        wanted = min(MOST, round(rounds * (seconds + SETTLE_S) * cps) + 1)
        campaign_id = await house.campaign([*numbers(wanted)], cps=cps)
        pairs = await house.ring(calls)
        until = time.perf_counter() + 3600.0
        talking = [asyncio.ensure_future(p.talk(until, 0.020 * i / calls)) for i, (p, _) in enumerate(pairs)]
        await asyncio.sleep(2.0)
        for number in range(rounds):
            await _watch(house, campaign_id, without, seconds)
            await house.move(campaign_id, "resume" if number else "start")
            await asyncio.sleep(SETTLE_S)  # the first of its calls are answered by then
            await _watch(house, campaign_id, with_one, seconds)
            await house.move(campaign_id, "pause")
            await asyncio.sleep(SETTLE_S)
        for phone, _ in pairs:
            phone.until = 0.0
        await asyncio.gather(*talking)
        for phone, _ in pairs:
            await phone.hang_up()
    await model.stop()
    lost = sum(abs(len(phone.said) - len(session.heard)) for phone, session in pairs)
    for side in (without, with_one):
        side.up = [late for phone, session in pairs for late in delays(phone, session, side.spans)]
    return without, with_one, lost


def delays(phone: Phone, session: Session, spans: Sequence[tuple[float, float]]) -> list[float]:
    """Of the tones that were sent in these spans: milliseconds to their arrival."""
    both = zip(phone.said, session.heard, strict=False)
    return [(heard - said) * 1000 for said, heard in both if any(begin <= said < end for begin, end in spans)]


async def _watch(house: Dialing, campaign_id: str, side: Side, seconds: float) -> None:
    """Let so much time pass, and keep when it was and what it took."""

    async def attempts() -> int:
        return int((await house.ask(lambda client: client.get(f"/campaigns/{campaign_id}")))["attempts"])

    dialled = await attempts()
    begin, cpu = time.perf_counter(), cpu_seconds(house.pid)
    await asyncio.sleep(seconds)
    end, spent = time.perf_counter(), cpu_seconds(house.pid)
    side.spans.append((begin, end))
    side.seconds += end - begin
    side.cpu_s += (spent or 0.0) - (cpu or 0.0)
    side.dialled += await attempts() - dialled


def line(name: str, side: Side) -> str:
    """One line of the table."""
    p50, p99 = quantile(side.up, 0.5) or 0.0, quantile(side.up, 0.99) or 0.0
    placed, cpu = side.dialled / side.seconds, side.cpu_s / side.seconds * 100
    return f"{name:10} {placed:10.1f} {cpu:6.0f} {len(side.up):7} {p50:8.2f} {p99:8.2f} {max(side.up):8.2f}"


def main() -> int:
    """Two lines, and the difference; 1 when that is more than a frame."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("--calls", type=int, default=10, help="calls that go on (default 10)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each look (default 10)")
    parser.add_argument("--rounds", type=int, default=2, help="looks without and with (default 2 of each)")
    parser.add_argument("--cps", type=float, default=5.0, help="calls that the campaign begins in a second (default 5)")
    parser.add_argument("--carrier-for", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.calls < 1 or asked.rounds < 1 or asked.seconds < 1 or not 0 < asked.cps <= 50:
        parser.error("at least one call, one round and 1 second; 0 to 50 calls a second")
    pin({1})
    if asked.carrier_for:
        run(serve_carrier(asked.carrier_for, asked.cps))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {time.strftime('%Y-%m-%d')}: {asked.calls} calls")
    print("campaign     dialled/s  CPU %   tones   up p50   up p99  up most", flush=True)
    without, with_one, lost = run(measure(asked.calls, asked.seconds, asked.rounds, asked.cps))
    print(line("off", without))
    print(line("on", with_one))
    added = (quantile(with_one.up, 0.99) or 0.0) - (quantile(without.up, 0.99) or 0.0)
    print(f"added at p99: {added:.2f} ms (a frame is {FRAME_MS:.0f} ms); tones lost: {lost}")
    return 0 if added <= FRAME_MS and not lost else 1


if __name__ == "__main__":
    raise SystemExit(main())
