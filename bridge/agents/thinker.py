"""A text model that thinks while another one speaks: one question, one answer, one deadline.

    thinker = Thinker("https://api.openai.com/v1", "gpt-5.4-mini", key=key)
    words = await thinker.ask("You know our returns policy: ...", "Can I return a cup?", limit_s=10)
    order = await thinker.ask_for(Order, "Find the order.", transcript, limit_s=10)

Any server with OpenAI's `/responses` or `/chat/completions` will do. The key goes to the host of `url` and to nobody
else: redirects are not followed, and proxies of the environment are not used. Nothing of an HTTP client is loaded
before the first question.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from bridge.agents.text_apis import APIS, ApiName, Question
from bridge.config import Settings, check_text_url, origin
from bridge.errors import AgentError, ModelError, ModelMistaken, ModelRefused, ModelUnreachable, ToolError
from bridge.tools.base import Call, JSONSchema
from bridge.tools.strict import strict_schema

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from bridge.tools.exchange import Answer, Exchange

M = TypeVar("M", bound="BaseModel")

MOST_BYTES = 1024 * 1024
"""Of an answer."""
WORTH_TRYING_S = 0.3
"""With less than this left, an answer that was none is not asked for again."""
_MOST_TOLD = 200
_FENCE = re.compile(r"\A```[a-z]*\s*\n(.*)\n\s*```\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer shall look like. Raises AgentError for a model that no text model can be told."""

    name: str
    schema: JSONSchema

    @classmethod
    def of(cls, model: type[BaseModel]) -> Form:
        """The form of a pydantic model."""
        from pydantic.errors import PydanticUserError

        try:
            schema = strict_schema(cast("JSONSchema", model.model_json_schema()))
        except (PydanticUserError, ValueError, TypeError, NameError) as error:
            raise AgentError(f"{model.__name__} cannot be told to a text model: {str(error).splitlines()[0]}") from None
        return cls(re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64], schema)


class Thinker:
    """One text model at one address. Every question raises ModelError, one sentence, when there is no answer."""

    def __init__(self, url: str, model: str, *, api: ApiName = "responses", key: str = "") -> None:
        """`url` is the base (`https://host/v1`). Raises ConfigError for one that cannot be used."""
        check_text_url(url)
        if api not in APIS:
            raise AgentError(f"a thinker's api is {' or '.join(APIS)}, not {api!r}")
        self.url = url.rstrip("/")
        self.model = model
        self._api = APIS[api]
        self._api_name = api
        self._key = key
        self._exchange: Exchange | None = None
        self._opening = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Thinker:
        """The one of the settings."""
        return cls(settings.text_url, settings.supervisor_model, api=settings.supervisor_api, key=settings.text_key)

    def at(self, url: str) -> Thinker:
        """The same model at another address; the key goes along only within one host."""
        key = self._key if origin(url) == origin(self.url) else ""
        return Thinker(url, self.model, api=self._api_name, key=key)

    def __repr__(self) -> str:
        return f"<thinker {self.model} at {self.url}>"

    async def ask(self, instructions: str, text: str, *, limit_s: float, model: str = "") -> str:
        """An answer in words. `model`: another one than usual. Raises ModelError."""
        return await self._ask(Question(instructions, (("user", text),)), limit_s, model)

    async def ask_for(self, shape: type[M], instructions: str, text: str, *, limit_s: float, model: str = "") -> M:
        """An answer in a form, checked. One that is none is asked for once more, within the same time.

        Raises ModelError.
        """
        from pydantic import ValidationError

        form = Form.of(shape)
        question = Question(instructions, (("user", text),), form.schema, form.name)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        answer = await self._ask(question, limit_s, model)
        try:
            return shape.model_validate_json(_bare(answer))
        except ValidationError as error:
            wrong = _problems(error)
        left_s = deadline - loop.time()
        if left_s < WORTH_TRYING_S:
            raise ModelMistaken(f"{self._who} did not answer in the form it was asked for ({wrong})")
        complaint = f"This is not the JSON object that was asked for: {wrong}. Answer again, with the object alone."
        answer = await self._ask(question.again(answer, complaint), left_s, model)
        try:
            return shape.model_validate_json(_bare(answer))
        except ValidationError as error:
            told = f"{self._who} did not answer in the form it was asked for, twice ({_problems(error)})"
            raise ModelMistaken(told) from None

    async def close(self) -> None:
        """Let go of its connections. It may be used again afterwards."""
        if self._exchange is not None:
            await self._exchange.close()

    @property
    def _who(self) -> str:
        return f"the text model at {urlsplit(self.url).hostname}"

    async def _ask(self, question: Question, limit_s: float, model: str) -> str:
        exchange = self._exchange
        if exchange is None:
            exchange = await asyncio.to_thread(self._open)
        from bridge.tools.exchange import NoAnswer

        headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        body = json.dumps(self._api.body(model or self.model, question), ensure_ascii=False).encode("utf-8", "replace")
        try:
            answer = await exchange.ask("POST", self.url + self._api.path, headers, body, limit_s=limit_s)
            if not 200 <= answer.status < 300:
                raise self._refused(answer)
            return self._api.text(answer.json())
        except NoAnswer as error:
            raise self._unreachable(error, limit_s) from None
        except ToolError as error:  # the guard's: the name leads where nothing of ours may go
            raise ModelRefused(f"{self._who} cannot be asked: {error}") from None
        except ModelMistaken as error:
            raise ModelMistaken(f"{error} ({urlsplit(self.url).hostname})") from None

    def _open(self) -> Exchange:
        """In a thread: loading the client, and the certificates after it, takes longer than a frame of sound."""
        from bridge.tools.exchange import Exchange
        from bridge.tools.outward import Guard

        tls, host, port = origin(self.url)
        shown = f"[{host}]" if ":" in host else host
        # Whoever configured this address meant it, be it on this machine or beside it.
        with self._opening:
            if self._exchange is None:
                guard = Guard([f"{shown}:{port}"])
                self._exchange = Exchange(guard, most_bytes=MOST_BYTES, redirects=0, uses_tls=tls)
            return self._exchange

    def _unreachable(self, error: Any, limit_s: float) -> ModelError:
        match error.reason:
            case "timeout":
                return ModelUnreachable(f"{self._who} did not answer within {limit_s:.3g} seconds")
            case "connect":
                return ModelUnreachable(f"{self._who} could not be reached")
            case "broken":
                return ModelUnreachable(f"the connection to {self._who} broke before the answer was here")
            case _:
                return ModelMistaken(f"{self._who} answered with something that cannot be read ({error.reason})")

    def _refused(self, answer: Answer) -> ModelError:
        status = answer.status
        if status in (401, 403):
            return ModelRefused(f"{self._who} refused the key ({status}); see SUPERVISOR_API_KEY and OPENAI_API_KEY")
        if status == 429 or status >= 500:
            return ModelUnreachable(f"{self._who} could not answer ({status})")
        if 300 <= status < 400:
            return ModelRefused(f"{self._who} sent us elsewhere ({status}), where we do not go; see SUPERVISOR_URL")
        return ModelRefused(f"{self._who} refused the question ({status}{self._told(answer)})")

    def _told(self, answer: Answer) -> str:
        """What the server says is wrong: it is what helps when a model or a parameter is none of its own."""
        try:
            said = json.loads(answer.body)["error"]["message"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        words = " ".join("".join(c if c.isprintable() else " " for c in str(said)).split())
        return f": {(words.replace(self._key, '***') if self._key else words)[:_MOST_TOLD]}"


def thinker_of(call: Call) -> Thinker:
    """The text model beside a call: the one its process was set up with, else that of the settings."""
    found = getattr(call, "thinker", None)
    if isinstance(found, Thinker):
        return found
    from bridge import config

    return Thinker.of(config.load().settings)


def _bare(answer: str) -> str:
    """Servers that do not hold a model to a form let it wrap its JSON as it does in chats."""
    fenced = _FENCE.match(answer.strip())
    return fenced[1] if fenced else answer


def _problems(error: ValidationError) -> str:
    # Without what was given: it may be the caller's, and the model knows what it wrote.
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in found[:3])
