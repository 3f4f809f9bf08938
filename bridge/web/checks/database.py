"""The database: can it be reached, and is its schema the one that this callbridge knows?"""

from __future__ import annotations

from bridge.errors import ConfigError, StoreError
from bridge.store.database import Database
from bridge.store.glance import glance
from bridge.web.checks.check import Result
from bridge.web.checks.scene import Scene

UPGRADE = "callbridge db upgrade"


async def database(scene: Scene) -> Result:
    """Calls are answered without it; campaigns and the list of calls are not there then."""
    settings = scene.settings
    try:
        seen = await glance(settings.database_url, settings.data)
    except ConfigError as error:
        return Result("fail", str(error), "DATABASE_URL cannot be used", "correct DATABASE_URL in .env")
    except StoreError as error:
        cause = "campaigns, the list of calls and log-ins need it; phones are answered all the same"
        return Result("fail", str(error), cause, "start the database, or correct DATABASE_URL in .env")
    if seen.state == "strange":
        return Result(
            "fail",
            f"{seen.shown} has the schema {seen.schema}, this callbridge knows {seen.needs}",
            "a newer callbridge made it, or another program",
            "install that callbridge, or name another DATABASE_URL in .env",
        )
    if seen.state == "older":
        cause = f"it has the schema {seen.schema}, this callbridge needs {seen.needs}"
        return Result("fail", f"{seen.shown} is older", cause, UPGRADE, fixable=True)
    trouble = scene.trouble()
    if trouble:
        return Result("fail", trouble, "the running callbridge has no use of it", "it is tried again by itself")
    if seen.state == "new":
        return Result("ok", f"{seen.shown} is made at the first start")
    return Result("ok", f"{seen.shown}, schema {seen.schema}")


async def upgrade(scene: Scene) -> str:
    """Bring the schema up; a file is copied beside itself first. Raises StoreError."""
    db = await Database.open(scene.settings.database_url, scene.settings.data, upgrade=True)
    was = db.was
    await db.close()
    return f"brought the database up from schema {was}"
