"""What an attempt that was taken out of the carrier's queue must know: that it was, and whether it had rung by then."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; of older attempts nobody knows, and nobody asks."""
    op.add_column("attempts", sa.Column("rang_at", sa.Double(), nullable=True))
    op.add_column("attempts", sa.Column("called_off", sa.Text(), server_default="", nullable=False))
