"""`callbridge serve`: both listeners in one process, on one loop, until SIGTERM has been obeyed.

uvicorn closes every WebSocket a tenth of a second after SIGTERM, which would cut every phone call. So the signal is
taken here: first no new calls, then the live ones may finish (BRIDGE_DRAIN_S), then the servers stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge import config
from bridge.cli.collector import Collector
from bridge.cli.stopping import on_signals
from bridge.config import Settings, is_loopback
from bridge.errors import ConfigError, StoreError
from bridge.store.lock import FolderLock

if TYPE_CHECKING:
    from bridge.app import Bridge

log = logging.getLogger(__name__)

FILES = 16_384
"""Open files a process may have, where the system's hard limit lets us ask for so many."""
FINISH_S = 10.0
"""What a tool of a call that is over may still need; no more than any tool has (`DEFAULT_TIMEOUT_S`)."""


def run(flags: Mapping[str, object]) -> None:
    """Read the settings, build the app, serve until told to stop. Raises UsageError for what cannot work."""
    found = config.load(flags)
    settings = checked(found.settings)
    # Before numpy is loaded: a filter of 20 ms is no work to share, and idle threads of its own would spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from bridge.app import create_app
    from bridge.observe import logs
    from bridge.tools.threads import let_finish

    logs.set_up(settings)
    try:
        FolderLock(settings.data).close()
    except StoreError as error:
        raise ConfigError(str(error)) from None
    app = create_app(settings, sources=found.sources)
    public = listen(settings.host, settings.port, "PORT")
    admin = listen(settings.admin_host, settings.admin_port, "BRIDGE_ADMIN_PORT")
    keep(app, settings, public, admin, _say_where)
    let_finish(FINISH_S)


def keep(
    app: Bridge,
    settings: Settings,
    public: socket.socket,
    admin: socket.socket,
    ready: Callable[[socket.socket, socket.socket], None],
) -> None:
    """Serve both apps until told to stop; `ready` is called in the loop, when both answer."""
    _many_files()
    with _fast_loop() as run_loop:
        run_loop(_serve(app, settings, public, admin, ready))


def _many_files() -> None:
    """A call holds five files (two sockets, three records); the usual limit of 1,024 would be 200 calls."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def checked(settings: Settings) -> Settings:
    """What serving needs beyond valid values. Raises ConfigError, one sentence each."""
    if settings.insecure_dev:
        if not is_loopback(settings.host):
            raise ConfigError(
                "--insecure-dev answers anybody: it needs a loopback address, for one BRIDGE_HOST=127.0.0.1"
            )
        if not settings.public_url:
            settings = replace(settings, public_url=f"http://127.0.0.1:{settings.port}")
    else:
        if not settings.auth_tokens:
            raise ConfigError("TWILIO_AUTH_TOKEN is missing: without it no request can be told from a forged one")
        require_public_url(settings)
    host = urlsplit(settings.realtime_url).hostname or ""
    if not settings.openai_api_key and not is_loopback(host):
        raise ConfigError(f"OPENAI_API_KEY is missing: {host} answers nobody without one")
    if not settings.admin_token and not is_loopback(settings.admin_host):
        raise ConfigError(f"BRIDGE_ADMIN_TOKEN is missing: the admin listener on {settings.admin_host} needs one")
    check_webhook(settings)
    return settings


def check_webhook(settings: Settings) -> None:
    """Raises ConfigError unless what is told outward can be told."""
    if settings.webhook_url:
        from bridge.notify.post import check_url, is_house_alone
        from bridge.notify.signature import check_secret

        check_url(settings.webhook_url, alone=is_house_alone(settings), name="BRIDGE_WEBHOOK_URL")
        check_secret(settings.webhook_secret, "BRIDGE_WEBHOOK_SECRET")


def require_public_url(settings: Settings) -> None:
    """Raises ConfigError."""
    if not settings.public_url:
        raise ConfigError("PUBLIC_URL is missing: the https://host that Twilio reaches this server at")


def listen(host: str, port: int, name: str) -> socket.socket:
    """A bound socket. Raises ConfigError when the address is taken or cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle off only then: a mark must not wait for the audio's ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"cannot listen on {host}:{port} ({error.strerror}); choose another {name}") from None
    return sock


@contextlib.contextmanager
def _fast_loop() -> Iterator[Callable[..., None]]:
    """uvloop where it is installed (the extra `fast`), else the standard loop."""
    try:
        import uvloop
    except ImportError:
        yield asyncio.run
    else:
        yield uvloop.run


async def _serve(
    app: Bridge,
    settings: Settings,
    public: socket.socket,
    admin: socket.socket,
    ready: Callable[[socket.socket, socket.socket], None],
) -> None:
    from bridge.web.server import server

    servers = [server(app, lifespan="on"), server(app.admin, lifespan="off")]
    tasks = [asyncio.create_task(s.serve([sock])) for s, sock in zip(servers, (public, admin), strict=True)]
    stop = asyncio.Event()
    hard = asyncio.Event()

    def told(_: int) -> None:
        if stop.is_set():
            hard.set()
        stop.set()

    on_signals((signal.SIGTERM, signal.SIGINT), told)
    while not all(s.started for s in servers) and not any(t.done() for t in tasks):  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.01)
    if not any(t.done() for t in tasks):
        ready(public, admin)
    switchboard = app.services.switchboard
    Collector(switchboard).begin()
    await _first(stop.wait(), *tasks)
    switchboard.draining = True
    if switchboard.live:
        log.info("draining", extra={"calls": len(switchboard.live), "drain_s": settings.drain_s})
    await _first(switchboard.drain(settings.drain_s), hard.wait())
    await switchboard.end_all(2.0)
    await switchboard.asked(3.0)
    for s in servers:
        s.end()
    await asyncio.gather(*tasks)


async def _first(*work: object) -> None:
    """Wait until one of these is done; the others are cancelled unless they are tasks of their own."""
    own = [asyncio.ensure_future(w) for w in work if asyncio.iscoroutine(w)]
    tasks = own + [w for w in work if isinstance(w, asyncio.Task)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in own:
        task.cancel()


def _say_where(public: socket.socket, admin: socket.socket) -> None:
    for name, sock in (("public", public), ("admin", admin)):
        host, port = sock.getsockname()[:2]
        print(f"{name:7} http://{'[' + host + ']' if ':' in host else host}:{port}", file=sys.stderr, flush=True)
