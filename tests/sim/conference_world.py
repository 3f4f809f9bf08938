"""Numbers that lead into conferences, and people who call them."""

from collections.abc import Awaitable, Callable
from typing import Any

from carrier_world import CALLER, world
from reference_bridge import PUBLIC_URL, ReferenceBridge, twiml
from starlette.requests import Request
from starlette.responses import Response

from bridge.sim.carrier import Carrier
from bridge.sim.loop import run
from bridge.sim.phone import Phone
from bridge.sim.twilio.call import SimCall

FIRST, SECOND, THIRD = "+14155550191", "+14155550192", "+14155550193"
EVENTS = f'statusCallback="{PUBLIC_URL}/room" statusCallbackEvent="start end join leave"'
ONE, TWO, THREE = (bytes((code,)) * 160 for code in (0x20, 0x30, 0x40))


class Person:
    """Says something after a while, presses keys, stays, hangs up."""

    def __init__(self, stays_s: float = 10.0, says: bytes = b"", after_s: float = 0.0, keys: str = "") -> None:
        self.stays_s, self.says, self.after_s, self.keys = stays_s, says, after_s, keys

    async def perform(self, phone: Phone) -> None:
        await phone.until(lambda: False, self.after_s)
        phone.say(self.says)
        phone.press(self.keys)
        await phone.until(lambda: False, self.stays_s)


def room(attributes: str = "", dial: str = "", name: str = "desk") -> str:
    return f'<Dial action="/after" {dial}><Conference beep="false" {attributes}>{name}</Conference></Dial>'


class House:
    """Numbers with TwiML of their own, people who call them, and what became of all of it."""

    def __init__(self, verbs: dict[str, str], **pages: Any) -> None:
        self.verbs = verbs
        more = {f"/{name}": page for name, page in pages.items()}
        self.bridge = ReferenceBridge(pages={"/twilio/voice": self.answer, "/after": twiml("<Hangup/>"), **more})
        self.carrier: Carrier

    async def answer(self, request: Request) -> Response:
        to = (await request.form())["To"]
        return Response(twiml(self.verbs[str(to)]), media_type="text/xml")

    async def ring(self, to: str, person: Person | None = None) -> SimCall:
        return await self.carrier.ring(CALLER, to, phone=Phone(person or Person(), noise=False))

    def live(self, story: Callable[[], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with world(self.bridge, **options) as self.carrier:
                await story()

        run(main(), limit_s=1000)

    @property
    def events(self) -> list[str]:
        return [form["StatusCallbackEvent"] for form in self.bridge.forms("/room")]
