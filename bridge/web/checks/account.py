"""The carrier's account: its credentials, its kind, its number, whom that number's calls are told to; and its clock."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx2

from bridge.carriers.base import NumberHooks, OwnedNumber
from bridge.errors import CarrierError
from bridge.web.checks.check import Result
from bridge.web.checks.scene import Scene
from bridge.web.number_desk import Changed, hooks_for

API = "https://api.twilio.com"
CONSOLE = "https://console.twilio.com"
CREDENTIALS = ("TWILIO_ACCOUNT_SID=AC...", "TWILIO_AUTH_TOKEN=...")
BUY = "https://console.twilio.com/us1/develop/phone-numbers/manage/search"
GOOD_S, BAD_S = 2.0, 60.0
"""A Date header has whole seconds, so less cannot be told well; from a minute on, calling windows and the time stamps
of our webhooks are wrong."""


def _not_asked(why: str = "no Twilio credentials") -> Result:
    return Result("warn", f"not looked at: {why}")


async def credentials(scene: Scene) -> Result:
    """The REST API knows us, the account is active, and the token that webhooks are signed with is right."""
    settings = scene.settings
    if not scene.has_carrier or not settings.auth_tokens:
        missing = "TWILIO_AUTH_TOKEN" if settings.twilio_account_sid else "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        cause = "without them no call comes in, and none can be placed"
        if settings.twilio_account_sid and settings.twilio_api_key:
            cause = "an API key places calls; what Twilio sends is signed with the auth token all the same"
        fix = f"copy them from {CONSOLE} into .env, or try it without a phone: callbridge dev"
        return Result("fail", f"{missing} not set", cause, fix, CREDENTIALS)
    try:
        account = await scene.account()
        if settings.twilio_api_key:
            await scene.with_token_alone().control.account()
    except CarrierError as error:
        cause = "the account SID, or the token or key, is not right" if error.kind == "account" else "Twilio said no"
        if not error.status:
            cause = "its REST API cannot be reached from here"
        return Result("fail", str(error), cause, f"compare TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN with {CONSOLE}")
    if not account.active:
        cause = "Twilio takes and places no calls for it"
        return Result("fail", f"{account.account_id} is {account.status}", cause, f"see why at {CONSOLE}")
    return Result("ok", f"{account.account_id} ({account.name})")


async def trial(scene: Scene) -> Result:
    """A trial account calls verified numbers alone."""
    if not scene.has_carrier:
        return _not_asked()
    try:
        account = await scene.account()
    except CarrierError as error:
        return _not_asked(str(error))
    if not account.trial:
        return Result("ok", "a full account")
    verified = ", ".join(account.verified) or "none yet"
    return Result(
        "warn",
        f"a trial account; it may call {verified}",
        "a trial calls up to five verified numbers, speaks a sentence of Twilio's own first, and ends after 30 days",
        f"upgrade at {CONSOLE}, or verify a number at {CONSOLE}/us1/develop/phone-numbers/manage/verified",
    )


async def number(scene: Scene) -> Result:
    """TWILIO_PHONE_NUMBER is the account's own, and can be called."""
    if not scene.has_carrier:
        return _not_asked()
    try:
        owned = await scene.numbers()
    except CarrierError as error:
        return _not_asked(str(error))
    wanted = scene.settings.twilio_phone_number
    able = [one.number for one in owned if one.voice]
    if not wanted:
        if not able:
            return Result("fail", "the account owns no number", "nobody can call", f"buy one with voice at {BUY}")
        line = f"TWILIO_PHONE_NUMBER={able[0]}"
        cause = f"the account owns {', '.join(able[:3])}; calls that we place have no caller id"
        return Result("warn", "TWILIO_PHONE_NUMBER is not set", cause, f"put {line} into .env", (line,))
    found = next((one for one in owned if one.number == wanted), None)
    if found is None:
        env = tuple(f"TWILIO_PHONE_NUMBER={one}" for one in able[:1])
        fix = f"put {env[0]} into .env" if env else f"buy a number with voice at {BUY}"
        return Result("fail", f"{wanted} is not the account's", "calls to it go to somebody else", fix, env)
    if not found.voice:
        return Result("fail", f"{wanted} takes no calls", "it is a number for texts", f"buy one with voice at {BUY}")
    return Result("ok", f"{wanted} ({found.name})")


async def webhook(scene: Scene) -> Result:
    """The number's calls are told to us: voice URL, its method, fallback, status callback."""
    settings = scene.settings
    if not scene.has_carrier:
        return _not_asked()
    if not settings.twilio_phone_number or not settings.public_url:
        return _not_asked("PUBLIC_URL or TWILIO_PHONE_NUMBER is not set")
    try:
        owned = [one for one in await scene.numbers() if one.number == settings.twilio_phone_number]
    except CarrierError as error:
        return _not_asked(str(error))
    if not owned:
        return _not_asked(f"{settings.twilio_phone_number} is not the account's")
    return _judged(owned[0], hooks_for(settings.public_url), settings.public_url)


def _judged(owned: OwnedNumber, wanted: NumberHooks, public_url: str) -> Result:
    hooks, attach = owned.hooks, f"callbridge numbers attach {owned.number}"
    if owned.ruled_by:
        warning = Changed(owned.number, hooks, hooks, owned.ruled_by).warning
        return Result("fail", f"{owned.number} is answered by {owned.ruled_by}", warning, f"take it away at {CONSOLE}")
    if hooks.voice_url != wanted.voice_url:
        now = hooks.voice_url or "nobody"
        cause = f"it should be {wanted.voice_url}"
        return Result("fail", f"{owned.number} VoiceUrl = {now}", cause, attach, fixable=True)
    if hooks.voice_method != "POST":
        cause = "callbridge answers POST alone: the caller hears an error"
        return Result("fail", f"{owned.number} is asked by {hooks.voice_method}", cause, attach, fixable=True)
    if (hooks.status_url, hooks.status_method) != (wanted.status_url, wanted.status_method):
        cause = f"it should be {wanted.status_url}: a caller who hangs up early is noticed late"
        now = f"{owned.number} status callback = {hooks.status_url or 'nobody'}"
        return Result("warn", now, cause, attach, fixable=True)
    if hooks.fallback_url.startswith(public_url):
        cause = "when callbridge cannot answer, neither can its fallback"
        fix = f"point it somewhere else, or empty it, at {CONSOLE}"
        return Result("warn", f"{owned.number} fallback = {hooks.fallback_url}", cause, fix)
    return Result("ok", f"{owned.number} VoiceUrl = {hooks.voice_url}")


async def attach(scene: Scene) -> str:
    """Point the number at us; what was there is kept. Raises CarrierError, StoreError, UsageError."""
    done = await scene.desk.attach(scene.settings.twilio_phone_number, scene.settings.public_url)
    return f"{done.number} points at {done.after.voice_url} (before: {done.before.voice_url or 'nobody'})"


async def clock(scene: Scene) -> Result:
    """Our clock beside the carrier's, by the Date header of its API."""
    url = scene.settings.twilio_api_url.rstrip("/") or API
    try:
        async with scene.http(url) as http:
            began = scene.clock()
            answer = await http.get(f"{url}/2010-04-01")
            ended = scene.clock()
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx2.HTTPError, KeyError, ValueError) as error:
        said = f"{url} does not tell the time ({type(error).__name__})"
        cause = "this machine's clock could not be compared; calling windows go by it"
        return Result("warn", said, cause, f"see that {url} can be reached from here")
    # It was that second there, so half past it on the average, at some moment between our two.
    ahead = (began + ended) / 2 - (theirs + 0.5)
    host = url.rpartition("//")[2]
    if abs(ahead) < GOOD_S:
        return Result("ok", f"within {GOOD_S:g} s of {host}")
    return Result(
        "fail" if abs(ahead) >= BAD_S else "warn",
        f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} HTTP Date of {host}",
        "calling windows and the time stamps of calls and webhooks go by this clock; NTP keeps it right",
        "timedatectl set-ntp true",
    )
