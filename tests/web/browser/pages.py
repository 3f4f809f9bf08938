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
    Shown("overview", "/", ring=True),
    Shown("live", "/live", ring=True),
    Shown("live-call", "/calls/{live}/live", ring=True),
    Shown("agents", "/agents"),
    Shown("agent", "/agents/reception"),
    Shown("webhooks", "/webhooks", ring=True),
    Shown("settings", "/settings"),
    Shown("audit", "/settings/audit"),
    Shown("login", "/login", guarded=True),
    Shown("not-found", "/nowhere", status=404),
]
"""`{call}` in a path is the id of a whole simulated call with its recording (`seed.py`), `{live}` that of one that goes
on."""
