"""Why a campaign dials nobody at this moment, in one sentence; empty when nothing stands in its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.dialer.office import Report
from bridge.dialer.pacing import Hold, Why
from bridge.records.callrecord import iso

_HOLDS: Mapping[Why, str] = {
    "concurrency": "as many calls are going on as the rule `concurrency` allows",
    "account": "this process takes no more calls (BRIDGE_LIMIT_CALLS), or is going down",
    "warm": "no model session would be ready when they answer",
    "cps": "the next call may begin in a moment (`cps`, BRIDGE_CPS)",
    "caller_ids": "every caller id has as many calls as the rule `per_number` allows",
    "budget_open": "the money that is left may be needed by the calls that are going on",
    "budget_day": "today's budget is spent (`budget_day_usd`)",
    "budget": "the budget is spent (`budget_usd`)",
    "breaker": "too many of the last calls failed",
}


@dataclass(frozen=True, slots=True)
class Standstill:
    """`why` is one word for programs, `sentence` the same for people, `until` epoch seconds where that is known."""

    why: str = ""
    sentence: str = ""
    until: float | None = None


def standstill(report: Report, now: float, *, hold: Hold | None = None, trouble: str = "") -> Standstill:
    """Why nothing begins now.

    Args:
        report: How the campaign stands.
        now: Epoch seconds.
        hold: What its dialer waits for, as far as this process knows.
        trouble: Why this process dials nothing at all.
    """
    campaign = report.campaign
    if campaign.state != "running":
        return _not_running(report)
    if trouble:
        return Standstill("trouble", trouble)
    if hold is not None:
        until = f" (until {iso(hold.until)})" if hold.until is not None else ""
        return Standstill(hold.why, _HOLDS[hold.why] + until, hold.until)
    due_at = report.next_due_at
    if due_at is not None:
        if due_at <= now or report.open_calls:
            return Standstill()
        sentence = f"nobody may be called before {iso(due_at)}: calling hours, or the wait before another attempt"
        return Standstill("not_due", sentence, due_at)
    unsure = report.funnel.get("review", 0)
    if unsure and not report.open_calls:
        who = "1 call waits" if unsure == 1 else f"{unsure} calls wait"
        return Standstill("review", f"{who} for your decision: see `callbridge campaign review`")
    return Standstill()


def _not_running(report: Report) -> Standstill:
    campaign = report.campaign
    because = f": {campaign.reason}" if campaign.reason else ""
    said = {
        "draft": "it is a draft and was not started",
        "checked": "it was not started yet",
        "paused": f"it is paused{because}",
        "done": "it is done",
        "cancelled": f"it was cancelled{because}",
    }
    return Standstill(campaign.state, said[campaign.state])
