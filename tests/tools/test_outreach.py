"""What people wish of whoever calls: times are strict, and wishes are kept even when they hang up."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.agents.agent import Agent
from bridge.call import events as ev
from bridge.errors import AgentError, ToolError
from bridge.live.info import CallInfo, CallOrder, LiveCall
from bridge.tools.outreach import callback_in, do_not_call, moment_of, record_result, schedule_callback
from bridge.tools.runner import ToolRunner

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")
AGENT = Agent("reminder", "You remind people.")


class Kept:
    def __init__(self, slow: asyncio.Event | None = None) -> None:
        self.kept: list[tuple[object, ...]] = []
        self.slow = slow

    async def opt_out(self, info: CallInfo, reason: str) -> None:
        if self.slow is not None:
            await self.slow.wait()
        self.kept.append(("opt_out", info.to_number, reason))

    async def call_back(self, info: CallInfo, at: float, note: str) -> None:
        self.kept.append(("call_back", info.to_number, at, note))

    def result(self, info: CallInfo, word: str, note: str = "") -> None:
        self.kept.append(("result", word, note))


def posted(event: ev.Event) -> None:
    raise AssertionError(f"nothing is asked of the call, and not {event}")


def call_with(outreach: Kept | None) -> LiveCall:
    info = CallInfo("call_1", "CA1", "outbound", "+14155550100", "+14155550123", "reminder", NOW, CallOrder(AGENT, "t"))
    return LiveCall(info, posted, asyncio.get_running_loop(), outreach=outreach)


@pytest.mark.parametrize(
    ("when", "zone", "expected"),
    [
        ("2030-05-02T15:00", BERLIN, datetime(2030, 5, 2, 13, 0, tzinfo=UTC)),
        ("2030-05-02 15:00", BERLIN, datetime(2030, 5, 2, 13, 0, tzinfo=UTC)),
        ("2030-05-02T15:00-04:00", BERLIN, datetime(2030, 5, 2, 19, 0, tzinfo=UTC)),
        ("2030-05-02T15:00Z", None, datetime(2030, 5, 2, 15, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(when: str, zone: ZoneInfo | None, expected: datetime) -> None:
    assert moment_of(when, zone, NOW) == expected.timestamp()


@pytest.mark.parametrize(
    ("when", "zone", "says"),
    [
        ("tomorrow at three", BERLIN, "ISO 8601"),
        ("", BERLIN, "ISO 8601"),
        ("2030-13-01T10:00", BERLIN, "ISO 8601"),
        ("2030-05-02", BERLIN, "no time of day"),
        ("2030-05-02T15:00", None, "time zone"),
        ("2030-05-01T13:59", BERLIN, "past"),
        ("2030-07-15T10:00", BERLIN, "60 days"),
    ],
)
def test_a_time_that_is_none(when: str, zone: ZoneInfo | None, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        moment_of(when, zone, NOW)


def test_the_callees_zone_is_told_to_the_model() -> None:
    tool = callback_in("Europe/Berlin")
    assert tool.name == schedule_callback.name
    assert "Europe/Berlin" in tool.description
    with pytest.raises(AgentError, match="Nowhere/Here"):
        callback_in("Nowhere/Here")


def test_wishes_are_kept() -> None:
    async def story() -> list[tuple[object, ...]]:
        kept = Kept()
        runner = ToolRunner((do_not_call, callback_in("Europe/Berlin"), record_result), call_with(kept))
        later = datetime.fromtimestamp(time.time() + 86_400, BERLIN).replace(second=0, microsecond=0)
        done = [
            await runner.run("do_not_call", '{"reason": "stop calling me"}'),
            await runner.run("schedule_callback", json.dumps({"when": f"{later:%Y-%m-%dT%H:%M}", "note": "at work"})),
            await runner.run("record_result", '{"reached": true, "note": "agreed"}'),
        ]
        assert all(result.ok for result in done), done
        assert kept.kept[1] == ("call_back", "+14155550123", later.timestamp(), "at work")
        return kept.kept

    kept = asyncio.run(story())
    assert kept[0] == ("opt_out", "+14155550123", "stop calling me")
    assert kept[2] == ("result", "goal", "agreed")


def test_where_nobody_keeps_wishes_the_model_is_told() -> None:
    async def story() -> str:
        return (await ToolRunner((do_not_call,), call_with(None)).run("do_not_call", '{"reason": "no"}')).output

    assert "Nothing here can" in asyncio.run(story())


def test_a_wish_is_kept_though_they_hang_up_while_it_is_written() -> None:
    async def story() -> list[tuple[object, ...]]:
        slow = asyncio.Event()
        kept = Kept(slow)
        call = call_with(kept)
        wish = asyncio.ensure_future(call.opt_out("never again"))
        await asyncio.sleep(0)
        wish.cancel()
        await asyncio.gather(wish, return_exceptions=True)
        slow.set()
        await asyncio.gather(*call.running)
        return kept.kept

    assert asyncio.run(story()) == [("opt_out", "+14155550123", "never again")]
