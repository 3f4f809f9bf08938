"""Tools reach what they may, and never anything beside us: a canary on loopback counts who came. Its count stays 0."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest
from loopback import FixedResolver, Service, answer, service

from bridge.errors import AgentError, ToolError
from bridge.tools.addresses import is_odd_spelling, is_public, literal
from bridge.tools.outward import Guard, OutwardTransport, look_up

pytestmark = pytest.mark.sockets

# fmt: off
BLOCKED = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",  # noqa: S104 - refused, not bound to
    "100.64.0.1", "100.127.255.254", "169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::ffff:0.0.0.0", "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2001:0:7f00:1::1",
    "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1",
    "100::1", "2606:4700::1%eth0",
]
# fmt: on
PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "192.0.1.1",
    "2606:4700:4700::1111",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", BLOCKED)
def test_what_is_not_the_internet_is_no_place_for_a_tool(address: str) -> None:
    found = literal(address)
    assert found is not None and not is_public(found)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_the_internet_is(address: str) -> None:
    found = literal(address)
    assert found is not None and is_public(found)


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "1.2.3.4.5", "a.0x", "a.08"]
)
def test_an_address_in_odd_spelling_is_no_name(host: str) -> None:
    assert is_odd_spelling(host)
    assert not is_odd_spelling("shop1.example.com") and not is_odd_spelling("1.2.3.4") and not is_odd_spelling("0x.org")


@pytest.mark.parametrize("address", [*BLOCKED, "not-an-address"])
def test_a_name_that_leads_there_is_refused(address: str) -> None:
    guard = Guard(resolver=FixedResolver(evil_example=[["93.184.215.14", address]]))
    with pytest.raises((ToolError, OSError), match=r"private network|no address"):
        asyncio.run(guard.addresses("evil.example", 80))


def test_a_name_in_public_leads_to_all_its_addresses_and_mapped_ones_are_dialled_as_what_they_are() -> None:
    guard = Guard(resolver=FixedResolver(api_example=[["2606:4700::6810:1", "::ffff:93.184.215.14"]]))
    assert asyncio.run(guard.addresses("API.Example.", 443)) == ["2606:4700::6810:1", "93.184.215.14"]


ALLOWED = [
    ("127.0.0.1", "127.0.0.1", 80, True),
    ("127.0.0.1:8080", "127.0.0.1", 8080, True),
    ("127.0.0.1:8080", "127.0.0.1", 8081, False),
    ("127.0.0.1:8080", "beside.internal", 8080, True),
    ("beside.internal", "beside.internal", 9, True),
    ("Beside.Internal.:8080", "beside.internal", 8080, True),
    ("beside.internal:8080", "beside.internal", 80, False),
    ("other.internal", "beside.internal", 80, False),
    ("10.1.0.0/16", "10.1.2.3", 80, True),
    ("10.1.0.0/16", "10.2.2.3", 80, False),
    ("10.1.0.0/16", "::ffff:10.1.2.3", 80, True),
    ("10.1.0.0/16", "64:ff9b::10.1.2.3", 80, False),
    ("[::1]:8080", "::1", 8080, True),
    ("::1", "::1", 8080, True),
    ("fd00::/8", "fd00::1", 80, True),
    ("0.0.0.0/0", "0.0.0.0", 80, False),  # noqa: S104 - nothing is bound to it
    ("cloud.internal", "cloud.internal", 80, False),
    ("169.254.169.254", "cloud.internal", 80, True),
]


@pytest.mark.parametrize(("allow", "host", "port", "opens"), ALLOWED)
def test_what_is_allowed_is_opened_and_nothing_beside_it(allow: str, host: str, port: int, opens: bool) -> None:
    resolver = FixedResolver(beside_internal=[["127.0.0.1"]], cloud_internal=[["169.254.169.254"]])
    guard = Guard([allow], resolver)
    if opens:
        assert asyncio.run(guard.addresses(host, port))
    else:
        with pytest.raises(ToolError, match="private network"):
            asyncio.run(guard.addresses(host, port))


@pytest.mark.parametrize("text", ["", "http://127.0.0.1", "10.1.0.0/99", "*.internal", "127.1", "0x7f.1:80", "a b/c"])
def test_what_cannot_be_allowed_is_said_when_the_agent_is_made(text: str) -> None:
    with pytest.raises(AgentError, match="is no host and no network"):
        Guard([text])


def story(telling: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(telling, 20))


async def get(guard: Guard, url: str, **more: Any) -> httpx2.Response:
    """One request by an ordinary client over the transport."""
    transport = OutwardTransport(guard, ssl_context=more.pop("ssl_context", None))
    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=5, **more) as client:
        return await client.get(url)


ATTACKS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[::]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://127.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://api.example@127.0.0.1:{port}/",
    "http://user:pass@api.example:{port}/",
    "http://mapped.example:{port}/",
    "http://private.example:{port}/",
    "http://mixed.example:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "ftp://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_reaches_the_canary(attack: str) -> None:
    async def told() -> None:
        resolver = FixedResolver(
            mapped_example=[["::ffff:127.0.0.1"]],
            private_example=[["127.0.0.1"]],
            mixed_example=[["93.184.215.14", "127.0.0.1"]],
            api_example=[["127.0.0.1"]],
            localhost=[["127.0.0.1", "::1"]],
        )
        async with service() as canary:
            with pytest.raises((ToolError, httpx2.InvalidURL, httpx2.ConnectError)) as refused:
                await get(Guard(resolver=resolver), attack.format(port=canary.port))
            await asyncio.sleep(0)
            assert (canary.connections, canary.asked) == (0, [])
            if refused.type is ToolError:
                assert str(refused.value).startswith("This cannot be asked: ") and "127." not in str(refused.value)

    story(told())


def test_the_systems_own_resolver_is_judged_as_well() -> None:
    async def told() -> None:
        async with service() as canary:
            assert "127.0.0.1" in await look_up("localhost", canary.port)
            with pytest.raises(ToolError, match="private network"):
                await get(Guard(), f"http://localhost:{canary.port}/")
            assert canary.connections == 0

    story(told())


def test_a_resolver_that_changes_its_mind_is_asked_once() -> None:
    async def told() -> None:
        async with service() as allowed, service() as canary:
            # Judged good first; asked again, it would lead to another address of this machine.
            resolver = FixedResolver(evil_example=[["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"]])
            guard = Guard([allowed.place], resolver)
            assert (await get(guard, f"http://evil.example:{allowed.port}/")).json() == {"ok": True}
            assert resolver.asked == ["evil.example"]
            # A new connection is a new question, and its answer is judged anew.
            with pytest.raises(ToolError):
                await get(guard, f"http://evil.example:{allowed.port}/")
            with pytest.raises(ToolError):
                await get(guard, f"http://evil.example:{canary.port}/")
            assert (allowed.connections, canary.connections) == (1, 0)

    story(told())


def test_a_redirect_inwards_is_not_followed_not_even_by_a_client_that_follows() -> None:
    async def told() -> None:
        async with service() as canary:
            to_canary = answer(status="302 Found", location=f"http://127.0.0.1:{canary.port}/latest/meta-data/")
            async with service(lambda _: to_canary) as outside:
                guard = Guard([outside.place])
                assert (await get(guard, outside.url)).status_code == 302
                with pytest.raises(ToolError, match="private network"):
                    await get(guard, outside.url, follow_redirects=True)
            assert canary.connections == 0

    story(told())


def test_the_name_stays_in_the_host_header_while_the_address_is_dialled() -> None:
    async def told() -> None:
        async with service() as shop:
            guard = Guard([f"shop.example:{shop.port}"], FixedResolver(shop_example=[["127.0.0.1"]]))
            await get(guard, f"http://shop.example:{shop.port}/orders/1%2F2?q=a%26b")
            assert shop.asked[0].headers["host"] == f"shop.example:{shop.port}"
            assert shop.asked[0].target == "/orders/1%2F2?q=a%26b"

    story(told())


def test_the_second_address_is_tried_when_nobody_is_at_the_first() -> None:
    async def told() -> None:
        async with service() as shop:
            guard = Guard(["127.0.0.0/8"], FixedResolver(shop_example=[["127.0.0.9", "127.0.0.1"]]))
            assert (await get(guard, f"http://shop.example:{shop.port}/")).status_code == 200

    story(told())


def test_a_name_server_that_is_silent_is_a_connect_timeout() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return [host, str(port)]

    async def told() -> None:
        transport = OutwardTransport(Guard(resolver=silent))
        async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=0.05) as client:
            with pytest.raises(httpx2.ConnectTimeout):
                await client.get("http://shop.example/")

    story(told())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_spoken_with_the_name_and_its_certificate_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.example"),
            *("-addext", "subjectAltName=DNS:shop.example", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    named: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.sni_callback = lambda _, name, __: named.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))

    async def told() -> None:
        async with service(tls=server) as shop:
            resolver = FixedResolver(shop_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
            guard = Guard([shop.place], resolver)
            assert (await get(guard, f"https://shop.example:{shop.port}/", ssl_context=trusting)).status_code == 200
            with pytest.raises(httpx2.ConnectError):  # the certificate is for another name
                await get(guard, f"https://other.example:{shop.port}/", ssl_context=trusting)
            with pytest.raises(httpx2.ConnectError):  # nobody we trust has signed it
                await get(guard, f"https://shop.example:{shop.port}/")
            assert named == ["shop.example", "other.example", "shop.example"]
            assert _hosts(shop) == [f"shop.example:{shop.port}"]

    story(told())


def _hosts(shop: Service) -> list[str]:
    return [asked.headers["host"] for asked in shop.asked]
