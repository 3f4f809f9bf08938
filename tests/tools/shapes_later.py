"""Shapes whose hints are texts when the function is made, and are resolved later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from bridge.tools.base import Call


def forward_references(box: Box, boxes: list[Box] | None = None) -> None:
    """Pack."""


def forward_annotated(
    call: Call, size: Annotated[Literal["small", "large"], Field(description="How big.")], note: str | None = None
) -> None:
    """Pack."""


class Box(BaseModel):
    """Something with a lid."""

    lid: Lid
    inside: list[Box] = []


class Lid(BaseModel):
    """What closes a box."""

    screws: int = 4
