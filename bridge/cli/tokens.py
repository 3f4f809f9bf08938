"""`callbridge tokens`: who may use the admin listener beside BRIDGE_ADMIN_TOKEN."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bridge import config
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.store.access import AccessStore
    from bridge.store.base import Token

app = typer.Typer(help="Let programs and people use the admin listener.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
SCOPES = ("viewer", "operator", "admin")
BY = "command line"
T = TypeVar("T")


@app.command("list")
def list_tokens(json_: Json = False) -> None:
    """All tokens, newest first. Their secrets are known to nobody here."""
    found = _with_store(lambda store: store.tokens())
    if json_:
        print(json.dumps({"tokens": [asdict(token) for token in found]}, indent=1))
        return
    if not found:
        print("there are no tokens")
    for token in found:
        state = f"revoked {_day(token.revoked_at)}" if token.revoked_at else f"used {_day(token.last_used_at)}"
        print(f"{token.id}  {token.scope:<8}  {token.name:<24}  made {_day(token.created_at)}  {state}")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What or whom it is for.")],
    scope: Annotated[str, typer.Option(help="viewer (looks), operator (acts) or admin (rules).")] = "viewer",
    json_: Json = False,
) -> None:
    """Make a token and print it, this once."""
    if scope not in SCOPES:
        raise UsageError(f"--scope is {scope!r}: it can be {', '.join(SCOPES)}")
    if not name.strip() or len(name) > 60:
        raise UsageError("a token needs a name of 1 to 60 characters")

    async def work(store: AccessStore) -> tuple[Token, str]:
        from bridge.store.audit import Audit
        from bridge.store.base import AuditEntry

        made, secret = await store.create_token(name.strip(), scope, BY, time.time())
        entry = AuditEntry(time.time(), BY, "token.create", made.id, {}, {"name": made.name, "scope": scope})
        await Audit(store.db).add(entry)
        return made, secret

    made, secret = _with_store(work)
    print(json.dumps(asdict(made) | {"token": secret}, indent=1) if json_ else secret)


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Its id or its name.")], json_: Json = False) -> None:
    """Let nobody in by it any more; people who logged in with it have to log in again."""

    async def work(store: AccessStore) -> Token:
        from bridge.store.access import by_name
        from bridge.store.audit import Audit
        from bridge.store.base import AuditEntry

        found = by_name(await store.tokens(), token)
        await store.revoke_token(found.id, time.time())
        before = {"name": found.name, "scope": found.scope}
        await Audit(store.db).add(AuditEntry(time.time(), BY, "token.revoke", found.id, before, {}))
        return found

    gone = _with_store(work)
    print(json.dumps({"revoked": gone.id}) if json_ else f"{gone.name} ({gone.id}) opens nothing any more")


def _with_store(work: Callable[[AccessStore], Awaitable[T]]) -> T:
    """Do this with the database of the settings, whether a `serve` runs on it or not. Raises StoreError."""
    from bridge.store.access import AccessStore
    from bridge.store.database import Database

    settings = config.load().settings

    async def opened() -> T:
        db = await Database.open(settings.database_url, settings.data)
        try:
            return await work(AccessStore(db))
        finally:
            await db.close()

    return asyncio.run(opened())


def _day(epoch_s: float | None) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(epoch_s)) if epoch_s else "never"
