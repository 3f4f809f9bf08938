"""`callbridge call`: one call, asked for by a person, followed to its end."""

from __future__ import annotations

import json
import queue
import secrets
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bridge import config
from bridge.cli.asking import confirmed
from bridge.cli.call_view import Line, console, printable
from bridge.cli.call_view import show as show_line
from bridge.cli.given import for_server
from bridge.cli.live_view import LiveView, fact_of
from bridge.client import AdminClient, client_of
from bridge.config import Settings
from bridge.dialer.outcomes import ANSWERED
from bridge.dialer.rules import Rules
from bridge.errors import BridgeError, CarrierError, UsageError
from bridge.numbers import Number, check_number

LOOK_S = 0.4
"""How often the attempt is looked at; what is said comes at once, by the feed."""
_REMEMBERED = 500
"""Facts of calls that may turn out to be ours."""
_OURS_TO_MEND = frozenset({"failed", "refused", "unknown", "not_placed", "abandoned"})
"""Outcomes for which a service is to blame, and nobody who was called."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    to: str
    agent: str = ""
    from_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    yes: bool = False
    as_json: bool = False


def run(wish: Wish) -> None:
    """Ask, call, and follow. Raises UsageError, ServiceUnavailable; BridgeError when nobody was reached."""
    settings = config.load().settings
    # What this shell was not told the server knows: it has the last word on countries.
    number = check_number(wish.to, settings.countries or None, (settings.twilio_phone_number, wish.from_number))
    rules = Rules.read(wish.rules)
    screen = console(to_stderr=wish.as_json)
    for line in plan(number, rules, time.time()):
        screen.print(line)
    with client_of(settings) as client:
        if not confirmed("Call them?", yes=wish.yes):
            print("nobody was called", file=sys.stderr)
            return
        body = {
            "to": number.e164,
            "agent": for_server(wish.agent),
            "from": wish.from_number,
            "variables": dict(wish.variables),
            **wish.rules,
        }
        follower = _Follower(client, settings, lambda line: show_line(line, screen))
        follower.listen()
        attempt = client.post("/calls", body, key=secrets.token_urlsafe(16))
        ended = follower.follow(attempt, yes=wish.yes)
    if wish.as_json:
        print(json.dumps(ended, ensure_ascii=False, indent=1))
    else:
        screen.print()
        for line in outcome_lines(ended):
            screen.print(line)
    raise_for(ended)


def plan(number: Number, rules: Rules, now: float) -> list[str]:
    """Who would be called, what time it is there, and what it may cost."""
    price = rules.price_minute_usd
    return [
        f"number     {number.e164}, {number.kind.replace('_', ' ')}, {number.country}",
        f"there      {local_times(number.zones, now)}",
        f"cost       about ${price:.2f} a minute, at most ${rules.call_cost_usd:.2f} ({rules.max_minutes:g} minutes)",
    ]


def local_times(zones: Sequence[str], now: float) -> str:
    """What the clocks show wherever this number may be."""
    moment = datetime.fromtimestamp(now, UTC)
    by_time: dict[str, list[str]] = defaultdict(list)
    for zone in zones:
        by_time[f"{moment.astimezone(ZoneInfo(zone)):%a %H:%M}"].append(zone)
    if not by_time:
        return "nobody knows: the number tells no time zone"
    told = [f"{at} ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''})" for at, names in by_time.items()]
    return " or ".join(told)


def outcome_lines(attempt: Mapping[str, Any]) -> list[str]:
    """What became of it."""
    cost = attempt["carrier_usd"] + attempt["model_usd"]
    lines = [f"outcome    {attempt['outcome'] or attempt['state']}"]
    if attempt["reason"]:
        lines.append(f"because    {printable(attempt['reason'])}")
    if attempt["result"]:
        lines.append(f"result     {printable(attempt['result'])}")
    if cost:
        lines.append(f"cost       ${cost:.4f}")
    if attempt["call_id"]:
        lines.append(f"more       callbridge calls show {attempt['call_id']}")
    return lines


def raise_for(attempt: Mapping[str, Any]) -> None:
    """Nothing where somebody or something picked up; else the error whose exit code says who is to blame."""
    outcome = attempt["outcome"]
    if attempt["state"] == "review":
        raise CarrierError(
            f"nobody can tell whether the call was placed; `callbridge campaign review` decides {attempt['id']}"
        )
    if outcome in _OURS_TO_MEND:
        raise CarrierError(f"the call came to nothing: {outcome}" + (f" ({r})" if (r := attempt["reason"]) else ""))
    if outcome not in ANSWERED:
        raise BridgeError(f"nobody was reached: {outcome.replace('_', ' ')}")


class _Follower:
    """Follows one attempt: how it stands by asking, what is said by the feed."""

    def __init__(self, client: AdminClient, settings: Settings, put: Callable[[Line], None]) -> None:
        self._client = client
        self._settings = settings
        self._put = put
        self._answered = 0.0
        self._events: queue.Queue[dict[str, Any]] = queue.Queue(10 * _REMEMBERED)
        self._early: list[dict[str, Any]] = []
        self._view = LiveView(put, self._now_ms, knows_words=True)
        self._call_id = ""

    def _now_ms(self) -> int:
        return round((time.monotonic() - self._answered) * 1000) if self._answered else 0

    def listen(self) -> None:
        """Begin to hear what happens in all calls; without a feed the call is followed all the same."""
        ready = threading.Event()

        def hear() -> None:
            try:
                with client_of(self._settings) as own:
                    for event in own.events():
                        ready.set()
                        self._events.put(event)
            except BridgeError:
                ready.set()

        threading.Thread(target=hear, name="feed", daemon=True).start()
        ready.wait(2.0)

    def follow(self, attempt: dict[str, Any], *, yes: bool) -> dict[str, Any]:
        """To its end. Ctrl-C asks once whether to hang up; a second one leaves the call alone."""
        asked = False
        while True:
            try:
                return self._until_over(attempt)
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                if not self._wants_end(yes):
                    print(f"the call goes on; it is attempt {attempt['id']}", file=sys.stderr)
                    raise
                self._client.post(f"/attempts/{attempt['id']}/hangup", {})

    def _wants_end(self, yes: bool) -> bool:
        try:
            return confirmed("\nHang up?", yes=yes)
        except UsageError:
            return False

    def _until_over(self, attempt: dict[str, Any]) -> dict[str, Any]:
        told = ""
        while True:
            step = _step(attempt)
            if step != told:
                told = step
                self._put(Line(self._now_ms(), "phone", step))
            if attempt["state"] == "answered" and not self._answered:
                self._answered = time.monotonic()
            self._call_id = attempt["call_id"]
            self._show_events(LOOK_S)
            if attempt["state"] in ("closed", "review"):
                return attempt
            attempt = self._client.get(f"/attempts/{attempt['id']}")

    def _show_events(self, for_s: float) -> None:
        """Show what is said in our call for so long; of other calls nothing."""
        end = time.monotonic() + for_s
        if self._call_id and self._early:
            early, self._early = self._early, []
            for event in early:
                self._show(event)
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                return
            if self._call_id:
                self._show(event)
            else:
                self._early = [*self._early, event][-_REMEMBERED:]

    def _show(self, event: Mapping[str, Any]) -> None:
        if event.get("call_id") == self._call_id:
            fact = fact_of(event)
            if fact is not None:
                self._view(fact)


def _step(attempt: Mapping[str, Any]) -> str:
    """Where an attempt is, in words."""
    state = str(attempt["state"])
    if state == "closed":
        return f"over: {attempt['outcome'].replace('_', ' ')}"
    if state == "placed":
        return "it rings" if attempt["status"] == "ringing" else "the carrier has it"
    return _STEPS.get(state, state)


_STEPS: Mapping[str, str] = {
    "intent": "the order goes out",
    "answered": "answered",
    "unknown": "nobody can tell whether it was placed; the carrier is asked",
    "review": "nobody can tell whether it was placed",
}
