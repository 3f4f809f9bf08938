"""Dialers are killed and frozen at the worst points: nobody is called twice, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from killing import Plan, Result, run
from postgres_server import Server, empty_schema

pytestmark = pytest.mark.sockets


def judge(result: Result, plan: Plan) -> None:
    assert result.holds, str(result)
    assert result.kills >= plan.kills and result.freezes >= plan.freezes, "they were disturbed as planned"


def test_one_dialer_on_a_file(tmp_path: Path) -> None:
    plan = Plan(kills=6, freezes=4)
    judge(asyncio.run(run("", tmp_path, plan)), plan)


def test_two_dialers_on_a_server(tmp_path: Path, postgres: Server) -> None:
    plan = Plan(kills=6, freezes=4, dialers=2)
    judge(asyncio.run(run(empty_schema(postgres), tmp_path, plan)), plan)
