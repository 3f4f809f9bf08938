"""All checks, in the order in which they are shown: this machine, the model, the carrier, the way in."""

from __future__ import annotations

from bridge.errors import UsageError
from bridge.web.checks import account, database, entrance, machine, model
from bridge.web.checks.check import Check

CHECKS: tuple[Check, ...] = (
    Check("python", "Python", "needed", machine.python),
    Check("data", "Data folder", "needed", machine.data_folder),
    Check(
        "database",
        "Database",
        "advised",
        database.database,
        "Bring the database up to this callbridge? (A file is copied beside itself first.)",
        database.upgrade,
    ),
    Check("ports", "Ports", "needed", machine.ports),
    Check("openai", "OpenAI key", "needed", model.model),
    Check("twilio", "Twilio account", "needed", account.credentials),
    Check("trial", "Trial account", "advised", account.trial),
    Check("number", "Phone number", "needed", account.number),
    Check("public-url", "Public URL", "needed", entrance.public_url),
    Check("websocket", "WebSocket upgrade", "needed", entrance.websocket),
    Check("signature", "Signatures", "needed", entrance.signature),
    Check(
        "webhook",
        "Number's webhook",
        "needed",
        account.webhook,
        "Point the number here? (What it points at now is kept: callbridge numbers restore.)",
        account.attach,
    ),
    Check("clock", "Clock", "advised", account.clock),
    Check("certificates", "Certificates", "needed", machine.certificates),
    Check("admin", "Admin listener", "needed", machine.admin_listener),
)
_BY_ID = {check.id: check for check in CHECKS}


def check_of(check_id: str) -> Check | None:
    """The check of this id, if there is one."""
    return _BY_ID.get(check_id)


def some_of(ids: str) -> tuple[Check, ...]:
    """The checks that a list such as "openai,twilio" names, in their order; all of them for "". Raises UsageError."""
    wanted = {one.strip() for one in ids.split(",") if one.strip()}
    strange = sorted(wanted - _BY_ID.keys())
    if strange:
        raise UsageError(f"there is no check {strange[0]!r}; there are {', '.join(_BY_ID)}")
    return tuple(check for check in CHECKS if not wanted or check.id in wanted)
