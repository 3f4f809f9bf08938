"""The number that is answered by `callbridge dev`: pointed here after one question, and put back at the end.

What it pointed at is on the disk before it is changed, so a dev that is killed loses nothing: the next one asks whether
to put it back. Questions are asked before anything runs, where Ctrl-C still ends everything.
"""

from __future__ import annotations

import asyncio
import os
import sys

from bridge.carriers.registry import CARRIERS
from bridge.cli.asking import agreed
from bridge.config import Settings
from bridge.errors import CarrierError, StoreError, UsageError
from bridge.store.number_book import NumberBook
from bridge.web.number_desk import NumberDesk


class NumberMeanwhile:
    """One number, or none. Call `ask` before the event loop runs, `point` when calls can be taken, `put_back` last."""

    def __init__(self, settings: Settings, number: str, *, yes: bool) -> None:
        self.number = number
        self._settings = settings
        self._yes = yes
        self._pointed = False

    def _desk(self) -> NumberDesk:
        """A new one for every event loop: a client belongs to its own."""
        return NumberDesk(CARRIERS["twilio"](self._settings).control, NumberBook(self._settings.data))

    def ask(self) -> None:
        """Offer to put back what a killed dev left; ask for the number. Without consent there is none any more.

        Raises:
            CarrierError, StoreError: numbers cannot be looked at.
            UsageError: the account does not own this one.
        """
        for saved in NumberBook(self._settings.data).all().values():
            if not saved.left_behind or saved.number == self.number:
                continue  # what stands before the one that is used now stays kept
            question = (
                f"A callbridge dev that was killed left {saved.number} pointing at {saved.ours.get('voice_url')}. "
                f"Point it at {saved.before.get('voice_url') or 'nobody'} again?"
            )
            if agreed(question, yes=self._yes, default=True):
                asyncio.run(self._restored(saved.number))
        if not self.number:
            return
        now = asyncio.run(self._desk().points_at(self.number))
        question = f"Point {self.number} here while this runs? It points at {now or 'nobody'} now; that is put back."
        if not agreed(question, yes=self._yes):
            say(f"{self.number} is left alone: calls to it do not come here")
            self.number = ""

    async def point(self, url: str) -> None:
        """Point it here. Raises CarrierError, StoreError, UsageError."""
        if not self.number:
            return
        self._pointed = True
        done = await self._desk().attach(self.number, url, by="dev", pid=os.getpid())
        say(done.warning or f"{self.number} points here")

    async def put_back(self) -> None:
        """Point it where it pointed before."""
        if self._pointed:
            await self._restored(self.number)

    async def _restored(self, number: str) -> None:
        """A carrier that does not answer now is asked at the next start."""
        try:
            done = await self._desk().restore(number)
            say(f"{number} points at {done.after.voice_url or 'nobody'} again")
        except (CarrierError, StoreError, UsageError) as error:
            say(f"{number} was not put back: {error}. Later: callbridge numbers restore {number}")


def say(line: str) -> None:
    """Tell the person at the terminal; stdout is for the lines of calls."""
    print(line, file=sys.stderr, flush=True)
