"""OpenAI-compatible HTTP endpoints the local engine can think, hear and speak with: vLLM, Ollama, llama.cpp, ...

    LOCAL_LLM_URL    POST {url}/v1/chat/completions        brain   (see chat.py)
    LOCAL_STT_URL    POST {url}/v1/audio/transcriptions    ears
    LOCAL_TTS_URL    POST {url}/v1/audio/speech            mouth

Each URL is given with or without `/v1`. A model is named behind `#`, as in `http://127.0.0.1:11434/v1#llama3.2`;
without it the first model the server lists (`GET {url}/v1/models`) is taken.
"""

from __future__ import annotations

import io
import wave
from typing import Any

import httpx2

from bridge.errors import BridgeError, ConfigError

TIME_LIMIT_S = 60.0
"""A local model on a laptop may think long; a caller will not wait longer than this."""


class EndpointError(BridgeError):
    """An endpoint of the local engine did not do what was asked."""

    bucket = "upstream_error"


class Endpoint:
    """One OpenAI-compatible server. Raises ConfigError for a URL that is none, EndpointError for every failure."""

    def __init__(self, url: str, default_model: str = "") -> None:
        base, _, model = url.partition("#")
        base = base.rstrip("/")
        if not base.startswith(("http://", "https://")):
            raise ConfigError(f"{url!r} is not an http:// or https:// URL of an OpenAI-compatible server")
        self.base = base if base.endswith("/v1") else f"{base}/v1"
        self._model = model or default_model
        self.client = httpx2.AsyncClient(timeout=TIME_LIMIT_S)

    async def model(self) -> str:
        """The model's name, asked for once."""
        if not self._model:
            listed: Any = (await self.request("GET", "/models")).json()
            try:
                self._model = str(listed["data"][0]["id"])
            except (LookupError, TypeError) as error:
                raise EndpointError(f"{self.base}/models lists no model; name one behind # in the URL") from error
        return self._model

    async def request(self, method: str, path: str, **content: Any) -> httpx2.Response:
        """One request and its whole answer."""
        try:
            answer = await self.client.request(method, self.base + path, **content)
        except httpx2.HTTPError as error:
            raise EndpointError(f"{self.base}{path} cannot be reached: {error or type(error).__name__}") from error
        if answer.status_code >= 400:
            raise EndpointError(f"{self.base}{path} answered {answer.status_code}: {answer.text[:200]}")
        return answer

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose()


class SpeechEndpoint(Endpoint):
    """Text to speech."""

    def __init__(self, url: str) -> None:
        super().__init__(url, default_model="tts-1")

    async def say(self, text: str, voice: str) -> bytes:
        """`text` as PCM16 mono at 24 kHz, the rate that `response_format: pcm` stands for."""
        names = {"agent": "alloy", "caller": "echo"}
        body = {"model": await self.model(), "input": text, "voice": names[voice], "response_format": "pcm"}
        spoken = (await self.request("POST", "/audio/speech", json=body)).content
        return spoken[: len(spoken) // 2 * 2]


class TranscriptionEndpoint(Endpoint):
    """Speech to text."""

    def __init__(self, url: str) -> None:
        super().__init__(url, default_model="whisper-1")

    async def hear(self, pcm16: bytes, rate_hz: int) -> str:
        """The words in PCM16 mono; empty when there are none."""
        sound = io.BytesIO()
        with wave.open(sound, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(rate_hz)
            writer.writeframes(pcm16)
        files = {"file": ("turn.wav", sound.getvalue(), "audio/wav")}
        fields = {"model": await self.model(), "response_format": "json"}
        answer: Any = (await self.request("POST", "/audio/transcriptions", data=fields, files=files)).json()
        try:
            return str(answer["text"]).strip()
        except (LookupError, TypeError) as error:
            raise EndpointError(f"{self.base}/audio/transcriptions answered without a text") from error
