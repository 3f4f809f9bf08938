"""The account's numbers and whom they point at: list, attach, detach, restore.

Nothing is changed before what was there is on the disk (`store/number_book.py`), and nothing is put back over a change
that somebody else made meanwhile, unless told so.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, replace
from typing import Any

from bridge.carriers.base import Control, NumberHooks, OwnedNumber
from bridge.errors import CarrierError, UsageError
from bridge.store.number_book import NumberBook, SavedHooks

VOICE, STATUS = "/twilio/voice", "/twilio/status"
Rows = list[dict[str, Any]]


def hooks_for(public_url: str, before: NumberHooks = NumberHooks()) -> NumberHooks:  # noqa: B008 - it is frozen
    """A number's webhooks when it is answered at `public_url`; a fallback somewhere else stays what it was."""
    base = public_url.rstrip("/")
    return replace(before, voice_url=base + VOICE, voice_method="POST", status_url=base + STATUS, status_method="POST")


@dataclass(frozen=True, slots=True)
class Listed:
    """A number, and what we know of it."""

    owned: OwnedNumber
    saved: SavedHooks | None

    @property
    def before(self) -> NumberHooks | None:
        """Whom it pointed at before we changed it; None when we did not."""
        return NumberHooks(**self.saved.before) if self.saved is not None else None

    def as_document(self, wanted: str) -> dict[str, Any]:
        """As JSON. `wanted`: the voice URL of who points here; empty for none."""
        saved = None if self.saved is None else dict(self.saved.before) | {"by": self.saved.by, "at": self.saved.at}
        here = bool(wanted) and self.owned.hooks.voice_url == wanted
        return asdict(self.owned) | {"here": here, "before": saved}


@dataclass(frozen=True, slots=True)
class Changed:
    """A number before and after."""

    number: str
    before: NumberHooks
    after: NumberHooks
    ruled_by: str = ""

    @property
    def warning(self) -> str:
        """Why it may not help; empty when it does."""
        if not self.ruled_by:
            return ""
        what = "trunk" if self.ruled_by.startswith("TK") else "application"
        return (
            f"{self.number} has the {what} {self.ruled_by}, which answers its calls: its webhooks are not asked until "
            f"that {what} is taken from it in the Twilio Console"
        )


class NumberDesk:
    """Changes numbers. Every method raises CarrierError, StoreError, or UsageError for a number that is not ours."""

    def __init__(self, control: Control, book: NumberBook) -> None:
        self._control = control
        self._book = book

    async def list(self) -> list[Listed]:
        """All numbers of the account."""
        owned, saved = await self._control.numbers(), await self.saved()
        return [Listed(one, saved.get(one.number)) for one in owned]

    async def rows(self, public_url: str) -> Rows:
        """The same as one JSON document; `here`: it points at `public_url`."""
        wanted = hooks_for(public_url).voice_url if public_url else ""
        return [one.as_document(wanted) for one in await self.list()]

    async def saved(self) -> dict[str, SavedHooks]:
        """What we changed and have not put back."""
        return await asyncio.to_thread(self._book.all)

    async def points_at(self, number: str) -> str:
        """The URL that a number's calls are told to; "" for nobody."""
        return (await self._owned(number)).hooks.voice_url

    async def attach(self, number: str, public_url: str, *, by: str = "attach", pid: int = 0) -> Changed:
        """Point a number at us."""
        owned = await self._owned(number)
        return await self._change(owned, hooks_for(public_url, owned.hooks), by, pid)

    async def detach(self, number: str) -> Changed:
        """Point a number at nobody."""
        owned = await self._owned(number)
        return await self._change(owned, replace(owned.hooks, voice_url="", status_url=""), "detach", 0)

    async def restore(self, number: str, *, force: bool = False) -> Changed:
        """Put back what was there before we changed it. `force`: over somebody else's change, too."""
        saved = (await self.saved()).get(number)
        if saved is None:
            raise UsageError(f"nothing is kept of {number}: callbridge has not changed it, or has put it back already")
        owned = await self._owned(number)
        before = NumberHooks(**saved.before)
        if owned.hooks.voice_url not in (saved.ours["voice_url"], before.voice_url) and not force:
            raise UsageError(
                f"{number} points at {owned.hooks.voice_url or 'nobody'} now, which is not what callbridge had set: "
                f"somebody else has changed it. To point it at {before.voice_url or 'nobody'} again all the same: "
                f"callbridge numbers restore {number} --force"
            )
        after = await self._control.point_number(owned.number_id, before)
        await asyncio.to_thread(self._book.forget, number)
        return Changed(number, owned.hooks, after.hooks, after.ruled_by)

    async def _owned(self, number: str) -> OwnedNumber:
        found = await self._control.numbers(number)
        if found:
            return found[0]
        others = [one.number for one in await self._control.numbers()]
        has = f"it owns {', '.join(others[:5])}{' ...' if len(others) > 5 else ''}" if others else "it owns none"
        raise UsageError(f"the account does not own {number}: {has}")

    async def _change(self, owned: OwnedNumber, wanted: NumberHooks, by: str, pid: int) -> Changed:
        saved = (await self.saved()).get(owned.number)
        before = owned.hooks
        if saved is not None and before.voice_url == saved.ours["voice_url"]:
            before = NumberHooks(**saved.before)  # what stands there is ours: what was before it stays kept
        elif before == wanted:
            return Changed(owned.number, before, before, owned.ruled_by)
        entry = SavedHooks(owned.number, owned.number_id, asdict(before), asdict(wanted), by, pid)
        await asyncio.to_thread(self._book.save, entry)
        after = await self._control.point_number(owned.number_id, wanted)
        if after.hooks.voice_url != wanted.voice_url:
            raise CarrierError(f"{owned.number} still points at {after.hooks.voice_url or 'nobody'}")
        return Changed(owned.number, before, after.hooks, after.ruled_by)
