"""The engine's text endpoints, beside its voice on the same port, for supervisors and analyses without a key.

    POST /v1/chat/completions
    POST /v1/responses

Whole answers only (no `stream`), words or JSON objects. What they say is planned (`ModelOptions.thoughts`), else comes
from LOCAL_LLM_URL, else is something plausible that fits the form. Mistakes of the client are refused as OpenAI does
it, and kept in `problems`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.sim.chat import ChatEndpoint
from bridge.sim.endpoints import EndpointError
from bridge.sim.engine.complaints import Complaint
from bridge.sim.text_requests import Api, Asked, answer, read
from bridge.sim.thoughts import Planned, Thought, Thoughts, plausible

KEPT = 1000
"""Questions that are remembered."""
_KINDS = {401: "invalid_request_error", 429: "rate_limit_error"}


class Texts:
    """The endpoints of one server. `asked` are the questions that were answered, oldest first."""

    def __init__(self, thoughts: Thoughts, *, require_key: str = "", llm: ChatEndpoint | None = None) -> None:
        self._planned = Planned(thoughts)
        self._require_key = require_key
        self._llm = llm
        self._refused: deque[str] = deque(maxlen=KEPT)
        self._count = 0
        self.asked: deque[Asked] = deque(maxlen=KEPT)

    @property
    def problems(self) -> list[str]:
        """Requests that were refused, and where it went another way than planned."""
        return [*self._refused, *self._planned.problems]

    @property
    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        return [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/responses", self._responses, methods=["POST"]),
            Route("/{path:path}", _nothing_here, methods=["POST", "PUT", "PATCH", "DELETE"]),
        ]

    async def _chat(self, request: Request) -> Response:
        return await self._serve("chat", request)

    async def _responses(self, request: Request) -> Response:
        return await self._serve("responses", request)

    async def _serve(self, api: Api, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        key = authorization.removeprefix("Bearer ").strip()
        if (authorization and not authorization.startswith("Bearer ")) or (authorization and not key):
            return self._error(401, "You didn't provide an API key. Use 'Authorization: Bearer YOUR_KEY'.", None)
        if self._require_key and key != self._require_key:
            # OpenAI repeats the key's ends; whoever logs this message must mask it.
            shown = f"{key[:3]}***{key[-4:]}" if key else "(none)"
            return self._error(401, f"Incorrect API key provided: {shown}.", "invalid_api_key")
        try:
            asked = read(api, _document(await request.body()), key)
        except Complaint as wrong:
            self._refused.append(f"the text endpoint refused a request: {wrong.message}")
            return self._error(400, wrong.message, wrong.code, wrong.param)
        self.asked.append(asked)
        self._count += 1
        number = self._count
        planned = self._planned.next(asked)
        try:
            thought = planned or await self._unplanned(asked)
        except EndpointError as error:
            return self._error(502, str(error), None)
        if not await _thinking(request, thought.after_s):
            return Response(status_code=499)  # nobody is there to read it
        if thought.status != 200:
            return self._error(thought.status, thought.text or "The server had an error.", None)
        return JSONResponse(answer(asked, thought.text, number, int(time.time())))

    async def _unplanned(self, asked: Asked) -> Thought:
        if self._llm is None:
            return plausible(asked)
        body: dict[str, Any] = {"model": await self._llm.model()}
        body["messages"] = [{"role": role, "content": text} for role, text in asked.said]
        if asked.schema is not None:
            form = {"name": asked.name, "schema": asked.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        found: Any = (await self._llm.request("POST", "/chat/completions", json=body)).json()
        try:
            return Thought(str(found["choices"][0]["message"]["content"]))
        except (LookupError, TypeError) as error:
            raise EndpointError(f"{self._llm.base}/chat/completions answered without a message") from error

    def _error(self, status: int, message: str, code: str | None, param: str | None = None) -> Response:
        kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


async def _nothing_here(request: Request) -> Response:
    message = f"Invalid URL ({request.method} {request.url.path})"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, 404)


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


async def _thinking(request: Request, seconds: float) -> bool:
    """Think; False when the client went away before it was done."""
    if seconds <= 0:
        return True
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({gone}, timeout=seconds)
        return not gone.done()
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
