"""Tokens and sessions of the admin listener; and of a call, how quickly it answered and what went wrong in it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
        sa.UniqueConstraint("hash", name="uq_access_tokens_hash"),
    )
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_web_sessions"),
        sa.UniqueConstraint("hash", name="uq_web_sessions_hash"),
    )
    op.create_index("ix_web_sessions_credential", "web_sessions", ["credential"])
    op.add_column("calls", sa.Column("latency_p50_ms", sa.Integer(), nullable=True))
    op.add_column("calls", sa.Column("latency_p95_ms", sa.Integer(), nullable=True))
    for name in ("barge_ins", "tool_calls", "tool_errors"):
        op.add_column("calls", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("calls", sa.Column("handed_to", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_attempts_claimed_at", "attempts", ["claimed_at"])
    op.add_column("transcript_lines", sa.Column("latency_ms", sa.Integer(), nullable=True))
    answers = sa.text("latency_ms IS NOT NULL")
    op.create_index(
        "ix_transcript_lines_latency_ms",
        "transcript_lines",
        ["call_id", "latency_ms"],
        sqlite_where=answers,
        postgresql_where=answers,
    )
