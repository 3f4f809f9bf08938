"""What an operation of the admin API is, and what several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from bridge.web.access import Role
from bridge.web.answers import MOST_ROWS
from bridge.web.schemas import COUNT, Schema

FILE: Final = "a CSV or XLSX file, as it is"
CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter behind the `?`; none has to be given."""

    name: str
    what: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `answers`: a schema by status; `CSV`: a table; None: no body. `fails`: problems."""

    name: str
    what: str
    part: str
    needs: Role
    answers: Mapping[int, Schema | str | None]
    fails: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()
    body: type[BaseModel] | str | None = None
    """A model of a JSON body, or FILE."""
    example: Mapping[str, Any] | None = None
    headers: tuple[Query, ...] = ()


Operations = Mapping[tuple[str, str], Operation]
"""By method and path, as `routes.py` has them."""
Answers = Mapping[int, Schema | str | None]
LOOK, ACT, RULE = Role.VIEWER, Role.OPERATOR, Role.ADMIN
LIMIT = Query("limit", "How many", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100})
BY = Query("by", "Who asks, for the audit")
ROW_ID: Schema = {"type": ["integer", "null"]}
NEXT: Schema = {"type": ["string", "null"]}
COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
