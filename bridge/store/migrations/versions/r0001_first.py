"""The first tables: campaigns and their contacts, attempts, who must not be called, consent, audit, calls."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DUE = sa.text("state IN ('waiting', 'retry_at')")
_OPEN = sa.text("state IN ('intent', 'placed', 'answered', 'unknown', 'review')")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("after", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
    op.create_table(
        "calls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("carrier_call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Text(), server_default="", nullable=False),
        sa.Column("to_number", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("end_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.Column("turns", sa.Integer(), server_default="0", nullable=False),
        sa.Column("usage", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("campaign_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_campaign_id", "calls", ["campaign_id", "started_at", "id"])
    op.create_index("ix_calls_from_number", "calls", ["from_number", "started_at", "id"])
    op.create_index("ix_calls_started_at", "calls", ["started_at", "id"])
    op.create_index("ix_calls_to_number", "calls", ["to_number", "started_at", "id"])
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("rules", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("spent_usd", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_table(
        "consents",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("given_at", sa.Text(), server_default="", nullable=False),
        sa.Column("campaign_id", sa.Text(), server_default="", nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint(
            "phone", "source", "given_at", "campaign_id", name="uq_consents_phone_source_given_at_campaign_id"
        ),
    )
    op.create_table(
        "dialers",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("pid", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_dialers"),
    )
    op.create_table(
        "do_not_call",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("phone", name="pk_do_not_call"),
    )
    op.create_index("ix_do_not_call_added_at", "do_not_call", ["added_at", "phone"])
    op.create_table(
        "spend",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("usd", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "campaign_id", name="pk_spend"),
    )
    op.create_table(
        "contacts",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("variables", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("zones", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="5", nullable=False),
        sa.Column("consent_source", sa.Text(), server_default="", nullable=False),
        sa.Column("consent_at", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("last_attempt_at", sa.Double(), nullable=True),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_contacts_campaign_id_campaigns", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("campaign_id", "phone", name="uq_contacts_campaign_id_phone"),
    )
    op.create_index(
        "ix_contacts_due",
        "contacts",
        ["campaign_id", sa.literal_column("priority DESC"), "due_at"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )
    op.create_index("ix_contacts_phone", "contacts", ["phone"])
    op.create_index("ix_contacts_state", "contacts", ["campaign_id", "state"])
    op.create_table(
        "transcript_lines",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("start_ms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("end_ms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("heard_ms", sa.Integer(), nullable=True),
        sa.Column("cut", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_transcript_lines_call_id_calls", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "place", name="pk_transcript_lines"),
    )
    op.create_table(
        "attempts",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("contact_id", _ID, nullable=True),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("n", sa.Integer(), server_default="1", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("variables", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("terms", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("carrier_call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("placed_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("sip", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error_code", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answered_by", sa.Text(), server_default="", nullable=False),
        sa.Column("judged", sa.Text(), server_default="", nullable=False),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("end_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("callback_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("carrier_usd", sa.Double(), server_default="0", nullable=False),
        sa.Column("model_usd", sa.Double(), server_default="0", nullable=False),
        sa.Column("request_key", sa.Text(), server_default="", nullable=False),
        sa.Column("request_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_attempts_campaign_id_campaigns", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name="fk_attempts_contact_id_contacts", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token", name="pk_attempts"),
        sa.UniqueConstraint("id", name="uq_attempts_id"),
        sa.UniqueConstraint("contact_id", "n", name="uq_attempts_contact_id_n"),
    )
    op.create_index("ix_attempts_campaign", "attempts", ["campaign_id", "claimed_at"])
    op.create_index("ix_attempts_ended", "attempts", ["campaign_id", "ended_at"])
    asked = sa.text("request_key != ''")
    op.create_index(
        "uq_attempts_request_key", "attempts", ["request_key"], unique=True, sqlite_where=asked, postgresql_where=asked
    )
    op.create_index("ix_attempts_carrier_call_id", "attempts", ["carrier_call_id"])
    op.create_index("ix_attempts_open", "attempts", ["campaign_id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_attempts_phone", "attempts", ["phone", "claimed_at"])
    op.create_index(
        "uq_attempts_open_phone", "attempts", ["phone"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
