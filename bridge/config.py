"""Settings: read once, frozen, each with its source.

Order: command-line flag > environment > `.env` in the current folder > `callbridge.toml` > default. Secrets have a
`*_FILE` twin that names a mounted file. An unknown `BRIDGE_*` variable or TOML key is an error that says what was
probably meant.

This is a table and a page of code and not pydantic-settings, for two reasons: every command reads settings and that
package alone takes 0.3 s to import, the whole allowance of `--help`; and where each value came from is part of the
answer here. `.env` is read by python-dotenv.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

from bridge import numbers
from bridge.errors import ConfigError, UsageError

AudioFormat = Literal["pcm", "pcmu"]
"""`pcm`: PCM16 at 24 kHz, converted here. `pcmu`: the phone's own mu-law, passed through untouched."""

TOML_FILE = "callbridge.toml"
DOTENV_FILE = ".env"


def _setting(env: str, default: Any, why: str, *, secret: bool = False, url: bool = False) -> Any:
    return field(default=default, metadata={"env": env, "why": why, "secret": secret or url, "url": url})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """Every setting there is. The environment name, a line of why and whether it is secret stand in each field."""

    openai_api_key: str = _setting("OPENAI_API_KEY", "", "Bearer key of the Realtime server", secret=True)
    realtime_url: str = _setting(
        "REALTIME_URL", "wss://api.openai.com/v1/realtime", "any Realtime-compatible server; ?model= is added"
    )
    realtime_model: str = _setting("REALTIME_MODEL", "gpt-realtime-2.1", "model to ask for")
    realtime_dialect: Literal["ga", "beta"] = _setting("REALTIME_DIALECT", "ga", "ga, or beta for older servers")
    realtime_audio: AudioFormat = _setting("REALTIME_AUDIO", "pcm", "pcm (24 kHz, converted) or pcmu (passed through)")
    realtime_input_audio: AudioFormat | None = _setting(
        "REALTIME_INPUT_AUDIO", None, "the caller's direction alone; default REALTIME_AUDIO"
    )
    realtime_output_audio: AudioFormat | None = _setting(
        "REALTIME_OUTPUT_AUDIO", None, "the agent's direction alone; default REALTIME_AUDIO"
    )
    supervisor_url: str = _setting(
        "SUPERVISOR_URL", "", "base URL of the text model for supervisors and analyses; default: beside REALTIME_URL"
    )
    supervisor_model: str = _setting("SUPERVISOR_MODEL", "gpt-5.4-mini", "text model to ask for")
    supervisor_api: Literal["responses", "chat"] = _setting(
        "SUPERVISOR_API", "responses", "responses, or chat for servers that only have /chat/completions"
    )
    supervisor_api_key: str = _setting(
        "SUPERVISOR_API_KEY", "", "Bearer key of the text model; default: OPENAI_API_KEY, to its own hosts", secret=True
    )
    twilio_account_sid: str = _setting("TWILIO_ACCOUNT_SID", "", "AC..., whose calls are answered")
    twilio_auth_token: str = _setting(
        "TWILIO_AUTH_TOKEN", "", "verifies signatures; several, comma-separated, while one is rotated", secret=True
    )
    twilio_api_key: str = _setting("TWILIO_API_KEY", "", "SK..., for REST instead of the auth token")
    twilio_api_secret: str = _setting("TWILIO_API_SECRET", "", "secret of TWILIO_API_KEY", secret=True)
    twilio_phone_number: str = _setting("TWILIO_PHONE_NUMBER", "", "default caller id")
    twilio_api_url: str = _setting("TWILIO_API_URL", "", "base URL override of the REST API")
    countries: frozenset[str] = _setting(
        "BRIDGE_COUNTRIES", frozenset(), "countries that may be called, such as US,CA; default: none"
    )
    calls_per_second: float = _setting(
        "BRIDGE_CPS", 1.0, "calls the carrier account may begin in a second; Twilio's default is 1"
    )
    dialer: Literal["on", "off"] = _setting("BRIDGE_DIALER", "on", "off: this serve runs no dialer")
    public_url: str = _setting("PUBLIC_URL", "", "https://host[/prefix] as Twilio sees it; signatures are made for it")
    agent: str = _setting("BRIDGE_AGENT", "", "module:attr or an agent file; default: the bundled reception")
    host: str = _setting("BRIDGE_HOST", "0.0.0.0", "public listener: carrier routes, health")  # noqa: S104 - containers
    port: int = _setting("PORT", 8080, "port of the public listener")
    admin_host: str = _setting("BRIDGE_ADMIN_HOST", "127.0.0.1", "admin listener: pages, API, metrics")
    admin_port: int = _setting("BRIDGE_ADMIN_PORT", 8081, "port of the admin listener")
    admin_token: str = _setting(
        "BRIDGE_ADMIN_TOKEN", "", "needed when the admin host is not loopback: no start without", secret=True
    )
    admin_url: str = _setting("BRIDGE_ADMIN_URL", "", "where commands find a running serve")
    data: Path = _setting("BRIDGE_DATA", Path("data"), "calls, recordings, black boxes")
    database_url: str = _setting(
        "DATABASE_URL", "", "sqlite:///file or postgresql://...; default: callbridge.db in BRIDGE_DATA", url=True
    )
    webhook_url: str = _setting("BRIDGE_WEBHOOK_URL", "", "https://... that is told what happens", url=True)
    webhook_secret: str = _setting(
        "BRIDGE_WEBHOOK_SECRET", "", "whsec_..., signs what it is told; several, comma-separated", secret=True
    )
    record: Literal["off", "stereo"] = _setting("BRIDGE_RECORD", "off", "off, or stereo: caller left, agent right")
    drain_s: int = _setting("BRIDGE_DRAIN_S", 600, "how long live calls may finish after SIGTERM, in seconds")
    limit_calls: int = _setting("BRIDGE_LIMIT_CALLS", 1000, "most calls at a time")
    limit_upgrades: int = _setting(
        "BRIDGE_LIMIT_UPGRADES", 2000, "most media sockets from one address that wait for their start message"
    )
    log_level: str = _setting("LOG_LEVEL", "info", "debug, info, warning or error")
    insecure_dev: bool = _setting(
        "BRIDGE_INSECURE_DEV", False, "run without signatures; loopback only (flag --insecure-dev)"
    )
    local_llm_url: str = _setting("LOCAL_LLM_URL", "", "OpenAI-compatible chat endpoint for the local engine")
    local_stt_url: str = _setting("LOCAL_STT_URL", "", "OpenAI-compatible transcription endpoint, likewise")
    local_tts_url: str = _setting("LOCAL_TTS_URL", "", "OpenAI-compatible speech endpoint, likewise")

    @property
    def input_audio(self) -> AudioFormat:
        """The format caller audio is sent to the model in."""
        return self.realtime_input_audio or self.realtime_audio

    @property
    def output_audio(self) -> AudioFormat:
        """The format the model speaks in."""
        return self.realtime_output_audio or self.realtime_audio

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Every token a signature may have been made with."""
        return tuple(t.strip() for t in self.twilio_auth_token.split(",") if t.strip())

    def __repr__(self) -> str:
        shown = (f"{f.name}={shown_value(f.name, getattr(self, f.name))!r}" for f in fields(self))
        return f"Settings({', '.join(shown)})"

    @property
    def text_url(self) -> str:
        """Base URL of the text model: SUPERVISOR_URL, or what stands beside REALTIME_URL (`https://host/v1`)."""
        if self.supervisor_url:
            return self.supervisor_url.rstrip("/")
        url = urlsplit(self.realtime_url)
        base, _, last = url.path.rstrip("/").rpartition("/")
        scheme = "http" if url.scheme == "ws" else "https"
        return f"{scheme}://{url.netloc.rpartition('@')[2]}{(base if last == 'realtime' else '') or '/v1'}"

    @property
    def text_key(self) -> str:
        """The key for it. OPENAI_API_KEY goes only to hosts that have it anyway: OpenAI's, and that of REALTIME_URL."""
        if self.supervisor_api_key:
            return self.supervisor_api_key
        has_it = {origin(self.realtime_url), origin("https://api.openai.com")}
        return self.openai_api_key if origin(self.text_url) in has_it else ""


_FIELDS = {f.name: f for f in fields(Settings)}
_TYPES = get_type_hints(Settings)
_BY_ENV = {f.metadata["env"]: f.name for f in _FIELDS.values()}


def shown_value(name: str, value: object) -> str:
    """A setting as it may be shown to anyone: secrets are ***, and of a secret URL its password."""
    if _FIELDS[name].metadata["url"]:
        return without_password(str(value))
    if _FIELDS[name].metadata["secret"]:
        return "***" if value else ""
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Sourced:
    """Settings together with where each value came from."""

    settings: Settings
    sources: Mapping[str, str]

    def rows(self) -> list[dict[str, str]]:
        """One row a setting: name, value (secrets masked), source, why."""
        return [
            {
                "name": f.metadata["env"],
                "value": shown_value(f.name, getattr(self.settings, f.name)),
                "source": self.sources.get(f.name, "default"),
                "why": f.metadata["why"],
            }
            for f in _FIELDS.values()
        ]


def load(
    flags: Mapping[str, object] | None = None, env: Mapping[str, str] | None = None, folder: Path | None = None
) -> Sourced:
    """Read the settings. `flags` are by field name and win; None values in it are not given.

    Raises:
        ConfigError: a value cannot be used, a name is unknown or a file cannot be read.
    """
    env = os.environ if env is None else env
    folder = Path() if folder is None else folder
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (TOML_FILE, _from_toml(folder / TOML_FILE)),
        (DOTENV_FILE, _from_names(_from_dotenv(folder / DOTENV_FILE), DOTENV_FILE)),
        ("environment", _from_names(env, "the environment")),
        ("flag", {k: v for k, v in (flags or {}).items() if v is not None}),
    ):
        for name, raw in found.items():
            values[name] = _cast(name, raw, source)
            sources[name] = source
    settings = Settings(**values)  # type: ignore[arg-type]
    _check(settings)
    return Sourced(settings, sources)


def _from_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for key in table:
        if key not in _FIELDS:
            raise ConfigError(f"{path}: unknown key {key!r}{_did_you_mean(key, _FIELDS)}")
    return table


def _from_dotenv(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    if not path.is_file():
        return {}
    try:
        return {k: v for k, v in dotenv_values(path, encoding="utf-8").items() if v is not None}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _from_names(names: Mapping[str, str], where: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for env, name in _BY_ENV.items():
        if names.get(env):
            found[name] = names[env]
        elif _FIELDS[name].metadata["secret"] and names.get(f"{env}_FILE"):
            found[name] = _read_secret(f"{env}_FILE", names[f"{env}_FILE"])
    known = {*_BY_ENV, *(f"{e}_FILE" for e, n in _BY_ENV.items() if _FIELDS[n].metadata["secret"])}
    for env in names:
        if env.startswith("BRIDGE_") and env not in known:
            raise ConfigError(f"unknown setting {env} in {where}{_did_you_mean(env, known)}")
    return found


def _read_secret(env: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{env}: cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _did_you_mean(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _cast(name: str, raw: object, source: str) -> object:
    """One raw value as its field's type."""
    env = _FIELDS[name].metadata["env"]
    kind = _TYPES[name]
    text = str(raw).strip()
    choices = [c for part in (get_args(kind) or (kind,)) for c in (get_args(part) or (part,)) if isinstance(c, str)]
    if choices:
        if text not in choices:
            raise ConfigError(f"{env} is {text!r} ({source}): it can be {' or '.join(choices)}")
        return text
    if kind is bool:
        if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            raise ConfigError(f"{env} is {text!r} ({source}): it can be true or false")
        return text.lower() in ("1", "true", "yes", "on")
    if kind is int:
        try:
            number = int(text)
        except ValueError:
            raise ConfigError(f"{env} is {text!r} ({source}): it must be a whole number") from None
        if number < 0 or (name.endswith("port") and number > 65535):
            raise ConfigError(f"{env} is {number} ({source}): out of range")
        return number
    if kind is float:
        return _number(text, env, source)
    if name == "countries":
        return _countries(raw, env, source)
    return Path(text) if kind is Path else text


def _number(text: str, env: str, source: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ConfigError(f"{env} is {text!r} ({source}): it must be a number above 0")
    return number


def _countries(raw: object, env: str, source: str) -> frozenset[str]:
    codes = raw if isinstance(raw, (list, tuple, frozenset)) else str(raw).split(",")
    try:
        return numbers.country_codes(str(code) for code in codes)
    except UsageError as error:
        raise ConfigError(f"{env} ({source}): {error}") from None


def _check(settings: Settings) -> None:
    """What must hold whoever uses the settings."""
    try:
        url = urlsplit(settings.realtime_url)
        usable = url.scheme in ("ws", "wss") and bool(url.hostname) and url.port != 0 and not url.fragment
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable:
        raise ConfigError(f"REALTIME_URL is {settings.realtime_url!r}: it must look like wss://host/v1/realtime")
    if settings.supervisor_url:
        check_text_url(settings.supervisor_url)
    if settings.public_url:
        check_public_url(settings.public_url)
    if settings.log_level.lower() not in ("debug", "info", "warning", "error"):
        raise ConfigError(f"LOG_LEVEL is {settings.log_level!r}: it can be debug, info, warning or error")


def check_text_url(text: str) -> None:
    """`http(s)://host[:port]/v1`, without keys in it; a ConfigError says what is wrong with it."""
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        usable = usable and not (url.query or url.fragment or url.username)
    except ValueError:
        usable = False
    if not usable:
        # Not shown: what stands before an @ or behind a ? may be a key.
        raise ConfigError("SUPERVISOR_URL cannot be used: it must look like https://host/v1, without key or query")


def origin(url: str) -> tuple[bool, str, int]:
    """Who is behind a URL (encrypted?, host, port); a WebSocket and an HTTP address of one server are the same."""
    parts = urlsplit(url)
    tls = parts.scheme in ("https", "wss")
    return tls, parts.hostname or "", parts.port or (443 if tls else 80)


def without_password(url: str) -> str:
    """A URL as it may be shown: what stands between its user's name and the @ is ***, and so is a password behind ?."""
    head, mark, query = url.partition("?")
    scheme, slashes, rest = head.partition("://")
    user, at, place = rest.rpartition("@")
    name, colon, _ = user.partition(":")
    if not slashes:
        return "***" if "@" in url else url
    shown = f"{scheme}{slashes}{name}{':***' if colon else ''}{at}{place}"
    return shown + mark + re.sub(r"(?i)(pass\w*=)[^&]*", r"\1***", query)


def check_public_url(text: str) -> None:
    """`https://host[:port][/prefix]`, or http:// on loopback; a ConfigError says what is wrong with it."""
    try:
        url = urlsplit(text)
        port_ok = url.port is None or url.port > 0
    except ValueError:
        url, port_ok = urlsplit(""), False
    if not port_ok or not url.hostname or url.scheme not in ("https", "http"):
        raise ConfigError(f"PUBLIC_URL is {text!r}: it must look like https://bridge.example.com")
    if url.query or url.fragment or url.username:
        raise ConfigError(f"PUBLIC_URL is {text!r}: it must not hold a query, a fragment or a user name")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ConfigError(f"PUBLIC_URL is {text!r}: http:// is only for loopback; Twilio needs https://")


def is_loopback(host: str) -> bool:
    """Does this host name mean this machine alone?"""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())
