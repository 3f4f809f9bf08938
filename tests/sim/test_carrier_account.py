"""The account and its numbers, asked for by the carrier's own client library, and called."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from bridge.sim.carrier import Carrier
from bridge.sim.loop import run
from bridge.sim.twilio.owned import SimNumber

Story = Callable[[Carrier, Client], Awaitable[None]]
OTHER = "+14155550198"


def asked(story: Story, **options: Any) -> None:
    async def main() -> None:
        owned = options.pop("owned", (SimNumber(NUMBER), SimNumber(OTHER, voice=False)))
        async with world(ReferenceBridge(), owned=owned, **options) as carrier:
            client = Client(ACCOUNT, TOKEN)
            client.api.base_url = carrier.url
            await story(carrier, client)

    run(main())


def test_an_account_tells_what_it_is() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        account = await asyncio.to_thread(lambda: client.api.accounts(ACCOUNT).fetch())
        assert (account.sid, account.type, account.status) == (ACCOUNT, "Trial", "suspended")
        listed = await asyncio.to_thread(client.outgoing_caller_ids.list)
        assert [one.phone_number for one in listed] == [CALLER]

    asked(story, trial=True, verified=(CALLER,), account_status="suspended")


def test_a_trial_calls_nobody_but_verified_numbers() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        order = {"from_": NUMBER, "twiml": "<Response/>"}
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(lambda: client.calls.create(to="+14155550123", **order))
        assert refused.value.code == 21219
        assert (await asyncio.to_thread(lambda: client.calls.create(to=CALLER, **order))).status == "queued"

    asked(story, trial=True, verified=(CALLER,))


def test_numbers_are_listed_found_and_pointed_elsewhere() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        both = await asyncio.to_thread(client.incoming_phone_numbers.list)
        assert [(one.phone_number, one.capabilities["voice"]) for one in both] == [(NUMBER, True), (OTHER, False)]
        (one,) = await asyncio.to_thread(lambda: client.incoming_phone_numbers.list(phone_number=NUMBER))
        assert (one.voice_url, one.voice_method, one.trunk_sid) == (None, "POST", None)
        changed = await asyncio.to_thread(lambda: one.update(voice_url=f"{PUBLIC_URL}/voice", voice_method="GET"))
        assert (changed.voice_url, changed.voice_method) == (f"{PUBLIC_URL}/voice", "GET")
        assert carrier.owned[NUMBER].voice_url == f"{PUBLIC_URL}/voice"
        assert (await asyncio.to_thread(lambda: one.update(voice_url=""))).voice_url is None

    asked(story)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"voice_url": "ftp://example.com"}, 21502),
        ({"voice_method": "PUT"}, 20001),
        ({"sms_url": "https://example.com"}, 20001),
        ({"friendly_name": "n" * 65}, 21402),
    ],
    ids=str,
)
def test_what_a_number_cannot_be_told_changes_nothing(wish: dict[str, str], code: int) -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        number = client.incoming_phone_numbers(carrier.owned[NUMBER].sid)
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(lambda: number.update(status_callback=f"{PUBLIC_URL}/s", **wish))
        assert (refused.value.status, refused.value.code) == (400, code)
        assert carrier.owned[NUMBER].status_callback == ""
        with pytest.raises(TwilioRestException) as unknown:
            await asyncio.to_thread(lambda: client.incoming_phone_numbers("PN" + "0" * 32).update(voice_url=""))
        assert unknown.value.status == 404

    asked(story)


def test_a_strangers_account_is_not_told_of() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        async with httpx2.AsyncClient(base_url=carrier.url, trust_env=False) as http:
            for path in ("", "/IncomingPhoneNumbers", "/OutgoingCallerIds"):
                assert (await http.get(f"/2010-04-01/Accounts/{ACCOUNT}{path}.json")).status_code == 401

    asked(story)


def test_who_rings_a_number_comes_where_it_points() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        lost = await carrier.ring(CALLER, NUMBER)
        await lost.ended()
        assert lost.problems
        carrier.owned[NUMBER].voice_url = f"{PUBLIC_URL}/voice/elsewhere"
        found = await carrier.ring(CALLER, NUMBER)
        await found.ended()
        assert [exchange.url for exchange in found.webhooks][:1] == [f"{PUBLIC_URL}/voice/elsewhere"]
        carrier.owned[NUMBER].trunk_sid = "TK" + "0" * 32
        elsewhere = await carrier.ring(CALLER, NUMBER)
        await elsewhere.ended()
        assert elsewhere.webhooks[0].failure == "url", "a number with a trunk does not ask its own webhooks"

    asked(story)
