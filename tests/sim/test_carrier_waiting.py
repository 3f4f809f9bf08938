"""What is heard until a conference starts."""

import asyncio
from typing import Any

import pytest
from conference_world import FIRST, SECOND, THIRD, TWO, House, Person, room
from reference_bridge import twiml
from starlette.responses import Response

from bridge.audio.g711 import ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.audio.tones import sine
from bridge.audio.wav import write_wav


def test_music_until_there_are_two_and_one_of_them_starts_it() -> None:
    waits = room('startConferenceOnEnter="false"')
    house = House({FIRST: waits, SECOND: waits, THIRD: room()})

    async def story() -> None:
        first = await house.ring(FIRST, Person(20))
        await asyncio.sleep(3)
        second = await house.ring(SECOND, Person(20, says=TWO * 50))
        await asyncio.sleep(3)
        assert not house.carrier.conferences[0].started
        await house.ring(THIRD, Person(4))
        await asyncio.sleep(2)
        assert house.carrier.conferences[0].started
        first.phone.hang_up()
        await first.ended()
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(0.0, 5.9))) > -45
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(6.5, 8.0))) < -60
        assert TWO not in first.heard.sound
        await asyncio.sleep(10)
        assert rms_dbfs(ulaw_to_pcm16(second.heard.between(10.0, 15.0))) < -60  # alone, and yet no music

    house.live(story)


@pytest.mark.parametrize(("attributes", "silent"), [("", False), ('waitUrl=""', True)])
def test_somebody_alone_hears_a_soft_tone_unless_silence_is_wished(attributes: str, silent: bool) -> None:
    house = House({FIRST: room(attributes)})

    async def story() -> None:
        call = await (await house.ring(FIRST, Person(5))).ended()
        assert call.problems == []
        level = rms_dbfs(ulaw_to_pcm16(call.heard.between(0.5, 4.5)))
        assert level < -60 if silent else -45 < level < -25

    house.live(story)


def test_a_document_for_waiting_is_asked_for_and_spoken() -> None:
    music = "<Say>Please hold.</Say><Redirect></Redirect>"
    house = House({FIRST: room('waitUrl="/music"')}, music=twiml(music))

    async def story() -> None:
        call = await (await house.ring(FIRST, Person(20))).ended()
        assert call.problems == []
        forms = house.bridge.forms("/music")
        assert len(forms) > 2
        assert (forms[0]["CallSid"], forms[0]["FriendlyName"]) == (call.sid, "desk")
        assert forms[0]["ConferenceSid"] == house.carrier.conferences[0].sid
        said = [moment for moment in call.timeline if moment.what == "said"]
        assert len(said) in {len(forms), len(forms) - 1}
        assert rms_dbfs(ulaw_to_pcm16(call.heard.sound)) > -40

    house.live(story)


def test_a_document_without_a_redirect_is_spoken_once_and_other_verbs_are_refused() -> None:
    house = House({FIRST: room('waitUrl="/music"')}, music=twiml("<Say>Please hold.</Say><Hangup/>"))

    async def story() -> None:
        call = await (await house.ring(FIRST, Person(20))).ended()
        assert [problem.code for problem in call.problems] == [13238]
        assert len(house.bridge.forms("/music")) == 1
        assert call.heard.between(15.0, 19.0).strip(b"\xff") == b""

    house.live(story)


def test_a_sound_file_for_waiting_is_repeated_until_the_start(tmp_path: Any) -> None:
    write_wav(tmp_path / "music.wav", sine(440, 700, 8000), 8000)
    wav = Response((tmp_path / "music.wav").read_bytes(), media_type="audio/wav")
    house = House({FIRST: room('waitUrl="/music" waitMethod="GET"'), SECOND: room()}, music=wav)

    async def story() -> None:
        first = await house.ring(FIRST, Person(9))
        await asyncio.sleep(5)
        await house.ring(SECOND, Person(8))
        await first.ended()
        assert first.problems == []
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(1.0, 4.5))) > -20
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(5.5, 8.5))) < -60

    house.live(story)


def test_music_that_cannot_be_had_ends_the_conference_for_that_call() -> None:
    house = House({FIRST: room('waitUrl="/music"')}, music=Response(status_code=500))

    async def story() -> None:
        call = await (await house.ring(FIRST)).ended()
        assert [problem.code for problem in call.problems] == [11200]
        assert house.bridge.forms("/after")[0]["DialCallStatus"] == "failed"
        assert call.end_reason == "twiml_hangup"

    house.live(story)
