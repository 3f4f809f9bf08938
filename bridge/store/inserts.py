"""Inserts that know what to do about a row that is there already: each database has its own words for that."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import sqlalchemy as sa


def insert(dialect: str, table: sa.Table) -> Any:
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`. `dialect`: sqlite or postgresql."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
