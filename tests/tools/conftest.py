"""How a tool is run in these tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from noted_call import NotedCall

from bridge.tools.base import Tool, ToolResult
from bridge.tools.runner import ToolRunner

Run = Callable[..., ToolResult]


@pytest.fixture
def call() -> NotedCall:
    return NotedCall()


@pytest.fixture
def run(call: NotedCall) -> Run:
    """Run one tool as the model would call it: `run(tool, number="4271")`, or with the arguments' text."""

    def run_it(tool: Tool, text: str | None = None, **arguments: object) -> ToolResult:
        runner = ToolRunner([tool], call)
        return asyncio.run(runner.run(tool.name, json.dumps(arguments) if text is None else text))

    return run_it
