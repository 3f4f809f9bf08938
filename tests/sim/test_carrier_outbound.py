"""People called by REST: TwiML from a URL or handed over, keys they press, and those who do not answer."""

import asyncio
from typing import Any

import pytest
from carrier_world import NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge, twiml
from twilio.rest import Client

from bridge.sim.carrier import Carrier
from bridge.sim.loop import run
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.plan import Hum
from bridge.sim.script import Caller, Listen, Press, Wait
from bridge.sim.twilio.call import SimCall

COLLEAGUE = "+14155550123"
EVENTS = ["initiated", "ringing", "answered", "completed"]
ASK = f'<Gather action="{PUBLIC_URL}/chosen" numDigits="1"><Say>A caller for you. Press one.</Say></Gather><Hangup/>'
DESK = '<Dial><Conference beep="false" endConferenceOnExit="true">desk</Conference></Dial>'


def called(party: Party, bridge: ReferenceBridge, **order: Any) -> SimCall:
    async def story() -> SimCall:
        async with world(bridge, directory=lambda number: party) as carrier:
            return await (await place(carrier, **order)).ended()

    return run(story(), limit_s=600)


async def place(carrier: Carrier, **order: Any) -> SimCall:
    client = Client(ACCOUNT, TOKEN)
    client.api.base_url = carrier.url
    progress = {"status_callback": f"{PUBLIC_URL}/progress", "status_callback_event": EVENTS}
    made = await asyncio.to_thread(lambda: client.calls.create(to=COLLEAGUE, from_=NUMBER, **(progress | order)))
    return carrier.calls[str(made.sid)]


def statuses(bridge: ReferenceBridge) -> list[str]:
    return [form["CallStatus"] for form in bridge.forms("/progress")]


@pytest.mark.parametrize("order", [{"twiml": twiml(ASK)}, {"url": f"{PUBLIC_URL}/ask"}])
def test_a_person_presses_a_key(order: dict[str, str]) -> None:
    bridge = ReferenceBridge(pages={"/ask": twiml(ASK), "/chosen": twiml("<Say>Thank you.</Say><Hangup/>")})
    phone = Phone(Caller((Listen(), Press("1"), Wait(30)), Hum()), noise=False)
    call = called(Party(phone=phone), bridge, **order)
    assert call.problems == []
    assert (call.status, call.end_reason) == ("completed", "twiml_hangup")
    (form,) = bridge.forms("/chosen")
    assert (form["Digits"], form["CallSid"], form["Direction"]) == ("1", call.sid, "outbound-api")
    assert statuses(bridge) == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in bridge.forms("/progress")] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("party", "told"),
    [
        (Party(does="no-answer"), ["initiated", "ringing", "no-answer"]),
        (Party(does="busy"), ["initiated", "ringing", "busy"]),
        (Party(does="failed"), ["initiated", "failed"]),
    ],
)
def test_a_person_who_is_not_reached(party: Party, told: list[str]) -> None:
    bridge = ReferenceBridge()
    call = called(party, bridge, twiml=twiml(ASK), timeout=15)
    assert (call.status, call.problems) == (told[-1], [])
    assert statuses(bridge) == told
    assert bridge.forms("/chosen") == []


def test_a_warm_transfer() -> None:
    """The caller waits in a conference; a colleague is called, told about it, accepts and joins."""
    bridge = ReferenceBridge(pages={"/twilio/voice": twiml(DESK), "/chosen": twiml(DESK)})
    words = bytes((0x20,)) * 160 * 50

    class Hears:
        async def perform(self, phone: Phone) -> None:
            await phone.until(lambda: False, 20)
            phone.say(words)
            await phone.until(lambda: False, 10)

    colleague = Phone(Caller((Listen(), Press("1"), Wait(60)), Hum()), noise=False)

    async def story() -> tuple[SimCall, SimCall]:
        async with world(bridge, directory=lambda number: Party(phone=colleague)) as carrier:
            caller = await carrier.ring("+14155550100", NUMBER, phone=Phone(Hears(), noise=False))
            await asyncio.sleep(1)
            leg = await place(carrier, twiml=twiml(ASK))
            await caller.ended()
            return caller, await leg.ended()

    caller, leg = run(story(), limit_s=600)
    assert caller.problems == leg.problems == []
    assert caller.end_reason == "caller_hung_up"
    assert leg.end_reason == "twiml_ended"  # the conference ended, and there is nothing behind <Dial>
    assert words in colleague.heard.sound
