"""Text messages, sent by the carrier's own client library."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from carrier_world import NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, TOKEN, ReferenceBridge
from starlette.responses import Response
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from bridge.sim.carrier import Carrier
from bridge.sim.loop import run
from bridge.sim.twilio.texts import segments
from bridge.sim.twilio.weather import RestFault

TO = "+14155550123"
SERVICE = "MG" + "0" * 31 + "1"
GOOD = {"to": TO, "from_": NUMBER, "body": "Your table is booked."}

Story = Callable[[Carrier, Client], Awaitable[None]]


def asked(story: Story, bridge: ReferenceBridge | None = None, **options: Any) -> None:
    async def main() -> None:
        async with world(bridge or ReferenceBridge(), **options) as carrier:
            client = Client(ACCOUNT, TOKEN)
            client.api.base_url = carrier.url
            await story(carrier, client)

    run(main())


async def send(client: Client, **wish: Any) -> Any:
    return await asyncio.to_thread(lambda: client.messages.create(**wish))


async def refused(client: Client, **wish: Any) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as error:
        await send(client, **wish)
    return error.value


def test_a_message_is_queued_kept_and_found_again() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        made = await send(client, **GOOD)
        assert (made.status, made.direction, made.num_segments) == ("queued", "outbound-api", "1")
        assert made.sid.startswith("SM") and len(made.sid) == 34
        assert (made.from_, made.to, made.body, made.account_sid) == (NUMBER, TO, GOOD["body"], ACCOUNT)
        assert (made.error_code, made.messaging_service_sid, made.date_sent) == (None, None, None)
        (text,) = carrier.messages
        assert (text.sid, text.from_, text.to, text.body) == (made.sid, NUMBER, TO, GOOD["body"])
        assert text.at == carrier.account.now()
        await asyncio.sleep(3)
        assert (await asyncio.to_thread(lambda: client.messages(made.sid).fetch())).status == "delivered"
        await send(client, **(GOOD | {"to": "+14155550124"}))
        listed = await asyncio.to_thread(lambda: client.messages.list(to=TO, date_sent_after=text.at))
        assert [message.sid for message in listed] == [made.sid]
        assert len(await asyncio.to_thread(client.messages.list)) == 2
        with pytest.raises(TwilioRestException) as missing:
            await asyncio.to_thread(lambda: client.messages("SM404").fetch())
        assert (missing.value.status, missing.value.code) == (404, 20404)

    asked(story)


def test_a_messaging_service_may_choose_the_number() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        made = await send(client, to=TO, body="Hello.", messaging_service_sid=SERVICE)
        assert (made.from_, made.messaging_service_sid) == (None, SERVICE)
        assert carrier.messages[0].from_ == ""

    asked(story, numbers=frozenset({NUMBER}))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"body": None}, 400, 21602),
        ({"to": ""}, 400, 21604),
        ({"to": "5550123"}, 400, 21211),
        ({"from_": None}, 400, 21603),
        ({"from_": "nobody"}, 400, 21212),
        ({"from_": "+14155550177"}, 400, 21606),
        ({"from_": None, "messaging_service_sid": "MG1"}, 404, 21701),
        ({"body": "x" * 1601}, 400, 21617),
        ({"status_callback": "https://my_host.example.test/"}, 400, 21609),
    ],
)
def test_wrong_messages(change: dict[str, Any], status: int, code: int) -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        wish = {name: value for name, value in (GOOD | change).items() if value is not None}
        error = await refused(client, **wish)
        assert (error.status, error.code) == (status, code)
        assert carrier.messages == []

    asked(story, numbers=frozenset({NUMBER}))


def test_the_longest_message_is_taken() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        assert (await send(client, **(GOOD | {"body": "x" * 1600}))).num_segments == "11"

    asked(story)


def test_who_may_send_and_what_goes_wrong_is_as_for_calls() -> None:
    async def story(carrier: Carrier, client: Client) -> None:
        stranger = Client(ACCOUNT, "wrong")
        stranger.api.base_url = carrier.url
        assert (await refused(stranger, **GOOD)).status == 401
        assert carrier.messages == []
        carrier.rest_faults.append(RestFault(500, 20500, placed=True))
        assert (await refused(client, **GOOD)).code == 20500
        assert len(carrier.messages) == 1
        carrier.rest_faults.append(RestFault(429, 20429))
        assert (await refused(client, **GOOD)).code == 20429
        assert len(carrier.messages) == 1

    asked(story)


def test_the_callback_tells_of_sent_and_delivered() -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, client: Client) -> None:
        made = await send(client, **GOOD, status_callback=f"{PUBLIC_URL}/text")
        await asyncio.sleep(3)
        forms = bridge.forms("/text")
        assert [form["MessageStatus"] for form in forms] == ["sent", "delivered"]
        assert {(form["MessageSid"], form["To"], form["From"]) for form in forms} == {(made.sid, TO, NUMBER)}
        assert [seen.status for seen in carrier.text_webhooks] == [200, 200]

    asked(story, bridge)


def test_a_callback_that_fails_is_complained_about_and_one_under_way_does_not_hold_up_the_end() -> None:
    problems: list[str] = []

    async def story(carrier: Carrier, client: Client) -> None:
        await send(client, **GOOD, status_callback=f"{PUBLIC_URL}/text")
        await asyncio.sleep(1)

    bridge = ReferenceBridge(pages={"/text": Response(status_code=500)})
    asked(story, bridge, on_problem=lambda sid, problem: problems.append(f"{sid[:2]} {problem.code}"))
    assert problems == ["SM 11200"]


def test_segments() -> None:
    assert [segments(text) for text in ("a" * 160, "a" * 161, "€" * 80, "€" * 81)] == [1, 2, 1, 2]
    assert [segments(text) for text in ("ж" * 70, "ж" * 71, "😀" * 35, "😀" * 36)] == [1, 2, 1, 2]
