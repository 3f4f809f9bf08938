"""`/talk` in a real browser whose user says nothing: writing, keys, choices, and lines that break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_world import Console, console
from playwright.sync_api import Browser, expect
from seed import nothing
from talk_world import alert, on_talk, talker

from bridge.sim.model import ModelOptions


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A house in which nothing has happened."""
    with console(tmp_path_factory.mktemp("talk"), nothing, model=ModelOptions(ears="energy", keep=True)) as found:
        yield found


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose user says nothing."""
    with talker(tmp_path_factory.mktemp("silent")) as browser:
        yield browser


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


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1280)])
def test_a_call_that_goes_on_can_be_read_by_everybody(house: Console, silent: Browser, theme: str, width: int) -> None:
    talk = on_talk(silent, house, theme=theme, width=width, bypass_csp=True)
    talk.call()
    talk.until("fact", "AgentStarted")
    talk.page.keyboard.type("42#")
    talk.until("fact", "AgentSaid", 2)
    talk.page.get_by_text("Events").click()
    found = Axe().run(talk.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert talk.seen.overflow() == []
    talk.hang_up()
    talk.page.evaluate("""() => { for (const one of document.querySelectorAll("[data-trouble]"))
      document.getElementById("trouble").append(one.content.cloneNode(true)); }""")  # every sentence there is
    assert talk.page.get_by_role("alert").count() == 13
    found = Axe().run(talk.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert talk.seen.overflow() == []
    talk.page.context.close()


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
