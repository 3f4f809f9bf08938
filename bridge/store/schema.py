"""Is the schema of a database the one that this code knows?"""

from __future__ import annotations

import sqlalchemy as sa

from bridge.store.address import Address
from bridge.store.tables import metadata


def bring_up(conn: sa.Connection, address: Address) -> None:
    """Make the tables of a new database."""
    metadata.create_all(conn)


def must_be_current(conn: sa.Connection) -> None:
    """Raises StoreError when the schema is not the one that this code knows."""
