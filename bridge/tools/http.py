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
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode

from bridge.errors import AgentError, ToolError
from bridge.tools.arguments import Arguments
from bridge.tools.base import JSON, Call, JSONSchema, Manner, ToolResult
from bridge.tools.pick import Pick
from bridge.tools.template import (
    Template,
    UrlTemplate,
    Values,
    as_text,
    body_environment,
    body_names,
    call_values,
    environment_names,
    fill_body,
    fill_environment,
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
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OUR_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")
_FORM = "application/x-www-form-urlencoded"
_SHORTEST_SECRET = 8
_ALL_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

_ANOTHER_WAY = "Say that this does not work just now, and offer another way."
_UNSURE = "It may have been done all the same: do not try again, and say that you are not sure."
_ASK_AGAIN = "Check with the caller what you asked for."
_STATUS = {
    400: ("did not accept what was asked", _ASK_AGAIN),
    401: ("does not let us in", _ANOTHER_WAY),
    403: ("does not let us in", _ANOTHER_WAY),
    404: ("has nothing like that", _ASK_AGAIN),
    409: ("says that this cannot be done as things stand", _ASK_AGAIN),
    410: ("has nothing like that any more", _ASK_AGAIN),
    422: ("did not accept what was asked", _ASK_AGAIN),
    429: ("is too busy", _ANOTHER_WAY),
}


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
            self._method = self._checked_method(method, redirects, max_bytes)
            self._arguments = Arguments(parameters or {})
            self._url = UrlTemplate.read(url, environment)
            self._headers = _read_headers(headers or {}, environment)
            self._body = body_environment(body, environment)
            self._pick = Pick(pick) if pick else None
            self._body_names = self._names_in_body()
            self._check_gaps()
            self._open(allow, redirects, max_bytes, resolver)
        except AgentError as error:
            raise AgentError(f"tool {name!r}: {error}") from None
        told = [*(headers or {}).values(), url.partition("?")[2], json.dumps(body)]
        secrets = {environment[one] for text in told for one in environment_names(text)}
        self._secrets = sorted((one for one in secrets if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)

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
        return {
            "type": "function",
            "name": self._name,
            "description": self._description,
            "parameters": cast("JSON", self.parameters),
        }

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
            return ToolResult.failure(f"{error} {_ANOTHER_WAY}")

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
        unsure = sorted(name for name in self._url.path_names & used if name not in self._arguments.certain)
        if unsure:
            raise AgentError(f"{{{unsure[0]}}} stands in the path, so the parameter must be required or have a default")

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
        # A caller chooses what is written as their number: it shall not begin a new line.
        filled = {
            name: value.fill(values, lambda _, text: quote(text, safe=_ALL_PRINTABLE))
            for name, value in self._headers.items()
        }
        return {**ours, **filled}

    def _content(self, checked: Mapping[str, JSON], values: Values) -> bytes | None:
        if self._body is not None:
            document = fill_body(self._body, values)
        elif self._body_names:
            document = {name: value for name, value in checked.items() if name in self._body_names}
        else:
            return None
        content_type = self._headers.get("content-type")
        if content_type and "".join(map(str, content_type.parts)).startswith(_FORM) and isinstance(document, dict):
            return urlencode({name: as_text(value) for name, value in document.items()}).encode()
        return json.dumps(document, ensure_ascii=False).encode()

    def _result(self, answer: Answer, call: Call) -> ToolResult:
        if not 200 <= answer.status < 300:
            self._log(call, "status", status=answer.status)
            return ToolResult.failure(_status_sentence(answer.status))
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
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _advice(self, error: NoAnswer) -> str:
        harmless = self._method == "GET" or self.manner.idempotent or not error.sent
        return _ANOTHER_WAY if harmless else _UNSURE

    def _log(self, call: Call, reason: str, **facts: object) -> None:
        told = {"tool": self._name, "call_id": call.id, "host": self._host, "reason": reason}
        log.warning("http tool failed", extra={**told, **{key: fact for key, fact in facts.items() if fact}})


def _read_headers(headers: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Template]:
    read: dict[str, Template] = {}
    for name, value in headers.items():
        if not isinstance(value, str) or not _HEADER.fullmatch(name):
            raise AgentError(f"headers: {name!r} is no header with a text")
        if name.lower() in _OUR_HEADERS:
            raise AgentError(f"headers: {name} is set by us")
        try:
            filled = fill_environment(value, environment)
            read[name.lower()] = Template.read(filled)
        except AgentError as error:
            raise AgentError(f"headers: {name}: {error}") from None
        if re.search(r"[\x00-\x1f\x7f]|^ | $", filled):
            raise AgentError(f"headers: {name}: its value begins or ends with a blank, or has a line end in it")
        mine = sorted(one for one in read[name.lower()].names if not one.startswith("call."))
        if mine:
            raise AgentError(f"headers: {name}: {{{mine[0]}}}: arguments do not go into headers, facts of the call do")
    return read


def _status_sentence(status: int) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    shown = f"{status} {known[status]}" if status in known else str(status)
    if 300 <= status < 400:
        what, advice = "sent us on to another address, which is not followed", _ANOTHER_WAY
    else:
        what, advice = _STATUS.get(status, ("failed" if status >= 500 else "refused", _ANOTHER_WAY))
    return f"The service {what} ({shown}). {advice}"
