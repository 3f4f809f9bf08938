"""What the model is told of a function is what OpenAI's Agents SDK would tell it (see golden/make.py)."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pydantic
import pytest
import shapes
import shapes_later

from bridge.errors import AgentError
from bridge.tools.function import tool

GOLDEN: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "golden/schemas.json").read_text("utf-8"))
SHAPES: dict[str, Any] = {
    name: function
    for module in (shapes, shapes_later)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__ and name != "noted"
}
VERSION = tuple(int(part) for part in pydantic.VERSION.split(".")[:2])


def test_every_shape_is_in_the_file_and_most_of_them_in_the_sdks_words() -> None:
    assert set(SHAPES) == set(GOLDEN)
    theirs = [name for name, told in GOLDEN.items() if "note" not in told]
    assert len(theirs) >= 30


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_the_model_is_told_what_the_sdk_would_tell_it(name: str) -> None:
    golden = {key: value for key, value in GOLDEN[name].items() if key != "note"}
    if "refused" in golden:
        with pytest.raises(AgentError) as refusal:
            tool(SHAPES[name])
        assert str(refusal.value).endswith(golden["refused"])
        return
    if VERSION < (2, 14) and "pattern" in json.dumps(golden):
        pytest.skip("older versions of pydantic write other patterns")
    told = tool(SHAPES[name])
    assert {"name": told.name, "description": told.description, "parameters": told.parameters} == golden
    ours, theirs = told.parameters.get("properties", {}), golden["parameters"]["properties"]
    assert isinstance(ours, dict) and set(ours) == set(theirs)
