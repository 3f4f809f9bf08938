"""A small HTTP server on loopback that stands for Twilio's REST API and writes down what it was asked."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from bridge.carriers.twilio.control import TwilioControl
from bridge.config import Settings
from bridge.errors import CarrierError

ACCOUNT, CALL = "AC0123456789abcdef0123456789abcdef", "CAfedcba9876543210fedcba9876543210"
PUBLIC_URL = "https://b.example.test"
Answer = Callable[[BaseHTTPRequestHandler], None]


class RestServer(ThreadingHTTPServer):
    """Answers every request in one way; `asked` holds (method, path, fields, authorization), `bodies` the raw forms."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.bodies: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RestServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.server.bodies.append(body)
        fields = {name: " ".join(values) for name, values in parse_qs(body).items()}
        self.server.asked.append((self.command, self.path, fields, self.headers["Authorization"]))
        self.server.answer(self)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        return


def answering(status: int, body: object) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


@contextmanager
def rest(answer: Answer) -> Iterator[RestServer]:
    with RestServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def control(url: str, timeout_s: float = 5.0, dial_timeout_s: float = 10.0, **more: str) -> TwilioControl:
    settings = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": "new, old", "twilio_api_url": url} | more
    return TwilioControl(Settings(**settings), timeout_s=timeout_s, dial_timeout_s=dial_timeout_s)


def refusal(act: Callable[[TwilioControl], object], to: TwilioControl) -> CarrierError:
    async def story() -> None:
        await act(to)  # type: ignore[misc]

    with pytest.raises(CarrierError) as refused:
        asyncio.run(story())
    assert "\n" not in str(refused.value)
    return refused.value
