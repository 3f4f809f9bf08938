"""HTTP tools under attack: by address, answer, name server and model. The canary is never asked."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from loopback import Asked, FixedResolver, Service, answer, service
from test_outward import ATTACKS

from bridge.errors import AgentError
from bridge.tools.http import HttpTool
from bridge.tools.runner import ToolRunner

pytestmark = pytest.mark.sockets


def told(telling: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await telling()

    asyncio.run(limited())


def look_up(url: str, **more: Any) -> HttpTool:
    return HttpTool(name="look_up", description="Look it up.", url=url, **more)


async def read(tool: HttpTool, call: Any, **arguments: object) -> str:
    """What the model reads of one run."""
    try:
        return (await ToolRunner([tool], call).run(tool.name, json.dumps(arguments))).output
    finally:
        await tool.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_address_inwards_is_asked(call: Any, attack: str) -> None:
    """Said when the tool is declared where that can be known, and else to the model, in a sentence."""

    async def telling() -> None:
        names: dict[str, Any] = {f"{name}_example": [["127.0.0.1"]] for name in ("private", "api")}
        names |= {"mapped_example": [["::ffff:127.0.0.1"]], "mixed_example": [["93.184.215.14", "127.0.0.1"]]}
        resolver = FixedResolver(localhost=[["127.0.0.1", "::1"]], **names)
        async with service() as canary:
            try:
                said = await read(look_up(attack.format(port=canary.port), resolver=resolver), call)
            except AgentError as error:
                assert str(error).startswith("tool 'look_up': ") and "\n" not in str(error)
            else:
                error = json.loads(said)["error"]
                assert error.startswith("This cannot be asked: ") and "127." not in error
            assert (canary.connections, canary.asked) == (0, [])

    told(telling)


@pytest.mark.parametrize(
    "inwards",
    [
        "http://127.0.0.1:{port}/latest/meta-data/",
        "//127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://private.example:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_GET%20/",
        "https://127.0.0.1:{port}/",
    ],
)
@pytest.mark.parametrize("redirects", [0, 3])
def test_no_redirect_leads_inwards(call: Any, inwards: str, redirects: int) -> None:
    async def telling() -> None:
        async with service() as canary:
            to_canary = answer(status="302 Found", location=inwards.format(port=canary.port))
            async with service(lambda _: to_canary) as outside:
                resolver = FixedResolver(private_example=[["127.0.0.1"]])
                tool = look_up(outside.url, allow=[outside.place], redirects=redirects, resolver=resolver)
                said = json.loads(await read(tool, call))["error"]
                assert "root:" not in said and str(canary.port) not in said
                assert len(outside.asked) == 1
            assert (canary.connections, canary.asked) == (0, [])

    told(telling)


def test_a_name_server_that_changes_its_mind_gains_nothing(call: Any) -> None:
    async def telling() -> None:
        async with service() as canary:
            resolver = FixedResolver(api_example=[["93.184.215.14", "10.0.0.1"], ["127.0.0.1"]])
            tool = look_up(f"http://api.example:{canary.port}/", resolver=resolver)
            for _ in range(3):
                assert json.loads(await read(tool, call))["error"].startswith("This cannot be asked: ")
            assert (canary.connections, resolver.asked) == (0, ["api.example"] * 3)

    told(telling)


WORDS = [
    "../../admin",
    "..",
    "..%2f..%2fadmin",
    "/",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/",
    "@127.0.0.1:{port}/",
    "x@127.0.0.1:{port}",
    "?admin=1#",
    "4271&caller=%2B14155550199",
    "4271 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\nGET /admin",
    "\r\nx-admin: 1",
    "{{call.id}}${{HOME}}",
    "\u0000",
]


@pytest.mark.parametrize("words", WORDS)
def test_the_models_words_stay_where_they_belong(call: Any, words: str) -> None:
    """Whatever the model writes is one piece of the path, one value of the query, one text of the body."""

    async def telling() -> None:
        async with service() as canary, service() as shop:
            text = words.format(port=canary.port)
            tool = look_up(
                shop.url + "/orders/{number}/status?q={number}&caller={call.from_number}",
                method="POST",
                parameters={"number": "The number.", "note": "A note."},
                allow=[shop.place],
            )
            said = await read(tool, call, number=text, note=text)
            assert (canary.connections, canary.asked) == (0, [])
            if json.loads(said) == {"ok": True}:
                _kept_apart(shop.asked, shop, text)
            else:
                assert json.loads(said)["error"].startswith("look_up was not run: ") and shop.asked == []

    told(telling)


def _kept_apart(asked: list[Asked], shop: Service, text: str) -> None:
    (one,) = asked
    path, _, query = one.target.partition("?")
    assert path.startswith("/orders/") and path.endswith("/status") and path.count("/") == 3
    assert ".." not in path.split("/") and query.count("&") == 1
    assert query.endswith("caller=%2B14155550101") and query.count("caller=") == 1
    assert one.headers["host"] == shop.place and "x-admin" not in one.headers
    assert one.json == {"note": text}


def test_what_was_refused_is_in_the_log_and_the_reason_is_not_told_to_the_model(
    call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def telling() -> None:
        resolver = FixedResolver(metadata_example=[["169.254.169.254"]])
        said = await read(look_up("http://metadata.example/latest/", resolver=resolver), call)
        assert "169.254" not in said and "metadata" not in said

    with caplog.at_level(logging.WARNING):
        told(telling)
    assert any("metadata.example" in str(record.__dict__) for record in caplog.records)
