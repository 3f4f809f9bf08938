"""The rules of a campaign as a form: what each is called, what it means, and the form's fields as rules again.

The names of the fields are those of `dialer.rules`; `days` is one box a day, and `breaker` is three fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.dialer.rules import Rules
from bridge.dialer.windows import DAYS

_LONG = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday"}
_LONG |= {"sat": "Saturday", "sun": "Sunday"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One field. `kind`: number, time, text, long, yes, days or a choice."""

    name: str
    label: str
    hint: str
    kind: str = "number"
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together."""

    title: str
    hint: str
    rules: tuple[Rule, ...]


_VOICEMAIL = (
    ("hang_up", "hang up and try again later"),
    ("message", "leave the words below"),
    ("recording", "play the recording below"),
)
GROUPS: Final = (
    Group(
        "Calling hours",
        "By the clock of whoever is called. A number whose zone is not certain is called only when the hours are open "
        "in all of its zones.",
        (
            Rule("start", "From", "09:00 as usual; the law of the United States allows 8:00 at the earliest", "time"),
            Rule("end", "Until", "20:00 as usual; 21:00 at the latest there, and earlier in several states", "time"),
            Rule("days", "Days", "Monday to Saturday as usual", "days"),
        ),
    ),
    Group(
        "Pace",
        "How fast the list is worked through.",
        (
            Rule("concurrency", "Calls at a time", "Each keeps a session of the model and a line busy"),
            Rule("cps", "Calls begun a second", "Most accounts of the carrier are allowed 1"),
            Rule("per_number", "Calls at a time from one number", "0: no limit of its own"),
            Rule("priority", "Priority", "0 to 9, for rows that do not say; higher is called first"),
        ),
    ),
    Group(
        "Attempts",
        "How often somebody is tried who was not reached. After some outcomes nobody is called again, whatever stands "
        "here: opted out, no such number, blocked.",
        (
            Rule("attempts", "Attempts in all", "A promise to call back is not counted"),
            Rule("spacing_h", "Hours between two attempts", "At least"),
            Rule("per_day", "Attempts on one day", "By the calendar of whoever is called"),
            Rule("ring_s", "Seconds it rings", "15 at least; after 30 mostly machines answer"),
            Rule("max_minutes", "Minutes a call may last", "It is ended then"),
            Rule(
                "redial_unknown",
                "Dial again when nobody can tell whether a call was placed",
                "Otherwise it waits in Review for a person",
                "yes",
            ),
        ),
    ),
    Group(
        "Money",
        "Hard stops. What running calls may still cost is counted as spent. 0 is no limit.",
        (
            Rule("budget_usd", "Campaign, $", "Paused when it is spent"),
            Rule("budget_day_usd", "Each day, $", "Goes on the next day (UTC)"),
            Rule("budget_call_usd", "Each call, $", "A call is ended when it has cost this"),
            Rule(
                "price_minute_usd", "A minute costs, $", "Carrier and model together, for estimates and running calls"
            ),
        ),
    ),
    Group(
        "When a machine answers",
        "",
        (
            Rule("voicemail", "Then", "", "choice", _VOICEMAIL),
            Rule("voicemail_text", "Words to leave", "May name {columns}", "long"),
            Rule("voicemail_file", "Recording to play", "A WAV file on the server", "text"),
        ),
    ),
    Group(
        "Who is calling, and why",
        "",
        (
            Rule(
                "consent",
                "On what ground may they be called?",
                "Kept with every number. Empty: every row has its own consent_source",
                "text",
            ),
            Rule("disclosure", "The first sentence says that this is an automated voice", "", "yes"),
            Rule("company", "Company", "Who is calling, in the disclosure and for call screening", "text"),
            Rule("purpose", "Purpose", "Half a sentence; call screening assistants are told", "text"),
            Rule("language", "Language", "For rows that do not say: en, es ...", "text"),
            Rule("numbers", "Caller ids", "With commas between them; empty: TWILIO_PHONE_NUMBER", "text"),
            Rule(
                "countries", "Only these countries", "Of BRIDGE_COUNTRIES, such as US, CA; empty: all of them", "text"
            ),
        ),
    ),
    Group(
        "When calls fail",
        "The campaign is paused when so many of its last calls failed: something is wrong then.",
        (
            Rule("breaker.share", "Share that failed", "0.5 is half of them"),
            Rule("breaker.window_s", "Within seconds", ""),
            Rule("breaker.least", "Of at least so many calls", ""),
        ),
    ),
)


def shown(rules: Rules) -> dict[str, Any]:
    """The values of the form's fields."""
    plain = rules.dump()
    hours, breaker = plain.pop("window"), plain.pop("breaker")
    plain |= {"start": hours["start"], "end": hours["end"], "days": list(hours["days"])}
    plain |= {f"breaker.{name}": value for name, value in breaker.items()}
    plain |= {"numbers": ", ".join(plain["numbers"]), "countries": ", ".join(plain["countries"])}
    return {name: f"{value:g}" if isinstance(value, float) else value for name, value in plain.items()}


def given(fields: Mapping[str, str]) -> dict[str, Any]:
    """The rules of a form, as `Rules.read` takes them; what it shows and does not send is not set."""
    found: dict[str, Any] = {
        "window": {
            "start": fields.get("start", ""),
            "end": fields.get("end", ""),
            "days": [day for day in DAYS if f"days.{day}" in fields],
        }
    }
    for group in GROUPS:
        for rule in group.rules:
            if rule.kind == "yes":
                found[rule.name] = "true" if rule.name in fields else "false"
            elif rule.name in fields and rule.kind not in ("time", "days"):
                found[rule.name] = fields[rule.name]
    return found


def typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """What somebody typed, to be shown again beside the sentence that says what is wrong with it."""
    return {**fields, "days": [day for day in DAYS if f"days.{day}" in fields]} | {
        rule.name: rule.name in fields for group in GROUPS for rule in group.rules if rule.kind == "yes"
    }


def in_words(chosen: Iterable[str]) -> str:
    """Weekdays as people say them: every day; Mon to Sat; Mon, Wed and Fri."""
    there = set(chosen)
    runs: list[list[str]] = []
    for before, day in zip(("", *DAYS), DAYS, strict=False):
        if day in there and before in there and runs:
            runs[-1].append(day)
        elif day in there:
            runs.append([day])
    if len(there) == len(DAYS):
        return "every day"
    said: list[str] = []
    for run in runs:
        said += [f"{run[0]} to {run[-1]}".title().replace(" To ", " to ")] if len(run) > 2 else map(str.capitalize, run)
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1]))) if said else "no day"


def days() -> list[tuple[str, str]]:
    """Short and long name of each."""
    return [(day, _LONG[day]) for day in DAYS]
