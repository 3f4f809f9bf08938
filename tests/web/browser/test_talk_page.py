"""`/talk` in a real browser, with a microphone that speaks: the whole way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_world import Console, console
from playwright.sync_api import Browser, expect
from seed import nothing
from talk_world import QUESTION, Talk, on_talk, talker

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms
from bridge.sim.model import ModelOptions
from bridge.store import folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house whose engine knows the words it hears."""
    pytest.importorskip("pocketsphinx")
    with console(tmp_path_factory.mktemp("talk"), nothing, model=ModelOptions(ears="sphinx", keep=True)) as found:
        yield found


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose user says nothing."""
    with talker(tmp_path_factory.mktemp("silent")) as browser:
        yield browser


def loud_s(ulaw: bytes) -> float:
    """Seconds of sound, by frames."""
    frames = (ulaw[at : at + 160] for at in range(0, len(ulaw), 160))
    return 0.02 * sum(rms(ulaw_to_pcm16(frame)) > 300 for frame in frames)


def test_words_spoken_into_the_page_are_answered_in_it(house: Console, tmp_path: Path) -> None:
    with talker(tmp_path, 5.0, QUESTION, 60.0) as browser:
        talk = on_talk(browser, house)
        talk.call()
        greeting = talk.until("fact", "AgentSaid")
        assert greeting["text"].startswith("Thanks for calling")
        assert not greeting["cut"] and greeting["heard_ms"] == greeting["length_ms"]  # every mark came back
        heard = talk.until("fact", "CallerSaid")
        assert heard["text"].lower().rstrip("?.") == "hello what are your opening hours"
        answer = talk.until("fact", "AgentSaid", 2)
        assert "nine in the morning" in answer["text"] and not answer["cut"]
        assert 0 < answer["latency_ms"] < 2500
        log = talk.page.get_by_role("log")
        expect(log).to_contain_text("hello what are your opening hours")
        expect(log).to_contain_text("answered in")
        expect(log).to_contain_text("opening_hours(")
        talk.hang_up()
        expect(talk.page.get_by_role("status")).to_have_text("call over")
        session = house.world.model.sessions[-1]
        assert 1.0 < loud_s(bytes(session.audio_in)) < 4.0
        record = talk.record()
        assert (record["from"], record["end_reason"]) == ("browser", "caller_hung_up")
        assert (house.world.app.services.folders.path(record["id"]) / folder.RECORDING).stat().st_size > 200_000
        link = talk.page.get_by_role("link", name="The call's record")
        expect(link).to_have_attribute("href", f"/calls/{record['id']}")
        levels = [one["level"] for one in talk.told("heard")]
        assert max(levels) > 0.02, "the loudspeaker was driven"
        assert talk.seen.complaints == [] and talk.seen.violations == [] and talk.seen.off_origin == []


def test_speaking_stops_the_agent_at_once(house: Console, tmp_path: Path) -> None:
    with talker(tmp_path, 2.0, QUESTION, 60.0) as browser:
        talk = on_talk(browser, house)
        talk.call()
        cut = talk.until("fact", "Interrupted")
        assert cut["why"] == "speech" and 300 < cut["heard_ms"] < 3000
        silent = talk.until("silent")
        clear = talk.told("clear")[0]
        assert 0 <= silent["at"] - clear["at"] < 150
        assert silent["cleared"] > 100, "there was something left to be played"
        talk.until("fact", "CallerStopped")
        between = [one["level"] for one in talk.told("heard") if clear["at"] + 150 < one["at"] < clear["at"] + 600]
        assert between and max(between) < 0.001
        said = talk.until("fact", "AgentSaid")
        assert said["cut"] and said["heard_text"] != said["text"]
        chip = talk.page.get_by_role("log").get_by_text("interrupted,")
        expect(chip).to_be_visible()
        assert "nine in the morning" in talk.until("fact", "AgentSaid", 2)["text"]
        talk.hang_up()


def test_what_is_written_is_answered_and_keys_arrive(house: Console, silent: Browser) -> None:
    talk = on_talk(silent, house)
    page = talk.page
    talk.call()
    talk.until("fact", "AgentSaid")
    words = page.get_by_label("Write instead of speaking")
    words.fill("When do you open?")
    words.press("Enter")
    assert "nine in the morning" in talk.until("fact", "AgentSaid", 2)["text"]
    expect(page.get_by_role("log")).to_contain_text("you, in writing")
    for digit in "42":
        page.get_by_role("button", name=digit, exact=True).click()
    page.keyboard.type("71#")  # the focus is on the pad
    assert talk.until("fact", "KeysPressed")["digits"] == "4271"
    assert talk.until("fact", "ToolUsed", 2)["name"] == "order_status"
    talk.hang_up()
    page.get_by_text("Events").click()
    expect(page.get_by_label("Events of this call, oldest first")).to_contain_text("KeysPressed")
    assert talk.seen.complaints == []
    page.context.close()


def test_the_keyboard_alone_makes_a_call(house: Console, silent: Browser) -> None:
    talk = on_talk(silent, house)
    page = talk.page
    page.get_by_label("Agent", exact=True).focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "call":
            break
    page.keyboard.press("Enter")
    talk.until("fact", "AgentStarted")
    expect(page.get_by_role("button", name="Hang up")).to_be_focused()
    page.keyboard.type("1#")
    assert talk.until("fact", "KeysPressed")["digits"] == "1"
    page.keyboard.press("Enter")
    assert talk.until("fact", "CallEnded")["reason"] == "caller_hung_up"
    page.context.close()


def test_wideband_and_another_agent_can_be_chosen(house: Console, silent: Browser) -> None:
    talk = on_talk(silent, house, "/talk?agent=bridge.agents.examples.survey")
    page = talk.page
    expect(page.get_by_label("Agent", exact=True)).to_have_value("bridge.agents.examples.survey")
    page.get_by_label("as the model speaks").check()
    talk.call()
    said = talk.until("fact", "AgentSaid")
    assert said["heard_ms"] == said["length_ms"]
    assert talk.told("call")[0] | {"agent": "survey", "sound": "wideband", "local": True} == talk.told("call")[0]
    assert sum(one["bytes"] for one in talk.told("sound")) >= said["length_ms"] * 48
    assert max(one["level"] for one in talk.told("heard")) > 0.02
    talk.hang_up()
    page.context.close()


REFUSES_RATES = """
const Real = window.AudioContext;
window.AudioContext = class extends Real {
  constructor(options = {}) {
    if (options.sampleRate) throw new DOMException("no other rate than the device's", "NotSupportedError");
    super(options);
  }
};
"""


def test_a_browser_with_one_rate_only_resamples(house: Console, tmp_path: Path) -> None:
    with talker(tmp_path, 5.0, QUESTION, 60.0) as browser:
        talk = on_talk(browser, house, script=REFUSES_RATES)
        talk.call()
        said = talk.until("fact", "AgentSaid")
        assert said["heard_ms"] == said["length_ms"]
        assert talk.until("fact", "CallerSaid")["text"].lower().rstrip("?.") == "hello what are your opening hours"
        talk.hang_up()


SPECTRUM = """async (path) => {
  const {Resampler} = await import(path);
  const through = (from, to, hz) => {
    const resampler = new Resampler(from, to);
    const input = Float32Array.from({length: from}, (_, i) => Math.sin((2 * Math.PI * hz * i) / from));
    const out = [];
    for (let at = 0; at < input.length; at += 128) out.push(...resampler.feed(input.subarray(at, at + 128)));
    const middle = out.slice(to / 4, to / 2);
    return {count: out.length, db: 10 * Math.log10(2 * middle.reduce((s, x) => s + x * x, 0) / middle.length + 1e-12)};
  };
  return {kept: through(48000, 8000, 1000), folded: through(48000, 8000, 5000), odd: through(44100, 8000, 3000),
          up: through(8000, 44100, 3000)};
}"""


def test_the_resampler_keeps_speech_and_folds_nothing_into_it(house: Console, silent: Browser) -> None:
    talk = on_talk(silent, house)
    module = talk.page.locator("script[src*='js/talk.js']").get_attribute("src") or ""
    found = talk.page.evaluate(SPECTRUM, module.replace("talk.js", "talk/resample.js"))
    assert abs(found["kept"]["db"]) < 0.2 and abs(found["odd"]["db"]) < 0.5 and abs(found["up"]["db"]) < 0.5
    assert found["folded"]["db"] < -50
    assert abs(found["kept"]["count"] - 8000) < 60 and abs(found["up"]["count"] - 44100) < 200
    talk.page.context.close()


CODES = """async (path) => {
  const {encode, DECODED} = await import(path);
  return {codes: [...DECODED].map((s) => Math.round(s * 32768)),
          back: [...DECODED].map((s) => encode(s)),
          steps: Array.from({length: 4096}, (_, i) => encode((i * 16 - 32768) / 32768))};
}"""


def test_the_pages_mu_law_is_the_lines(house: Console, silent: Browser) -> None:
    import audioop

    talk = on_talk(silent, house)
    module = talk.page.locator("script[src*='js/talk.js']").get_attribute("src") or ""
    found = talk.page.evaluate(CODES, module.replace("talk.js", "talk/mulaw.js"))
    known = audioop.ulaw2lin(bytes(range(256)), 2)
    assert found["codes"] == [int.from_bytes(known[2 * i : 2 * i + 2], "little", signed=True) for i in range(256)]
    assert [code for code in range(256) if found["back"][code] != code] == [127]  # there are two zeros
    steps = b"".join((i * 16 - 32768).to_bytes(2, "little", signed=True) for i in range(4096))
    ours, theirs = audioop.ulaw2lin(bytes(found["steps"]), 2), audioop.ulaw2lin(audioop.lin2ulaw(steps, 2), 2)
    assert audioop.rms(ours, 2) == pytest.approx(audioop.rms(theirs, 2), rel=0.001)
    talk.page.context.close()


# ---- what may be missing: each has its own sentence


def alert(talk: Talk) -> str:
    return talk.page.get_by_role("alert").inner_text(timeout=15_000)


def test_a_microphone_that_is_denied(house: Console, tmp_path: Path) -> None:
    with talker(tmp_path, flags=("--use-fake-ui-for-media-stream=deny",)) as browser:
        talk = on_talk(browser, house)
        talk.call()
        assert "The microphone was not allowed" in alert(talk)
        assert house.world.app.services.switchboard.live == []
        talk.page.get_by_role("button", name="Call and write instead").click()
        talk.until("fact", "AgentSaid")
        talk.page.get_by_label("Write instead of speaking").fill("When do you open?")
        talk.page.keyboard.press("Enter")
        assert "nine in the morning" in talk.until("fact", "AgentSaid", 2)["text"]
        talk.hang_up()


def test_no_microphone(house: Console, tmp_path: Path) -> None:
    with talker(tmp_path, without=("--use-fake-device",)) as browser:
        talk = on_talk(browser, house)
        talk.call()
        assert "There is no microphone" in alert(talk)


def test_an_origin_that_browsers_do_not_trust(tmp_path: Path) -> None:
    name = "console.callbridge.test"
    resolve = f"--host-resolver-rules=MAP {name} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with (
        console(tmp_path / "data", nothing, admin_token="a-token", admin_url=f"http://{name}") as found,
        talker(tmp_path, flags=(resolve,)) as browser,
    ):
        far = f"http://{name}:{found.world.admin_port}"
        talk = on_talk(browser, found)
        talk.page.goto(f"{far}/login?next=/talk")
        talk.page.get_by_label("Token").fill("a-token")
        talk.page.keyboard.press("Enter")
        talk.page.wait_for_url(f"{far}/talk")
        assert "A browser gives no microphone to this page" in alert(talk)
        assert "ssh -L" in alert(talk)
        expect(talk.page.get_by_role("button", name="Call", exact=True)).to_be_disabled()


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with (
        console(tmp_path / "data", nothing, model_url="ws://127.0.0.1:9/v1/realtime") as found,
        talker(tmp_path) as browser,
    ):
        talk = on_talk(browser, found)
        talk.call()
        assert "The model could not go on" in alert(talk)
        assert talk.told("fact", "CallEnded")[0]["reason"] == "model_failed"
        expect(talk.page.get_by_role("button", name="Call", exact=True)).to_be_visible()


def test_the_line_breaks_and_no_line_is_free(house: Console, silent: Browser) -> None:
    talk, other = on_talk(silent, house), on_talk(silent, house)
    talk.call()
    talk.until("fact", "AgentStarted")
    board = house.world.app.services.switchboard
    board.draining = True
    other.call()
    assert "callbridge is being stopped" in alert(other)
    board.draining = False
    board._most_calls = 1
    other.page.get_by_role("button", name="Call", exact=True).click()
    other.until("refused", count=2)
    assert "No more calls are taken now" in alert(other)

    async def cut() -> None:
        board.live[0].phone.short_way.transport.abort()  # type: ignore[union-attr]

    house.run(cut())
    assert "The connection to callbridge was lost" in alert(talk)
    board._most_calls = 1000
    for one in (talk, other):
        one.page.context.close()


def test_a_socket_that_is_refused(house: Console, silent: Browser) -> None:
    talk = on_talk(silent, house)
    talk.page.route_web_socket("**/api/v1/talk", lambda socket: socket.close())
    talk.call()
    assert "callbridge did not take the call" in alert(talk) or "connection" in alert(talk)
    talk.page.context.close()
