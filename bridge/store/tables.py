"""The tables, one noun each, named as the rows of `base.py` and their fields are.

Both databases get the same ones. What a person may not have to remember stands here as a constraint: a contact once in
a campaign, an attempt's number once for a contact, and one open attempt for a phone number over all campaigns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from bridge.store import base

Row = TypeVar("Row")

metadata: Final = sa.MetaData(
    naming_convention={  # so that a migration can name what it changes
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER counts by itself there


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **({"server_default": ""} | more))


def _must(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _usd(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable, server_default=None if nullable else "0")


def _count(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))


def _one_of(column: sa.Column[str], words: Sequence[str]) -> sa.ColumnElement[bool]:
    """Words written out: SQLite finds a partial index only for a condition that says the same, without parameters."""
    return column.in_([sa.literal_column(f"'{word}'") for word in words])


def _partial(name: str, *columns: sa.ColumnElement[Any], where: sa.ColumnElement[bool], unique: bool = False) -> None:
    """An index of the rows for which `where` holds. PostgreSQL is told when its tables are made (`_there_too`):

    to name it here would load all that SQLAlchemy knows of it, 2 MB, wherever the database is a file.
    """
    sa.Index(name, *columns, unique=unique, sqlite_where=where, info={"where": where})


@sa.event.listens_for(metadata, "before_create")
def _there_too(_: sa.MetaData, connection: sa.Connection, **__: Any) -> None:
    if connection.dialect.name == "postgresql":
        for table in metadata.tables.values():
            for index in table.indexes:
                index.dialect_options["postgresql"]["where"] = index.info.get("where")


def _json(name: str, empty: str = "{}") -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False, server_default=empty)


campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _must("name"),
    _must("state"),
    _text("reason"),
    _text("agent"),
    _json("rules"),
    _time("created_at"),
    _time("started_at", nullable=True),
    _time("ended_at", nullable=True),
    _usd("spent_usd"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("campaign_id", sa.ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    _count("line"),
    _must("phone"),
    _text("name"),
    _json("variables"),
    _text("agent"),
    _text("timezone"),
    _json("zones", "[]"),
    _text("language"),
    _text("external_id"),
    _count("priority", 5),
    _text("consent_source"),
    _text("consent_at"),
    _must("state"),
    _text("outcome"),
    _count("attempts"),
    _time("due_at"),
    _time("last_attempt_at", nullable=True),
    _text("call_id"),
    sa.UniqueConstraint("campaign_id", "phone"),
)
IS_DUE = _one_of(contacts.c.state, base.DUE)
"""Contacts that wait. A claim asks once for each priority: with `priority = ?` and `due_at <= ?` the index has the
answer in its first entries (2 ms among a million contacts); over all priorities it is walked past all who wait."""
_partial("ix_contacts_due", contacts.c.campaign_id, contacts.c.priority.desc(), contacts.c.due_at, where=IS_DUE)
"""What a claim reads: the due ones of one campaign, the most urgent first."""
sa.Index("ix_contacts_state", contacts.c.campaign_id, contacts.c.state)
"""The funnel: how many are where."""
sa.Index("ix_contacts_phone", contacts.c.phone)
"""Who is meant when a number is never to be called again."""

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),
    _must("phone"),
    _must("from_number"),
    _must("state"),
    _must("owner"),
    _time("claimed_at"),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("contact_id", sa.ForeignKey("contacts.id", ondelete="CASCADE"), nullable=True),
    sa.Column("campaign_id", sa.ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=True),
    _count("n", 1),
    _text("agent"),
    _json("variables"),
    _json("terms"),
    _text("carrier_call_id"),
    _time("placed_at", nullable=True),
    _time("rang_at", nullable=True),
    _time("answered_at", nullable=True),
    _time("ended_at", nullable=True),
    _text("status"),
    _text("called_off"),
    _count("sip"),
    _count("error_code"),
    _text("answered_by"),
    _text("judged"),
    _text("call_id"),
    _text("end_reason"),
    _text("result"),
    _time("callback_at", nullable=True),
    _text("outcome"),
    _text("reason"),
    _usd("carrier_usd"),
    _usd("model_usd"),
    _text("request_key"),
    _text("request_hash"),
    _time("looked_at", nullable=True),
    _count("looks"),
    sa.UniqueConstraint("contact_id", "n"),
)
IS_OPEN = _one_of(attempts.c.state, base.OPEN)
"""Attempts that nobody has decided."""
_partial("uq_attempts_open_phone", attempts.c.phone, unique=True, where=IS_OPEN)
"""Nobody is called twice at a time, whatever campaigns they are in."""
_partial("ix_attempts_open", attempts.c.campaign_id, where=IS_OPEN)
sa.Index("ix_attempts_phone", attempts.c.phone, attempts.c.claimed_at)
"""The cap for a person's day."""
sa.Index("ix_attempts_carrier_call_id", attempts.c.carrier_call_id)
sa.Index("ix_attempts_ended", attempts.c.campaign_id, attempts.c.ended_at)
"""What ended lately: the breaker, and whether a campaign is over."""
_ASKED = attempts.c.request_key != ""
_partial("uq_attempts_request_key", attempts.c.request_key, unique=True, where=_ASKED)
"""The same request twice is one call."""
sa.Index("ix_attempts_claimed_at", attempts.c.claimed_at)
"""What a day's calls cost at the carrier."""
sa.Index("ix_attempts_campaign", attempts.c.campaign_id, attempts.c.claimed_at)
"""A campaign's report, and deleting a campaign."""

do_not_call = sa.Table(
    "do_not_call",
    metadata,
    sa.Column("phone", sa.Text, primary_key=True),
    _time("added_at"),
    _must("source"),
    _text("reason"),
    _text("call_id"),
)
sa.Index("ix_do_not_call_added_at", do_not_call.c.added_at, do_not_call.c.phone)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    _must("phone"),
    _time("recorded_at"),
    _must("source"),
    _text("given_at"),
    _text("campaign_id"),
    _text("purpose"),
    sa.UniqueConstraint("phone", "source", "given_at", "campaign_id"),
)
"""Without foreign keys: proof of consent outlives the campaign it was used in."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    _time("at"),
    _must("who"),
    _must("what"),
    _must("subject"),
    _json("before"),
    _json("after"),
)
sa.Index("ix_audit_subject", audit.c.subject, audit.c.id)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("carrier_call_id"),
    _must("direction"),
    _text("from_number"),
    _text("to_number"),
    _text("agent"),
    _time("started_at"),
    _time("answered_at", nullable=True),
    _time("ended_at", nullable=True),
    _text("end_reason"),
    _text("ended_by"),
    _count("turns"),
    _json("usage"),
    _usd("cost_usd", nullable=True),
    _text("error"),
    _text("campaign_id"),
    sa.Column("latency_p50_ms", sa.Integer),
    sa.Column("latency_p95_ms", sa.Integer),
    _count("barge_ins"),
    _count("tool_calls"),
    _count("tool_errors"),
    _text("handed_to"),
)
sa.Index("ix_calls_started_at", calls.c.started_at, calls.c.id)
sa.Index("ix_calls_from_number", calls.c.from_number, calls.c.started_at, calls.c.id)
sa.Index("ix_calls_to_number", calls.c.to_number, calls.c.started_at, calls.c.id)
sa.Index("ix_calls_campaign_id", calls.c.campaign_id, calls.c.started_at, calls.c.id)

transcript_lines = sa.Table(
    "transcript_lines",
    metadata,
    sa.Column("call_id", sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # several lines may be of one turn
    _count("turn"),
    _must("role"),
    _text("text"),
    _count("start_ms"),
    _count("end_ms"),
    sa.Column("heard_ms", sa.Integer),
    sa.Column("cut", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("latency_ms", sa.Integer),
)
_ANSWERS = transcript_lines.c.latency_ms.is_not(None)
_LATENCIES = (transcript_lines.c.call_id, transcript_lines.c.latency_ms)
_partial("ix_transcript_lines_latency_ms", *_LATENCIES, where=_ANSWERS)
"""A day's latencies, without a look at what was said."""

spend = sa.Table(
    "spend",
    metadata,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("campaign_id", sa.Text, primary_key=True),
    _usd("usd"),
)

dialers = sa.Table(
    "dialers",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    _text("host"),
    _count("pid"),
    _time("started_at"),
    _time("seen_at"),
)

access_tokens = sa.Table(
    "access_tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    _must("name"),
    _must("scope"),
    _time("created_at"),
    _text("created_by"),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
)

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    _must("credential"),
    _text("client"),
    _time("created_at"),
    _time("seen_at"),
)
sa.Index("ix_web_sessions_credential", web_sessions.c.credential)
"""Whose sessions end with a token."""


webhook_endpoints = sa.Table(
    "webhook_endpoints",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _must("url"),
    _text("secret"),
    _json("events", "[]"),
    _time("created_at"),
    _text("created_by"),
    _time("disabled_at", nullable=True),
    _text("disabled_why"),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("endpoint_id", sa.Text, sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    _must("type"),
    _must("key"),
    _must("body"),
    _time("created_at"),
    _text("state", server_default="waiting"),
    _time("due_at", nullable=True),
    _count("attempts"),
    _time("last_at", nullable=True),
    _count("last_status"),
    _count("last_ms"),
    _text("last_error"),
    sa.UniqueConstraint("endpoint_id", "key", name="uq_webhook_deliveries_endpoint_id_key"),
)
"""Each thing that happened once for an endpoint, whoever notices it again."""
sa.Index("ix_webhook_deliveries_due_at", webhook_deliveries.c.due_at)


def values(row: Any) -> dict[str, Any]:
    """A row of `base.py` as an insert takes it. A contact not stored yet has the id 0: leave `id` out of it."""
    found = {name: getattr(row, name) for name in row.__dataclass_fields__}
    for name, value in found.items():
        if isinstance(value, Mapping) and not isinstance(value, dict):
            found[name] = dict(value)
    return found


def one_of(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    """Is it one of the values given under this name? For statements that are built once; see `padded`."""
    return column.in_(sa.bindparam(name, expanding=True))


def padded(found: Sequence[Any]) -> list[Any]:
    """The same values, the last one repeated up to the next power of two: each length is a statement of its own for a
    database, which has to be prepared, and so there are few of them."""
    most = 1 << max(0, len(found) - 1).bit_length()
    return list(found) + list(found[-1:]) * (most - len(found))


def as_rows(kind: type[Row], found: sa.CursorResult[Any]) -> list[Row]:
    """What a select of a whole table brought; its columns stand in the order of the row's fields (a test says so)."""
    make: Callable[..., Row] = kind
    names = list(vars(kind)["__dataclass_fields__"])
    if "zones" not in names:
        return [make(*row) for row in found]
    place = names.index("zones")
    return [make(*row[:place], tuple(row[place]), *row[place + 1 :]) for row in found]


def as_row(kind: type[Row], found: Mapping[Any, Any]) -> Row:
    """What a select brought (`result.mappings()`, all columns of its table) as a row of `base.py`."""
    given = {name: found[name] for name in vars(kind)["__dataclass_fields__"]}
    if "zones" in given:
        given["zones"] = tuple(given["zones"])
    return kind(**given)
