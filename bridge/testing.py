"""A simulated phone call for tests of your own agents: no key, no number, no internet, and no waiting.

    from bridge.testing import Answer, simulate

    def test_it_says_when_we_are_open() -> None:
        call = simulate(
            "agent.py",
            caller=["When are you open?", "Thank you, goodbye."],
            model=[Answer(tool="opening_hours"), Answer("Goodbye!", tool="hang_up")],
        )
        assert call.problems == []
        assert call.tool_calls[0].output == "nine to six"
        assert call.end_reason == "agent_hung_up"

The call is a real one in all but three things: a pretend carrier rings the real bridge with signed webhooks and media
streams, your tools really run, and the call's files are written. The model is the local engine and answers as planned
(`model`: one `Answer`, or a text to say, for each turn of the caller); voices are hums; and time is virtual, so a
minute of call takes a second.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.agents.agent import Agent
from bridge.agents.library import load_agent
from bridge.agents.team import Routing
from bridge.app import Bridge
from bridge.cli.one_loop import Plot, one_loop
from bridge.sim import loop
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.phone import KEYS, Phone
from bridge.sim.plan import Answer, Plan
from bridge.sim.script import Caller, ExpectHangUp, HangUp, Interrupt, Listen, Noise, Press, Say, Score, Step, Wait
from bridge.sim.thoughts import Thought, Thoughts
from bridge.sim.twilio.call import SimCall
from bridge.store.folder import TIMELINE, TRANSCRIPT

__all__ = [
    "Answer",
    "ExpectHangUp",
    "HangUp",
    "Interrupt",
    "Listen",
    "Noise",
    "Press",
    "Say",
    "SimulatedCall",
    "Thought",
    "ToolCall",
    "Wait",
    "simulate",
    "simulated_call",
]

PUBLIC_URL = "https://bridge.example.com"
CALLER, NUMBER = "+14155550123", "+14155550100"
SETTLE_S = 600.0
"""Virtual seconds for the files of a call that is over, its analysis among them."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model called."""

    name: str
    arguments: dict[str, Any]
    output: str
    ok: bool


@dataclass(frozen=True, slots=True, repr=False)
class SimulatedCall:
    """A call that is over. `record`, `transcript` and `timeline` are what its files hold (see README, "What is kept").

    `problems` is empty when the call went as planned: no complaint of the carrier or the model, no answer that was not
    planned, none that was planned and never came.
    """

    record: dict[str, Any]
    transcript: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    session: dict[str, Any]
    """The model's session as it was last configured: instructions, tools, voice ..."""
    problems: list[str]
    analysis: dict[str, Any] | None = None
    """What was made of it when it was over (`Agent.analysis`); None when the agent asks for nothing."""

    def __repr__(self) -> str:
        lines = [f"<simulated call, ended: {self.end_reason}, problems: {self.problems}"]
        for turn in self.transcript:
            done = f"{turn['tool']}{turn['arguments']} " if turn["role"] == "tool" else ""
            lines.append(f"  {turn['role']}: {done}{turn['text']}".rstrip())
        return "\n".join(lines) + ">"

    @property
    def said(self) -> list[str]:
        """What the agent said, turn by turn, the greeting first."""
        return [str(turn["text"]) for turn in self.transcript if turn["role"] == "agent"]

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tools that were called, in order."""
        return [
            ToolCall(turn["tool"], json.loads(turn["arguments"] or "{}"), turn["text"], turn.get("ok", True))
            for turn in self.transcript
            if turn["role"] == "tool"
        ]

    @property
    def end_reason(self) -> str:
        """Why it ended: agent_hung_up, caller_hung_up, transferred ..."""
        return str(self.record["end_reason"])


def simulate(
    agent: Agent | Routing | str | Path,
    *,
    caller: Sequence[str | Step] = (),
    model: Sequence[Answer | str] = (),
    thoughts: Thoughts = (),
    data: Path | None = None,
) -> SimulatedCall:
    """Place one call and wait for its end, in virtual time.

    Args:
        agent: An agent, or what `callbridge serve` would be given: a file, `module:attr`.
        caller: What the caller does: a text is said, after listening to the agent; `Press("1")` and the other steps
            are done likewise. At the end the caller waits for the agent to hang up, and does so itself after 15 s.
        model: What the model answers to each turn of the caller (and, without a greeting, first of all).
        thoughts: What the text model answers to supervisors, and to the analysis after them: texts, objects,
            `Thought(...)` for slow answers and errors, or a function of what was asked. Without any it answers
            something that fits (a supervisor's verdict is "true").
        data: Where the call's folder shall stay; without it nothing is kept.

    Raises AgentError when the agent cannot be used, TypeError when a caller or a model cannot do what it shall.
    """
    if _in_a_loop():
        raise RuntimeError(
            "simulate() runs a loop of its own; where one runs already write `await simulated_call(...)`"
        )
    return loop.run(simulated_call(agent, caller=caller, model=model, thoughts=thoughts, data=data))


async def simulated_call(
    agent: Agent | Routing | str | Path,
    *,
    caller: Sequence[str | Step] = (),
    model: Sequence[Answer | str] = (),
    thoughts: Thoughts = (),
    data: Path | None = None,
) -> SimulatedCall:
    """`simulate` for a loop of your own; in an ordinary one the call takes as long as a call takes."""
    _all_are(caller, str | Step, "caller", "texts and steps such as Press('1')")
    _all_are(model, Answer | str, "model", "texts and Answer(...)")
    chosen = agent if isinstance(agent, Agent | Routing) else load_agent(str(agent))
    plan = Plan(model)
    with tempfile.TemporaryDirectory(prefix="callbridge-test-", ignore_cleanup_errors=True) as scratch:
        model_options = ModelOptions(ears="energy", keep=True, thoughts=thoughts)
        plot = Plot(data=data or Path(scratch), agent=chosen, model=model_options, brain=lambda: plan)
        async with one_loop(plot) as house:
            holder = Caller(score(caller), house.carrier.mouth)
            await holder.prepare()
            call = await house.carrier.ring(CALLER, NUMBER, phone=Phone(holder))
            await call.ended()
            await _settled(house.app, house.engine)
            return _result(house.app, call, house.engine, plan)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _all_are(given: object, kinds: Any, name: str, what: str) -> None:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{name} is a list of {what}, not {given!r} alone")
    for one in given:
        if not isinstance(one, kinds):
            raise TypeError(f"{name} is a list of {what}; {one!r} is neither")
        if isinstance(one, Press) and not (isinstance(one.keys, str) and set(one.keys) <= KEYS):
            raise TypeError(f"{one!r}: keys is text of what is on a telephone: 0-9, *, # and A-D")


def score(steps: Sequence[str | Step]) -> Score:
    """What a caller does, with the listening between: nobody answers before they have been spoken to."""
    found: list[Step] = []
    for step in steps:
        one = Say(step) if isinstance(step, str) else step
        if isinstance(one, Say | Press | HangUp) and not (found and isinstance(found[-1], Listen | Wait)):
            found.append(Listen())
        found.append(one)
    return (*(found or [Listen()]), ExpectHangUp())


async def _settled(app: Bridge, engine: ModelServer) -> None:
    """Everything is on the disk, and every session is closed."""
    async with asyncio.timeout(SETTLE_S):
        while app.services.switchboard.live or any(one.close is None for one in engine.sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while app.services.analyst.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    await app.services.disk.drained()


def _result(app: Bridge, call: SimCall, engine: ModelServer, plan: Plan) -> SimulatedCall:
    folders = app.services.folders
    ids = folders.ids()
    problems = [str(problem) for problem in call.problems]
    problems += [f"the model complained: {problem}" for session in engine.sessions for problem in session.problems]
    problems += [*plan.problems, *engine.texts.problems]
    if not ids:
        return SimulatedCall({"end_reason": "rejected"}, [], [], {}, [*problems, "the call was not taken"])
    record = folders.read(ids[0])
    if record["error"]:
        problems.append(str(record["error"]))
    transcript = sorted(folders.lines(ids[0], TRANSCRIPT), key=lambda turn: int(turn["turn"]))
    configured = engine.sessions[-1].config if engine.sessions else {}
    timeline = list(folders.lines(ids[0], TIMELINE))
    return SimulatedCall(record, transcript, timeline, configured, problems, folders.analysis(ids[0]))
