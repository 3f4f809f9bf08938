"""A call in the hands of a function that runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Generic, TypeVar

from bridge.tools.base import Call, Turn

T = TypeVar("T")


class _Done(Generic[T]):
    """A result that is there already: to be awaited, or not."""

    def __init__(self, result: T) -> None:
        self.result = result

    def __await__(self) -> Generator[None, None, T]:
        return self.result
        yield


class CallFromThread:
    """The same call; its verbs are carried out on the event loop, because a call is decided in one thread only.

    Unlike the call's own, a verb here returns when it has been carried out, and raises what it raised.
    """

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop

    @property
    def id(self) -> str:
        return self._call.id

    @property
    def from_number(self) -> str:
        return self._call.from_number

    @property
    def to_number(self) -> str:
        return self._call.to_number

    @property
    def direction(self) -> str:
        return self._call.direction

    @property
    def agent(self) -> str:
        return self._call.agent

    @property
    def carrier_call_id(self) -> str:
        return self._call.carrier_call_id

    @property
    def turns(self) -> Sequence[Turn]:
        return tuple(self._call.turns)

    @property
    def data(self) -> dict[str, object]:
        return self._call.data

    def hang_up(self, reason: str = "agent_hung_up") -> None:
        self._on_loop(lambda: self._call.hang_up(reason))

    def transfer(self, to: str) -> None:
        self._on_loop(lambda: self._call.transfer(to))

    def warm_transfer(self, to: str, message: str, *, language: str = "en-US") -> Awaitable[str]:
        return self._awaited(self._call.warm_transfer(to, message, language=language))

    def send_sms(self, text: str, to: str = "") -> Awaitable[None]:
        return self._awaited(self._call.send_sms(text, to))

    def say(self, words: str) -> None:
        self._on_loop(lambda: self._call.say(words))

    def tell_model(self, text: str, *, respond: bool = False) -> None:
        self._on_loop(lambda: self._call.tell_model(text, respond=respond))

    def send_digits(self, digits: str) -> None:
        self._on_loop(lambda: self._call.send_digits(digits))

    def _awaited(self, verb: Awaitable[T]) -> Awaitable[T]:
        async def carry_out() -> T:
            return await verb

        return _Done(asyncio.run_coroutine_threadsafe(carry_out(), self._loop).result())

    def _on_loop(self, verb: Callable[[], None]) -> None:
        async def carry_out() -> None:
            verb()

        asyncio.run_coroutine_threadsafe(carry_out(), self._loop).result()
