"""The small ledgers of a call, each with its one question: timers, the response gate, tool calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.call.limits import Timers
from bridge.call.responses import Request, ResponseGate
from bridge.call.toolcalls import ToolCalls

# ---- timers


def test_timers_tell_what_runs_out_first() -> None:
    timers = Timers()
    assert (timers.next(), timers.due(9.0)) == (None, [])
    timers.set("b", 5.0)
    timers.set("a", 3.0)
    assert (timers.next(), "a" in timers, "c" in timers) == (3.0, True, False)
    timers.set("a", 7.0)
    assert timers.next() == 5.0
    assert timers.due(4.9) == []
    assert timers.due(7.0) == ["b", "a"]
    assert (timers.next(), timers.due(7.0)) == (None, [])


def test_timers_forget() -> None:
    timers = Timers()
    timers.clear("never set")
    timers.set("a", 1.0)
    timers.set("b", 2.0)
    timers.clear("a")
    assert timers.next() == 2.0
    timers.clear("b")
    assert timers.next() is None
    timers.set("c", 1.0)
    timers.clear_all()
    assert (timers.next(), timers.due(5.0)) == (None, [])


names = st.sampled_from("abcd")


@given(st.lists(st.tuples(st.sampled_from(["set", "clear", "due"]), names, st.floats(0, 100)), max_size=30))
def test_timers_are_a_dictionary_with_a_minimum(steps: list[tuple[str, str, float]]) -> None:
    timers, simple = Timers(), dict[str, float]()
    for step, name, at in steps:
        if step == "set":
            timers.set(name, at)
            simple[name] = at
        elif step == "clear":
            timers.clear(name)
            simple.pop(name, None)
        else:
            passed = timers.due(at)
            assert sorted(passed) == sorted(n for n, when in simple.items() if when <= at)
            assert [simple[n] for n in passed] == sorted(simple[n] for n in passed)
            simple = {n: when for n, when in simple.items() if when > at}
        assert timers.next() == min(simple.values(), default=None)


# ---- the response gate


def test_requests_coalesce_and_wait_for_the_end_of_the_active_response() -> None:
    gate = ResponseGate()
    assert gate.request("greet") == Request("respond_1", "greet")
    assert (gate.busy, gate.wanted) == (True, False)
    gate.created("resp_1")
    assert gate.request() is None
    assert gate.request("say this") is None
    assert gate.request("not that") is None
    assert gate.wanted
    assert gate.done("resp_0") is None
    assert gate.done("resp_1") == Request("respond_2", "say this")
    assert gate.done("resp_1") is None
    assert not gate.wanted


def test_what_is_wanted_can_be_forgotten() -> None:
    gate = ResponseGate()
    gate.created("resp_1")
    gate.request()
    gate.forget()
    assert (gate.done("resp_1"), gate.busy) == (None, False)


def test_refused_for_another_response_it_stays_wanted() -> None:
    gate = ResponseGate()
    gate.request("greet")
    gate.created("resp_vad")  # the server's own came first
    gate.refused("respond_1", busy=True)
    assert (gate.active_id, gate.wanted) == ("resp_vad", True)
    assert gate.done("resp_vad") == Request("respond_2", "greet")


def test_refused_for_good_it_is_over() -> None:
    gate = ResponseGate()
    gate.request("greet")
    gate.refused("another", busy=False)
    assert gate.busy
    gate.refused("respond_1", busy=False)
    assert (gate.busy, gate.wanted) == (False, False)


def test_retry_asks_again_unless_a_response_is_active() -> None:
    gate = ResponseGate()
    gate.request("greet")
    assert gate.retry() == Request("respond_2", "greet")
    gate.created("resp_1")
    assert (gate.retry(), gate.wanted) == (None, True)


def test_the_servers_own_response_leaves_no_words_to_repeat() -> None:
    gate = ResponseGate()
    gate.request("greet")
    gate.created("resp_1")
    gate.done("resp_1")
    gate.created("resp_vad")
    gate.done("resp_vad")
    assert gate.retry() == Request("respond_2", "")


# ---- tool calls


def test_every_tool_call_is_answered_once_and_spoken_about_once() -> None:
    tools = ToolCalls()
    assert (tools.open, tools.oldest_at) == (0, None)
    assert tools.called("call_1", "a", "{}", 1.0)
    assert not tools.called("call_1", "a", "{}", 1.5)
    assert tools.called("call_2", "b", "{}", 2.0)
    assert (tools.open, tools.oldest_at) == (2, 1.0)
    assert tools.returned("call_9", "done", speak=True) is None
    first = tools.returned("call_1", "done", speak=True)
    assert first is not None
    assert (first.name, first.began_at, tools.oldest_at) == ("a", 1.0, 2.0)
    assert not tools.take_speak()
    assert tools.returned("call_2", "done", speak=False) is not None
    assert tools.take_speak()
    assert not tools.take_speak()
    assert tools.returned("call_1", "done", speak=True) is None
    assert not tools.called("call_1", "a", "{}", 3.0)


def test_overdue_calls_are_those_that_have_been_open_for_long() -> None:
    tools = ToolCalls()
    tools.called("call_1", "a", "{}", 0.1)
    tools.called("call_2", "b", "{}", 5.0)
    assert tools.overdue(0.1 + 60.0 - 1e-6, 60.0) == []
    assert [c.call_id for c in tools.overdue(0.1 + 60.0, 60.0)] == ["call_1"]
    assert [c.call_id for c in tools.overdue(65.0, 60.0)] == ["call_1", "call_2"]
