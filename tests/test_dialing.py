"""`bridge.dial`: a call from a Python program."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from admin_world import THEM, Api, run

import bridge
from bridge.errors import NumberRefused, ServiceUnavailable
from bridge.sim.party import Party


def test_dial_calls_and_tells_what_became_of_it(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        url = f"http://127.0.0.1:{api.house.admin_port}"
        call = await bridge.dial(THEM, variables={"name": "Ada"}, url=url, key="one", max_minutes=2)
        assert call.id.startswith("att_") and not call.over
        ended = await call.ended(limit_s=120)
        assert (ended.state, ended.outcome, ended.to) == ("closed", "busy", THEM)
        again = await bridge.dial(THEM, variables={"name": "Ada"}, url=url, key="one", max_minutes=2)
        assert again == ended, "the same key is the same call"
        assert api.dialled == {THEM: 1}
        with pytest.raises(NumberRefused, match="emergency") as refused:
            await bridge.dial("911", url=url)
        assert refused.value.why == "emergency"

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="busy")})


def test_a_call_is_hung_up(tmp_path: Path) -> None:
    async def story(api: Api) -> None:
        url = f"http://127.0.0.1:{api.house.admin_port}"
        call = await bridge.dial(THEM, url=url)
        await call.hang_up()
        assert (await call.ended(limit_s=120)).outcome == "canceled"

    run(tmp_path, story, carrier={"directory": lambda _: Party(does="no-answer")})


def test_without_a_server_it_is_said_in_one_sentence() -> None:
    with pytest.raises(ServiceUnavailable, match="BRIDGE_ADMIN_URL"):
        asyncio.run(bridge.dial(THEM, url="http://127.0.0.1:9"))
