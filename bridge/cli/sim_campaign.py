"""`callbridge sim campaign`: a campaign of made-up people, from the first dial to the report; no key, no number.

Everything is real but the world: the dialer, its database, the bridge and its calls talk to a pretend carrier whose
numbers a seeded crowd answers. In virtual time days of windows and retries pass in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.cli import campaign_view
from bridge.cli.one_loop import OneLoop, Plot, one_loop
from bridge.cli.sim import PopulationFlags, with_population
from bridge.dialer.lists import intake
from bridge.dialer.office import Report
from bridge.dialer.patience import Patience
from bridge.dialer.rules import kept
from bridge.dialer.shown import report_row
from bridge.dialer.standstill import standstill
from bridge.errors import UsageError
from bridge.numbers import read_number
from bridge.sim import loop
from bridge.sim.carrier import CarrierOptions
from bridge.sim.model import ModelOptions
from bridge.sim.plan import Hum

OURS = "+14155550100"
MOST = 30_000
"""Fictional numbers there are: 555-0100 to 555-0199 in some 300 area codes of the United States."""
LONGEST_S = 60 * 86_400.0
"""Virtual seconds; a campaign that needs more will never end."""
_TOLD_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlay:
    """What is played."""

    contacts: int = 100
    file: Path | None = None
    """A contact file instead of made-up people."""
    population: PopulationFlags = field(default_factory=PopulationFlags)
    rules: Mapping[str, Any] = field(default_factory=dict)
    real_time: bool = False
    data: Path | None = None
    """Where database and calls stay; None: nowhere."""
    as_json: bool = False


def run(play: CampaignPlay) -> int:
    """Play it and print the report. 0 when everybody was decided and nobody called twice at a time."""
    with tempfile.TemporaryDirectory(prefix="callbridge-campaign-", ignore_cleanup_errors=True) as scratch:
        data = play.data or Path(scratch)
        if play.data is not None and (play.data / "callbridge.db").exists():
            raise UsageError(f"{play.data} holds a database already; take an empty folder for a simulation")
        began = time.process_time()
        if play.real_time:
            report, shown, twice = asyncio.run(_play(play, data))
        else:
            report, shown, twice = loop.run(_play(play, data), limit_s=LONGEST_S, stall_s=120.0)
        cpu_s = time.process_time() - began
    if play.as_json:
        found = {"contacts": report.contacts, "finished": report.finished, "funnel": dict(report.funnel)}
        found |= {"outcomes": dict(report.outcomes), "attempts": report.attempts, "called_twice": twice}
        print(json.dumps(found | {"spent_usd": round(report.spent_usd, 4), "cpu_s": round(cpu_s, 2)}))
    else:
        print("\n".join(campaign_view.report(shown, time.time())))
        print(f"called twice at a time: {twice}    processor time: {cpu_s:.1f} s")
    return 0 if report.campaign.state == "done" and not twice else 1


async def _play(play: CampaignPlay, data: Path) -> tuple[Report, dict[str, Any], int]:
    rules = {"consent": "a simulation", "concurrency": 20, "cps": 10, **play.rules}
    plot = Plot(
        data=data,
        model=ModelOptions(ears="energy"),
        carrier=lambda options: _with_people(options, play),
        settings={
            "countries": frozenset({"US"}),
            "twilio_phone_number": OURS,
            "calls_per_second": float(rules["cps"]),
        },
        clock=time.time if play.real_time else _virtual_clock(),
        patience=Patience() if play.real_time else Patience(idle_s=600.0),
    )
    path = await asyncio.to_thread(_contact_file, play, data)
    async with one_loop(plot) as house:
        return await _campaign(house, path, play, rules)


async def _campaign(
    house: OneLoop, path: Path, play: CampaignPlay, rules: Mapping[str, Any]
) -> tuple[Report, dict[str, Any], int]:
    tell = _teller(play.as_json)
    while (desk := house.app.services.dialer.desk) is None:  # noqa: ASYNC110 - it opens by itself
        await asyncio.sleep(0.1)
    made = await desk.office.create("simulation", "", rules, "sim")
    agent = house.app.services.dialer.agents.get("")
    asked = intake(kept(made.rules), agent, frozenset({"US"}), OURS)
    filled = await desk.lists.replace(made, path, asked, "sim")
    for problem in filled.problems:
        sys.stderr.write(f"line {problem.line}: {problem.sentence}\n")
    await desk.office.move(made.id, "start", "sim")
    report = await desk.office.report(made.id)
    while report.campaign.state == "running":
        await asyncio.sleep(5.0 if play.real_time or report.open_calls else 60.0)
        report = await desk.office.report(made.id)
        tell(report)
    await desk.ledger.settled()
    report = await desk.office.report(made.id)
    still = standstill(report, desk.office.now)
    return report, report_row(report, still), _at_a_time(house)


def _at_a_time(house: OneLoop) -> int:
    """How many calls began while the same number was being called."""
    until: dict[str, float] = {}
    twice = 0
    spans = [
        (call.created_at.timestamp(), call.ended_at.timestamp(), call.to)
        for call in house.carrier.calls.values()
        if call.created_at is not None and call.ended_at is not None
    ]
    for began, ended, number in sorted(spans):
        twice += began < until.get(number, 0.0)
        until[number] = max(ended, until.get(number, 0.0))
    return twice


def _with_people(options: CarrierOptions, play: CampaignPlay) -> CarrierOptions:
    population = play.population
    if population.crowd is None and population.people is None:
        population = replace(population, crowd=1)
    cps = float(play.rules.get("cps", 10))
    return with_population(options, replace(population, calls_per_second=cps), Hum())


def _contact_file(play: CampaignPlay, folder: Path) -> Path:
    """The user's file, or one of made-up people."""
    if play.file is not None:
        return play.file
    if play.contacts > MOST:
        raise UsageError(f"there are {MOST} fictional numbers to call; --contacts {play.contacts} is more")
    path = folder / "people.csv"
    rows = zip(range(1, play.contacts + 1), _fictional(), strict=False)
    path.write_text("phone_number,name\n" + "".join(f"{number},Person {n}\n" for n, number in rows), "utf-8")
    return path


def _fictional() -> Iterator[str]:
    """Numbers that nobody has: 555-01xx, area code by area code."""
    for last in range(100):
        for area in range(201, 990):
            try:
                number = read_number(f"+1{area}55501{last:02d}")
            except UsageError:
                continue
            if number.country == "US" and number.kind == "fixed_or_mobile" and number.e164 != OURS:
                yield number.e164


def _virtual_clock() -> Callable[[], float]:
    """Today's time, going with the loop."""
    running = asyncio.get_running_loop()
    epoch, began = time.time(), running.time()
    return lambda: epoch + running.time() - began


def _teller(quiet: bool) -> Callable[[Report], None]:
    """Says how far it is, every two seconds of real time."""
    told = [time.monotonic()]

    def tell(report: Report) -> None:
        if quiet or time.monotonic() - told[0] < _TOLD_EVERY_S:
            return
        told[0] = time.monotonic()
        counts = Counter(report.funnel)
        going = sum(counts[state] for state in ("dialing", "ringing", "in_call"))
        sys.stderr.write(f"{report.finished} of {report.contacts} decided, {going} calls going on\n")

    return tell
