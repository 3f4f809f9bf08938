"""The engine's text endpoints: OpenAI's own client is content, mistakes are refused in its words, answers fit forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

import httpx2
import pytest
from engine_world import in_virtual_time
from openai import AsyncOpenAI
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect

from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.server import Server
from bridge.sim.text_requests import Asked
from bridge.sim.thoughts import WORDS, Thought
from bridge.tools.strict import strict_schema

T = TypeVar("T")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello."}]}
RESPONSES = {"model": "m", "input": "Hello."}


def with_engine(story: Callable[[ModelServer, httpx2.AsyncClient], Awaitable[T]], **options: Any) -> T:
    async def world() -> T:
        async with (
            ModelServer(ModelOptions(ears="energy", **options)) as server,
            httpx2.AsyncClient(base_url=server.text_url) as http,
        ):
            return await story(server, http)

    return in_virtual_time(world())


class Guest(BaseModel):
    name: str
    age: int = Field(ge=18)


class Everything(BaseModel):
    summary: str
    verdict: Literal["true", "false"]
    day: date
    maybe: str | None
    sure: bool
    share: float = Field(gt=0, lt=1)
    few: Annotated[list[Guest], Field(min_length=2)]
    none: list[int]
    long: str = Field(min_length=40)
    short: str = Field(max_length=3)
    either: int | str


def form(api: str, model: type[BaseModel]) -> dict[str, Any]:
    named = {"name": model.__name__, "schema": strict_schema(model.model_json_schema()), "strict": True}
    if api == "chat":
        return CHAT | {"response_format": {"type": "json_schema", "json_schema": named}}
    return RESPONSES | {"text": {"format": {"type": "json_schema", **named}}}


# ---- what is answered


@pytest.mark.sockets
@pytest.mark.parametrize("thoughts", [(), ["Nine to six."]])
def test_openais_client_gets_words(thoughts: list[str]) -> None:
    async def world() -> tuple[str | None, str]:
        async with ModelServer(ModelOptions(ears="energy", thoughts=lambda asked: (thoughts or [WORDS])[0])) as server:
            async with AsyncOpenAI(api_key="local", base_url=server.text_url) as client:
                chat = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "When are you open?"}]
                )
                response = await client.responses.create(model="m", instructions="Be brief.", input="When?")
                assert [asked.instructions for asked in server.texts.asked] == ["", "Be brief."]
                assert server.texts.problems == []
            return chat.choices[0].message.content, response.output_text

    expected = (thoughts or [WORDS])[0]
    assert asyncio.run(world()) == (expected, expected)


@pytest.mark.sockets
def test_openais_client_gets_objects_of_its_own_models() -> None:
    async def world() -> tuple[Everything | None, Everything | None]:
        async with ModelServer(ModelOptions(ears="energy")) as server:
            async with AsyncOpenAI(api_key="local", base_url=server.text_url) as client:
                text = "caller: I want a cup.\nagent: Which one?\ncaller: A blue one.\n\nThe tool: x"
                chat = await client.chat.completions.parse(
                    model="m", messages=[{"role": "user", "content": text}], response_format=Everything
                )
                response = await client.responses.parse(model="m", input=text, text_format=Everything)
            return chat.choices[0].message.parsed, response.output_parsed

    for made in asyncio.run(world()):
        assert made is not None
        assert (made.summary, made.verdict, made.maybe, made.none) == ("A blue one.", "true", None, [])


def test_thoughts_are_answered_in_order_and_then_something_plausible() -> None:
    async def story(server: ModelServer, http: httpx2.AsyncClient) -> tuple[list[str], list[str]]:
        answers = [await http.post("/chat/completions", json=CHAT) for _ in range(3)]
        said = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
        return said, server.texts.problems

    said, problems = with_engine(story, thoughts=["One.", {"two": 2}])
    assert said == ["One.", '{"two": 2}', WORDS]
    assert problems == ["the text model was asked 3 times, and 2 thoughts are planned"]
    assert with_engine(story, thoughts=["1"] * 3) == (["1"] * 3, [])
    assert with_engine(story, thoughts=["1"] * 4)[1] == ["the thought '1' was never needed"]


def test_a_function_may_think() -> None:
    def think(asked: Asked) -> str:
        return f"{asked.api} {asked.model} {asked.text!r} {asked.schema is None} {asked.key}"

    async def story(_: ModelServer, http: httpx2.AsyncClient) -> str:
        parts = [{"type": "input_text", "text": "Hel"}, {"type": "input_text", "text": "lo."}]
        body = {"model": "m", "input": [{"role": "user", "content": parts}]}
        answer = await http.post("/responses", json=body, headers={"Authorization": "Bearer sk-x"})
        return str(answer.json()["output"][0]["content"][0]["text"])

    assert with_engine(story, thoughts=think) == "responses m 'Hello.' True sk-x"


def test_a_thought_may_take_its_time_and_may_be_an_error() -> None:
    async def story(server: ModelServer, http: httpx2.AsyncClient) -> tuple[float, int, str]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await http.post("/responses", json=RESPONSES)
        took = loop.time() - began
        failed = await http.post("/responses", json=RESPONSES)
        with pytest.raises(httpx2.ReadTimeout):
            await http.post("/responses", json=RESPONSES, timeout=2.0)
        return took, failed.status_code, failed.json()["error"]["type"]

    thoughts = [Thought("late", after_s=3.0), Thought("Overloaded.", status=503), Thought("never", after_s=1e6)]
    took, status, kind = with_engine(story, thoughts=thoughts)
    assert 3.0 <= took < 3.2
    assert (status, kind) == (503, "server_error")


# ---- what is refused


@pytest.mark.parametrize(
    ("path", "body", "message", "code"),
    [
        ("/chat/completions", CHAT | {"messges": []}, "Unknown parameter: 'messges'.", "unknown_parameter"),
        ("/responses", RESPONSES | {"messages": []}, "Unknown parameter: 'messages'.", "unknown_parameter"),
        (
            "/chat/completions",
            {"messages": CHAT["messages"]},
            "Missing required parameter: 'model'.",
            "missing_required_parameter",
        ),
        ("/chat/completions", {"model": "m"}, "Missing required parameter: 'messages'.", "missing_required_parameter"),
        ("/responses", {"model": "m"}, "Missing required parameter: 'input'.", "missing_required_parameter"),
        ("/chat/completions", CHAT | {"messages": []}, "Invalid 'messages': empty array.", "empty_array"),
        (
            "/responses",
            {"model": 5, "input": "x"},
            "Invalid type for 'model': expected a string, but got an integer instead.",
            "invalid_type",
        ),
        (
            "/responses",
            {"model": "m", "input": [{"role": "caller", "content": "x"}]},
            "Invalid value: 'caller'. Supported values are: 'system', 'developer', 'user', and 'assistant'.",
            "invalid_value",
        ),
        (
            "/responses",
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "Invalid value: 'input_audio'. Supported values are: 'text', 'input_text', and 'output_text'.",
            "invalid_value",
        ),
        (
            "/chat/completions",
            CHAT | {"messages": [{"role": "user", "content": "x", "at": 1}]},
            "Unknown parameter: 'messages[0].at'.",
            "unknown_parameter",
        ),
        (
            "/responses",
            RESPONSES | {"stream": True},
            "The local engine does not serve 'stream'.",
            "unsupported_parameter",
        ),
        ("/responses", [1], "We could not parse the JSON body of your request.", None),
    ],
)
def test_mistakes_are_refused_as_openai_does_it(path: str, body: Any, message: str, code: str | None) -> None:
    async def story(server: ModelServer, http: httpx2.AsyncClient) -> tuple[int, dict[str, Any], list[str]]:
        answer = await http.post(path, json=body)
        return answer.status_code, answer.json()["error"], server.texts.problems

    status, error, problems = with_engine(story)
    assert (status, error["type"], error["message"], error["code"]) == (400, "invalid_request_error", message, code)
    assert problems == [f"the text endpoint refused a request: {message}"]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_strict_schema_has_to_be_strict(api: str) -> None:
    async def story(_: ModelServer, http: httpx2.AsyncClient) -> list[str]:
        told = []
        spoilt: list[dict[str, Any]] = [{"additionalProperties": True}, {"required": ["age"]}, {"type": "array"}]
        for wrong in spoilt:
            body = json.loads(json.dumps(form(api, Guest)))
            inner = body["response_format"]["json_schema"] if api == "chat" else body["text"]["format"]
            inner["schema"] |= wrong
            path = "/chat/completions" if api == "chat" else "/responses"
            answer = await http.post(path, json=body)
            assert answer.status_code == 400
            told.append(answer.json()["error"]["message"])
        return told

    closed, required, kind = with_engine(story)
    assert closed.endswith("'additionalProperties' is required to be supplied and to be false.")
    assert required.endswith("'required' must list every key of properties; missing 'name'.")
    assert kind.endswith("schema must be a JSON Schema of 'type: \"object\"'.")


def test_the_key_is_looked_at() -> None:
    async def story(_: ModelServer, http: httpx2.AsyncClient) -> list[int]:
        keys = ["Bearer sk-right", "Bearer sk-wrong", "sk-right", "Bearer", ""]
        found = []
        for key in keys:
            headers = {"Authorization": key} if key else {}
            found.append((await http.post("/responses", json=RESPONSES, headers=headers)).status_code)
        return found

    assert with_engine(story, require_key="sk-right") == [200, 401, 401, 401, 401]
    assert with_engine(story) == [200, 200, 401, 401, 200]


def test_both_doors_are_at_one_port_and_the_end_leaves_nobody_waiting() -> None:
    async def world() -> tuple[int, str, int]:
        server = ModelServer(ModelOptions(ears="energy"))
        await server.start()
        silent = await asyncio.open_connection("127.0.0.1", server.port)
        async with httpx2.AsyncClient(base_url=server.text_url) as http, connect(server.url + "?model=x") as socket:
            said = str(await socket.recv())
            answer = await http.post("/responses", json=RESPONSES)
            other = await http.post("/embeddings", json={})
            await server.stop()
            assert await silent[0].read() == b""
            silent[1].close()
            return answer.status_code, said[:40], other.status_code

    status, said, other = in_virtual_time(world())
    assert (status, other) == (200, 404)
    assert "session.created" in said or "event_id" in said


def test_who_says_nothing_at_all_is_closed() -> None:
    async def story(server: ModelServer, _: httpx2.AsyncClient) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        writer.close()
        return loop.time() - began

    assert 9.9 < with_engine(story) < 10.5


# ---- another mind


def test_a_language_model_of_ones_own_thinks_instead() -> None:
    seen: list[dict[str, Any]] = []

    async def complete(request: Request) -> Response:
        seen.append(await request.json())
        return JSONResponse({"choices": [{"message": {"content": '{"name": "Ada", "age": 36}'}}]})

    async def world() -> str:
        llm = Server([Route("/v1/chat/completions", complete, methods=["POST"])], "127.0.0.1", 0)
        await llm.start()
        options = ModelOptions(ears="energy", llm_url=f"{llm.url}/v1#llama")
        async with ModelServer(options) as server, httpx2.AsyncClient(base_url=server.text_url) as http:
            answer = await http.post("/responses", json=form("responses", Guest) | {"instructions": "Find them."})
            text = str(answer.json()["output"][0]["content"][0]["text"])
        await llm.stop()
        return text

    assert Guest.model_validate_json(in_virtual_time(world())).name == "Ada"
    assert seen[0]["model"] == "llama"
    assert [message["role"] for message in seen[0]["messages"]] == ["system", "user"]
    assert seen[0]["response_format"]["json_schema"]["name"] == "Guest"


def test_one_that_cannot_be_reached_is_a_server_error() -> None:
    async def story(_: ModelServer, http: httpx2.AsyncClient) -> tuple[int, str]:
        answer = await http.post("/responses", json=RESPONSES)
        return answer.status_code, answer.json()["error"]["type"]

    assert with_engine(story, llm_url="http://127.0.0.1:9/v1#llama") == (502, "server_error")
