"""News between processes that share a PostgreSQL: something about campaigns changed, look again.

Told within the transaction that changes it, so that it is heard when it is true, and not when it was undone. It carries
nothing, and may be missed: whoever listens looks by itself now and then all the same. SQLite has no such thing; there
one dialer works on a file, and looks.
"""

from __future__ import annotations

import sqlalchemy as sa

CHANNEL = "callbridge_campaigns"
_TELL = sa.select(sa.func.pg_notify(CHANNEL, ""))


def tell(conn: sa.Connection) -> None:
    """Everybody who listens hears of it once this transaction is committed."""
    if conn.dialect.name == "postgresql":
        conn.execute(_TELL)
