"""No event without a rule, no command without a hand, no timer without an alarm."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import get_args

import bridge.call
from bridge.call import commands as do
from bridge.call import events as ev
from bridge.call import facts
from bridge.call.core import ALARMS, HANDLERS, OUTBOUND

ROOM = Path(inspect.getfile(bridge.call)).parent


def test_every_event_has_a_handler() -> None:
    assert set(HANDLERS) == set(OUTBOUND) == set(get_args(ev.Event))


def test_the_unions_hold_every_class_of_their_files() -> None:
    for module, union in ((ev, ev.Event), (do, do.Command), (facts, facts.Fact)):
        here = {c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__}
        assert here == set(get_args(union))


def test_every_command_is_carried_out_by_the_session() -> None:
    tree = ast.parse((ROOM.parent / "live" / "session.py").read_text(encoding="utf-8"))
    (act,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "_do"]
    matched = {p.cls.attr for p in ast.walk(act) if isinstance(p, ast.MatchClass) and isinstance(p.cls, ast.Attribute)}
    assert matched == {c.__name__ for c in get_args(do.Command)}


def test_every_timer_that_is_set_has_an_alarm() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in ROOM.glob("*.py"))
    assert set(re.findall(r'timers\.set\("(\w+)"', text)) == set(ALARMS)


def test_every_command_is_given_by_some_rule() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in ROOM.glob("*.py"))
    assert [c.__name__ for c in get_args(do.Command) if f"do.{c.__name__}(" not in text] == []
