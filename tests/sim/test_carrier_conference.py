"""Conferences: who hears what, how they end, and what the application is told."""

import asyncio
from email.utils import parsedate_to_datetime

import httpx2
import pytest
from carrier_world import NUMBER
from conference_world import EVENTS, FIRST, ONE, SECOND, THIRD, THREE, TWO, House, Person, room
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, twiml
from starlette.responses import Response

from bridge.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from bridge.audio.level import rms_dbfs
from bridge.audio.tones import sine
from bridge.sim.twilio.mixer import Mixer, Seat


def test_two_calls_hear_each_other() -> None:
    house = House({FIRST: room(), SECOND: room()})

    async def story() -> None:
        first = await house.ring(FIRST, Person(says=ONE * 50, after_s=3))
        await asyncio.sleep(1)
        second = await house.ring(SECOND, Person(8, says=TWO * 50, after_s=5))
        await first.ended()
        await second.ended()
        assert ONE * 50 in second.heard.sound
        assert TWO * 50 in first.heard.sound
        assert ONE not in first.heard.sound
        assert first.problems == second.problems == []
        (conference,) = house.carrier.conferences
        assert (conference.name, conference.reason) == ("desk", "last-participant-left")

    house.live(story)


def test_three_at_once_are_heard_as_their_sum() -> None:
    house = House({FIRST: room(), SECOND: room(), THIRD: room()})
    tone = pcm16_to_ulaw(sine(500, 1000, 8000, peak_dbfs=-20))

    async def story() -> None:
        await house.ring(FIRST, Person(6, says=tone, after_s=2))
        await house.ring(SECOND, Person(6, says=tone, after_s=2))
        third = await (await house.ring(THIRD, Person(6))).ended()
        heard = rms_dbfs(ulaw_to_pcm16(third.heard.between(2.3, 2.7)))
        assert heard == pytest.approx(rms_dbfs(ulaw_to_pcm16(tone)) + 6, abs=1.0)

    house.live(story)


def test_the_end_for_all() -> None:
    house = House({FIRST: room(EVENTS), SECOND: room('endConferenceOnExit="true" participantLabel="desk"')})

    async def story() -> None:
        first = await house.ring(FIRST, Person(100))
        await asyncio.sleep(2)
        second = await house.ring(SECOND, Person(5))
        await second.ended()
        await first.ended()
        assert first.end_reason == "twiml_hangup"
        (form,) = house.bridge.forms("/after")
        assert (form["CallSid"], form["DialCallStatus"], form["CallStatus"]) == (first.sid, "completed", "in-progress")
        assert form["DialCallDuration"] in {"6", "7"}
        assert "DialCallSid" not in form
        joined = ["participant-join", "participant-join", "conference-start"]
        assert house.events == [*joined, "participant-leave", "participant-leave", "conference-end"]
        end = house.bridge.forms("/room")[-1]
        assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
        assert (end["CallSidEndingConference"], end["ParticipantLabelEndingConference"]) == (second.sid, "desk")
        leaves = house.bridge.forms("/room")[3:5]
        assert [leave["ReasonParticipantLeft"] for leave in leaves] == [
            "participant_hung_up",
            "moderator_ended_conference",
        ]

    house.live(story)


def test_callbacks_are_signed_and_complete() -> None:
    # The application's page refuses (403) what twilio's own RequestValidator does not accept.
    house = House({FIRST: room(f'{EVENTS} muted="true"'), SECOND: room('endConferenceOnExit="true"')})

    async def story() -> None:
        first = await house.ring(FIRST, Person(100))
        second = await house.ring(SECOND, Person(5))
        await second.ended()
        await first.ended()
        (conference,) = house.carrier.conferences
        assert conference.sid.startswith("CF") and len(conference.sid) == 34
        forms = house.bridge.forms("/room")
        assert [form["SequenceNumber"] for form in forms] == ["1", "2", "3", "4", "5", "6"]
        for form in forms:
            assert (form["AccountSid"], form["ConferenceSid"]) == (ACCOUNT, conference.sid)
            assert form["FriendlyName"] == "desk"
            assert parsedate_to_datetime(form["Timestamp"]).tzinfo is not None
        joins = [form for form in forms if form["StatusCallbackEvent"] == "participant-join"]
        terms = ("CallSid", "Muted", "Hold", "Coaching", "EndConferenceOnExit", "StartConferenceOnEnter")
        assert {tuple(form[name] for name in terms) for form in joins} == {
            (first.sid, "true", "false", "false", "false", "true"),
            (second.sid, "false", "false", "false", "true", "true"),
        }
        assert first.problems == second.problems == []
        seen = [exchange.status for call in (first, second) for exchange in call.webhooks if "/room" in exchange.url]
        assert seen == [200] * 6

    house.live(story)


def test_only_the_events_asked_for_and_start_and_end_by_default() -> None:
    default = f'statusCallback="{PUBLIC_URL}/room"'
    house = House({FIRST: room(default), SECOND: room(f'statusCallback="{PUBLIC_URL}/other"')})

    async def story() -> None:
        await house.ring(FIRST, Person(5))
        second = await house.ring(SECOND, Person(8))
        await second.ended()
        assert house.events == ["conference-start", "conference-end"]
        assert house.bridge.forms("/room")[-1]["ReasonConferenceEnded"] == "last-participant-left"
        assert house.bridge.forms("/other") == []

    house.live(story)


def test_a_callback_that_fails_is_complained_about() -> None:
    house = House({FIRST: room(EVENTS)}, room=Response(status_code=500))

    async def story() -> None:
        call = await (await house.ring(FIRST, Person(2))).ended()
        assert {problem.code for problem in call.problems} == {15003}

    house.live(story)


def test_a_room_that_ended_is_opened_anew_under_the_same_name() -> None:
    house = House({FIRST: room(), SECOND: room(name="other")})

    async def story() -> None:
        await (await house.ring(FIRST, Person(2))).ended()
        await house.ring(SECOND, Person(2))
        await (await house.ring(FIRST, Person(2))).ended()
        sids = {conference.sid for conference in house.carrier.conferences}
        assert len(sids) == 3
        assert [conference.name for conference in house.carrier.conferences].count("desk") == 2

    house.live(story)


def test_the_star_and_the_time_limit_end_it_for_one() -> None:
    house = House({FIRST: room(dial='hangupOnStar="true"'), SECOND: room(dial='timeLimit="4"'), THIRD: room()})

    async def story() -> None:
        first = await house.ring(FIRST, Person(100, after_s=2, keys="1*"))
        second = await house.ring(SECOND, Person(100))
        third = await house.ring(THIRD, Person(10, keys="*"))
        await asyncio.sleep(8)
        assert first.over and second.over and not third.over
        forms = {form["CallSid"]: form for form in house.bridge.forms("/after")}
        assert forms[first.sid]["DialCallStatus"] == forms[second.sid]["DialCallStatus"] == "completed"
        assert forms[first.sid]["DialCallDuration"] == "2"
        assert forms[second.sid]["DialCallDuration"] == "4"
        await third.ended()

    house.live(story)


def test_a_call_taken_out_by_rest_leaves_properly() -> None:
    house = House({FIRST: room(EVENTS), SECOND: room('endConferenceOnExit="true"')})

    async def story() -> None:
        first = await house.ring(FIRST, Person(100))
        second = await house.ring(SECOND, Person(100))
        await asyncio.sleep(3)
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{second.sid}.json"
        async with httpx2.AsyncClient(base_url=house.carrier.url, auth=(ACCOUNT, TOKEN)) as client:
            update = {"Twiml": twiml("<Say>Back with the agent.</Say><Hangup/>")}
            assert (await client.post(path, data=update)).status_code == 200
        await second.ended()
        await first.ended()
        assert second.end_reason == first.end_reason == "twiml_hangup"
        leaves = [form for form in house.bridge.forms("/room") if form["StatusCallbackEvent"] == "participant-leave"]
        assert leaves[0]["ReasonParticipantLeft"] == "participant_updated_via_api"
        assert leaves[0]["ParticipantCallStatus"] == "in-progress"
        assert rms_dbfs(ulaw_to_pcm16(second.heard.sound[-4000:])) > -40
        assert house.carrier.conferences[0].participants == []

    house.live(story)


def test_the_muted_and_coaches_are_heard_by_nobody_and_by_one() -> None:
    house = House({FIRST: room(), SECOND: room('muted="true"'), THIRD: ""})

    async def story() -> None:
        first = await house.ring(FIRST, Person(12))
        await house.ring(SECOND, Person(12, says=TWO * 50, after_s=4))
        await asyncio.sleep(2)
        house.verbs[THIRD] = room(f'coach="{first.sid}" {EVENTS}')
        coach = await house.ring(THIRD, Person(5, says=THREE * 50, after_s=1))
        await first.ended()
        assert coach.problems == []
        assert THREE * 50 in first.heard.sound
        assert TWO not in first.heard.sound + coach.heard.sound
        second = next(call for call in house.carrier.calls.values() if call.to == SECOND)
        await second.ended()
        assert THREE not in second.heard.sound

    house.live(story)


def test_beeps_tell_who_comes_and_goes() -> None:
    house = House({FIRST: room(), SECOND: room().replace('beep="false"', 'beep="onEnter"')})

    async def story() -> None:
        first = await house.ring(FIRST, Person(12))
        await asyncio.sleep(3)
        second = await house.ring(SECOND, Person(3))
        await second.ended()
        await first.ended()
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(3.0, 3.3))) > -35
        assert rms_dbfs(ulaw_to_pcm16(first.heard.between(3.5, 11.0))) < -60
        assert rms_dbfs(ulaw_to_pcm16(second.heard.between(0.0, 2.9))) < -60

    house.live(story)


@pytest.mark.parametrize(
    ("verbs", "codes", "status"),
    [
        ('<Dial action="/after"><Conference></Conference></Dial>', [13237], "failed"),
        (room('coach="CA0"'), [13240], "failed"),
        (room('startConferenceOnEnter="yes"'), [13232], "completed"),
        (
            room('endConferenceOnExit="yes" muted="no" waitMethod="PUT" waitUrl="/music"'),
            [13231, 13230, 13234],
            "completed",
        ),
        (room('beep="loud" participantLabel="a/b"').replace('beep="false" ', ""), [13235, 16023], "completed"),
        (room('shape="round"'), [12200], "completed"),
        (room('statusCallbackEvent="begin"'), [12200], "completed"),
        (room().replace("</Dial>", "<Number>+14155550123</Number></Dial>"), [13215], "completed"),
        (room().replace("<Conference", "+14155550123<Conference"), [13215], "completed"),
        (room('record="record-from-start" region="us1" jitterBufferSize="small" trim="trim-silence"'), [], "completed"),
        (room('eventCallbackUrl="/e" recordingStatusCallback="/r"'), [], "completed"),
    ],
)
def test_mistakes_have_their_numbers(verbs: str, codes: list[int], status: str) -> None:
    house = House({FIRST: verbs.replace("<Dial ", '<Dial timeLimit="2" ')}, music=twiml(""))

    async def story() -> None:
        call = await (await house.ring(FIRST)).ended()
        assert sorted(problem.code for problem in call.problems) == sorted(codes)
        assert house.bridge.forms("/after")[0]["DialCallStatus"] == status

    house.live(story)


@pytest.mark.parametrize(("attributes", "code"), [('maxParticipants="1"', 12200), ('participantLabel="me"', 16025)])
def test_one_too_many(attributes: str, code: int) -> None:
    house = House({NUMBER: room(attributes)})

    async def story() -> None:
        first = await house.ring(NUMBER, Person(5))
        await asyncio.sleep(1)
        second = await (await house.ring(NUMBER)).ended()
        assert [problem.code for problem in second.problems] == [code]
        assert (await first.ended()).problems == []
        assert [form["DialCallStatus"] for form in house.bridge.forms("/after")] == ["failed"]

    house.live(story)


def test_frames_keep_their_order_though_the_clocks_tick_in_any_order() -> None:
    mixer = Mixer()
    mouth, ear = Seat(mixer), Seat(mixer)
    mixer.add(mouth)
    mixer.add(ear)
    said = [bytes((code,)) * 160 for code in range(40)]
    heard = []
    for number, frame in enumerate(said):
        if number % 3:
            mouth.listen(frame, "", 0.0)
            heard.append(ear.speak(0.0))
        else:  # this time the listener is first
            heard.append(ear.speak(0.0))
            mouth.listen(frame, "", 0.0)
    sound = [frame for frame in heard if frame]
    assert sound == said[: len(sound)]
    assert len(sound) >= len(said) - 3
    assert mouth.speak(0.0) == b""
