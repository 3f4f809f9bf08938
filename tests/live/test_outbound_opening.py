"""Outbound calls in the whole house, in virtual time: real sound of who picks up, to the last word."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from house_world import CALLER, NUMBER, PUBLIC_URL, House, house
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import bridge.sim
from bridge.agents.agent import Agent
from bridge.agents.team import Team
from bridge.audio import tones
from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.audio.wav import read_wav, write_wav
from bridge.call import events as ev
from bridge.call.limits import AnswerTerms
from bridge.config import Settings
from bridge.live.blackbox import replay
from bridge.live.briefing import Briefing
from bridge.live.info import CallInfo, CallOrder, known
from bridge.live.session import CallSession
from bridge.sim import loop
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.script import Caller, ExpectHangUp, Listen, PlayFile, Press, Score, Wait
from bridge.sim.twilio.call import Fetch, SimCall
from bridge.sim.twilio.lifecycle import Order
from bridge.store.folder import BLACKBOX, new_call_id
from bridge.tools.phone import hang_up
from bridge.web.plans import document, stream_to

PROMPTS = Path(bridge.sim.__file__).parent / "prompts"
YES = PROMPTS / "caller-yes-please-05.wav"
WHERE = PROMPTS / "caller-where-is-my-order-02.wav"
LONG = PROMPTS / "agent-we-are-open-from-monday-to-04.wav"
AGENT = Agent(
    "reminder", "You remind people of their orders.", greeting="Hello {name}, this is Jo of Acme.", tools=[hang_up]
)
DISCLOSURE = "This is an automated AI assistant."
MESSAGE = "This is Jo of Acme. Please call us back, {{name}}."


class Kept:
    """Keeps what callees wish."""

    def __init__(self) -> None:
        self.opted_out: list[tuple[str, str]] = []
        self.promised: list[tuple[str, float, str]] = []
        self.results: list[tuple[str, str, str]] = []

    async def opt_out(self, info: CallInfo, reason: str) -> None:
        self.opted_out.append((info.to_number, reason))

    async def call_back(self, info: CallInfo, at: float, note: str) -> None:
        self.promised.append((info.to_number, at, note))

    def result(self, info: CallInfo, word: str, note: str = "") -> None:
        self.results.append((info.to_number, word, note))


def answers_calls(world: House, session: CallSession) -> Route:
    """The answer document of a call that somebody picked up."""

    async def picked_up(_: Request) -> Response:
        session.handle(ev.CalleeAnswered())
        return document(world.app.services, stream_to(world.app.services, session))

    return Route("/outbound", picked_up, methods=["POST"])


async def dialled(
    data: Path, score: Score, answer: AnswerTerms, *, agent: Agent = AGENT, after_s: float = 3.0
) -> tuple[House, SimCall, Kept]:
    """One call to somebody who follows the score."""
    people: list[Phone] = []
    carrier = {"directory": lambda number: Party(phone=people[0], after_s=after_s)}
    async with house(data, agent=agent, carrier=carrier) as world:
        callee = Caller(score, world.carrier.mouth)
        await callee.prepare()
        people.append(Phone(callee))
        kept = Kept()
        place = world.app.services.switchboard._new_session.__self__  # type: ignore[attr-defined]
        place.outreach = kept
        call = world.carrier.dial(NUMBER, CALLER, Order(Fetch(f"{PUBLIC_URL}/outbound")))
        order = CallOrder(agent, "token", {"name": "Ms Doe"}, answer, disclosure=DISCLOSURE, campaign_id="spring")
        now = time.time()
        info = CallInfo(new_call_id(now), call.sid, "outbound", NUMBER, CALLER, agent.name, now, order)
        session = world.app.services.switchboard.begin(info)
        session.after_path = f"/twilio/after/{world.app.services.switchboard.tickets.issue_after(info.call_id)}"
        world.app.router.routes.insert(0, answers_calls(world, session))
        await call.ended()
        await world.written()
        timed = replay(data / "calls" / info.call_id / BLACKBOX)
        assert timed[-1][1] != [], "what the rules decided can be replayed"
    return world, call, kept


def voicemail(folder: Path, *, beep_hz: float = 1000.0, gap_ms: int = 800) -> Path:
    """A greeting of 10 s, a beep, and a machine that records."""
    path = folder / "voicemail.wav"
    greeting = read_wav(LONG, 8000)
    write_wav(path, greeting + tones.silence(gap_ms, 8000) + tones.sine(beep_hz, 400, 8000), 8000)
    return path


def words(world: House) -> Sequence[str]:
    return [turn["text"] for turn in world.transcript() if turn["role"] == "agent"]


def test_somebody_says_hello_and_is_greeted_in_the_frame_that_ends_their_pause(tmp_path: Path) -> None:
    score = (Wait(0.6), PlayFile(YES), Listen(), PlayFile(WHERE), Listen())
    world, call, _ = loop.run(dialled(tmp_path, score, AnswerTerms()))
    assert call.problems == []
    assert words(world)[0] == f"{DISCLOSURE} Hello Ms Doe, this is Jo of Acme."
    assert len(words(world)) >= 2, "and there was a dialogue"
    record = world.records()[0]
    assert record["answered_by"] == "human"
    hello = next(m for m in call.timeline if m.what == "phone.heard_start")
    spoke = call.phone.spoken
    ended_at = last_loud(spoke.tape(), before_s=hello.at_s - spoke.began_s) + spoke.began_s  # type: ignore[operator]
    assert 0.38 <= hello.at_s - ended_at <= 0.43, "0.4 s of silence, and at most a frame"
    assert world.session.problems == []


def last_loud(ulaw: bytes, before_s: float) -> float:
    """When (s) the last sound before this moment ended."""
    frames = [ulaw_to_pcm16(ulaw[at : at + 160]) for at in range(0, int(before_s * 8000), 160)]
    return max((n + 1) * 0.02 for n, frame in enumerate(frames) if rms_dbfs(frame) > -45.0)


def test_nobody_says_anything_and_we_begin(tmp_path: Path) -> None:
    world, _, _ = loop.run(dialled(tmp_path, (Listen(), Wait(1.0)), AnswerTerms()))
    assert words(world) == [f"{DISCLOSURE} Hello Ms Doe, this is Jo of Acme."]
    assert world.records()[0]["answered_by"] == "silence"


@pytest.mark.parametrize(("beep_hz", "gap_ms"), [(1000.0, 800), (440.0, 300), (1400.0, 2000)])
def test_a_message_is_left_after_the_beep_and_heard_whole(tmp_path: Path, beep_hz: float, gap_ms: int) -> None:
    score = (Wait(0.4), PlayFile(voicemail(tmp_path, beep_hz=beep_hz, gap_ms=gap_ms)), ExpectHangUp())
    answer = AnswerTerms(on_machine="message", message=MESSAGE)
    world, call, _ = loop.run(dialled(tmp_path, score, answer))
    assert call.problems == []
    record = world.records()[0]
    assert (record["answered_by"], record["end_reason"], record["ended_by"]) == ("machine", "machine", "bridge")
    assert words(world)[-1] == "This is Jo of Acme. Please call us back, Ms Doe."
    message = [turn for turn in world.transcript() if turn["role"] == "agent"][-1]
    assert not message.get("cut")
    assert record["voicemail_heard_ms"] == message["heard_ms"] > 1500


def test_a_recording_is_left(tmp_path: Path) -> None:
    sound = pcm16_to_ulaw(read_wav(WHERE, 8000))
    answer = AnswerTerms(on_machine="recording", recording=sound)
    score = (Wait(0.4), PlayFile(voicemail(tmp_path)), ExpectHangUp())
    world, call, _ = loop.run(dialled(tmp_path, score, answer))
    record = world.records()[0]
    assert record["end_reason"] == "machine"
    assert record["voicemail_heard_ms"] == len(sound) // 8
    assert sound[4000:8000] in call.heard.tape(), "as it is, to the sample"


def test_a_machine_is_left_alone(tmp_path: Path) -> None:
    world, call, _ = loop.run(dialled(tmp_path, (PlayFile(LONG), ExpectHangUp()), AnswerTerms()))
    record = world.records()[0]
    assert (record["answered_by"], record["end_reason"]) == ("machine", "machine")
    assert "voicemail_heard_ms" not in record
    assert call.duration_s < 9.0


def test_a_key_keeps_them_from_being_called_again(tmp_path: Path) -> None:
    agent = replace(AGENT, menu={"9": "do_not_call"})
    score = (PlayFile(YES), Listen(), Press("9"), ExpectHangUp())
    world, _, kept = loop.run(dialled(tmp_path, score, AnswerTerms(), agent=agent))
    assert kept.opted_out == [(CALLER, "pressed 9")]
    assert world.records()[0]["end_reason"] == "agent_hung_up"


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        ("Hello {{ name }}, this is Jo.", "This is an automated AI assistant. Hello Ms Doe, this is Jo."),
        (
            "Hello {name}. {disclosure} It is about {item}.",
            "Hello Ms Doe. This is an automated AI assistant. It is about.",
        ),
        ("", "This is an automated AI assistant."),
    ],
)
def test_the_greeting_says_what_it_is(greeting: str, said: str) -> None:
    agent = replace(AGENT, greeting=greeting, max_minutes=20.0)
    order = CallOrder(agent, "token", {"name": "Ms Doe"}, max_minutes=5.0, disclosure=DISCLOSURE)
    info = CallInfo("call_1", "CA1", "outbound", NUMBER, CALLER, agent.name, 0.0, order)
    terms = Briefing(Team(agent), Settings(), known(info), order=order).terms()
    assert json.dumps(said) in terms.greeting
    assert terms.longest_s == 300.0


def test_the_session_is_told_of_its_tools_and_whose_turns_they_are(tmp_path: Path) -> None:
    score = (PlayFile(YES), Listen(), Wait(1.0))
    world, _, _ = loop.run(dialled(tmp_path, score, AnswerTerms()))
    updates = [seen.event["session"] for seen in world.session.received if seen.type == "session.update"]
    turns = [update["audio"]["input"]["turn_detection"]["create_response"] for update in updates]
    assert turns == [False, True]
    names = [tool["name"] for tool in updates[0]["tools"]]
    assert names == ["hang_up", "do_not_call", "schedule_callback", "record_result"]
    assert "You placed this call" in updates[0]["instructions"]
