"""`callbridge talk [AGENT]`: a conversation with an agent in the terminal, in writing.

With OPENAI_API_KEY (or a REALTIME_URL on this machine) the configured model answers. Without, a local engine is
started for the conversation: it follows the bundled script, or LOCAL_LLM_URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

from rich.console import Console

from bridge import config
from bridge.agents.library import load_agent
from bridge.agents.team import Routing, Team
from bridge.agents.thinker import Thinker
from bridge.audio.path import make_path
from bridge.call import events as ev
from bridge.config import Settings, is_loopback
from bridge.live.briefing import Briefing
from bridge.live.ensemble import Ensemble
from bridge.live.info import CallInfo, LiveCall, known
from bridge.live.model import Socket
from bridge.live.typed import Said, TypedTalk, Used
from bridge.live.visit import ENGINE
from bridge.realtime.connection import OnClose, OnMessages, connect, with_model
from bridge.realtime.dialect import DIALECTS
from bridge.realtime.session import SessionConfig
from bridge.realtime.wire import RealtimeWire
from bridge.tools.sources import Sources

PROMPT = "you> "


def run(agent: str) -> None:
    """Talk until the agent hangs up, or the input ends. Raises UsageError, ModelError."""
    settings = config.load({"agent": agent or None}).settings
    answers = load_agent(settings.agent)
    first = answers.otherwise if isinstance(answers, Routing) else answers
    asyncio.run(_talk(settings, Team(first)))


async def _talk(settings: Settings, team: Team) -> None:
    console = Console(highlight=False, soft_wrap=True)
    async with _model(settings, console) as url:
        thinker = Thinker.of(_with_engine(settings, url))
        info = CallInfo("call_typed", "", "inbound", "typed", "typed", team.first.name, time.time())
        briefing = Briefing(team, settings, known(info))

        def written(name: str) -> SessionConfig:
            modality = "modalities" if settings.realtime_dialect == "beta" else "output_modalities"
            return replace(briefing.config(name), turn_detection=None, transcription=None, extra={modality: ["text"]})

        async def open_socket(on_messages: OnMessages, on_close: OnClose) -> Socket:
            headers = dict(DIALECTS[settings.realtime_dialect].headers)
            if settings.openai_api_key:
                headers["Authorization"] = f"Bearer {settings.openai_api_key}"
            full = with_model(url, team.first.model or settings.realtime_model)
            return await connect(full, headers, on_messages, on_close)

        heeded: list[TypedTalk] = []

        def tell(event: ev.Event) -> None:
            heeded[0].heed(event)

        call = LiveCall(info, tell, asyncio.get_running_loop(), thinker=thinker)
        ensemble = Ensemble(briefing, call, tell, set())
        wire = RealtimeWire(DIALECTS[settings.realtime_dialect], make_path("pcmu", "pcmu"), written)
        talk = TypedTalk(wire, open_socket, ensemble.run_tool, lambda what: _show(console, call, what))
        heeded.append(talk)
        call.turns = talk.turns
        sources = Sources(team.sources)
        await sources.open()
        try:
            await ensemble.prepare()
            await talk.open(briefing.greeting())
            await _lines(console, talk)
        finally:
            talk.close()
            await thinker.close()
            await sources.close()


async def _lines(console: Console, talk: TypedTalk) -> None:
    while not talk.over:
        line = await asyncio.to_thread(_ask)
        if line is None:
            return
        if line.strip():
            await talk.answer(line.strip())
            await asyncio.sleep(0)  # what tools asked for by way of the loop
    console.print(f"({talk.over})", style="dim")


def _ask() -> str | None:
    try:
        line = input(PROMPT if sys.stdin.isatty() else "")
    except EOFError:
        return None
    return line


def _show(console: Console, call: LiveCall, what: Said | Used) -> None:
    if isinstance(what, Used):
        console.print(f"  [{what.name}({what.arguments}) -> {what.output[:200]}]", style="dim", markup=False)
        return
    if what.text:
        console.print(what.text, end="", style="green", markup=False)
    if what.ends:
        console.print()


def _with_engine(settings: Settings, url: str) -> Settings:
    """The settings for supervisors: where a local engine speaks it thinks too, unless another one is named."""
    if url == settings.realtime_url:
        return settings
    return replace(settings, realtime_url=url, supervisor_model=ENGINE)


@contextlib.asynccontextmanager
async def _model(settings: Settings, console: Console) -> AsyncIterator[str]:
    """Where the model is."""
    if settings.openai_api_key or is_loopback(urlsplit(settings.realtime_url).hostname or ""):
        yield settings.realtime_url
        return
    from bridge.sim.model import ModelOptions, ModelServer

    by = "by LOCAL_LLM_URL" if settings.local_llm_url else "by its own script, not by your instructions"
    console.print(f"(no OPENAI_API_KEY: a local engine answers, {by})", style="dim")
    async with ModelServer(ModelOptions(ears="energy", llm_url=settings.local_llm_url)) as server:
        yield server.url
