"""Where the right to call a number comes from. Kept when the campaign, and all else about it, is purged."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from bridge.store.base import Consent
from bridge.store.inserts import insert
from bridge.store.tables import as_row, consents, values

_OF = sa.select(consents).where(consents.c.phone == sa.bindparam("phone")).order_by(consents.c.id)


def record(conn: sa.Connection, rows: Iterable[Consent]) -> None:
    """Keep these, in a transaction that is there: an import's."""
    found = [values(row) for row in rows]
    if found:
        conn.execute(insert(conn.dialect.name, consents).on_conflict_do_nothing(), found)


def of(conn: sa.Connection, phone: str) -> list[Consent]:
    """What is known of a number, oldest first."""
    return [as_row(Consent, row) for row in conn.execute(_OF, {"phone": phone}).mappings()]
