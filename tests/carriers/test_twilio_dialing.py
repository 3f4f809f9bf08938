"""Placing calls: what is asked of Twilio, and whether somebody may be rung although it went wrong."""

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest
from rest_world import ACCOUNT, CALL, PUBLIC_URL, Answer, answering, control, refusal, rest

from bridge.carriers.base import CallRef, DialOrder, Outcome
from bridge.carriers.twilio.control import TwilioControl

pytestmark = pytest.mark.sockets
TO, FROM = "+14155550123", "+14155550199"
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
ORDER = DialOrder(TO, FROM, "/voice/t0ken", "/status/t0ken")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def dial(to: TwilioControl) -> object:
    return to.dial(ORDER)


def test_a_call_is_placed_by_one_request_with_all_it_needs() -> None:
    full = DialOrder(TO, FROM, "/voice/t0ken", "/status/t0ken", ring_s=20, detect_path="/amd/t0ken", time_limit_s=600)
    with rest(answering(201, {"sid": CALL, "status": "queued"})) as server:
        assert asyncio.run(control(server.url, public_url=PUBLIC_URL + "/").dial(full)) == CallRef(CALL)
    ((method, path, fields, _),) = server.asked
    assert (method, path) == ("POST", f"{CALLS}.json")
    assert fields == {
        "To": TO,
        "From": FROM,
        "Url": f"{PUBLIC_URL}/voice/t0ken",
        "StatusCallback": f"{PUBLIC_URL}/status/t0ken",
        "StatusCallbackEvent": "initiated ringing answered completed",
        "Timeout": "20",
        "TimeLimit": "600",
        "MachineDetection": "DetectMessageEnd",
        "AsyncAmd": "true",
        "AsyncAmdStatusCallback": f"{PUBLIC_URL}/amd/t0ken",
    }


def test_a_person_is_rung_without_detection_and_limit() -> None:
    plain = DialOrder(TO, FROM, "/a", "/s", events=("answered", "completed"))
    with rest(answering(201, {"sid": CALL, "status": "queued"})) as server:
        asyncio.run(control(server.url, public_url=PUBLIC_URL).dial(plain))
    fields = server.asked[0][2]
    assert fields["StatusCallbackEvent"] == "answered completed"
    assert fields["Timeout"] == "25"
    assert not fields.keys() & {"MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "TimeLimit"}


REFUSALS = [
    (400, 21211, "bad_number"),
    (400, 21217, "bad_number"),
    (400, 21214, "bad_number"),
    (400, 21215, "not_allowed"),
    (403, 13227, "not_allowed"),
    (400, 32205, "not_allowed"),
    (400, 21216, "not_allowed"),
    (400, 21219, "not_allowed"),
    (400, 21210, "caller_id"),
    (400, 21212, "caller_id"),
    (401, 20003, "account"),
    (401, 0, "account"),
    (403, 10001, "account"),
    (403, 10005, "account"),
    (429, 20429, "rate_limited"),
    (429, 0, "rate_limited"),
    (400, 20001, ""),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_a_refusal_says_that_nobody_is_rung_and_why(status: int, code: int, kind: str) -> None:
    body = {"code": code, "message": "No.", "status": status} if code else "<html>no</html>"
    with rest(answering(status, body)) as server:
        error = refusal(dial, control(server.url))
    assert (error.placed, error.kind, error.retry_after_s) == ("no", kind, None)
    assert len(server.asked) == 1


def test_how_long_twilio_wants_to_be_left_alone() -> None:
    for header, wanted in (("7", 7.0), ("86400", 3600.0), ("soon", None), ("-1", None)):

        def slow_down(request: BaseHTTPRequestHandler, header: str = header) -> None:
            request.send_response(429)
            request.send_header("Retry-After", header)
            request.send_header("Content-Length", "0")
            request.end_headers()

        with rest(slow_down) as server:
            assert refusal(dial, control(server.url)).retry_after_s == wanted


def drop(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.mark.parametrize(
    "answer",
    [
        answering(500, {"code": 20500, "message": "Internal Server Error", "status": 500}),
        answering(503, ""),
        answering(201, "<html>"),
        answering(201, {"status": "queued"}),
        answering(201, {"sid": None}),
        answering(302, ""),
        drop,
    ],
)
def test_when_only_the_answer_is_missing_somebody_may_be_rung(answer: Answer) -> None:
    with rest(answer) as server:
        error = refusal(dial, control(server.url))
    assert (error.placed, error.kind) == ("maybe", "")
    assert len(server.asked) == 1, "never twice"


def test_a_call_that_is_answered_too_late_may_have_been_placed() -> None:
    release = threading.Event()

    def silence(request: BaseHTTPRequestHandler) -> None:
        release.wait(30)
        request.close_connection = True

    with rest(silence) as server:
        try:
            to = control(server.url, dial_timeout_s=0.2)
            assert refusal(dial, to).placed == "maybe"
        finally:
            release.set()
    assert len(server.asked) == 1


def test_what_was_never_sent_was_not_placed() -> None:
    with rest(answering(201, {})) as server:
        url = server.url
    assert refusal(dial, control(url)).placed == "no"
    nowhere = refusal(dial, control("http://no-such-host.invalid"))
    assert (nowhere.placed, nowhere.status) == ("no", 0)
    without_keys = refusal(dial, control(url, twilio_auth_token=""))
    assert (without_keys.placed, without_keys.kind) == ("no", "account")


def test_a_slow_carrier_does_not_keep_a_live_caller_waiting() -> None:
    """More orders than threads: the last ones are given up unsent, and a hang-up goes through meanwhile."""
    release = threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith("/Calls.json"):
            release.wait(30)
        answering(200, {"sid": CALL, "status": "completed"})(request)

    async def story(url: str) -> tuple[list[str], float]:
        to = control(url, dial_timeout_s=0.3)
        dials = [asyncio.create_task(to.dial(ORDER)) for _ in range(12)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await to.hang_up(CallRef(CALL))
        took = time.monotonic() - began
        release.set()
        done = await asyncio.gather(*dials, return_exceptions=True)
        return [getattr(one, "placed", "placed") for one in done], took

    with rest(slow) as server:
        became, took = asyncio.run(story(server.url))
    assert took < 0.25, "before any of the orders was answered"
    sent = sum(path.endswith("/Calls.json") for _, path, _, _ in server.asked)
    assert became.count("no") == 12 - sent


def test_calling_off() -> None:
    """Before anybody picks up; of an answered or ended call Twilio says 21220, and the hang-up is for the former."""

    def answered(request: BaseHTTPRequestHandler) -> None:
        refuse = rest_fields[-1] == {"Status": "canceled"}
        body = {"code": 21220, "message": "Call is in-progress.", "status": 400}
        answering(400, body)(request) if refuse else answering(200, {"sid": CALL})(request)

    rest_fields: list[dict[str, str]] = []
    with rest(answering(200, {"sid": CALL, "status": "canceled"})) as server:
        assert asyncio.run(control(server.url).cancel(CallRef(CALL))) is True
    assert [fields for _, _, fields, _ in server.asked] == [{"Status": "canceled"}]

    with rest(lambda request: (rest_fields.append(server.asked[-1][2]), answered(request))[1]) as server:
        assert asyncio.run(control(server.url).cancel(CallRef(CALL))) is False
    assert rest_fields == [{"Status": "canceled"}, {"Status": "completed"}]

    with rest(answering(503, "")) as server:
        assert refusal(lambda to: to.cancel(CallRef(CALL)), control(server.url)).status == 503


def test_taking_back_hangs_up_on_nobody() -> None:
    """Somebody has just picked up, or it is over: one request, and what goes on goes on."""
    with rest(answering(200, {"sid": CALL, "status": "canceled"})) as server:
        assert asyncio.run(control(server.url).take_back(CallRef(CALL))) is True
    with rest(answering(400, {"code": 21220, "message": "Call is in-progress.", "status": 400})) as server:
        assert asyncio.run(control(server.url).take_back(CallRef(CALL))) is False
    assert [fields for _, _, fields, _ in server.asked] == [{"Status": "canceled"}]
    with rest(answering(503, "")) as server:
        assert refusal(lambda to: to.take_back(CallRef(CALL)), control(server.url)).status == 503


def listed(*rows: tuple[str, str], more: str | None = None) -> dict[str, object]:
    calls = [{"sid": sid, "to": TO, "from": FROM, "status": "queued", "date_created": at} for sid, at in rows]
    return {"calls": calls, "next_page_uri": more, "page": 0, "page_size": 50}


def test_finding_calls_stops_at_the_first_that_is_too_old() -> None:
    ten_past, nine_past, before = (f"Mon, 23 Nov 2026 05:{m}:00 +0000" for m in ("10", "09", "08"))
    first = listed(("CA1", ten_past), ("CA2", nine_past), more=f"{CALLS}.json?To=x&PageSize=50&Page=1")
    second = listed(("CA3", nine_past), ("CA4", before), more=f"{CALLS}.json?Page=2")

    def pages(request: BaseHTTPRequestHandler) -> None:
        answering(200, second if "Page=1" in request.path else first)(request)

    with rest(pages) as server:
        found = asyncio.run(control(server.url).find(TO, FROM, since=1795410540.9))
    assert found == [CallRef("CA1"), CallRef("CA2"), CallRef("CA3")], "the second it began in counts"
    paths = [path for _, path, _, _ in server.asked]
    assert len(paths) == 2
    assert "To=%2B14155550123&From=%2B14155550199&PageSize=50" in paths[0]

    with rest(answering(200, listed())) as server:
        assert asyncio.run(control(server.url).find(TO, FROM, since=0.0)) == []


@pytest.mark.parametrize(
    ("status", "body", "code", "kind"),
    [
        (429, {"code": 20429, "message": "Too many", "status": 429}, 20429, "rate_limited"),
        (401, {"code": 20003, "message": "Authenticate", "status": 401}, 20003, "account"),
        (500, "", 0, ""),
        (500, "[1]", 0, ""),
    ],
)
def test_a_list_that_is_refused(status: int, body: object, code: int, kind: str) -> None:
    with rest(answering(status, body)) as server:
        error = refusal(lambda to: to.find(TO, FROM, 0.0), control(server.url))
    assert (error.status, error.code, error.kind) == (status, code, kind)


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"duration": "61", "price": "-0.028", "price_unit": "USD"}, Outcome("completed", True, "human", 61, 0.028)),
        ({"duration": "0", "price": None}, Outcome("completed", True, "human")),
        ({"duration": None, "price": "-0.02", "price_unit": "eur"}, Outcome("completed", True, "human")),
    ],
)
def test_a_look_up_tells_how_long_and_how_dear_a_call_was(more: dict[str, object], wanted: Outcome) -> None:
    resource = {"sid": CALL, "status": "completed", "answered_by": "human"} | more
    with rest(answering(200, json.dumps(resource))) as server:
        assert asyncio.run(control(server.url).look_up(CallRef(CALL))) == wanted
