"""Bad weather: orders whose answer is lost although somebody is called, and callbacks that do not come as they should.

Asked by the product's own REST side, which must say of every failure whether a phone may be ringing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from carrier_world import NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge, twiml

from bridge.carriers.base import CallRef, DialOrder
from bridge.carriers.twilio.control import TwilioControl
from bridge.config import Settings
from bridge.errors import CarrierError, UsageError
from bridge.sim.carrier import Carrier
from bridge.sim.crowd import Crowd
from bridge.sim.loop import run
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.twilio.weather import TROUBLES, CallbackWeather, DialWeather

TO = "+14155550123"
ORDER = DialOrder(TO, NUMBER, "/out", "/progress", detect_path="/amd", time_limit_s=600)

Story = Callable[[Carrier, TwilioControl], Awaitable[None]]


@asynccontextmanager
async def dialling(bridge: ReferenceBridge, **options: Any) -> AsyncIterator[tuple[Carrier, TwilioControl]]:
    bridge.pages.setdefault("/out", twiml('<Pause length="10"/>'))
    options.setdefault("directory", Crowd(people={TO: ["human"]}, voices=False))
    async with world(bridge, **options) as carrier:
        settings = Settings(
            twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN, twilio_api_url=carrier.url, public_url=PUBLIC_URL
        )
        yield carrier, TwilioControl(settings, dial_timeout_s=0.5)


def told(story: Story, bridge: ReferenceBridge | None = None, **options: Any) -> None:
    async def main() -> None:
        async with dialling(bridge or ReferenceBridge(), **options) as (carrier, control):
            await story(carrier, control)

    run(main(), limit_s=40_000)


async def failure(control: TwilioControl, order: DialOrder = ORDER) -> CarrierError:
    with pytest.raises(CarrierError) as refused:
        await control.dial(order)
    return refused.value


@pytest.mark.parametrize("name", TROUBLES)
def test_what_an_order_can_meet(name: str) -> None:
    """Whoever was refused was not called; of the rest only the carrier's list can tell."""

    async def story(carrier: Carrier, control: TwilioControl) -> None:
        since = carrier.account.now().timestamp()
        carrier.dial_faults.extend([None, TROUBLES[name]])
        first = await control.dial(ORDER)
        error = await failure(control)
        placed = name.endswith("_placed")
        assert (error.placed, error.kind) == (("no", "rate_limited") if name == "rate_limited" else ("maybe", ""))
        assert carrier.dialled == {TO: 2 if placed else 1}
        found = await control.find(TO, NUMBER, since)
        assert len(found) == (2 if placed else 1)
        assert found[-1] == first
        assert await control.find("+14155550124", NUMBER, since) == []
        assert await control.find(TO, "+14155550188", since) == []
        assert await control.find(TO, NUMBER, since + 3600) == []
        assert (await control.dial(ORDER)) not in found, "the weather is fine again"

    told(story)


def test_chances_are_kept_and_drawn_from_the_seed() -> None:
    weather = DialWeather(rate_limited=0.2, error=0.1, reset_placed=0.1)

    async def story(carrier: Carrier, control: TwilioControl) -> None:
        async def order() -> str:
            try:
                await control.dial(ORDER)
            except CarrierError as error:
                return f"{error.status} {error.placed}"
            return "placed"

        became.append([await order() for _ in range(200)])
        counted = Counter(became[-1])
        assert counted["429 no"] == pytest.approx(40, abs=12)
        assert counted["500 maybe"] == pytest.approx(20, abs=10)
        assert counted["0 maybe"] == pytest.approx(20, abs=10)
        assert carrier.dialled[TO] == counted["placed"] + counted["0 maybe"]

    became: list[list[str]] = []
    for seed in (4, 4, 5):
        told(story, dialing=weather, seed=seed)
    assert became[0] == became[1] != became[2]


def test_too_many_calls_at_once_are_refused() -> None:
    async def story(carrier: Carrier, control: TwilioControl) -> None:
        calls = [await control.dial(ORDER) for _ in range(2)]
        error = await failure(control)
        assert (error.code, error.kind, error.placed) == (10004, "rate_limited", "no")
        await control.hang_up(calls[0])
        await carrier.calls[calls[0].carrier_call_id].ended()
        await asyncio.sleep(0)
        assert await control.dial(ORDER)
        assert carrier.dialled[TO] == 3

    told(story, concurrency=2)


def test_calls_are_called_off_while_they_wait_or_ring_and_not_when_answered() -> None:
    async def story(carrier: Carrier, control: TwilioControl) -> None:
        ringing, waiting = await control.dial(ORDER), await control.dial(ORDER)
        await asyncio.sleep(1.0)
        assert carrier.calls[ringing.carrier_call_id].status == "ringing"
        assert carrier.calls[waiting.carrier_call_id].status == "queued"
        assert [await control.cancel(one) for one in (ringing, waiting)] == [True, True]
        for one in (ringing, waiting):
            assert (await carrier.calls[one.carrier_call_id].ended()).status == "canceled"
            assert await control.cancel(one) is False, "it is over already"
        answered = await control.dial(ORDER)
        await asyncio.sleep(40.0)
        assert carrier.calls[answered.carrier_call_id].status == "in-progress"
        assert await control.cancel(answered) is False
        assert (await carrier.calls[answered.carrier_call_id].ended()).status == "completed"

    bridge = ReferenceBridge(pages={"/out": twiml('<Pause length="100"/>')})
    told(story, bridge, calls_per_second=0.1, directory=lambda number: Party(after_s=12.0, phone=Phone(light=True)))
    over = [form for form in bridge.forms("/progress") if form["CallStatus"] == "canceled"]
    assert [(form["SipResponseCode"], form["CallDuration"]) for form in over] == [("487", "0")] * 2


def test_a_call_is_priced_some_time_after_its_end_and_listed_some_time_after_its_beginning() -> None:
    async def story(carrier: Carrier, control: TwilioControl) -> None:
        call = await control.dial(ORDER)
        assert await control.find(TO, NUMBER, 0.0) == []
        await asyncio.sleep(5.1)
        assert await control.find(TO, NUMBER, 0.0) == [call]
        await carrier.calls[call.carrier_call_id].ended()
        fresh = await control.look_up(call)
        await asyncio.sleep(2.1)
        priced = await control.look_up(call)
        assert fresh is not None and priced is not None
        assert (fresh.status, fresh.price_usd, fresh.duration_s) == ("completed", None, 10)
        assert (priced.price_usd, priced.duration_s) == (0.02, 10)

    told(story, list_lag_s=5.0, price_minute_usd=0.02)


def test_finding_a_call_among_many_pages() -> None:
    async def story(carrier: Carrier, control: TwilioControl) -> None:
        calls = [await control.dial(ORDER) for _ in range(120)]
        found = await control.find(TO, NUMBER, 0.0)
        assert found == calls[::-1]
        (call,) = [one for one in carrier.calls.values() if one.sid == calls[60].carrier_call_id]
        assert call.created_at is not None
        since = call.created_at.timestamp()
        assert CallRef(call.sid) in await control.find(TO, NUMBER, since)

    told(story)


# ---- callbacks


def callbacks(weather: CallbackWeather) -> tuple[list[dict[str, str]], list[dict[str, str]], list[str]]:
    """What a call's callbacks looked like when all have come, those of detection, and what the call noted."""
    bridge, noted = ReferenceBridge(), []

    async def story(carrier: Carrier, control: TwilioControl) -> None:
        call = carrier.calls[(await control.dial(ORDER)).carrier_call_id]
        await call.ended()
        await carrier.posted()
        noted.extend(moment.detail for moment in call.timeline if moment.what == "callback_lost")
        assert call.problems == []

    told(story, bridge, callbacks=weather)
    return bridge.forms("/progress"), bridge.forms("/amd"), noted


TOLD = ["initiated", "ringing", "in-progress", "completed"]


def test_fair_weather() -> None:
    forms, detected, noted = callbacks(CallbackWeather())
    assert [form["CallStatus"] for form in forms] == TOLD
    assert [form["AnsweredBy"] for form in detected] == ["human"]
    assert noted == []
    last = forms[-1]
    assert (last["CallDuration"], last["Duration"], last["SipResponseCode"]) == ("10", "1", "200")
    assert last["AnsweredBy"] == "human"


def test_callbacks_that_are_lost() -> None:
    forms, detected, noted = callbacks(CallbackWeather(lost=1.0))
    assert forms == detected == []
    assert noted == ["initiated", "ringing", "in-progress", "answered_by", "completed"]


def test_callbacks_that_come_twice() -> None:
    forms, detected, _ = callbacks(CallbackWeather(doubled=1.0))
    assert [form["CallStatus"] for form in forms] == [status for status in TOLD for _ in range(2)]
    assert [form["SequenceNumber"] for form in forms] == list("00112233")
    assert len(detected) == 2


def test_callbacks_that_overtake_each_other() -> None:
    forms, _, _ = callbacks(CallbackWeather(reordered=1.0))
    assert [form["SequenceNumber"] for form in forms] == ["1", "0", "3", "2"]


def test_callbacks_that_are_late() -> None:
    forms, detected, _ = callbacks(CallbackWeather(late=1.0, late_s=600.0))
    assert sorted(form["SequenceNumber"] for form in forms) == list("0123")
    assert [form["SequenceNumber"] for form in forms] != list("0123"), "for this seed"
    assert len(detected) == 1


def test_a_carrier_that_stops_forgets_what_is_late() -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, control: TwilioControl) -> None:
        await carrier.calls[(await control.dial(ORDER)).carrier_call_id].ended()
        assert carrier.account.late

    told(story, bridge, callbacks=CallbackWeather(late=1.0, late_s=3600.0))
    assert len(bridge.forms("/progress")) < 4


# ---- from outside


def test_the_door_tells_who_was_dialled() -> None:
    async def story(carrier: Carrier, control: TwilioControl) -> None:
        for to in (TO, "+14155550124", TO):
            await control.dial(DialOrder(to, NUMBER, "/out", "/progress"))
        async with httpx2.AsyncClient(base_url=carrier.url, trust_env=False) as client:
            body = (await client.get("/sim/dialled")).json()
            table = (await client.get("/sim/dialled", params={"format": "csv"})).text
        assert body == {"total": 3, "open": 3, "numbers": {TO: 2, "+14155550124": 1}}
        assert table == "number,calls\n+14155550123,2\n+14155550124,1\n"

    told(story)


@pytest.mark.parametrize(
    ("read", "text", "why"),
    [
        (DialWeather.read, "eror=0.1", "an order can meet rate_limited, error"),
        (DialWeather.read, "error=often", "wants a number"),
        (CallbackWeather.read, "lost=2", "a chance, from 0 to 1"),
        (CallbackWeather.read, "stolen", "a callback can be lost, doubled"),
    ],
)
def test_weather_that_cannot_be_read(read: Callable[[str], object], text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(text)


def test_weather_as_it_is_written() -> None:
    assert DialWeather.read(" timeout_placed=0.02, error=0.5 ") == DialWeather(timeout_placed=0.02, error=0.5)
    assert CallbackWeather.read("late=0.1,late_s=90") == CallbackWeather(late=0.1, late_s=90.0)
    assert DialWeather.read("") == DialWeather()
