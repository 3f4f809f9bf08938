"""Faults on demand: each does what its line in the grammar says, when it says so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from engine_world import GREETING, OPTIONS, Client, Event, client_of, converse, in_virtual_time
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.errors import UsageError
from bridge.sim.engine.faults import Fault, parse_fault, parse_faults
from bridge.sim.model import ModelServer

GREET = {"instructions": f'exactly these words: "{GREETING}"'}


async def greet(client: Client) -> Event:
    await client.set_up()
    await client.send("response.create", response=GREET)
    return await client.expect("response.done")


def test_the_grammar() -> None:
    assert parse_fault("close:1011@response+0.5") == Fault("close", "1011", "response", 1, 0.5)
    assert parse_fault("drop@event40#2") == Fault("drop", "", "event", 40, 0.0, 2)
    assert parse_fault("fail:insufficient_quota@response2") == Fault("fail", "insufficient_quota", "response", 2)
    assert parse_fault("mute") == Fault("mute", "", "response", 1)
    assert [f.kind for f in parse_faults(["key,late:2.5", "noupdate"])] == ["key", "late", "noupdate"]


@pytest.mark.parametrize(
    "text",
    ["", "explode", "close", "close:12", "close:x", "drop:3", "fail:headache", "fail@start+1", "late:1@noon", "lose:0"],
)
def test_what_is_no_fault_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_fault(text)
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=30))
def test_any_text_is_a_fault_or_a_usage_error(text: str) -> None:
    try:
        assert parse_fault(text).kind
    except UsageError as refusal:
        assert text in str(refusal) or repr(text) in str(refusal)


def test_close_in_the_middle_of_an_answer() -> None:
    async def story(client: Client) -> Any:
        await client.set_up()
        await client.send("response.create", response=GREET)
        return await client.closed()

    closed, record = converse(story, faults=("close:1011@response+0.3",))
    assert closed[0] == 1011
    assert 0 < record.answers[0].audio_ms < 4000


def test_a_dropped_connection_has_no_closing_handshake() -> None:
    async def story(client: Client) -> Any:
        return (await client.closed())[0]

    assert converse(story, faults=("drop@start+3",))[0] == 1006


def test_a_frozen_server_answers_neither_events_nor_pings() -> None:
    async def world() -> tuple[int, int | None]:
        options = replace(OPTIONS, faults=("freeze@response+0.2",))
        async with (
            ModelServer(options) as server,
            connect(server.url + "?model=x", ping_interval=5, ping_timeout=5) as connection,
        ):
            await connection.send(json.dumps({"type": "response.create", "response": GREET}))
            count = 0
            try:
                async for _ in connection:
                    count += 1
            except ConnectionClosed:
                pass
            return count, connection.close_code

    count, code = in_virtual_time(world())
    assert count > 5
    assert code == 1006, "only the client's own keepalive ends such a connection"


def test_the_upgrade_is_refused_only_for_the_chosen_connection() -> None:
    async def world() -> tuple[int, str]:
        async with ModelServer(replace(OPTIONS, faults=("refuse:503#1",))) as server:
            with pytest.raises(InvalidStatus) as refusal:
                async with client_of(server):
                    pass
            async with client_of(server) as client:
                first = await client.expect("session.created")
            return refusal.value.response.status_code, first["type"]

    assert in_virtual_time(world()) == (503, "session.created")


def test_a_bad_key_is_told_in_band() -> None:
    async def story(client: Client) -> tuple[Event, Any]:
        error = await client.expect("error")
        return error, await client.closed()

    (error, closed), _ = converse(story, faults=("key",))
    assert error["error"]["code"] == "invalid_api_key"
    assert closed == (3000, "invalid_request_error.invalid_api_key")


def test_session_created_comes_late() -> None:
    async def story(client: Client) -> float:
        began = asyncio.get_running_loop().time()
        await client.expect("session.created")
        return asyncio.get_running_loop().time() - began

    assert converse(story, faults=("late:2.5",))[0] == pytest.approx(2.5, abs=0.01)


def test_an_update_is_never_answered() -> None:
    async def story(client: Client) -> list[str]:
        await client.send("session.update", session={"type": "realtime"})
        await client.send("response.create", response=GREET)
        await client.expect("response.done")
        return client.types()

    assert "session.updated" not in converse(story, faults=("noupdate",))[0]


def test_the_wrong_format_is_told_and_sent() -> None:
    async def story(client: Client) -> tuple[Event, int]:
        updated = await client.set_up()
        await client.send("response.create", response=GREET)
        done = await client.expect("response.done")
        return updated, len(client.sound(done["response"]["output"][0]["id"]))

    (updated, sound_bytes), record = converse(story, faults=("format",))
    assert updated["session"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert sound_bytes == record.answers[0].audio_ms * 48


def test_garbage_and_unknown_things_come_and_the_session_goes_on() -> None:
    async def world() -> list[str]:
        options = replace(OPTIONS, faults=("garbage@start+1", "unknown@start+2"))
        async with ModelServer(options) as server, connect(server.url + "?model=x") as connection:
            messages = [await connection.recv() for _ in range(3)]
            await connection.send(json.dumps({"type": "response.create", "response": GREET}))
            return [*map(str, messages), str(await connection.recv())]

    created, garbage, unknown, dressed = in_virtual_time(world())
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(garbage)
    assert "x_unknown_field" not in json.loads(created)
    assert json.loads(unknown)["type"] == "weather.updated"
    assert json.loads(dressed)["type"] == "response.created"
    assert "x_unknown_field" in json.loads(dressed)


@pytest.mark.parametrize("code", ["insufficient_quota", "rate_limit_exceeded", "server_error"])
def test_a_response_fails_without_an_error_event(code: str) -> None:
    async def story(client: Client) -> tuple[Event, Event]:
        first = await greet(client)
        await client.send("response.create", response=GREET)
        return first, await client.expect("response.done")

    (first, second), record = converse(story, faults=(f"fail:{code}@response2",))
    assert first["response"]["status"] == "completed"
    assert second["response"]["status"] == "failed"
    assert second["response"]["status_details"]["error"]["code"] == code
    assert second["response"]["usage"] is None
    assert "error" not in set(record.types())


def test_a_response_fails_in_the_middle() -> None:
    done, record = converse(greet, faults=("fail:server_error@response+0.3",))
    assert done["response"]["status"] == "failed"
    assert done["response"]["output"][0]["status"] == "incomplete"
    assert record.answers[0].audio_ms > 0


def test_a_muted_response_is_never_answered_and_the_next_one_is() -> None:
    async def story(client: Client) -> list[str]:
        await client.set_up()
        await client.send("response.create", response=GREET)
        await asyncio.sleep(20)
        assert "response.created" not in client.types()
        await client.send("response.create", response=GREET)
        await client.expect("response.done")
        return client.types()

    assert converse(story, faults=("mute",))[0].count("response.done") == 1


def test_lost_deltas_shorten_what_arrives_but_not_what_was_generated() -> None:
    async def story(client: Client) -> float:
        done = await greet(client)
        return len(client.sound(done["response"]["output"][0]["id"])) / 8

    arrived_ms, record = converse(story, faults=("lose:5",))
    assert 0.6 * record.answers[0].audio_ms < arrived_ms < 0.9 * record.answers[0].audio_ms
