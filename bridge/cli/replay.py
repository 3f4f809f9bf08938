"""`callbridge calls replay ID --agent NEW`: the caller of a past call before another agent, prompt or model.

The call is a real one in all but the phone: a pretend carrier rings a bridge in this process, and its caller is the
recording of the old call, to the byte. The agent's tools really run. What comes of it is a call with a folder of its
own, beside the old one; it is in no list and no sum, for nobody called.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from bridge import config
from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.agents.team import Routing
from bridge.app import Bridge
from bridge.audio.kept import kept_to_ulaw
from bridge.audio.wav import read_sides
from bridge.cli.one_loop import Plot, one_loop
from bridge.config import Settings, is_loopback
from bridge.errors import BridgeError, StoreError
from bridge.observe.papers import Papers, read_papers
from bridge.records.callrecord import iso
from bridge.sim.model import ModelOptions
from bridge.sim.past import PastPhone
from bridge.sim.twilio.stream import StreamOptions
from bridge.sim.voice import Mouth
from bridge.store import folder
from bridge.store.folder import CallFolders

Ears = Literal["auto", "energy", "silero", "sphinx"]
NOT_OURS = ("twilio", "public_url", "data", "admin", "host", "port")
"""Settings of these names are the ones of the replay's own little world."""
SETTLE_S = 600.0
"""For the files of a call that is over, its analysis among them."""


def run(call_id: str, agent: str, model: str, *, as_json: bool) -> None:
    """Replay, and show both side by side. Raises UsageError, StoreError, BridgeError."""
    settings = config.load({"agent": agent or None, "realtime_model": model or None}).settings
    answers = load_agent(settings.agent)
    folders = CallFolders(settings.data)
    made = asyncio.run(replay(settings, folders, call_id, _with_model(answers, model)))
    both = [read_papers(folders, one) for one in (call_id, made)]
    if as_json:
        print(json.dumps({"original": _figures(both[0]), "replay": _figures(both[1])}, ensure_ascii=False, indent=1))
        return
    from bridge.cli.replay_view import show

    show(both[0], both[1])


def _with_model(answers: Agent | Routing, model: str) -> Agent | Routing:
    """An agent may name its own model; who asks for another one means it."""
    if not model:
        return answers
    if isinstance(answers, Agent):
        return replace(answers, model=model)
    numbers = {number: replace(agent, model=model) for number, agent in answers.numbers.items()}
    return Routing(numbers, replace(answers.otherwise, model=model))


async def replay(
    settings: Settings, folders: CallFolders, call_id: str, agent: Agent | Routing, *, ears: Ears = "auto"
) -> str:
    """Play the caller of a call to `agent`; returns the new call's id.

    Raises:
        StoreError: there is no such call, or it was not recorded.
        BridgeError: the call did not come about.
    """
    papers = await asyncio.to_thread(read_papers, folders, call_id)
    audio = await asyncio.to_thread(caller_audio, folders.path(call_id) / folder.RECORDING)
    hangs_up = papers.record.get("end_reason") == "caller_hung_up"
    phone = PastPhone(audio, papers.story.presses, hangs_up=hangs_up)
    with tempfile.TemporaryDirectory(prefix=".replay-", dir=settings.data, ignore_cleanup_errors=True) as scratch:
        plot = Plot(
            data=Path(scratch),
            agent=agent,
            model=ModelOptions(ears=ears, llm_url=settings.local_llm_url),
            mouth=Mouth,
            carrier=lambda options: replace(options, stream=StreamOptions(mischief=phone.watched())),
            settings=_own(settings),
        )
        async with one_loop(plot) as world:
            parties = (str(papers.record.get("from") or ""), str(papers.record.get("to") or ""))
            call = await world.carrier.ring(
                *(one if one.startswith("+") else "anonymous" for one in parties), phone=phone
            )
            await call.ended()
            await _settled(world.app)
        made = CallFolders(Path(scratch))
        ids = made.ids()
        if not ids or not made.read(ids[0]).get("answered_at"):
            why = made.read(ids[0]).get("error") if ids else "it was refused"
            raise BridgeError(f"the replay of {call_id} did not come about: {why or 'nobody answered'}")
        await asyncio.to_thread(_keep, made, folders, ids[0], call_id)
    return ids[0]


def caller_audio(path: Path) -> bytes:
    """The caller's side of a recording, as the mu-law it was. Blocks. Raises StoreError."""
    try:
        return kept_to_ulaw(b"".join(left for left, _ in read_sides(path)))
    except FileNotFoundError:
        raise StoreError(f"{path.parent.name} was not recorded (BRIDGE_RECORD), so there is nothing to play") from None


def _keep(made: CallFolders, folders: CallFolders, new_id: str, call_id: str) -> None:
    """The new folder goes beside the old one, and each knows of the other."""
    record = made.read(new_id) | {"replay_of": call_id}
    made.write(new_id, record)
    try:
        made.path(new_id).replace(folders.path(new_id))
    except OSError as error:
        raise StoreError(f"{folders.path(new_id)} cannot be written: {error.strerror}") from None
    entry = {"id": new_id, "agent": record["agent"], "made_at": iso(time.time())}
    folders.write(call_id, {"replays": [*folders.replays(call_id), entry]}, folder.REPLAYS)


def _own(settings: Settings) -> dict[str, Any]:
    """What of the settings holds in a replay: all but the carrier's, the files' and, without a key, the model's."""
    kept = {one.name: getattr(settings, one.name) for one in fields(settings)}
    given = {name: value for name, value in kept.items() if not name.startswith(NOT_OURS)}
    if not settings.openai_api_key and not is_loopback(urlsplit(settings.realtime_url).hostname or ""):
        given = {name: value for name, value in given.items() if not name.startswith(("openai", "supervisor"))}
        del given["realtime_url"]
    return given | {"database_url": "", "record": "stereo"}


async def _settled(app: Bridge) -> None:
    """The call is over, and all that is written of it is on the disk."""
    async with asyncio.timeout(SETTLE_S):
        while app.services.switchboard.live or app.services.analyst.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    await app.services.disk.drained()


def _figures(papers: Papers) -> dict[str, Any]:
    return papers.record | {"transcript": papers.transcript, "explained": papers.explained.as_dict()}
