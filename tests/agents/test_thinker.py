"""The client of text models: both interfaces, one deadline, one repair, one sentence for whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bridge import config
from bridge.agents.text_apis import APIS, ApiName
from bridge.agents.thinker import Form, Thinker, thinker_of
from bridge.config import Settings
from bridge.errors import AgentError, BridgeError, ConfigError, ModelMistaken, ModelRefused, ModelUnreachable
from bridge.sim import loop
from bridge.sim.model import ModelOptions, ModelServer
from bridge.sim.server import Server
from bridge.sim.thoughts import Thought, Thoughts

T = TypeVar("T")
KEY = "sk-of-the-tests-0123456789"


class Order(BaseModel):
    number: str
    state: Literal["open", "sent"]


SENT = {"number": "4271", "state": "sent"}


def thinking(
    story: Callable[[Thinker, ModelServer], Awaitable[T]],
    thoughts: Thoughts = (),
    *,
    api: ApiName = "responses",
    key: str = KEY,
) -> T:
    async def world() -> T:
        async with ModelServer(ModelOptions(ears="energy", thoughts=thoughts, require_key=KEY)) as server:
            thinker = Thinker(server.text_url, "a-model", api=api, key=key)
            try:
                return await story(thinker, server)
            finally:
                await thinker.close()

    return loop.run(world())


async def order(thinker: Thinker, _: ModelServer) -> Order:
    return await thinker.ask_for(Order, "Find the order.", "caller: It is 4271.", limit_s=5.0)


async def words(thinker: Thinker, _: ModelServer) -> str:
    return await thinker.ask("Be brief.", "When are you open?", limit_s=5.0)


def refusal(error: type[BridgeError], thoughts: Thoughts = (), **more: Any) -> str:
    with pytest.raises(error) as caught:
        thinking(order, thoughts, **more)
    told = str(caught.value)
    assert KEY not in told
    assert "\n" not in told
    return told


# ---- answers


@pytest.mark.parametrize("api", APIS)
def test_words_and_objects_by_both_interfaces(api: ApiName) -> None:
    async def story(thinker: Thinker, server: ModelServer) -> tuple[str, Order]:
        answers = await words(thinker, server), await order(thinker, server)
        first, second = server.texts.asked
        assert (first.api, first.model, first.instructions, first.text) == (
            api,
            "a-model",
            "Be brief.",
            "When are you open?",
        )
        assert (first.key, first.schema, second.name) == (KEY, None, "Order")
        return answers

    assert thinking(story, ["Nine to six.", SENT], api=api) == ("Nine to six.", Order(number="4271", state="sent"))


def test_another_model_for_one_question() -> None:
    async def story(thinker: Thinker, server: ModelServer) -> str:
        await thinker.ask("x", "y", limit_s=5.0, model="a-bigger-one")
        return server.texts.asked[0].model

    assert thinking(story) == "a-bigger-one"


def test_a_conversation_is_not_left_on_the_server() -> None:
    async def world() -> dict[str, Any]:
        seen: list[dict[str, Any]] = []

        async def answer(request: Request) -> Response:
            seen.append(await request.json())
            return JSONResponse({"output": []})

        server = Server([Route("/v1/responses", answer, methods=["POST"])], "127.0.0.1", 0)
        await server.start()
        thinker = Thinker(f"{server.url}/v1", "m")
        with pytest.raises(ModelMistaken, match="holds no words"):
            await thinker.ask("x", "y", limit_s=5.0)
        await thinker.close()
        await server.stop()
        return seen[0]

    assert loop.run(world())["store"] is False


@pytest.mark.parametrize("wrapped", [f"```json\n{json.dumps(SENT)}\n```", f"  {json.dumps(SENT)}\n"])
def test_json_as_models_write_it_in_chats(wrapped: str) -> None:
    assert thinking(order, [wrapped]).number == "4271"


@pytest.mark.parametrize("api", APIS)
def test_garbage_is_asked_for_once_more(api: ApiName) -> None:
    async def story(thinker: Thinker, server: ModelServer) -> tuple[Order, list[str], str]:
        found = await order(thinker, server)
        return found, [role for role, _ in server.texts.asked[1].said], server.texts.asked[1].text

    found, roles, told = thinking(story, ["The order is 4271!", SENT], api=api)
    assert found == Order(number="4271", state="sent")
    assert roles == ["system", "user", "assistant", "user"]
    assert told.startswith("This is not the JSON object that was asked for: the answer: Invalid JSON")
    found, _, told = thinking(story, [{"number": "4271", "state": "lost"}, SENT], api=api)
    assert "state: Input should be 'open' or 'sent'" in told


# ---- what goes wrong


def test_garbage_twice_is_an_error_without_what_was_said() -> None:
    told = refusal(ModelMistaken, ["4271 it is", {"number": "4271", "state": "4271"}])
    assert told == (
        "the text model at 127.0.0.1 did not answer in the form it was asked for, twice "
        "(state: Input should be 'open' or 'sent')"
    )


def test_the_repair_is_within_the_same_time() -> None:
    async def story(thinker: Thinker, _: ModelServer) -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ModelUnreachable):
            await thinker.ask_for(Order, "x", "y", limit_s=5.0)
        return asyncio.get_running_loop().time() - began

    assert 4.9 < thinking(story, [Thought("garbage", after_s=3.0), Thought(SENT, after_s=3.0)]) < 5.3
    told = refusal(ModelMistaken, [Thought("garbage", after_s=4.9)])
    assert "twice" not in told, "too late to ask again"


def test_one_that_hangs_is_given_up_in_time() -> None:
    told = refusal(ModelUnreachable, [Thought(SENT, after_s=1e6)])
    assert told == "the text model at 127.0.0.1 did not answer within 5 seconds"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_one_that_is_in_trouble(status: int) -> None:
    assert (
        refusal(ModelUnreachable, [Thought("", status=status)])
        == f"the text model at 127.0.0.1 could not answer ({status})"
    )


def test_a_key_that_is_refused_is_not_told() -> None:
    told = refusal(ModelRefused, key="sk-another-key-of-somebody")
    assert told == "the text model at 127.0.0.1 refused the key (401); see SUPERVISOR_API_KEY and OPENAI_API_KEY"


def test_a_question_that_is_refused_is_told_with_the_servers_words_but_no_key() -> None:
    told = refusal(ModelRefused, [Thought(f"No model 'a-model' for {KEY}.\nAsk another.", status=404)])
    assert told == ("the text model at 127.0.0.1 refused the question (404: No model 'a-model' for ***. Ask another.)")


def test_nobody_there() -> None:
    async def world() -> None:
        thinker = Thinker("http://127.0.0.1:9/v1", "m")
        with pytest.raises(ModelUnreachable, match="could not be reached"):
            await thinker.ask("x", "y", limit_s=2.0)
        await thinker.close()

    loop.run(world())


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "the text model's answer holds no words (127.0.0.1)"),
        ({"output": [{"type": "reasoning"}, 7]}, "the text model's answer holds no words (127.0.0.1)"),
        (
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
            "the text model declined to answer (127.0.0.1)",
        ),
        ({"status": "failed", "output": []}, "the text model failed while it answered (127.0.0.1)"),
        ([1, 2], "the text model's answer holds no words (127.0.0.1)"),
    ],
)
def test_answers_that_are_none(document: Any, sentence: str) -> None:
    with pytest.raises(ModelMistaken) as caught:
        answered(JSONResponse(document), "responses")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choices": []},
        {"choices": [{"message": {"content": None}}]},
        {"choices": [{"message": {"refusal": "No."}}]},
    ],
)
def test_answers_that_are_none_in_chat(document: Any) -> None:
    with pytest.raises(ModelMistaken):
        answered(JSONResponse(document), "chat")


def test_what_is_no_json_at_all() -> None:
    with pytest.raises(ModelMistaken, match=r"something that cannot be read \(json\)"):
        answered(Response("<html>"), "chat")


def test_the_key_follows_no_redirect() -> None:
    with pytest.raises(ModelRefused, match=r"sent us elsewhere \(307\), where we do not go; see SUPERVISOR_URL"):
        answered(RedirectResponse("http://127.0.0.1:9/v1/responses"), "responses")


def answered(response: Response, api: ApiName) -> str:
    async def answer(_: Request) -> Response:
        return response

    async def world() -> str:
        server = Server([Route("/v1" + APIS[api].path, answer, methods=["POST"])], "127.0.0.1", 0)
        await server.start()
        thinker = Thinker(f"{server.url}/v1", "m", api=api, key=KEY)
        try:
            return await thinker.ask("x", "y", limit_s=5.0)
        finally:
            await thinker.close()
            await server.stop()

    return loop.run(world())


# ---- how it is made


def test_another_address_gets_the_key_only_within_one_host() -> None:
    thinker = Thinker("https://api.openai.com/v1", "m", key=KEY)
    for url, goes in {
        "https://api.openai.com/v2": True,
        "https://api.openai.com:443/v1": True,
        "https://api.openai.com:444/v1": False,
        "http://api.openai.com/v1": False,
        "https://api.openai.com.example.test/v1": False,
        "http://127.0.0.1:11434/v1": False,
    }.items():
        assert (thinker.at(url)._key == KEY) is goes, url
    assert KEY not in repr(thinker)


def test_by_the_settings() -> None:
    chosen = Thinker.of(Settings(openai_api_key=KEY, supervisor_api="chat", supervisor_model="big"))
    assert (chosen.url, chosen.model, chosen._key) == ("https://api.openai.com/v1", "big", KEY)


def test_without_a_call_of_ours_the_settings_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPERVISOR_URL", "http://127.0.0.1:11434/v1")
    found = thinker_of(object())  # type: ignore[arg-type]
    assert found.url == config.load().settings.text_url == "http://127.0.0.1:11434/v1"


def test_what_cannot_be_used() -> None:
    with pytest.raises(ConfigError):
        Thinker("api.openai.com", "m")
    with pytest.raises(AgentError, match="api is responses or chat"):
        Thinker("https://h/v1", "m", api="x")  # type: ignore[arg-type]

    class Loose(BaseModel):
        facts: dict[str, str]

    with pytest.raises(AgentError, match="Loose cannot be told to a text model: a dict with any keys"):
        Form.of(Loose)


def test_no_http_client_is_loaded_before_the_first_question() -> None:
    told = (
        "import sys; from bridge.agents.supervisor import Supervisor; from bridge.agents.thinker import Thinker; "
        "Supervisor('x').as_tool(); Thinker('https://h/v1', 'm'); "
        "assert not [m for m in sys.modules if m.startswith(('httpx', 'httpcore'))]"
    )
    subprocess.run([sys.executable, "-c", told], check=True)
