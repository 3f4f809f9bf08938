"""Campaigns in words: reports, dry runs and lists as lines of text. Values in, lines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.cli.call_view import printable

BAR = 40
"""Characters of a bar."""
_STATES = (
    "waiting", "retry_at", "dialing", "ringing", "in_call", "unsure", "review", "done", "gave_up", "skipped",
    "cancelled",
)  # fmt: skip
"""Contacts on their way through a campaign."""


def rows(campaigns: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a campaign."""
    if not campaigns:
        return ["no campaigns yet"]
    return [
        f"{row['id']}  {row['created_at'][:16].replace('T', ' ')}  {row['state']:<9}  ${row['spent_usd']:<8.2f} "
        f"{printable(row['name'])}" + (f"  ({printable(row['reason'])})" if row["reason"] else "")
        for row in campaigns
    ]


def bar(done: int, of: int, width: int = BAR) -> str:
    """`[####......]  4 of 10`."""
    filled = width * done // of if of else 0
    return f"[{'#' * filled}{'.' * (width - filled)}] {done:,} of {of:,}"


def report(found: Mapping[str, Any], now: float) -> list[str]:
    """How a campaign stands: who it is, how far, what came of it, what it costs, and why nothing is dialled now."""
    campaign = found["campaign"]
    lines = [
        f"campaign   {printable(campaign['name'])} ({campaign['id']}), {campaign['state']}",
        f"contacts   {bar(found['finished'], found['contacts'])}",
    ]
    lines += counted("where", found["funnel"], _STATES)
    lines += counted("outcomes", found["outcomes"], sorted(found["outcomes"], key=found["outcomes"].get, reverse=True))
    calls = f"{found['attempts']:,} placed, {found['open_calls']} going on, {found['calls_last_minute']} in a minute"
    lines += [f"calls      {calls}", f"spent      {money(found)}"]
    if found["ends_at"] and campaign["state"] == "running":
        lines.append(f"left       about {span(epoch(found['ends_at']) - now)}")
    if found["standstill"]["sentence"] and campaign["state"] not in ("done",):
        lines.append(f"now        {printable(found['standstill']['sentence'])}")
    return lines


def counted(title: str, counts: Mapping[str, int], order: Sequence[str]) -> list[str]:
    """`where      12 waiting, 3 done`; nothing when there is nothing to count."""
    told = [f"{counts[name]:,} {name.replace('_', ' ')}" for name in order if counts.get(name)]
    return [f"{title:<10} {', '.join(told)}"] if told else []


def money(found: Mapping[str, Any]) -> str:
    """What was spent, and of how much."""
    rules, spent, today = found["campaign"]["rules"], found["spent_usd"], found["spent_today_usd"]
    whole = f"${spent:.2f}" + (f" of ${cap:.2f}" if (cap := rules.get("budget_usd")) else "")
    return f"{whole}, today ${today:.2f}" + (f" of ${cap:.2f}" if (cap := rules.get("budget_day_usd")) else "")


def dry_run(found: Mapping[str, Any], now: float) -> list[str]:
    """What a forecast says."""
    lines = [
        f"rows       {found['rows']:,}, of which {found['valid']:,} can be used",
        f"callable   {found['dialable']:,} ({found['dialable_now']:,} now)",
    ]
    not_called = {"on the do-not-call list": found["do_not_call"], "duplicate": found["duplicates"]}
    not_called |= {"outside every calling hour": found["never"]} | found["invalid"]
    lines += counted("not called", not_called, list(not_called))
    if found["repaired"]:
        lines.append(f"repaired   {found['repaired']:,} numbers, as their notes say")
    lines += [
        *counted("kinds", found["kinds"], list(found["kinds"])),
        *counted("countries", found["countries"], list(found["countries"])),
        *_zones(found["zones"]),
        *_opens(found["opens"]),
    ]
    minutes, cost = found["minutes"], found["cost_usd"]
    lines += [
        f"minutes    {minutes['low']:,.0f} to {minutes['high']:,.0f}, likely {minutes['likely']:,.0f}",
        f"cost       ${cost['low']:,.2f} to ${cost['high']:,.2f}, likely ${cost['likely']:,.2f}; "
        f"never more than ${found['most_usd']:,.2f}",
    ]
    if found["dialable"]:
        end = found["finish_at"]
        lines.append(f"ends       {f'in about {span(end - now)}' if end else 'later than in 60 days'}")
    for shown in found["previews"]:
        if shown["greeting"]:
            lines.append(f"says       line {shown['line']}: {printable(shown['greeting'])}")
    return lines


def problems(errors: Sequence[Mapping[str, Any]], most: int = 10) -> list[str]:
    """The first rows that were refused, with their lines."""
    lines = [f"line {error['line']}: {printable(str(error['sentence']))}" for error in errors[:most]]
    return lines + ([f"... and {len(errors) - most:,} more"] if len(errors) > most else [])


def review(waiting: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls of which nobody can tell whether they were placed."""
    if not waiting:
        return ["nothing waits for a decision"]
    return [
        *(f"{row['id']}  {row['claimed_at'][:19].replace('T', ' ')}  {row['phone']}" for row in waiting),
        "Nobody can tell whether these were called. Decide each: --called ATT (leave them), --dial ATT (call them).",
    ]


def span(seconds: float) -> str:
    """A time in the unit that one would say it in."""
    minutes = max(0, round(seconds / 60))
    if minutes < 2:
        return "a minute"
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"


def epoch(iso: str) -> float:
    """Seconds of an ISO 8601 time."""
    return datetime.fromisoformat(iso).timestamp()


def _zones(zones: Mapping[str, int], most: int = 8) -> list[str]:
    told = [f"{count:,} {name}" for name, count in list(zones.items())[:most]]
    more = len(zones) - most
    return [f"zones      {', '.join(told)}{f' and {more} others' if more > 0 else ''}"] if told else []


def _opens(opens: Sequence[Sequence[float]], most: int = 6) -> list[str]:
    told = [f"{int(count):,} from {datetime.fromtimestamp(at).astimezone():%a %H:%M}" for at, count in opens[:most]]
    more = len(opens) - most
    return [f"later      {', '.join(told)}{f' and {more} later hours' if more > 0 else ''}"] if told else []
