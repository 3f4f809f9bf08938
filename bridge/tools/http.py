"""A tool that is an HTTP request: declared by data, without a line of code.

    HttpTool(
        name="order_status",
        description="Where an order is. Ask for its number first.",
        url="https://api.example.com/orders/{number}?lang={lang}&caller={call.from_number}",
        parameters={"number": "The order number.", "lang": {"enum": ["en", "fr"], "default": "en"}},
        headers={"Authorization": "Bearer ${SHOP_KEY}"},
        pick="data.items[0].status",
    )

The model gives the arguments, and nothing else: not the host, not the path, not who is calling. Its arguments are
checked before anything is sent. Whatever goes wrong is one sentence for the model and one line in the log, and neither
holds a header, an argument or a key. Gaps are explained in `template.py`, where a tool may connect to in `outward.py`.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bridge.errors import AgentError, ToolError
from bridge.tools.arguments import Arguments
from bridge.tools.base import JSON, Call, JSONSchema, Manner, ToolResult, definition_of
from bridge.tools.headers import HeaderTemplates
from bridge.tools.pick import Pick
from bridge.tools.statuses import ANOTHER_WAY, sentence_for
from bridge.tools.template import (
    UrlTemplate,
    Values,
    as_text,
    body_environment,
    body_names,
    call_values,
    environment_names,
    fill_body,
)

if TYPE_CHECKING:
    from bridge.tools.exchange import Answer, NoAnswer
    from bridge.tools.outward import Resolver

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024
"""Of an answer. The model is given 16 KiB of it at most; the rest is there to be picked from."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WITH_BODY = ("POST", "PUT", "PATCH")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORM = "application/x-www-form-urlencoded"
_SHORTEST_SECRET = 8

_UNSURE = "It may have been done all the same: do not try again, and say that you are not sure."


class HttpTool:
    """One request as a tool. Raises AgentError, in one sentence, for what cannot work."""

    def __init__(  # noqa: PLR0913 - it is declared by data, one argument a field
        self,
        *,
        name: str,
        description: str,
        url: str,
        method: str = "GET",
        parameters: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        body: JSON = None,
        pick: str | Sequence[str] = "",
        manner: Manner | None = None,
        allow: Sequence[str] = (),
        redirects: int = 0,
        max_bytes: int = MOST_BYTES,
        environment: Mapping[str, str] | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """Declare it.

        Args:
            name: What the model calls it by.
            description: What the model is told of it.
            url: The address, with gaps: `https://api.example.com/orders/{number}?lang={lang}`.
            method: GET, POST, PUT, PATCH or DELETE.
            parameters: A JSON schema of one object, or a table of name to description or `{type, description}`.
            headers: Values may hold `${NAME}` of the environment and `{call.from_number}`.
            body: JSON with gaps. None: for POST, PUT and PATCH, an object of the arguments the address does not use.
                Sent as a form when the Content-Type among the headers says so.
            pick: What of the answer the model gets: `data.items[0].status`, or several such paths.
            manner: Time-out and the like, as for every tool.
            allow: Hosts and networks on which it may reach private addresses: `127.0.0.1:8080`, `10.1.0.0/16`.
            redirects: How many may be followed. Each is checked like the address itself; keys stay with their host.
            max_bytes: The largest answer that is read.
            environment: Where `${NAME}` is looked up, if not in the process's environment.
            resolver: Looks up host names, if not the system does.
        """
        self._name, self._description = name, description
        self.manner = manner or Manner()
        """See `Tool.manner`."""
        environment = os.environ if environment is None else environment
        try:
            _check_texts({"name": name, "description": description, "url": url, "method": method})
            self._method = self._checked_method(method, redirects, max_bytes)
            self._arguments = Arguments(parameters or {})
            self._url = UrlTemplate.read(url, environment)
            self._headers = HeaderTemplates.read(headers or {}, environment)
            self._body = body_environment(body, environment)
            self._pick = Pick(pick) if pick else None
            self._body_names = self._names_in_body()
            self._check_gaps()
            self._open(allow, redirects, max_bytes, resolver)
        except AgentError as error:
            raise AgentError(f"tool {name!r}: {error}") from None
        told = " ".join([*(headers or {}).values(), url, json.dumps(body)])
        self._secrets = sorted(filter(_is_secret, (environment[one] for one in environment_names(told))), key=len)

    def __repr__(self) -> str:
        return f"<http tool {self._name}>"

    @property
    def name(self) -> str:
        """What the model calls it by."""
        return self._name

    @property
    def description(self) -> str:
        """What the model is told of it."""
        return self._description

    @property
    def parameters(self) -> JSONSchema:
        """JSON schema of the arguments, in strict form."""
        return self._arguments.told

    def definition(self) -> JSONSchema:
        """The tool as the Realtime API wants it."""
        return definition_of(self)

    async def run(self, arguments: str, call: Call) -> ToolResult:
        """Check the arguments, ask, and give back what matters. Raises nothing but CancelledError."""
        from bridge.tools.exchange import NoAnswer

        try:
            checked = self._arguments.check(arguments)
            values = {**checked, **call_values(call)}
            url = self._url.fill(values)
            body = self._content(checked, values)
        except ToolError as error:
            return ToolResult.failure(f"{self._name} was not run: {error}. Call it again with this mended.")
        try:
            answer = await self._exchange.ask(
                self._method, url, self._filled_headers(values), body, limit_s=self._limit_s
            )
            return self._result(answer, call)
        except NoAnswer as error:
            self._log(call, error.reason, detail=error.detail)
            return ToolResult.failure(f"{error} {self._advice(error)}")
        except ToolError as error:  # the guard's, which has written into the log why
            self._log(call, "refused")
            return ToolResult.failure(f"{error} {ANOTHER_WAY}")

    async def close(self) -> None:
        """Let go of its connections. It may be run again afterwards."""
        await self._exchange.close()

    def _checked_method(self, method: str, redirects: int, max_bytes: int) -> str:
        if not _NAME.fullmatch(self._name):
            raise AgentError("a tool's name has 1 to 64 letters, digits, '_' and '-'")
        if not self._description.strip():
            raise AgentError("it has no description; say what it does and when to use it")
        if method.upper() not in _METHODS:
            raise AgentError(f"method is one of {', '.join(_METHODS)}, not {method!r}")
        if redirects < 0 or max_bytes < 1:
            raise AgentError("redirects is 0 or more, max_bytes 1 or more")
        return method.upper()

    def _names_in_body(self) -> frozenset[str]:
        if self._body is not None and self._method == "GET":
            raise AgentError("a GET has no body; write its arguments into the url")
        if self._body is not None:
            return frozenset(body_names(self._body))
        return self._arguments.names - self._url.names if self._method in _WITH_BODY else frozenset()

    def _check_gaps(self) -> None:
        """Every gap has something to fill it, and every argument has a gap."""
        used = {name for name in self._url.names | self._body_names if not name.startswith("call.")}
        unknown = sorted(used - self._arguments.names)
        if unknown:
            raise AgentError(f"{{{unknown[0]}}} is none of the parameters")
        idle = sorted(self._arguments.names - used)
        if idle:
            raise AgentError(f"parameter {idle[0]!r} is sent nowhere; write {{{idle[0]}}} into the url or the body")
        # An entry of the query or the body can be left out. A piece of the path cannot, nor can the body itself.
        always = self._url.path_names | (self._body_names if isinstance(self._body, str) else frozenset())
        unsure = sorted(always & used - self._arguments.certain)
        if unsure:
            raise AgentError(
                f"{{{unsure[0]}}} cannot be left out there: the parameter must be required or have a default"
            )

    def _open(self, allow: Sequence[str], redirects: int, max_bytes: int, resolver: Resolver | None) -> None:
        # Here, and not above: a command that has nothing to do with tools does not load an HTTP client.
        import httpx2

        from bridge.tools.exchange import Exchange
        from bridge.tools.outward import Guard, look_up

        if isinstance(allow, str):
            raise AgentError(f"allow is a list: [{allow!r}]")
        guard = Guard(allow, resolver or look_up)
        try:
            origin = httpx2.URL(self._url.origin)
            guard.check(origin)
        except httpx2.InvalidURL:
            raise AgentError("url: the host or the port cannot be read") from None
        except ToolError as error:
            raise AgentError(f"url: {error} If it is meant, name it in allow.") from None
        self._host = origin.host
        self._exchange = Exchange(guard, most_bytes=max_bytes, redirects=redirects, uses_tls=origin.scheme == "https")

    @property
    def _limit_s(self) -> float:
        """A little less than the runner waits, so that the model hears the sentence of the one who knows more."""
        return self.manner.timeout_s - min(0.25, 0.05 * self.manner.timeout_s)

    def _filled_headers(self, values: Values) -> dict[str, str]:
        ours = {"user-agent": "callbridge", "accept": "application/json, text/*;q=0.8", "accept-encoding": "identity"}
        if self._body_names or self._body is not None:
            ours["content-type"] = "application/json"
        return {**ours, **self._headers.fill(values)}

    def _content(self, checked: Mapping[str, JSON], values: Values) -> bytes | None:
        if self._body is not None:
            document = fill_body(self._body, values)
        elif self._body_names:
            document = {name: value for name, value in checked.items() if name in self._body_names}
        else:
            return None
        if isinstance(document, dict) and self._headers.fill(values).get("content-type", "").startswith(_FORM):
            return urlencode({name: as_text(value) for name, value in document.items()}).encode()
        return json.dumps(document, ensure_ascii=False).encode()

    def _result(self, answer: Answer, call: Call) -> ToolResult:
        if not 200 <= answer.status < 300:
            self._log(call, "status", status=answer.status)
            return ToolResult.failure(sentence_for(answer.status))
        if not answer.body.strip():
            return ToolResult.of(None)
        if self._pick is None and not answer.is_json:
            return ToolResult.of(self._masked(answer.text()))
        document = answer.json()
        if self._pick is not None:
            try:
                document = self._pick.of(document)
            except LookupError:
                self._log(call, "pick")
                return ToolResult.failure("The service answered, but what was looked for is not in its answer.")
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
        return ToolResult.of(self._masked(text))

    def _masked(self, text: str) -> str:
        """Some services repeat what they were sent. The model would read it out."""
        for secret in reversed(self._secrets):  # the longest first: one may be part of another
            text = text.replace(secret, "***")
        return text

    def _advice(self, error: NoAnswer) -> str:
        harmless = self._method == "GET" or self.manner.idempotent or not error.sent
        return ANOTHER_WAY if harmless else _UNSURE

    def _log(self, call: Call, reason: str, **facts: object) -> None:
        told = {"tool": self._name, "call_id": call.id, "host": self._host, "reason": reason}
        log.warning("http tool failed", extra={**told, **{key: fact for key, fact in facts.items() if fact}})


def _is_secret(value: str) -> bool:
    """What the environment gives is one, unless it is a word, or the address of the service."""
    return len(value) >= _SHORTEST_SECRET and "://" not in value


def _check_texts(given: Mapping[str, object]) -> None:
    for field, text in given.items():
        if not isinstance(text, str):
            raise AgentError(f"{field} is a text, not {text!r}")
