"""Every page of the console, for what is tested of all of them. A new page joins by one line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """A page: its name (its screenshot's too), its address, what it is for, and the house it is looked at in."""

    name: str
    path: str
    what: str
    guarded: bool = False
    """In the house that wants a token, before anybody has logged in."""
    status: int = 200
    ring: bool = False
    """While a call is going on."""


PAGES = [
    Shown("talk", "/talk", "Call your agent from the browser, over the phone's own path"),
    Shown("overview", "/", "Today: calls, latency, errors, spend, and what fails", ring=True),
    Shown("calls", "/calls", "Every call, with filters in the address"),
    Shown(
        "call",
        "/calls/{call}",
        "One call: waveform, transcript in step with the sound, where each answer's time went, Explain",
    ),
    Shown("events", "/calls/{call}/events?view=timeline", "Both protocols and our decisions in one order"),
    Shown("replays", "/calls/{call}/replays", "The same caller before other agents, side by side"),
    Shown("live", "/live", "Calls that go on", ring=True),
    Shown(
        "live-call",
        "/calls/{live}/live",
        "One of them: read along, listen in, whisper, say, approve, hand off, transfer, hang up",
        ring=True,
    ),
    Shown("agents", "/agents", "Who talks, and where that is written"),
    Shown("agent", "/agents/reception", "One agent: instructions, tools, how it listens, what is wrong with it"),
    Shown(
        "webhooks", "/webhooks", "Who is told what happens, what each was told, and what the carrier asked", ring=True
    ),
    Shown("settings", "/settings", "Every setting with where it came from; tokens and sessions"),
    Shown("audit", "/settings/audit", "Who did what"),
    Shown("setup", "/setup", "Whether all is there that a call needs, each with its cause and fix"),
    Shown("setup-whole", "/setup?all=1", "The same, with what is well"),
    Shown("numbers", "/numbers", "The account's numbers and whom they point at"),
    Shown("campaigns", "/campaigns", "All campaigns"),
    Shown(
        "campaign",
        "/campaigns/{campaign}",
        "One campaign: progress, funnel, outcomes, spend, why nothing is dialled now",
    ),
    Shown("campaign-contacts", "/campaigns/{campaign}/contacts", "Its people"),
    Shown("campaign-contact", "/campaigns/{campaign}/contacts/{contact}", "One of them, with each attempt"),
    Shown("campaign-new", "/campaigns/new", "A new campaign"),
    Shown("campaign-list", "/campaigns/{checked}/list", "Its file, and what each column means"),
    Shown(
        "campaign-check",
        "/campaigns/{checked}/check",
        "Who would be called when, who not and why, how long it takes and what it costs",
    ),
    Shown("campaign-rules", "/campaigns/{checked}/rules", "Hours, attempts, pace, money"),
    Shown("campaign-test", "/campaigns/{checked}/test", "A test call, and the start"),
    Shown("review", "/review", "Calls that a person has to decide"),
    Shown("do-not-call", "/contacts/do-not-call", "Who must not be called"),
    Shown("api-docs", "/api/docs", "The admin API, to read"),
    Shown("login", "/login", "Logging in, where the console is reachable from elsewhere", guarded=True),
    Shown("not-found", "/nowhere", "A page that there is not", status=404),
]
"""`{call}` in a path is the id of a whole simulated call with its recording (`seed.py`); `{campaign}` of one that
is halfway through, `{contact}` of one of its people, `{checked}` of one that was not started;
`{live}` is a call that goes on."""
