"""Every page of the console, for what is tested of all of them. A new page joins by one line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """A page: its name (its screenshot's too), its address, and the house it is looked at in."""

    name: str
    path: str
    guarded: bool = False
    """In the house that wants a token, before anybody has logged in."""
    status: int = 200
    ring: bool = False
    """While a call is going on."""


PAGES = [
    Shown("talk", "/talk"),
    Shown("overview", "/", ring=True),
    Shown("calls", "/calls"),
    Shown("call", "/calls/{call}"),
    Shown("events", "/calls/{call}/events?view=timeline"),
    Shown("replays", "/calls/{call}/replays"),
    Shown("live", "/live", ring=True),
    Shown("live-call", "/calls/{live}/live", ring=True),
    Shown("agents", "/agents"),
    Shown("agent", "/agents/reception"),
    Shown("webhooks", "/webhooks", ring=True),
    Shown("settings", "/settings"),
    Shown("audit", "/settings/audit"),
    Shown("setup", "/setup"),
    Shown("setup-whole", "/setup?all=1"),
    Shown("numbers", "/numbers"),
    Shown("campaigns", "/campaigns"),
    Shown("campaign", "/campaigns/{campaign}"),
    Shown("campaign-contacts", "/campaigns/{campaign}/contacts"),
    Shown("campaign-contact", "/campaigns/{campaign}/contacts/{contact}"),
    Shown("campaign-new", "/campaigns/new"),
    Shown("campaign-list", "/campaigns/{checked}/list"),
    Shown("campaign-check", "/campaigns/{checked}/check"),
    Shown("campaign-rules", "/campaigns/{checked}/rules"),
    Shown("campaign-test", "/campaigns/{checked}/test"),
    Shown("review", "/review"),
    Shown("do-not-call", "/contacts/do-not-call"),
    Shown("api-docs", "/api/docs"),
    Shown("login", "/login", guarded=True),
    Shown("not-found", "/nowhere", status=404),
]
"""`{call}` in a path is the id of a whole simulated call with its recording (`seed.py`); `{campaign}` of one that
is halfway through, `{contact}` of one of its people, `{checked}` of one that was not started;
`{live}` is a call that goes on."""
