"""Pages: the one door of Jinja. Every value is escaped where it is written; what is undefined is an error, not a gap.

    return page(request, "calls.html", rows=rows)

A template extends `base.html` and fills its blocks `title`, `main` and `scripts`; what several pages share stands as
macros in `templates/parts/`. Nothing in a template may hold a script, a style or the address of another host: the
policy of `headers.py` would stop it in the browser, and a test stops it before.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from bridge.web.assets import assets
from bridge.web.headers import with_nonce
from bridge.web.rule_fields import in_words

THEMES: Final = ("auto", "light", "dark")
ZONES: Final = ("local", "utc")
NAVIGATION: Final = (
    ("/", "Overview", "overview"),
    ("/calls", "Calls", "calls"),
    ("/live", "Live", "live"),
    ("/talk", "Talk", "talk"),
    ("/campaigns", "Campaigns", "campaigns"),
    ("/agents", "Agents", "agents"),
    ("/numbers", "Numbers", "numbers"),
    ("/webhooks", "Webhooks", "webhooks"),
    ("/setup", "Setup", "setup"),
    ("/settings", "Settings", "settings"),
)
"""Path, name, icon. An entry is shown once the admin app has a route for its path."""
FLASH = "flash"
LONGEST_FLASH = 300


def page(
    connection: HTTPConnection, template: str, status: int = 200, *, nonce: bool = False, **context: Any
) -> Response:
    """A page (or a part of one) with this context.

    `nonce`: the page's player writes a style element; the template finds the word for it as `nonce`.
    """
    word = secrets.token_urlsafe(16) if nonce else ""
    told, tone = _read_flash(connection)
    body = _environment().get_template(template).render(_around(connection) | {"nonce": word} | context)
    response = HTMLResponse(body, status)
    if nonce:
        response.headers["content-security-policy"] = with_nonce(word)
    if told or tone:
        response.delete_cookie(FLASH)
    return response


def part(template: str, macro: str, *args: Any) -> str:
    """One macro's text: a piece of a page that is sent alone. It knows no request."""
    module = _environment().get_template(template).module
    return str(getattr(module, macro)(*args))


def flash(response: Response, sentence: str, tone: str = "good") -> Response:
    """Let the next page say this once, at its top. `tone`: good, warn or bad."""
    packed = base64.urlsafe_b64encode(json.dumps([sentence[:LONGEST_FLASH], tone]).encode()).decode()
    response.set_cookie(FLASH, packed, max_age=60, httponly=True, samesite="strict")
    return response


def _read_flash(connection: HTTPConnection) -> tuple[str, str]:
    try:
        sentence, tone = json.loads(base64.urlsafe_b64decode(connection.cookies.get(FLASH, "")))
    except (ValueError, TypeError):
        return "", ""
    return str(sentence)[:LONGEST_FLASH], tone if tone in ("good", "warn", "bad") else "good"


def _around(connection: HTTPConnection) -> dict[str, Any]:
    """What every page knows."""
    app = connection.scope["app"]
    path = connection.url.path
    known = app.state.paths
    entries = [entry for entry in NAVIGATION if entry[0] in known]
    here = max((p for p, _, _ in entries if path == p or path.startswith(p.rstrip("/") + "/")), key=len, default="")
    sentence, tone = _read_flash(connection)
    return {
        "request": connection,
        "who": connection.scope.get("state", {}).get("who"),
        "pulse": app.state.pulse,
        "navigation": entries,
        "here": here if here != "/" or path == "/" else "",
        "theme": _choice(connection.cookies.get("theme"), THEMES),
        "zone": _choice(connection.cookies.get("time"), ZONES),
        "flash": sentence,
        "flash_tone": tone,
    }


def _choice(given: str | None, known: tuple[str, ...]) -> str:
    return given if given in known else known[0]


# ---- what templates may call


def moment(epoch_s: float | None, shape: str = "full") -> Markup:
    """A point in time; the browser turns it into the reader's own. `shape`: full, day, clock, short (today the clock,
    else the day and the minute) or ago."""
    if epoch_s is None:
        return Markup("&ndash;")
    at = datetime.fromtimestamp(epoch_s, UTC)
    shown = {"day": f"{at:%Y-%m-%d}", "clock": f"{at:%H:%M:%S}"}.get(shape, f"{at:%Y-%m-%d %H:%M:%S}")
    return Markup('<time datetime="{}" data-shape="{}">{} UTC</time>').format(
        f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z", shape, shown
    )


def hour(epoch_s: float) -> str:
    """`Tue 09:00`, in UTC: beside a picture that the server makes."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%a %H:%M}"


def epoch(text: str | None) -> float | None:
    """An ISO time of a record as epoch seconds, for `moment`; None stays None."""
    return datetime.fromisoformat(text).timestamp() if text else None


def lasting(seconds: float | None) -> str:
    """`0:07`, `12:34`, `1:02:03`; a dash for what has no length."""
    if seconds is None:
        return "\N{EN DASH}"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def usd(amount: float | None) -> str:
    """`$12.34`, or `$0.0042` where that is all it was; a dash for what nobody knows."""
    if amount is None:
        return "\N{EN DASH}"
    return f"${amount:,.4f}" if 0 < abs(amount) < 0.1 else f"${amount:,.2f}"


def share(part_of: int, whole: int) -> str:
    """`42 %`; a dash of nothing."""
    return f"{round(100 * part_of / whole)} %" if whole else "\N{EN DASH}"


def waited(ms: int | None) -> str:
    """`612 ms`, `1.4 s`; a dash for what was not measured."""
    if ms is None:
        return "\N{EN DASH}"
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def spoken(word: str) -> str:
    """A word of ours for people: `agent_hung_up` is "agent hung up"."""
    return word.replace("_", " ")


def query(connection: HTTPConnection, **changes: object) -> str:
    """This page's address with other parameters; None takes one away."""
    given: Mapping[str, str] = connection.query_params
    kept = {**given} | {name: str(value) for name, value in changes.items()}
    kept = {name: value for name, value in kept.items() if changes.get(name, "") is not None and value != ""}
    return connection.url.path + (f"?{urlencode(kept)}" if kept else "")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bridge.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": moment,
        "epoch": epoch,
        "hour": hour,
        "lasting": lasting,
        "usd": usd,
        "waited": waited,
        "spoken": spoken,
        "weekdays": in_words,
    }
    made.globals |= {"static": assets().url, "query": query, "share": share}
    return made
