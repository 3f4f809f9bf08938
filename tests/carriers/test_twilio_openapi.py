"""Everything that we ask of Twilio, judged by Twilio's own description of its API, and its answers read by us."""

import asyncio
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from openapi import FORM, Api, Asked, Unlawful
from rest_world import ACCOUNT, CALL, PUBLIC_URL, answering, control, rest

from bridge.carriers.base import AccountFacts, CallRef, DialOrder, NumberHooks, Outcome, OwnedNumber
from bridge.carriers.twilio.control import TwilioControl
from bridge.sim.carrier import Carrier, CarrierOptions
from bridge.sim.crowd import Crowd
from bridge.sim.loop import run
from bridge.sim.twilio.owned import SimNumber

pytestmark = pytest.mark.sockets
API = Api()
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
TO, FROM = "+14155550123", "+14155550199"
PLAIN = DialOrder(TO, FROM, "/voice/t", "/status/t", events=("answered", "completed"))
FULL = DialOrder(TO, FROM, "/voice/t", "/status/t", ring_s=20, detect_path="/amd/t", time_limit_s=600)
EXAMPLE = "CA" + "a" * 32
"""The call in all of the description's examples."""

THEIRS = "AC" + "a" * 32
NOWHERE = NumberHooks()
HOOKS = NumberHooks(f"{PUBLIC_URL}/voice", "GET", f"{PUBLIC_URL}/other", "GET", f"{PUBLIC_URL}/status", "GET")
OWNED = OwnedNumber("PN" + "a" * 32, "+14155550145", "(415) 555-0145", True, NOWHERE)

Request = tuple[str, Callable[[TwilioControl], Awaitable[object]], object]
REQUESTS: dict[str, Request] = {
    "a call": ("CreateCall", lambda to: to.dial(PLAIN), CallRef(EXAMPLE)),
    "a call in full": ("CreateCall", lambda to: to.dial(FULL), CallRef(EXAMPLE)),
    "hang up": ("UpdateCall", lambda to: to.hang_up(CallRef(CALL)), None),
    "call off": ("UpdateCall", lambda to: to.cancel(CallRef(CALL)), True),
    "take back": ("UpdateCall", lambda to: to.take_back(CallRef(CALL)), True),
    "redirect": ("UpdateCall", lambda to: to.redirect(CallRef(CALL), "<Response><Hangup/></Response>"), None),
    "look up": ("FetchCall", lambda to: to.look_up(CallRef(CALL)), Outcome("completed", True, "machine_start", 4, 0.2)),
    "find": ("ListCall", lambda to: to.find(TO, FROM, 0.0), [CallRef(EXAMPLE), CallRef(EXAMPLE[:-1] + "0")]),
    "the account": (
        "FetchAccount",
        lambda to: to.account(),
        AccountFacts(THEIRS, "friendly_name", "active", True, False),
    ),
    "its numbers": ("ListIncomingPhoneNumber", lambda to: to.numbers(), [OWNED]),
    "one number": ("ListIncomingPhoneNumber", lambda to: to.numbers(OWNED.number), [OWNED]),
    "another number": ("ListIncomingPhoneNumber", lambda to: to.numbers(FROM), []),
    "point it": ("UpdateIncomingPhoneNumber", lambda to: to.point_number(OWNED.number_id, HOOKS), OWNED),
    "point it nowhere": ("UpdateIncomingPhoneNumber", lambda to: to.point_number(OWNED.number_id, NOWHERE), OWNED),
    "a text": ("CreateMessage", lambda to: to.send_text(TO, FROM, "Hello"), "SM" + "a" * 32),
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_every_request_of_control_is_tried_here() -> None:
    ours = {name for name, one in vars(TwilioControl).items() if asyncio.iscoroutinefunction(one)}
    assert ours - {"_do"} == {"dial", "hang_up", "cancel", "take_back", "redirect", "look_up", "find", "send_text"} | {
        "account",
        "numbers",
        "point_number",
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_what_we_ask_is_as_twilio_describes_it_and_its_answer_is_understood(name: str) -> None:
    wanted, ask, understood = REQUESTS[name]
    asked: list[str] = []

    def judged(request: BaseHTTPRequestHandler) -> None:
        kind, authorization = request.headers.get("Content-Type", FORM), request.headers.get("Authorization", "")
        body = server.bodies[-1]
        try:
            operation = API.judge(Asked(request.command, request.path, body, kind, authorization))
        except Unlawful as error:
            asked.append(f"unlawful: {error}")
            answering(422, {"code": 422, "message": str(error), "status": 422})(request)
            return
        asked.append(operation.name)
        answering(*API.answer(operation))(request)

    async def story(url: str) -> object:
        return await ask(control(url, public_url=PUBLIC_URL))

    with rest(judged) as server:
        became = asyncio.run(story(server.url))
    assert asked == [wanted]
    assert became == understood


GOOD = {"To": TO, "From": FROM, "Url": f"{PUBLIC_URL}/voice"}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked("POST", f"{CALLS}.json", urlencode({"To": TO, "Url": PUBLIC_URL})), "without From"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"Time_Limit": "5"})), "Time_Limit is not described"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"Timeout": "soon"})), "no integer"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"AsyncAmd": "True"})), "AsyncAmd: True"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"MachineDetection": "Nonsense"})), "MachineDetection"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"StatusCallbackEvent": "failed"})), "StatusCallbackEvent"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD | {"StatusCallback": "/status"})), "no uri"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD) + "&To=x"), "2 times"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD), "application/json"), "a body of type"),
        (Asked("POST", f"{CALLS}.json", urlencode(GOOD), authorization=""), "authorization"),
        (Asked("POST", f"{CALLS}/{CALL}.json", "Status=hangup"), "not one of"),
        (Asked("POST", f"{CALLS}/{CALL}.json", "Method=PUT"), "not one of"),
        (Asked("GET", f"{CALLS}/CA1.json"), "Sid has 3 characters"),
        (Asked("GET", f"{CALLS}/{'CA' + 'g' * 32}.json"), "does not fit"),
        (Asked("PUT", f"{CALLS}/{CALL}.json"), "no such method"),
        (Asked("GET", f"{CALLS}.json?PageSize=1001"), "out of range"),
        (Asked("GET", f"{CALLS}.json?StartTime=yesterday"), "no date-time"),
        (Asked("GET", f"{CALLS}.json?To=5"), "no phone-number"),
        (Asked("GET", f"{CALLS}.json", "x=1"), "a body where none belongs"),
        (Asked("GET", "/2010-04-01/Accounts.json"), "no such path"),
    ],
)
def test_the_judge_refuses_what_is_not_described(asked: Asked, why: str) -> None:
    with pytest.raises(Unlawful, match=why):
        API.judge(asked)


def test_the_pretend_carrier_looks_as_twilio_describes_itself() -> None:
    """What the double prints of a call, from the queue to the price, passes the same judge."""
    people = {TO: ["human"], "+14155550124": ["declined"]}

    async def story() -> list[str]:
        crowd = Crowd(people=people, voices=False)
        options = CarrierOptions(
            PUBLIC_URL, ACCOUNT, "t", ("127.0.0.1", 9), directory=crowd, on_problem=lambda sid, problem: None
        )
        carrier, statuses = Carrier(options), []
        await carrier.start()
        async with httpx2.AsyncClient(base_url=carrier.url, auth=(ACCOUNT, "t"), trust_env=False) as client:
            for to in people:
                order = {"To": to, "From": FROM, "Twiml": '<Response><Pause length="30"/></Response>'}
                made = await client.post(f"{CALLS}.json", data=order | {"MachineDetection": "Enable"})
                API.looks_like(made.json(), "api.v2010.account.call")
            for seconds in (2.0, 30.0, 100.0):
                await asyncio.sleep(seconds)
                for call in (await client.get(f"{CALLS}.json")).json()["calls"]:
                    API.looks_like(call, "api.v2010.account.call")
                    statuses.append(f"{call['status']} {call['price']}")
        await carrier.stop()
        return statuses

    statuses = run(story(), limit_s=1000)
    assert "ringing None" in statuses
    assert statuses[-2:] == ["busy 0", "completed -0.01400"]


def test_the_pretend_account_looks_as_the_real_one_is_described() -> None:
    base = f"/2010-04-01/Accounts/{ACCOUNT}"

    async def story() -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
        own = (SimNumber(FROM, voice_url=PUBLIC_URL),)
        carrier = Carrier(CarrierOptions(PUBLIC_URL, ACCOUNT, "t", ("127.0.0.1", 9), owned=own, verified=(TO,)))
        await carrier.start()
        async with httpx2.AsyncClient(base_url=carrier.url, auth=(ACCOUNT, "t"), trust_env=False) as client:
            account = (await client.get(f"{base}.json")).json()
            numbers = (await client.get(f"{base}/IncomingPhoneNumbers.json")).json()["incoming_phone_numbers"]
            verified = (await client.get(f"{base}/OutgoingCallerIds.json")).json()["outgoing_caller_ids"]
        await carrier.stop()
        return account, numbers, verified

    account, (number,), (verified,) = run(story())
    API.looks_like(account, "api.v2010.account")
    API.looks_like(number, "api.v2010.account.incoming_phone_number")
    API.looks_like(verified, "api.v2010.account.outgoing_caller_id")
