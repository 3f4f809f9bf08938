"""Twilio's REST side, against a small HTTP server on loopback that writes down what it was asked."""

import asyncio
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler

import pytest
from rest_world import ACCOUNT, CALL, answering, control, refusal, rest

from bridge.carriers.base import CallRef, Outcome
from bridge.carriers.twilio.control import TwilioControl
from bridge.errors import CarrierError

pytestmark = pytest.mark.sockets
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
DOCUMENT = "<Response><Hangup/></Response>"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def hang_up(to: TwilioControl) -> object:
    return to.hang_up(CallRef(CALL))


def redirect(to: TwilioControl) -> object:
    return to.redirect(CallRef(CALL), DOCUMENT)


def look_up(to: TwilioControl) -> object:
    return to.look_up(CallRef(CALL))


def test_hang_up_redirect_and_look_up_are_one_request_each() -> None:
    resource = {"sid": CALL, "status": "completed", "answered_by": "human"}

    async def story(url: str) -> Outcome | None:
        to = control(url + "/")
        await to.hang_up(CallRef(CALL))
        await to.redirect(CallRef(CALL), DOCUMENT)
        return await to.look_up(CallRef(CALL))

    with rest(answering(200, resource)) as server:
        assert asyncio.run(story(server.url)) == Outcome("completed", over=True, answered_by="human")
    basic = "Basic " + b64encode(f"{ACCOUNT}:new".encode()).decode()
    assert server.asked == [
        ("POST", PATH, {"Status": "completed"}, basic),
        ("POST", PATH, {"Twiml": DOCUMENT}, basic),
        ("GET", PATH, {}, basic),
    ]


@pytest.mark.parametrize(("status", "over"), [("queued", False), ("in-progress", False), ("no-answer", True)])
def test_a_call_is_over_when_nothing_comes_after_its_status(status: str, over: bool) -> None:
    with rest(answering(200, {"sid": CALL, "status": status, "answered_by": None})) as server:
        found = asyncio.run(control(server.url).look_up(CallRef(CALL)))
    assert found == Outcome(status, over)


def test_an_api_key_is_used_when_there_is_one() -> None:
    with rest(answering(200, {"sid": CALL, "status": "completed"})) as server:
        key = control(server.url, twilio_api_key="SK1", twilio_api_secret="s")
        asyncio.run(key.hang_up(CallRef(CALL)))
    assert server.asked[0][3] == "Basic " + b64encode(b"SK1:s").decode()


GONE = [
    (404, {"code": 20404, "message": "The requested resource was not found", "status": 404}),
    (400, {"code": 21220, "message": "Call is not in-progress. Cannot redirect.", "status": 400}),
    (404, "<html>not here</html>"),
    (404, {"type": "t", "title": "Not found", "status": 404, "code": 20404, "detail": "No such call"}),
]


@pytest.mark.parametrize(("status", "body"), GONE)
def test_a_call_that_has_ended_is_no_error_for_hang_up(status: int, body: object) -> None:
    async def story(url: str) -> Outcome | None:
        await control(url).hang_up(CallRef(CALL))
        return await control(url).look_up(CallRef(CALL))

    with rest(answering(status, body)) as server:
        assert asyncio.run(story(server.url)) is None
        assert refusal(redirect, control(server.url)).gone
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "body", "words", "code"),
    [
        (401, {"code": 20003, "message": "Authenticate", "status": 401}, "check TWILIO_ACCOUNT_SID", 20003),
        (429, {"code": 20429, "message": "Too Many Requests", "status": 429}, "asks to slow down", 20429),
        (400, {"code": 21218, "message": "Invalid TwiML", "status": 400}, "Invalid TwiML", 21218),
        (403, {"type": "t", "title": "No", "status": 403, "code": 7, "detail": "Not yours"}, "Not yours", 7),
        (502, "<html>Bad gateway</html>", "HTTP 502", 502),
        (500, "", "HTTP 500", 500),
    ],
)
def test_a_refusal_is_one_sentence_and_one_request(status: int, body: object, words: str, code: int) -> None:
    with rest(answering(status, body)) as server:
        for act in (hang_up, redirect, look_up):
            error = refusal(act, control(server.url))
            assert str(error).startswith("Twilio did not ")
            assert words in str(error)
            assert "new" not in str(error), "no token"
            assert (error.status, error.code, error.gone) == (status, code, False)
    assert len(server.asked) == 3, "no POST is ever repeated"


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", '"x"'])
def test_an_answer_that_is_none(body: str) -> None:
    with rest(answering(200, body)) as server:
        error = refusal(look_up, control(server.url))
    assert "cannot be read" in str(error)
    assert len(server.asked) == 1


def test_a_server_that_hangs_up_on_us_is_asked_once() -> None:
    def drop(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True

    with rest(drop) as server:
        error = refusal(hang_up, control(server.url))
    assert (error.status, len(server.asked)) == (0, 1)
    assert "ConnectionError" in str(error)


def test_nobody_there() -> None:
    with rest(answering(200, {})) as server:
        url = server.url
    assert "ConnectionError" in str(refusal(hang_up, control(url)))


def test_a_server_that_is_silent_is_waited_for_within_the_limit_and_asked_once() -> None:
    release = threading.Event()

    def silence(request: BaseHTTPRequestHandler) -> None:
        release.wait(30)
        request.close_connection = True

    with rest(silence) as server:
        try:
            error = refusal(redirect, control(server.url, timeout_s=0.2))
        finally:
            release.set()
    assert "Timeout" in str(error)
    assert (error.status, len(server.asked)) == (0, 1)


def test_a_server_that_drips_cannot_hold_us_longer() -> None:
    """Each byte starts the client's own time-out anew; the limit around it holds nevertheless."""
    stop = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not stop.wait(0.02):
            request.wfile.write(b"x")

    async def story(url: str) -> str:
        try:
            await control(url, timeout_s=0.1).hang_up(CallRef(CALL))
        except CarrierError as error:
            return str(error)
        finally:
            stop.set()
        return ""

    with rest(drip) as server:
        assert asyncio.run(story(server.url)) == "Twilio did not hang up: no answer within 0.1 s"
    assert len(server.asked) == 1


def test_without_credentials_nothing_is_asked() -> None:
    with rest(answering(200, {})) as server:
        for missing in ({"twilio_auth_token": ""}, {"twilio_account_sid": ""}, {"twilio_api_key": "SK1"}):
            error = refusal(hang_up, control(server.url, **missing))
            assert "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in str(error)
    assert server.asked == []
