"""The two HTTP interfaces of text models, as tables: how a question is written, and where its answer stands.

responses   POST {url}/responses           OpenAI's own
chat        POST {url}/chat/completions    OpenAI's older one, and what vLLM, Ollama, llama.cpp ... speak
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bridge.errors import ModelMistaken
from bridge.tools.base import JSONSchema

ApiName = Literal["responses", "chat"]
Said = tuple[Literal["user", "assistant"], str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. With a `schema` (strict form, called `name`) the answer shall be one JSON object of it."""

    instructions: str
    said: tuple[Said, ...]
    schema: JSONSchema | None = None
    name: str = "answer"

    def again(self, answer: str, complaint: str) -> Question:
        """The same once more, after an answer that was none."""
        return replace(self, said=(*self.said, ("assistant", answer), ("user", complaint)))


@dataclass(frozen=True, slots=True)
class TextApi:
    """One interface. `text` raises ModelMistaken."""

    path: str
    body: Callable[[str, Question], dict[str, Any]]
    """(model, question) -> the request."""
    text: Callable[[Any], str]
    """The answer's document -> the words in it."""


def _chat_body(model: str, question: Question) -> dict[str, Any]:
    messages = [{"role": "system", "content": question.instructions}]
    messages += [{"role": who, "content": text} for who, text in question.said]
    body: dict[str, Any] = {"model": model, "messages": messages}
    if question.schema is not None:
        named = {"name": question.name, "schema": question.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def _chat_text(document: Any) -> str:
    choices = _list(document, "choices")
    message = choices[0].get("message") if choices and isinstance(choices[0], Mapping) else None
    if not isinstance(message, Mapping):
        raise ModelMistaken("the text model's answer holds no message")
    if message.get("refusal"):
        raise ModelMistaken("the text model declined to answer")
    return _words(message.get("content"))


def _responses_body(model: str, question: Question) -> dict[str, Any]:
    said = [{"role": who, "content": text} for who, text in question.said]
    # `store` is true when it is not said: the conversation would stay on the server.
    body: dict[str, Any] = {"model": model, "instructions": question.instructions, "input": said, "store": False}
    if question.schema is not None:
        named = {"type": "json_schema", "name": question.name, "schema": question.schema, "strict": True}
        body["text"] = {"format": named}
    return body


def _responses_text(document: Any) -> str:
    if isinstance(document, Mapping) and document.get("status") == "failed":
        raise ModelMistaken("the text model failed while it answered")
    parts = list(_parts(document))
    if any(part.get("type") == "refusal" for part in parts):
        raise ModelMistaken("the text model declined to answer")
    return _words("".join(str(part.get("text", "")) for part in parts if part.get("type") == "output_text"))


def _parts(document: Any) -> Iterator[Mapping[str, Any]]:
    """The parts of all messages; what the model thought before them is passed over."""
    for item in _list(document, "output"):
        if isinstance(item, Mapping) and item.get("type") == "message":
            yield from (part for part in _list(item, "content") if isinstance(part, Mapping))


def _list(document: Any, name: str) -> list[Any]:
    found = document.get(name) if isinstance(document, Mapping) else None
    return found if isinstance(found, list) else []


def _words(content: object) -> str:
    if not isinstance(content, str) or not content.strip():
        raise ModelMistaken("the text model's answer holds no words")
    return content.strip()


APIS: Mapping[ApiName, TextApi] = {
    "responses": TextApi("/responses", _responses_body, _responses_text),
    "chat": TextApi("/chat/completions", _chat_body, _chat_text),
}
