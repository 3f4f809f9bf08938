"""The rules of a campaign: what its owner may set, what holds when nothing is set, and what is refused.

    concurrency = 5
    window = "09:00-18:00"
    days = "mon-fri"
    attempts = 3
    voicemail = "message"
    voicemail_text = "This is Example Clinic. Please call us back."
    budget_day_usd = 20
    [retry.busy]
    delay_h = 1
    most = 2

`Rules.read` takes such a table (of a TOML or JSON file, of the admin API, of a command line) and `Rules.dump` gives it
back as it is kept in the database. The defaults are those of a careful caller in a country that protects the called:
one call at a time, 09:00 to 20:00 of their own clock but not on Sundays (47 CFR 64.1200(c)(1) allows 8 to 21, several
states less), three attempts, one a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal

from bridge.dialer import rule_words as words
from bridge.dialer.windows import Window

Voicemail = Literal["hang_up", "message", "recording"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """Stop when so many of the last calls failed: `share` (0 to 1) of at least `least` calls within `window_s`."""

    share: float = 0.5
    window_s: float = 120.0
    least: int = 5


@dataclass(frozen=True, slots=True)
class Retry:
    """After this outcome: not before `delay_h` hours, and `most` times; 0 is never again."""

    delay_h: float
    most: int


RETRIES: Mapping[str, Retry] = {
    "no_answer": Retry(4, 9),
    "busy": Retry(1, 9),
    "failed": Retry(4, 1),
    "silence": Retry(24, 1),
    "machine": Retry(4, 9),
    "mailbox_full": Retry(24, 2),
    "screened": Retry(24, 1),
    "abandoned": Retry(24, 1),
    "refused": Retry(1, 3),
    "canceled": Retry(0, 20),
    "callback": Retry(24, 2),
    "declined": Retry(24, 0),
    "menu": Retry(24, 0),
    "fax": Retry(24, 0),
    "voicemail_left": Retry(24, 0),
    "human": Retry(24, 0),
    "goal": Retry(24, 0),
    "no_goal": Retry(24, 0),
}
"""The second pair of old dialers, for "answered, but not finished", is the row `no_goal`. `callback` counts promises
that are kept, beside `attempts`; its delay is for a call back at no certain time. Where 9 stands, `attempts` is the
limit."""

NEVER = frozenset({"opted_out", "bad_number", "blocked", "unknown"})
"""Outcomes that no table can make callable again."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one campaign may do. Frozen: an edit is a new value, and every decision is given the present one."""

    concurrency: int = 1
    """Calls at a time."""
    cps: float = 1.0
    """Calls begun in a second. Twilio's account default is 1; what is above it waits there, where no window counts."""
    window: Window = field(default_factory=Window)
    attempts: int = 3
    """Diallings of one contact in all, kept promises to call back not counted."""
    spacing_h: float = 4.0
    """Hours between two diallings of one contact, at least."""
    per_day: int = 1
    """Diallings of one number on one date of its own calendar."""
    ring_s: int = 25
    """How long it rings. A dialer may not give up before 15 s (47 CFR 64.1200(a)(6)); after 30 s machines answer."""
    max_minutes: float = 10.0
    """A call is ended then."""
    voicemail: Voicemail = "hang_up"
    voicemail_text: str = ""
    """What is spoken after the beep; may name {columns}."""
    voicemail_file: str = ""
    """A WAV file that is played after the beep."""
    numbers: tuple[str, ...] = ()
    """Caller ids, the least busy first; empty: TWILIO_PHONE_NUMBER."""
    per_number: int = 0
    """Calls at a time under one caller id; 0: no limit of its own."""
    budget_call_usd: float = 0.0
    """A call is ended when it has cost this; 0: no limit, here and below."""
    budget_day_usd: float = 0.0
    budget_usd: float = 0.0
    """What the whole campaign may cost."""
    price_minute_usd: float = 0.15
    """What a minute costs, carrier and model together: for forecasts, and for the money that running calls may need."""
    carrier_minute_usd: float = 0.014
    """The carrier's part of it, for each begun minute (Twilio's list price to numbers in the United States): spent when
    a call ends, because the carrier's own figure comes long after."""
    breaker: Breaker = field(default_factory=Breaker)
    retry: Mapping[str, Retry] = field(default_factory=lambda: dict(RETRIES))
    consent: str = ""
    """On what ground these people may be called; without it, every row must have a consent_source of its own."""
    disclosure: bool = True
    """The first sentence says that this is an automated voice."""
    purpose: str = ""
    """Why we are calling, in half a sentence; call-screening assistants are told."""
    company: str = ""
    """Who is calling."""
    language: str = ""
    countries: frozenset[str] = frozenset()
    """Only these of BRIDGE_COUNTRIES; empty: all of them."""
    redial_unknown: bool = False
    """Dial again when nobody can tell whether a call was placed; else a person decides."""
    priority: int = 5
    """0 to 9, for rows that do not say; higher is called first."""

    @property
    def call_cost_usd(self) -> float:
        """What one call can cost at most."""
        longest = self.max_minutes * self.price_minute_usd
        return min(longest, self.budget_call_usd) if self.budget_call_usd else longest

    def allowed(self, setting: frozenset[str]) -> frozenset[str]:
        """The countries that may be called, of those that `Settings.countries` allows; none of both is none."""
        return setting & self.countries if self.countries else setting

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Rules:
        """The rules of a table. Raises UsageError: which key, what stands there, what could stand there."""
        given = words.flattened(given)
        words.known(given, [*(f.name for f in fields(cls)), "days"], "rule")
        values = {key: read(key, given[key]) for key, read in _READERS.items() if key in given}
        if "window" in given or "days" in given:
            values["window"] = words.window(given.get("window"), given.get("days"))
        if "breaker" in given:
            values["breaker"] = _breaker(given["breaker"])
        if "retry" in given:
            values["retry"] = {**RETRIES, **_retries(given["retry"])}
        rules = cls(**values)
        rules._check()
        return rules

    def dump(self) -> dict[str, Any]:
        """As JSON has it; `read` takes it back."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return plain | {
            "window": words.dumped(self.window),
            "numbers": list(self.numbers),
            "countries": sorted(self.countries),
            "breaker": {f.name: getattr(self.breaker, f.name) for f in fields(Breaker)},
            "retry": {name: {"delay_h": row.delay_h, "most": row.most} for name, row in self.retry.items()},
        }

    @classmethod
    def changed(cls, old: Mapping[str, Any], changes: Mapping[str, Any]) -> Rules:
        """Other rules: what `changes` names is set, in tables too, and everything else stays. Raises UsageError."""
        changes, plain = words.flattened(changes), dict(old)
        hours = old.get("window")
        if isinstance(hours, Mapping):
            if "days" in changes:
                plain["window"] = {key: value for key, value in hours.items() if key != "days"}
            elif not isinstance(changes.get("window", {}), Mapping):
                plain["days"] = hours.get("days")
        return cls.read(_merged(plain, changes))

    def _check(self) -> None:
        """What holds between two rules."""
        if self.voicemail == "message" and not self.voicemail_text.strip():
            raise words.wrong("voicemail", self.voicemail, "needs voicemail_text, the words to leave")
        if self.voicemail == "recording" and not self.voicemail_file:
            raise words.wrong("voicemail", self.voicemail, "needs voicemail_file, the WAV file to play")
        if (self.budget_day_usd or self.budget_usd) and not self.call_cost_usd:
            raise words.wrong(
                "price_minute_usd", self.price_minute_usd, "is needed for a budget: what may a running call still cost?"
            )
        for key in ("budget_day_usd", "budget_usd"):
            if 0 < getattr(self, key) < self.call_cost_usd:
                sentence = (
                    f"is less than one call may cost (${self.call_cost_usd:.2f}), so nobody would be called; "
                    "raise it, or lower max_minutes or budget_call_usd"
                )
                raise words.wrong(key, getattr(self, key), sentence)


def kept(rules: Mapping[str, Any]) -> Rules:
    """The rules of a campaign as the database has them; read once, however often they are asked for."""
    return _kept(json.dumps(rules, sort_keys=True))


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(old)
    for key, value in new.items():
        inner = plain.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        plain[key] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return plain


@lru_cache(maxsize=256)
def _kept(text: str) -> Rules:
    return Rules.read(json.loads(text))


_READERS: Mapping[str, words.Reader] = {
    "concurrency": words.whole(1, 10_000),
    "cps": words.number(0.01, 1000),
    "attempts": words.whole(1, 20),
    "spacing_h": words.number(0, 24 * 30),
    "per_day": words.whole(1, 10),
    "ring_s": words.whole(15, 600),
    "max_minutes": words.number(0.1, 240),
    "voicemail": words.one_of("hang_up", "message", "recording"),
    "voicemail_text": words.text,
    "voicemail_file": words.text,
    "numbers": words.caller_ids,
    "per_number": words.whole(0, 10_000),
    "budget_call_usd": words.number(0, 1e6),
    "budget_day_usd": words.number(0, 1e9),
    "budget_usd": words.number(0, 1e9),
    "price_minute_usd": words.number(0, 1000),
    "carrier_minute_usd": words.number(0, 1000),
    "consent": words.text,
    "disclosure": words.yes_no,
    "purpose": words.text,
    "company": words.text,
    "language": words.text,
    "countries": words.countries,
    "redial_unknown": words.yes_no,
    "priority": words.whole(0, 9),
}


def _breaker(given: Any) -> Breaker:
    table = words.table("breaker", given, ("share", "window_s", "least"))
    reads = {"share": words.number(0.01, 1), "window_s": words.number(1, 86_400), "least": words.whole(1, 10_000)}
    return Breaker(**{key: reads[key](f"breaker.{key}", value) for key, value in table.items()})


def _retries(given: Any) -> dict[str, Retry]:
    for name in NEVER & set(words.table("retry", given, (*RETRIES, *NEVER))):
        raise words.wrong(f"retry.{name}", given[name], "cannot be set: nobody is called again after that")
    found = {}
    for name, row in given.items():
        key = f"retry.{name}"
        table = words.table(key, row, ("delay_h", "most"))
        old = RETRIES[name]
        found[name] = Retry(
            words.number(0, 24 * 365)(f"{key}.delay_h", table.get("delay_h", old.delay_h)),
            words.whole(0, 20)(f"{key}.most", table.get("most", old.most)),
        )
    return found
