"""A local speech-to-speech model behind OpenAI's Realtime protocol: what `make demo` and the tests talk to.

It needs no key and no internet. It hears turns (and, with the right ears, words), thinks by a script or with a local
language model, speaks, and keeps to the protocol: the order of events, one response at a time, errors in OpenAI's
words, the real lengths of its sound when a client truncates. Any Realtime client can be pointed at it:

    ws://127.0.0.1:PORT/v1/realtime?model=...         a conversation (GA)
    same, with `OpenAI-Beta: realtime=v1`             the beta dialect
    ws://127.0.0.1:PORT/v1/realtime?intent=transcription
    GET http://127.0.0.1:PORT/healthz
    POST http://127.0.0.1:PORT/v1/responses, /v1/chat/completions      words without a voice (texts.py)

`audio.output.speed` is accepted and not followed; MCP servers are not called (`mcp_list_tools.failed` says so).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bridge.errors import UsageError
from bridge.sim.brain import Brain, ScriptBrain, load_script
from bridge.sim.chat import ChatBrain, ChatEndpoint
from bridge.sim.ears import Ears, EarsKind
from bridge.sim.endpoints import SpeechEndpoint, TranscriptionEndpoint
from bridge.sim.engine.complaints import Complaint
from bridge.sim.engine.dialects import GA, Beta, Dialect
from bridge.sim.engine.faults import parse_faults
from bridge.sim.engine.faulty import FaultPlan
from bridge.sim.engine.record import SessionRecord
from bridge.sim.engine.session import Helpers, Session
from bridge.sim.engine.shapes import anything
from bridge.sim.engine.upgrade import SocketLink, Upgrade, choose_subprotocol
from bridge.sim.http_door import HttpSide
from bridge.sim.texts import Texts
from bridge.sim.thoughts import Thoughts
from bridge.sim.voice import Mouth

log = logging.getLogger(__name__)

LARGEST_MESSAGE_BYTES = 21 * 1024 * 1024
"""15 MiB of sound in base64, and the event around it."""

KEPT_SESSIONS = 1000

CLOSE_TIMEOUT_S = 2.0
"""A client on loopback that does not answer a close by then is frozen, or gone."""


@dataclass(frozen=True)
class ModelOptions:
    """How the engine runs.

    `port` 0 takes a free one. `speed` is how many times faster than it plays the sound is sent. `faults` are texts in
    the grammar of engine/faults.py. `require_key`: refuse every other bearer key in band, as OpenAI does; empty takes
    any. `strict_ga`: refuse the beta dialect as OpenAI does since 2026. `keep` records all events and sound of each
    session, for tests; it grows with the conversation. `thoughts` are what the text endpoints answer, in order, or a
    function of what was asked; without any they answer something plausible.
    """

    host: str = "127.0.0.1"
    port: int = 0
    ears: EarsKind = "auto"
    script: str = "reception"
    speed: float = 8.0
    delta_ms: int = 200
    latency_ms: int = 100
    session_seconds: float = 3600.0
    require_key: str = ""
    strict_ga: bool = False
    faults: tuple[str, ...] = ()
    llm_url: str = ""
    stt_url: str = ""
    tts_url: str = ""
    keep: bool = False
    thoughts: Thoughts = ()


class ModelServer:
    """The engine as a server: `async with ModelServer(options) as server`, then connect to `server.url`.

    `sessions` are the records of all connections, oldest first. Raises UsageError for options that make no sense.
    """

    def __init__(
        self,
        options: ModelOptions | None = None,
        *,
        brain: Callable[[], Brain] | None = None,
        mouth: Mouth | None = None,
    ) -> None:
        """`brain` makes the brain of each session, instead of the script; `mouth` is closed with the server."""
        self.options = options = options or ModelOptions()
        self._new_brain = brain
        if options.speed <= 0 or options.delta_ms <= 0 or options.session_seconds <= 0:
            raise UsageError("speed, delta_ms and session_seconds must be greater than zero.")
        self._faults = parse_faults(options.faults)
        self._script = load_script(options.script)
        self._speech = SpeechEndpoint(options.tts_url) if options.tts_url else None
        self._transcription = TranscriptionEndpoint(options.stt_url) if options.stt_url else None
        self._chat = ChatEndpoint(options.llm_url) if options.llm_url else None
        self.texts = Texts(options.thoughts, require_key=options.require_key, llm=self._chat)
        self._http = HttpSide(self.texts.routes)
        ears = Ears(options.ears, phrases=self._script.phrases, transcription=self._transcription)
        self.helpers = Helpers(
            ears,
            mouth or Mouth(self._speech),
            any_voice=anything if self._speech else None,
            speed=options.speed,
            delta_ms=options.delta_ms,
            latency_s=options.latency_ms / 1000,
            session_s=options.session_seconds,
        )
        self.sessions: deque[SessionRecord] = deque(maxlen=KEPT_SESSIONS)
        self._count = 0
        self._server: Server | None = None

    async def __aenter__(self) -> ModelServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        sockets = list(self._server.sockets) if self._server else []
        return int(sockets[0].getsockname()[1]) if sockets else 0

    @property
    def url(self) -> str:
        """What clients are given as REALTIME_URL."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"ws://{host}:{self.port}/v1/realtime"

    @property
    def text_url(self) -> str:
        """What clients are given as SUPERVISOR_URL."""
        return self.url.replace("ws:", "http:", 1).removesuffix("/realtime")

    async def start(self) -> None:
        """Listen. Raises UsageError when the address cannot be had."""
        try:
            self._server = await serve_websockets(
                self._converse,
                self.options.host,
                self.options.port,
                process_request=self._upgrade,
                select_subprotocol=choose_subprotocol,
                compression=None,
                max_size=LARGEST_MESSAGE_BYTES,
                close_timeout=CLOSE_TIMEOUT_S,
                server_header=None,
                create_connection=self._http.door(),
            )
        except OSError as error:
            where = f"{self.options.host}:{self.options.port}"
            raise UsageError(f"The engine cannot listen on {where}: {error.strerror or error}.") from error

    async def stop(self) -> None:
        """Close all connections (1001) and end the helper processes."""
        if self._server is not None:
            self._server.close()
            self._http.close()
            await self._server.wait_closed()
            await self._http.closed()
        self.helpers.mouth.close()
        self.helpers.ears.close()
        for endpoint in (self._speech, self._transcription, self._chat):
            if endpoint is not None:
                await endpoint.close()

    def _upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no conversation over HTTP; None lets the upgrade go on."""
        path = urlsplit(request.path).path
        if path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if not path.endswith("/realtime"):
            return connection.respond(HTTPStatus.NOT_FOUND, "The engine serves /v1/realtime.\n")
        for fault in self._faults:
            if fault.kind == "refuse" and fault.concerns(self._count + 1):
                self._count += 1
                status = HTTPStatus(int(fault.number))
                return connection.respond(status, f"{status.phrase}\n")
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        """One client, from its upgrade to its end."""
        self._count += 1
        number = self._count
        link = SocketLink(connection)
        faults = FaultPlan(self._faults, number, link)
        upgrade = Upgrade.of(connection)
        dialect: Dialect = Beta() if upgrade.beta else GA()
        record = SessionRecord(f"sess_{number:03d}", dialect.name, self.options.keep)
        self.sessions.append(record)
        session = Session(
            number, link=link, helpers=self.helpers, brain=self._brain(), dialect=dialect, faults=faults, record=record
        )
        writer = asyncio.create_task(link.write())
        try:
            late = faults.get("late")
            await asyncio.sleep(late.number if late else 0)
            if not self._refused(upgrade, session, faults):
                expires_at = int(time.time() + self.options.session_seconds)
                session.begin(upgrade.model, expires_at)
            async for message in connection:
                session.receive(message)
        except ConnectionClosed:
            pass
        finally:
            session.end()
            writer.cancel()
            if record.close is None and connection.close_code is not None:
                record.close = (connection.close_code, connection.close_reason or "")

    def _refused(self, upgrade: Upgrade, session: Session, faults: FaultPlan) -> bool:
        """Say in band what makes this connection impossible, as OpenAI does, and close it."""
        key, wanted = upgrade.key, self.options.require_key
        if faults.has("key") or (wanted and key != wanted):
            shown = f"{key[:3]}***" if key else "(none)"
            complaint, code = Complaint(f"Incorrect API key provided: {shown}.", code="invalid_api_key"), 3000
        elif self.options.strict_ga and upgrade.beta:
            text = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
            complaint, code = Complaint(text, code="beta_api_shape_disabled"), 4000
        elif upgrade.model is None and upgrade.names_model and not upgrade.beta:
            text = "You must not provide a model parameter for transcription sessions."
            complaint, code = Complaint(text, code="invalid_model", param="model"), 4000
        elif upgrade.model == "":
            complaint, code = (
                Complaint("You must provide a model parameter.", code="missing_model", param="model"),
                4000,
            )
        else:
            return False
        session.refuse(complaint, code)
        return True

    def _brain(self) -> Brain:
        if self._new_brain is not None:
            return self._new_brain()
        return ChatBrain(self._chat) if self._chat is not None else ScriptBrain(self._script)


async def serve(options: ModelOptions, ready: Callable[[str], None] | None = None) -> None:
    """Run the engine until cancelled; `ready` is told its URL once it listens. Raises UsageError."""
    async with ModelServer(options) as server:
        if ready is not None:
            ready(server.url)
        await asyncio.get_running_loop().create_future()
