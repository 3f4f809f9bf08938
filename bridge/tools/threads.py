"""Users' plain functions run in threads, with a call in their hands.

Each has a thread of its own and not one of a pool: a function that never returns would keep its place in the pool for
ever, and enough of them would hold up name look-ups and the carrier's requests of every call. Nor does the process
wait for such a thread when it ends; one that may still finish is given a moment (`let_finish`).
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Generic, ParamSpec, TypeVar

from bridge.tools.base import Call, Turn

P = ParamSpec("P")
R = TypeVar("R")

_NAME = "users-function"


async def in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a user's function in a thread, like `asyncio.to_thread`. Raises what it raises.

    A thread cannot be stopped: when this is cancelled the function runs on, and nobody hears its result.
    """
    context = contextvars.copy_context()

    def work() -> R:
        try:
            return context.run(function, *args, **kwargs)
        except StopIteration as error:
            # `next()` on nothing. Up to Python 3.11 a future cannot hold it, and would never be done.
            raise RuntimeError("StopIteration") from error
        except Exception:
            raise
        except BaseException as error:
            # `sys.exit()` and the like end programs; this one is not theirs to end.
            raise RuntimeError(type(error).__name__) from error

    return await asyncio.get_running_loop().run_in_executor(Threads(), work)


async def carried_out(function: Callable[..., Any], call: Call, use: Callable[[Call], Any]) -> Any:
    """What a user's function gives: `use` calls it with the call in hand. Raises what it raises.

    `async` functions run on the loop, plain ones in a thread; what those return is awaited too, where it can be (an
    async function under a plain decorator).
    """
    if inspect.iscoroutinefunction(function):
        return await use(call)
    found = await in_thread(use, CallFromThread(call, asyncio.get_running_loop()))
    return await found if inspect.isawaitable(found) else found


def let_finish(limit_s: float) -> None:
    """Wait for users' functions that still run, so long and no longer."""
    until = time.monotonic() + limit_s
    for thread in threading.enumerate():
        if thread.name == _NAME:
            thread.join(max(0.0, until - time.monotonic()))


class Threads(Executor):
    """A new thread for everything; no process waits for one when it ends."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except Exception as error:  # the thread's end: it is raised where the result is awaited
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name=_NAME, daemon=True).start()
        return future


class _Done(Generic[R]):
    """A result that is there already: to be awaited, or not."""

    def __init__(self, result: R) -> None:
        self.result = result

    def __await__(self) -> Generator[None, None, R]:
        return self.result
        yield


class CallFromThread:
    """The same call; its verbs are carried out on the event loop, because a call is decided in one thread only.

    Unlike the call's own, a verb here returns when it has been carried out, and raises what it raised.
    """

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop
        self._thread = threading.get_ident()
        """The loop's, where this is made."""

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

    def opt_out(self, reason: str = "") -> Awaitable[None]:
        return self._awaited(self._call.opt_out(reason))

    def call_back(self, at: float, note: str = "") -> Awaitable[None]:
        return self._awaited(self._call.call_back(at, note))

    def record_result(self, reached: bool, note: str = "") -> None:
        self._on_loop(lambda: self._call.record_result(reached, note))

    def _awaited(self, verb: Awaitable[R]) -> Awaitable[R]:
        if threading.get_ident() == self._thread:
            return verb

        async def carry_out() -> R:
            return await verb

        return _Done(asyncio.run_coroutine_threadsafe(carry_out(), self._loop).result())

    def _on_loop(self, verb: Callable[[], None]) -> None:
        if threading.get_ident() == self._thread:
            # What a plain function returned was awaited, so its second half runs on the loop: waiting here for the
            # loop would stop every call for ever.
            verb()
            return
        done: Future[None] = Future()

        def carry_out() -> None:
            try:
                verb()
            except Exception as error:  # raised in the thread that asked
                done.set_exception(error)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(carry_out)
        done.result()
