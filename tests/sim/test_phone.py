"""The phone: what it says and hears frame by frame, and when its person wakes up."""

import asyncio

import pytest

from bridge.audio.g711 import pcm16_to_ulaw
from bridge.audio.tones import sine
from bridge.errors import UsageError
from bridge.sim.heard import Heard
from bridge.sim.line import Line
from bridge.sim.loop import run
from bridge.sim.phone import SILENCE, Phone

LOUD = pcm16_to_ulaw(sine(440, 20, 8000))


class Agent:
    """The other end of the line: speaks by a list of (from frame, to frame), remembers what it heard."""

    def __init__(self, *speech: tuple[int, int]) -> None:
        self.speech = speech
        self.frames: list[bytes] = []
        self.keys: list[tuple[int, str]] = []

    def listen(self, ulaw: bytes, key: str, at_s: float) -> None:
        if key:
            self.keys.append((len(self.frames), key))
        self.frames.append(ulaw)

    def speak(self, at_s: float) -> bytes:
        now = len(self.frames) - 1
        return LOUD if any(start <= now < end for start, end in self.speech) else b""


def on_the_line(phone: Phone, agent: Agent, seconds: float = 5.0, latency_ms: float = 0.0) -> None:
    async def story() -> None:
        line = Line(phone, latency_ms)
        line.leg = agent
        asyncio.get_running_loop().call_later(seconds, phone.hang_up)
        await line.run()
        phone.put_down()
        await phone.settled()

    run(story())


def test_it_says_what_it_was_told_and_then_is_silent() -> None:
    phone, agent = Phone(noise=False), Agent()
    phone.say(b"\x11" * 400)
    on_the_line(phone, agent, 1.0)
    assert agent.frames[:3] == [b"\x11" * 160, b"\x11" * 160, b"\x11" * 80 + SILENCE[:80]]
    assert set(agent.frames[3:]) == {SILENCE}
    assert len(agent.frames) == 50


def test_an_open_line_hisses_softly_and_always_alike() -> None:
    first, second, other = Agent(), Agent(), Agent()
    on_the_line(Phone(seed=7), first, 1.0)
    on_the_line(Phone(seed=7), second, 1.0)
    on_the_line(Phone(seed=8), other, 1.0)
    assert first.frames == second.frames != other.frames
    assert set(b"".join(first.frames)) == {0xFF, 0x7F, 0xFE, 0x7E}


def test_hush_stops_in_the_middle() -> None:
    phone, agent = Phone(noise=False), Agent()

    class Person:
        async def perform(self, phone: Phone) -> None:
            phone.say(b"\x11" * 8000)
            await phone.until(lambda: False, 0.4)
            phone.hush()
            await phone.until(lambda: False, 1.0)

    phone.person = Person()
    on_the_line(phone, agent)
    assert agent.frames.count(b"\x11" * 160) == pytest.approx(20, abs=1)


def test_keys_come_one_by_one() -> None:
    phone, agent = Phone(noise=False), Agent()
    phone.press("4*#")
    on_the_line(phone, agent, 1.0)
    assert agent.keys == [(0, "4"), (10, "*"), (20, "#")]
    assert phone.saying is False


def test_a_key_that_is_on_no_telephone() -> None:
    with pytest.raises(UsageError, match="'x' is on no telephone"):
        Phone().press("4x")


def test_speech_and_silence_of_the_agent() -> None:
    events: list[tuple[str, float]] = []
    phone = Phone(on_event=lambda what, at_s, detail: events.append((what, round(at_s, 2))))
    on_the_line(phone, Agent((50, 100), (110, 120)), 4.0)
    # The pause of 200 ms belongs to the speech; it is over 300 ms after its end.
    assert events[:3] == [("answered", 0.0), ("heard_start", 1.0), ("heard_stop", 2.7)]


def test_until_wakes_at_the_very_frame() -> None:
    woken: list[float] = []

    class Person:
        async def perform(self, phone: Phone) -> None:
            assert await phone.until(lambda: phone.agent_speaking, 10)
            woken.append(phone.now_s)
            assert await phone.until(lambda: phone.agent_silent_for_ms >= 500, 10)
            woken.append(phone.now_s)
            assert not await phone.until(lambda: phone.agent_speaking, 0.5)
            woken.append(phone.now_s)

    phone = Phone(Person())
    on_the_line(phone, Agent((50, 100)), 10)
    assert woken == pytest.approx([1.0, 2.5, 3.0], abs=0.021)
    assert phone.hung_up


def test_a_person_who_waits_is_released_by_the_end() -> None:
    seen: list[bool] = []

    class Person:
        async def perform(self, phone: Phone) -> None:
            seen.append(await phone.until(lambda: False))

    on_the_line(Phone(Person()), Agent(), 1.0)
    assert seen == [False]


def test_latency_works_both_ways() -> None:
    phone, agent = Phone(noise=False), Agent((0, 1))
    phone.say(b"\x11" * 160)
    on_the_line(phone, agent, 1.0, latency_ms=100)
    assert agent.frames.index(b"\x11" * 160) == 5
    ((at_s, _),) = phone.heard.segments
    assert at_s == pytest.approx(0.1)


def test_a_tape_has_silence_where_nothing_was_heard() -> None:
    heard = Heard()
    heard.begin(10.0)
    heard.add(b"\x01" * 160, 10.02)
    heard.add(b"\x02" * 160, 10.04)
    heard.add(b"\x03" * 80, 10.10)
    assert [(at_s, len(sound)) for at_s, sound in heard.segments] == [(10.02, 320), (10.10, 80)]
    tape = heard.tape(10.2)
    assert len(tape) == 1600
    assert tape[160:480] == b"\x01" * 160 + b"\x02" * 160
    assert tape[480:800] == b"\xff" * 320
    assert heard.between(0.1, 0.11) == b"\x03" * 80
