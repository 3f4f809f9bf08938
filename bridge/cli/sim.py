"""`callbridge sim model|carrier`: the parts of the pretend world, each alone. `sim phone` is in `sim_phone.py`.

Each prints its URL as its first line, then runs until SIGINT or SIGTERM and exits 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import config
from bridge.cli.stopping import run_until_told
from bridge.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from bridge.sim.carrier import CarrierOptions
    from bridge.sim.model import ModelOptions
    from bridge.sim.voice import Mouth

ACCOUNT_SID = "AC" + "0" * 32
"""The pretend account, when no TWILIO_ACCOUNT_SID is given: nobody has it."""


def run_model(options: ModelOptions) -> None:
    """The local engine, until told to stop. Raises UsageError."""
    settings = config.load().settings
    local = replace(
        options,
        llm_url=options.llm_url or settings.local_llm_url,
        stt_url=options.stt_url or settings.local_stt_url,
        tts_url=options.tts_url or settings.local_tts_url,
    )
    run_until_told(_model(local))


async def _model(options: ModelOptions) -> None:
    import asyncio

    from bridge.sim.model import ModelServer

    async with ModelServer(options) as server:
        print(server.url, flush=True)
        print(f"ears: {server.helpers.ears.kind}", flush=True)
        await asyncio.get_running_loop().create_future()


def run_carrier(flags: CarrierFlags, population: PopulationFlags) -> None:
    """The pretend phone company, until told to stop. Raises UsageError."""
    from bridge.sim.carrier import serve
    from bridge.sim.voice import Mouth

    mouth = Mouth()
    try:
        options = with_population(carrier_options(flags), population, mouth)
        run_until_told(serve(options, lambda url: print(url, flush=True), mouth))
    finally:
        mouth.close()


@dataclass(frozen=True, slots=True)
class CarrierFlags:
    """What the command line says about the carrier; empty texts are not given."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""
    connect: str = ""
    account_sid: str = ""
    auth_token: str = ""
    strict: bool = False
    phone_latency_ms: float = 0.0
    recordings: Path | None = None


@dataclass(frozen=True, slots=True)
class PopulationFlags:
    """Who is there to be called, how fast, and what goes wrong meanwhile; empty texts are not given."""

    crowd: int | None = None
    people: Path | None = None
    share: str = ""
    silent: bool = False
    calls_per_second: float = 1.0
    concurrency: int | None = None
    faults: str = ""
    callbacks: str = ""
    owns: tuple[str, ...] = ()


def with_population(options: CarrierOptions, flags: PopulationFlags, mouth: Mouth) -> CarrierOptions:
    """The same carrier with people at its numbers; without a crowd everybody picks up and listens.

    Raises UsageError.
    """
    from bridge.sim.crowd import Crowd, read_people, read_shares
    from bridge.sim.twilio.owned import SimNumber
    from bridge.sim.twilio.weather import CallbackWeather, DialWeather

    if flags.crowd is None and flags.people is None and (flags.share or flags.silent):
        raise UsageError("--share and --silent are about a crowd: give --crowd SEED as well")
    crowd = None
    if flags.crowd is not None or flags.people is not None:
        people = read_people(_text_of(flags.people), str(flags.people)) if flags.people is not None else {}
        shares = read_shares(flags.share) if flags.share else None
        if flags.crowd is None:
            shares = {"human": 1.0}
        crowd = Crowd(flags.crowd or 1, shares=shares, people=people, voices=not flags.silent, mouth=mouth)
    return replace(
        options,
        directory=crowd or options.directory,
        calls_per_second=flags.calls_per_second,
        concurrency=flags.concurrency,
        dialing=DialWeather.read(flags.faults),
        callbacks=CallbackWeather.read(flags.callbacks),
        owned=tuple(SimNumber(number) for number in flags.owns),
        seed=options.seed if flags.crowd is None else flags.crowd,
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error


def carrier_options(flags: CarrierFlags) -> CarrierOptions:
    """The carrier of these flags and the settings of `serve` (PUBLIC_URL, TWILIO_...). Raises UsageError."""
    from bridge.sim.carrier import CarrierOptions

    given: Mapping[str, object] = {
        "public_url": flags.public_url or None,
        "twilio_account_sid": flags.account_sid or None,
        "twilio_auth_token": flags.auth_token or None,
    }
    settings = config.load(given).settings
    if not settings.public_url:
        raise ConfigError("PUBLIC_URL is missing: the URL that the carrier signs and calls (--public-url)")
    if not settings.auth_tokens:
        raise ConfigError("TWILIO_AUTH_TOKEN is missing: the carrier signs its requests with it (--auth-token)")
    keys = ((settings.twilio_api_key, settings.twilio_api_secret),) if settings.twilio_api_key else ()
    return CarrierOptions(
        public_url=settings.public_url,
        account_sid=settings.twilio_account_sid or ACCOUNT_SID,
        auth_token=settings.auth_tokens[0],
        connect=host_and_port(flags.connect) if flags.connect else None,
        host=flags.host,
        port=flags.port,
        api_keys=keys,
        strict=flags.strict,
        phone_latency_ms=flags.phone_latency_ms,
        recordings=flags.recordings,
    )


def host_and_port(text: str) -> tuple[str, int]:
    """`HOST:PORT` of --connect. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) <= 65535):
        raise UsageError(f"--connect is {text!r}: it must look like 127.0.0.1:8080")
    return host.strip("[]"), int(port)
