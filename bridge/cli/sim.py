"""`callbridge sim model|carrier`: the parts of the pretend world, each alone. `sim phone` is in `sim_phone.py`.

Each prints its URL as its first line, then runs until SIGINT or SIGTERM and exits 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import config
from bridge.cli.stopping import run_until_told
from bridge.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from bridge.sim.carrier import CarrierOptions
    from bridge.sim.model import ModelOptions

ACCOUNT_SID = "AC" + "0" * 32
"""The pretend account, when no TWILIO_ACCOUNT_SID is given: nobody has it."""


def run_model(options: ModelOptions) -> None:
    """The local engine, until told to stop. Raises UsageError."""
    from dataclasses import replace

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


def run_carrier(options: CarrierOptions) -> None:
    """The pretend phone company, until told to stop. Raises UsageError."""
    from bridge.sim.carrier import serve

    run_until_told(serve(options, lambda url: print(url, flush=True)))


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
