"""The REST API, asked by hand and by the carrier's own client library."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from carrier_world import CALLER, NUMBER, world
from reference_bridge import ACCOUNT, PUBLIC_URL, STREAM, TOKEN, ReferenceBridge, twiml
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from bridge.sim.carrier import Carrier
from bridge.sim.loop import run
from bridge.sim.party import Party
from bridge.sim.phone import Phone
from bridge.sim.twilio.weather import RestFault

CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
GOOD = {"To": "+14155550123", "From": NUMBER, "Url": f"{PUBLIC_URL}/out"}
EVENTS = ["initiated", "ringing", "answered", "completed"]

Story = Callable[[Carrier, httpx2.AsyncClient], Awaitable[None]]


class Stays:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def perform(self, phone: Phone) -> None:
        await phone.until(lambda: False, self.seconds)


def asked(story: Story, bridge: ReferenceBridge | None = None, **options: Any) -> None:
    bridge = bridge or ReferenceBridge()
    bridge.pages.setdefault("/out", twiml(STREAM))
    options.setdefault("directory", lambda number: Party(phone=Phone(Stays(3.0), noise=False)))

    async def main() -> None:
        async with world(bridge, **options) as carrier:
            limits = httpx2.Limits(max_keepalive_connections=0)
            async with httpx2.AsyncClient(base_url=carrier.url, auth=(ACCOUNT, TOKEN), limits=limits) as client:
                await story(carrier, client)

    run(main(), limit_s=4000)


def test_an_outbound_call_from_order_to_end() -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        order = GOOD | {"StatusCallback": f"{PUBLIC_URL}/progress", "StatusCallbackEvent": EVENTS}
        answer = await client.post(f"{CALLS}.json", data=order)
        assert answer.status_code == 201
        body = answer.json()
        assert (body["status"], body["direction"], body["queue_time"]) == ("queued", "outbound-api", "0")
        call = await carrier.calls[body["sid"]].ended()
        assert call.problems == []
        assert (call.status, call.end_reason) == ("completed", "callee_hung_up")
        forms = bridge.forms("/progress")
        assert [form["CallStatus"] for form in forms] == ["initiated", "ringing", "in-progress", "completed"]
        assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2", "3"]
        assert forms[-1]["CallDuration"] == "3"
        (form,) = bridge.forms("/out")
        assert (form["CallStatus"], form["Direction"]) == ("in-progress", "outbound-api")
        assert "CallToken" not in form
        final = (await client.get(f"{CALLS}/{call.sid}.json")).json()
        assert (final["status"], final["duration"]) == ("completed", "3")

    asked(story, bridge)


@pytest.mark.parametrize(
    ("party", "status", "sip", "seconds"),
    [
        (Party(does="busy", after_s=4), "busy", "486", 4),
        (Party(does="no-answer"), "no-answer", "487", 20),
        (Party(after_s=30), "no-answer", "487", 20),
        (Party(does="failed"), "failed", "404", 0),
    ],
)
def test_people_who_do_not_answer(party: Party, status: str, sip: str, seconds: float) -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        order = GOOD | {"StatusCallback": f"{PUBLIC_URL}/progress", "Timeout": "20"}
        sid = (await client.post(f"{CALLS}.json", data=order)).json()["sid"]
        began_s = asyncio.get_running_loop().time()
        call = await carrier.calls[sid].ended()
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(seconds + 0.3, abs=0.1)
        assert call.status == status
        (form,) = bridge.forms("/progress")
        assert (form["CallStatus"], form["SipResponseCode"], form["CallDuration"]) == (status, sip, "0")
        assert bridge.forms("/out") == []

    asked(story, bridge, directory=lambda number: party)


def test_inline_twiml_and_its_replacement_while_the_call_goes_on() -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        order = {name: GOOD[name] for name in ("To", "From")} | {"Twiml": twiml(STREAM)}
        sid = (await client.post(f"{CALLS}.json", data=order)).json()["sid"]
        early = await client.post(f"{CALLS}/{sid}.json", data={"Twiml": twiml("<Hangup/>")})
        assert (early.status_code, early.json()["code"]) == (400, 21220)
        await asyncio.sleep(3)
        assert (await client.post(f"{CALLS}/{sid}.json", data={"Twiml": twiml("<Hangup/>")})).status_code == 200
        call = await carrier.calls[sid].ended()
        assert call.end_reason == "twiml_hangup"
        assert bridge.messages[-1]["event"] == "stop"
        assert bridge.forms("/after") == []  # abandoned TwiML asks for no action
        late = await client.post(f"{CALLS}/{sid}.json", data={"Status": "completed"})
        assert (late.status_code, late.json()["code"]) == (400, 21220)

    asked(story, bridge, directory=lambda number: Party(phone=Phone(Stays(60))))


def test_a_relative_action_in_a_live_update_is_refused() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post(f"{CALLS}.json", data=GOOD)).json()["sid"]
        await asyncio.sleep(3)
        dial = twiml('<Dial action="/after" timeout="1"><Number>+14155550124</Number></Dial>')
        await client.post(f"{CALLS}/{sid}.json", data={"Twiml": dial})
        call = await carrier.calls[sid].ended()
        assert [problem.code for problem in call.problems] == [15004]

    asked(story, directory=lambda number: Party("answer" if number.endswith("23") else "busy", phone=Phone(Stays(60))))


@pytest.mark.parametrize(("status", "final"), [("canceled", "canceled"), ("completed", "canceled")])
def test_a_ringing_call_can_be_called_off(status: str, final: str) -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post(f"{CALLS}.json", data=GOOD)).json()["sid"]
        await asyncio.sleep(1)
        assert (await client.get(f"{CALLS}/{sid}.json")).json()["status"] == "ringing"
        assert (await client.post(f"{CALLS}/{sid}.json", data={"Status": status})).status_code == 200
        assert (await carrier.calls[sid].ended()).status == final

    asked(story, directory=lambda number: Party(after_s=50))


def test_a_live_call_is_completed_and_not_canceled() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sid = (await client.post(f"{CALLS}.json", data=GOOD)).json()["sid"]
        await asyncio.sleep(3)
        refused = await client.post(f"{CALLS}/{sid}.json", data={"Status": "canceled"})
        assert refused.json()["code"] == 21220
        await client.post(f"{CALLS}/{sid}.json", data={"Status": "completed"})
        call = await carrier.calls[sid].ended()
        assert (call.status, call.end_reason) == ("completed", "api")

    asked(story, directory=lambda number: Party(phone=Phone(Stays(60))))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": None}, 21201),
        ({"From": None}, 21213),
        ({"From": "5550100"}, 21212),
        ({"From": "+14155550177"}, 21210),
        ({"To": "5550100"}, 21211),
        ({"Url": None}, 21205),
        ({"Url": "/out"}, 21205),
        ({"Url": None, "Twiml": "x" * 4001}, 20001),
        ({"StatusCallback": "https://my_host.example.test/"}, 21609),
        ({"StatusCallbackEvent": "hungup"}, 21626),
        ({"Method": "PUT"}, 20001),
        ({"Timeout": "soon"}, 20001),
        ({"MachineDetection": "Nonsense"}, 20001),
        ({"MachineDetection": "Enable", "AsyncAmd": "True"}, 20001),
    ],
)
def test_wrong_orders(change: dict[str, str | None], code: int) -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        order = {name: value for name, value in (GOOD | change).items() if value is not None}
        answer = await client.post(f"{CALLS}.json", data=order)
        assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, 400)
        assert carrier.calls == {}

    asked(story, numbers=frozenset({NUMBER, "+14155550188"}))


def test_who_may_ask() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        for auth in ((ACCOUNT, "wrong"), ("ACnobody", TOKEN), ("SK1", ""), (ACCOUNT, "")):
            answer = await client.get(f"{CALLS}.json", auth=auth)
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        answer = await client.get(f"{CALLS}.json", auth=("SK1", "secret"))
        assert answer.status_code == 200
        for path in (f"{CALLS}/CA404.json", "/2010-04-01/Accounts/ACother/Calls.json", "/2010-04-01/Nothing.json"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, 20404)

    asked(story, api_keys=(("SK1", "secret"),))


def test_too_many_requests_at_once() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        carrier.rest_faults.extend([RestFault(503, 20503, delay_s=2)] * 3)
        answers = await asyncio.gather(*[client.get(f"{CALLS}.json") for _ in range(5)])
        assert sorted(answer.status_code for answer in answers) == [429, 429, 503, 503, 503]

    asked(story, rest_concurrency=3)


def test_a_call_may_be_placed_although_the_answer_is_an_error() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        carrier.rest_faults.append(RestFault(500, 20500, placed=True))
        assert (await client.post(f"{CALLS}.json", data=GOOD)).status_code == 500
        found = (await client.get(f"{CALLS}.json", params={"To": GOOD["To"]})).json()["calls"]
        assert len(found) == 1

    asked(story)


def test_calls_wait_in_the_queue() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        answers = [(await client.post(f"{CALLS}.json", data=GOOD)).json() for _ in range(3)]
        assert [answer["queue_time"] for answer in answers] == ["0", "500", "1000"]
        assert (await client.post(f"{CALLS}/{answers[2]['sid']}.json", data={"Status": "canceled"})).status_code == 200
        assert (await carrier.calls[answers[2]["sid"]].ended()).status == "canceled"

    asked(story, calls_per_second=2.0)


def test_who_is_called_off_in_the_queue_gives_his_place_to_the_next() -> None:
    """Never rung, never charged for: the call is over as `canceled`, and a second time it cannot be called off."""

    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        sids = [(await client.post(f"{CALLS}.json", data=GOOD)).json()["sid"] for _ in range(4)]
        began = asyncio.get_running_loop().time()
        for sid in sids[1:3]:
            assert (await client.post(f"{CALLS}/{sid}.json", data={"Status": "canceled"})).status_code == 200
        last = carrier.calls[sids[3]]
        while last.status == "queued":  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)
        assert 0.9 < asyncio.get_running_loop().time() - began < 1.6, "the second place, not the fourth"
        answer = await client.post(f"{CALLS}/{sids[1]}.json", data={"Status": "canceled"})
        assert (answer.status_code, answer.json()["code"]) == (400, 21220)
        for sid in sids[1:3]:
            call = await carrier.calls[sid].ended()
            assert (call.status, call.answered_at) == ("canceled", None)
            assert not [moment for moment in call.timeline if moment.detail == "ringing"]

    asked(story, calls_per_second=1.0)


def test_lists_are_filtered_and_paged() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        for number in range(5):
            await carrier.ring(CALLER, f"+1415555019{number}")
        await asyncio.sleep(2)
        page = (await client.get(f"{CALLS}.json", params={"PageSize": 2})).json()
        assert [call["to"][-1] for call in page["calls"]] == ["4", "3"]
        page = (await client.get(page["next_page_uri"])).json()
        assert [call["to"][-1] for call in page["calls"]] == ["2", "1"]
        assert page["previous_page_uri"]
        for query, count in (
            ({"To": "+14155550191"}, 1),
            ({"From": "+14155550191"}, 0),
            ({"Status": "in-progress"}, 5),
            ({"Status": "busy"}, 0),
            ({"StartTime>": "2020-01-01T00:00:00Z"}, 5),
            ({"StartTime<": "2020-01-01"}, 0),
        ):
            assert len((await client.get(f"{CALLS}.json", params=query)).json()["calls"]) == count
        answer = await client.get(f"{CALLS}.json", params={"StartTime>": "yesterday"})
        assert answer.json()["code"] == 20001

    asked(story)


def test_machine_detection() -> None:
    bridge = ReferenceBridge()

    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        wish = {"MachineDetection": "Enable", "AsyncAmd": "true", "AsyncAmdStatusCallback": f"{PUBLIC_URL}/amd"}
        sid = (await client.post(f"{CALLS}.json", data=GOOD | wish)).json()["sid"]
        call = await carrier.calls[sid].ended()
        (form,) = bridge.forms("/amd")
        assert (form["AnsweredBy"], form["MachineDetectionDuration"]) == ("machine_start", "1500")
        assert "AnsweredBy" not in bridge.forms("/out")[0]
        sid = (await client.post(f"{CALLS}.json", data=GOOD | {"MachineDetection": "Enable"})).json()["sid"]
        call = await carrier.calls[sid].ended()
        assert bridge.forms("/out")[1]["AnsweredBy"] == "machine_start"
        assert call.answered_by == "machine_start"

    def machine(number: str) -> Party:
        return Party(answered_by="machine_start", detect_s=1.5, phone=Phone(Stays(4)))

    asked(story, bridge, directory=machine)


def test_the_real_client_library_understands_all_of_it() -> None:
    async def story(carrier: Carrier, client: httpx2.AsyncClient) -> None:
        rest = Client(ACCOUNT, TOKEN)
        rest.api.base_url = carrier.url
        order = {"to": GOOD["To"], "from_": NUMBER, "url": GOOD["Url"], "status_callback_event": EVENTS}
        made = await asyncio.to_thread(lambda: rest.calls.create(**order))
        assert (made.status, made.direction, made.date_created is not None) == ("queued", "outbound-api", True)
        await asyncio.sleep(3)
        assert (await asyncio.to_thread(lambda: rest.calls(made.sid).fetch())).status == "in-progress"
        listed = await asyncio.to_thread(lambda: rest.calls.list(to=GOOD["To"], start_time_after=made.date_created))
        assert [call.sid for call in listed] == [made.sid]
        await asyncio.to_thread(lambda: rest.calls(made.sid).update(status="completed"))
        await carrier.calls[made.sid].ended()
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(lambda: rest.calls(made.sid).update(status="completed"))
        assert (refused.value.status, refused.value.code) == (400, 21220)

    asked(story, directory=lambda number: Party(phone=Phone(Stays(60))))
