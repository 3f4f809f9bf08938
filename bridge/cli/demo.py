"""`callbridge demo`: one call through the real bridge, with a local model and a pretend carrier.

Exit code 0 says that a call really took place and went as it should; everything it rests on is read back from the
call's files after all processes have ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.cli.caller_wish import CallerWish, caller_wish
from bridge.errors import BridgeError, UsageError

if TYPE_CHECKING:
    from bridge.cli.call_figures import CallFigures, CallPapers

AUDIO = ("pcmu", "pcm")
DIALECTS = ("ga", "beta")
GOOD_ENDS = ("agent_hung_up", "caller_hung_up")


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is to be shown, and where to."""

    wish: CallerWish
    data: Path
    audio: str
    dialect: str
    as_json: bool


def run(
    *, say: Sequence[str], wav: Path | None, data: Path | None, audio: str | None, dialect: str | None, as_json: bool
) -> None:
    """Show one call and its figures; SystemExit with 0, 1 (it went wrong), or 128 + the signal that stopped it.

    Raises UsageError for arguments that cannot be used and BridgeError when there was no call to speak of.
    """
    plan = DemoPlan(
        caller_wish(say, wav),
        _writable(data or Path("data")),
        _one_of("--audio", audio, AUDIO),
        _one_of("--dialect", dialect, DIALECTS),
        as_json,
    )
    from bridge.cli.stopping import run_until_told

    outcome, sign = run_until_told(_show_call(plan))
    if outcome is None:
        print("stopped; nothing is left running", file=sys.stderr)
        sys.exit(128 + sign)
    _report(plan, *outcome)


async def _show_call(plan: DemoPlan) -> tuple[CallPapers, dict[str, Any], str]:
    from bridge.call import facts
    from bridge.cli.call_figures import read_papers
    from bridge.cli.call_view import console, show
    from bridge.cli.demo_call import place_call
    from bridge.cli.demo_world import WorldPlan, demo_world
    from bridge.cli.live_view import LiveView
    from bridge.store.folder import CallFolders

    progress = console(to_stderr=True)
    screen = console(to_stderr=plan.as_json)
    answered_at: list[float] = []

    def now_ms() -> int:
        return round((time.monotonic() - answered_at[0]) * 1000) if answered_at else 0

    def tell(text: str) -> None:
        progress.print(text, style="dim", end="")

    async with demo_world(WorldPlan(data=plan.data, audio=plan.audio, dialect=plan.dialect), tell) as world:
        view = LiveView(lambda line: show(line, screen), now_ms, knows_words=world.ears == "sphinx")

        def see(fact: facts.Fact) -> None:
            if isinstance(fact, facts.CallAnswered) and not answered_at:
                answered_at.append(time.monotonic())
            view(fact)

        call = await place_call(world, plan.wish, see)
        ears = world.ears
    return read_papers(CallFolders(plan.data), call.call_id), call.carrier, ears


def _report(plan: DemoPlan, papers: CallPapers, carrier: dict[str, Any], ears: str) -> None:
    from bridge.cli.call_figures import figure_lines, figures, outcome_lines
    from bridge.cli.call_view import console

    of = figures(papers)
    problem = fault(of, papers, carrier, default=plan.wish.default)
    if plan.as_json:
        document = {
            "ok": not problem,
            "problem": problem or None,
            "audio": plan.audio,
            "dialect": plan.dialect,
            "ears": ears,
            "call": papers.record | {"transcript": papers.transcript},
            "summary": of.as_dict(),
            "carrier": {name: carrier[name] for name in ("sid", "status", "end_reason", "duration_s", "problems")},
            "files": papers.files,
        }
        print(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        screen = console()
        screen.print()
        for line in (*figure_lines(of), *outcome_lines(papers.record)):
            screen.print(line)
        for what, path in papers.files.items():
            screen.print(f"{what:<10} {path}")
        if "recording" in papers.files:
            screen.print(f"listen: {papers.files['recording']}", style="bold")
    if problem:
        raise BridgeError(f"the demo call went wrong: {problem}")


def fault(of: CallFigures, papers: CallPapers, carrier: dict[str, Any], *, default: bool) -> str:
    """What is wrong with the call, as half a sentence; empty when it went as it should."""
    agent = [turn for turn in papers.transcript if turn["role"] == "agent" and turn["heard_ms"] > 0]
    if of.end_reason not in GOOD_ENDS:
        return f"it ended as {of.end_reason}" + (f" ({of.error})" if of.error else "")
    if not agent:
        return "the caller heard nothing of the agent"
    if carrier["problems"]:
        first = carrier["problems"][0]
        return f"the carrier complained: {first['code']} {first['title']}, {first['text']}"
    if "recording" not in papers.files:
        return "there is no recording"
    return _score_fault(of, agent) if default else ""


def _score_fault(of: CallFigures, agent: list[dict[str, Any]]) -> str:
    """The bundled score: hours asked, answer interrupted, order looked up, goodbye said and heard."""
    used = {tool.name for tool in of.tools if tool.ok}
    last = agent[-1]
    checks = (
        ("opening_hours" in used, "the agent did not look up the opening hours"),
        (any(cut.heard_ms < cut.generated_ms for cut in of.interruptions), "the caller could not interrupt the agent"),
        ("order_status" in used, "the agent did not look up the order"),
        ("goodbye" in last["text"].lower() and not last["cut"], "the agent's goodbye was not heard"),
        (of.end_reason == "agent_hung_up", "the agent did not hang up"),
    )
    return next((text for good, text in checks if not good), "")


def _writable(data: Path) -> Path:
    """The data folder, made and absolute. Raises UsageError when nothing can be written there."""
    import tempfile

    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise UsageError(f"--data {data}: cannot be written to ({error.strerror})") from None
    return data.resolve()


def _one_of(flag: str, given: str | None, choices: tuple[str, ...]) -> str:
    if given is not None and given not in choices:
        raise UsageError(f"{flag} is {given!r}: it can be {' or '.join(choices)}")
    return given or choices[0]
