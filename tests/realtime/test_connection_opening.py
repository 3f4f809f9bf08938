"""Opening the model's socket: servers that refuse, that are none, that nobody vouches for, or that are not there."""

import asyncio
import shutil
import ssl
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest
from realtime_servers import Line, echo, over, raw_server, server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from bridge.errors import ModelError, ModelRefused, ModelUnreachable
from bridge.realtime import connection
from bridge.sim.loop import run

pytestmark = pytest.mark.sockets


def refusal(url: str, timeout_s: float = 10.0) -> ModelError:
    """Why a socket cannot be opened."""

    async def story() -> None:
        line = Line()
        with pytest.raises(ModelError) as refused:
            await line.open(url, timeout_s=timeout_s)
        raise refused.value

    with pytest.raises(ModelError) as refused:
        asyncio.run(story())
    assert "\n" not in str(refused.value)
    return refused.value


def test_the_upgrade_carries_our_headers_and_offers_no_compression() -> None:
    async def story() -> dict[str, str]:
        seen: dict[str, str] = {}

        async def talk(socket: ServerConnection) -> None:
            assert socket.request is not None
            seen.update(socket.request.headers.raw_items(), path=socket.request.path)

        async with server(talk) as url:
            line = Line()
            await line.open(url + "?model=m", {"Authorization": "Bearer test-key", "OpenAI-Beta": "realtime=v1"})
            assert await line.closed == (1000, "")
        return seen

    seen = asyncio.run(story())
    assert seen["path"] == "/v1/realtime?model=m"
    assert (seen["Authorization"], seen["OpenAI-Beta"]) == ("Bearer test-key", "realtime=v1")
    assert "Sec-WebSocket-Extensions" not in seen


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, ModelRefused, "HTTP 401; check OPENAI_API_KEY"),
        (403, ModelRefused, "HTTP 403; check OPENAI_API_KEY"),
        (404, ModelRefused, "HTTP 404"),
        (429, ModelUnreachable, "HTTP 429"),
        (500, ModelUnreachable, "HTTP 500"),
        (503, ModelUnreachable, "HTTP 503"),
    ],
)
def test_a_refused_upgrade(status: int, kind: type[ModelError], words: str) -> None:
    async def story() -> None:
        def refuse(socket: ServerConnection, request: Request) -> Response:
            return socket.respond(HTTPStatus(status), "no")

        async with server(echo, process_request=refuse) as url:
            line = Line()
            with pytest.raises(kind) as refused:
                await line.open(url)
            assert words in str(refused.value)
            await asyncio.sleep(1)
            assert line.closes == 0, "what never opened does not close"

    run(story())


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ModelRefused, "HTTP 200"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\nno length, ends with the connection", ModelRefused, "HTTP 401; check"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", ModelRefused, "HTTP 301"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ModelRefused, "does not lead to a WebSocket server"),
        (b"\x00" * 10_000, ModelRefused, "does not lead to a WebSocket server"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAA\r\n\r\n",
            ModelRefused,
            "does not lead to a WebSocket server",
        ),
        (b"", ModelUnreachable, "closed the connection before answering"),
        (b"HTTP/1.1 1", ModelUnreachable, "closed the connection before answering"),
    ],
)
def test_what_answers_is_no_websocket_server(answer: bytes, kind: type[ModelError], words: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async def story() -> None:
        async with raw_server(talk) as url:
            with pytest.raises(kind, match=words):
                await Line().open(url)

    asyncio.run(story())


def test_a_banner_that_stays_open_is_told_at_once_and_not_after_the_time_out() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.test ESMTP\r\n")
        await reader.read()

    async def story() -> float:
        async with raw_server(talk) as url:
            with pytest.raises(ModelRefused):
                await Line().open(url)
        return asyncio.get_running_loop().time()

    assert run(story()) < 0.1


def test_a_server_that_never_answers() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def story() -> float:
        async with raw_server(talk) as url:
            with pytest.raises(ModelUnreachable, match="did not answer within 4 s"):
                await Line().open(url, timeout_s=4)
            passed = asyncio.get_running_loop().time()
            await asyncio.sleep(2)
        return passed

    assert run(story()) == pytest.approx(4.0, abs=0.01)


def test_nobody_there() -> None:
    async def story() -> str:
        async with raw_server(lambda r, w: asyncio.sleep(0)) as url:
            return str(url)

    error = refusal(asyncio.run(story()))
    assert isinstance(error, ModelUnreachable)
    assert "cannot reach 127.0.0.1:" in str(error)


@pytest.mark.parametrize(
    "url",
    ["", "https://h/v1", "ws:", "wss://h:99999/x", "wss://h:abc/x", "wss://[::1/x", "wss://h/x#part", "h/v1/realtime"],
)
def test_what_is_no_url(url: str) -> None:
    error = refusal(url)
    assert isinstance(error, ModelRefused)
    assert "it must look like wss://host/v1/realtime" in str(error)


def test_a_name_no_server_could_be_asked_for() -> None:
    assert "cannot reach" in str(refusal("ws://" + "a" * 70 + ".example.test/"))


@pytest.mark.parametrize(("scheme", "variable"), [("wss", "HTTPS_PROXY"), ("ws", "HTTP_PROXY")])
def test_a_proxy_that_would_not_be_used_is_told(monkeypatch: pytest.MonkeyPatch, scheme: str, variable: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, "http://proxy.example.test:3128")
    error = refusal(f"{scheme}://model.example.test/v1/realtime")
    assert isinstance(error, ModelRefused)
    assert "add model.example.test to NO_PROXY" in str(error)
    test_the_upgrade_carries_our_headers_and_offers_no_compression()  # loopback is never asked of a proxy


def test_whoever_stops_waiting_leaves_nothing_behind() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def story() -> None:
        async with raw_server(talk) as url:
            waiting = asyncio.create_task(Line().open(url))
            await asyncio.sleep(1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.sleep(2)

    run(story())


# ---- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def fresh_tls() -> None:
    connection._tls.cache_clear()  # it keeps the certificates of the test before


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not installed")
    folder = tmp_path_factory.mktemp("tls")
    whole, key = folder / "whole.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(whole)],
        check=True, capture_output=True,
    )  # fmt: skip
    whole.write_text(whole.read_text() + key.read_text())
    return whole


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_tls_with_a_trusted_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def story() -> bytes:
        async with server(echo, ssl=tls(certificate)) as url:
            line = Line()
            connection = await line.open(url)
            connection.send(b"x" * 300_000)
            answer = await line.messages.get()
            await over(connection)
        return answer

    assert asyncio.run(story()) == b"x" * 300_000


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async def story() -> None:
        async with server(echo, ssl=tls(certificate)) as url:
            with pytest.raises(ModelRefused, match=r"TLS with 127\.0\.0\.1 failed: CERTIFICATE_VERIFY_FAILED"):
                await Line().open(url)

    asyncio.run(story())
