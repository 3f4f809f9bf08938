"""`/talk` in a real browser whose microphone speaks: there and back; and what the page says where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_world import Console, console
from playwright.sync_api import expect
from seed import nothing
from talk_world import QUESTION, alert, on_talk, talker

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


REFUSES_RATES = """
const Real = window.AudioContext;
window.AudioContext = class extends Real {
  constructor(options = {}) {
    if (options.sampleRate) throw new DOMException("the device has another rate", "NotSupportedError");
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
