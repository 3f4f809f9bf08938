"""`callbridge talk --browser`: hear the agent in the browser, with nothing set up.

A `serve` that runs is asked for its page. Else one is run here, for this machine alone: no phone company, no public
address; with OPENAI_API_KEY the configured model answers, without it the local engine.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from bridge import config
from bridge.cli.given import for_server
from bridge.cli.serve import FINISH_S, keep, listen
from bridge.client import admin_url
from bridge.config import Settings
from bridge.errors import ConfigError, ModelUnreachable, StoreError
from bridge.store.lock import FolderLock

HOST = "127.0.0.1"


def run(agent: str, *, open_page: bool) -> None:
    """Say where the page is, open it, and serve it until told to stop. Raises UsageError."""
    found = config.load({"agent": agent or None})
    if _runs(found.settings):
        page = f"{admin_url(found.settings)}/talk" + (f"?agent={quote(for_server(agent), safe=':')}" if agent else "")
        _show(page, "callbridge runs already", open_page=open_page)
        return
    settings = replace(
        found.settings,
        host=HOST,
        admin_host=HOST,
        insecure_dev=True,
        public_url="http://127.0.0.1",
        log_level="warning" if found.settings.log_level == "info" else found.settings.log_level,
    )
    _serve(settings, found.sources, open_page=open_page)


def _serve(settings: Settings, sources: Mapping[str, str], *, open_page: bool) -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # see `serve.run`
    from bridge.app import create_app
    from bridge.observe import logs
    from bridge.tools.threads import let_finish
    from bridge.web.visits import LOCAL, Visits

    logs.set_up(settings)
    try:
        FolderLock(settings.data).close()
    except StoreError as error:
        raise ConfigError(str(error)) from None
    try:
        admin = listen(HOST, settings.admin_port, "BRIDGE_ADMIN_PORT")
    except ConfigError:
        admin = listen(HOST, 0, "BRIDGE_ADMIN_PORT")  # it is told below which one it is
    public = listen(HOST, 0, "PORT")
    app = create_app(
        replace(settings, admin_port=admin.getsockname()[1], port=public.getsockname()[1]), sources=sources
    )
    first = Visits(app.services).models[0]
    warming: list[asyncio.Task[None]] = []

    async def warm() -> None:
        try:
            await app.services.engine.url()
        except ModelUnreachable as error:
            print(f"callbridge: {error}", file=sys.stderr)

    def ready(_: socket.socket, admin: socket.socket) -> None:
        who = "the local engine" if first.local else first.name
        why = " (no OPENAI_API_KEY)" if first.id == LOCAL else ""
        page = f"http://{HOST}:{admin.getsockname()[1]}/talk"
        _show(page, f"{who} answers{why}; Ctrl-C ends it", open_page=open_page)
        if first.id == LOCAL:
            warming.append(asyncio.ensure_future(warm()))

    keep(app, settings, public, admin, ready)
    let_finish(FINISH_S)


def _runs(settings: Settings) -> bool:
    """Does a callbridge answer where the settings say?"""
    import httpx2

    headers = {"authorization": f"Bearer {settings.admin_token}"} if settings.admin_token else {}
    try:
        with httpx2.Client(trust_env=False, timeout=2.0, headers=headers) as http:
            answer = http.get(f"{admin_url(settings)}/api/v1/talk")
            if answer.status_code == 401:  # one that wants another token: the page asks for it
                return answer.headers.get("content-type", "").startswith("application/problem+json")
            return answer.status_code == 200 and "agents" in answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        return False


def _show(page: str, note: str, *, open_page: bool) -> None:
    print(f"{page}   {note}", flush=True)
    # Without a screen a browser of the terminal would be opened, which knows no microphone.
    has_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if open_page and has_screen:
        webbrowser.open(page)
