"""The admin API of a running `callbridge serve`, from outside: what the commands and `bridge.dial` speak.

Answers that say no become the errors they were: a number that is refused is NumberRefused here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.config import Settings
from bridge.errors import (
    BridgeError,
    CallNotAllowed,
    CarrierError,
    NumberRefused,
    ServiceUnavailable,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    import httpx2

LIMIT_S = 30.0
"""For an answer; a `serve` that is busy with calls answers within milliseconds."""
CONNECT_S = 2.0
UPLOAD_S = 1800.0
"""For a long file to be read on the other side."""
TRIES = 3
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what a listener on all addresses is reached at


def admin_url(settings: Settings) -> str:
    """Where commands find a running serve: BRIDGE_ADMIN_URL, or the admin listener's address."""
    if settings.admin_url:
        return settings.admin_url.rstrip("/")
    host = settings.admin_host
    return f"http://{_ANYWHERE.get(host, f'[{host}]' if ':' in host else host)}:{settings.admin_port}"


class AdminClient:
    """One connection to one admin API. Use it in one thread at a time; `with` closes it."""

    def __init__(self, url: str, token: str = "") -> None:
        import httpx2

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url
        try:
            self._http = httpx2.Client(
                base_url=url,
                headers=headers,
                timeout=httpx2.Timeout(LIMIT_S, connect=CONNECT_S),
                trust_env=False,
            )
        except (httpx2.InvalidURL, ValueError) as error:
            raise UsageError(f"BRIDGE_ADMIN_URL {url!r} is no URL ({error})") from None

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Look. Raises ServiceUnavailable, UsageError, StoreError."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any], *, key: str = "", method: str = "POST") -> dict[str, Any]:
        """Do. With an Idempotency-Key `key` it is tried again when the answer is lost. Raises as `get` does."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._ask(method, path, json=dict(body), headers=headers, tries=TRIES if key else 1)

    def put_file(self, path: str, file: Path, **query: str) -> dict[str, Any]:
        """Send a file as it is. Raises as `get` does."""
        try:
            content = file.open("rb")
        except OSError as error:
            raise UsageError(f"{file}: cannot be read ({error.strerror})") from None
        with content:
            return self._ask("PUT", path, params=query, content=content, timeout=UPLOAD_S)

    def download(self, path: str) -> Iterator[str]:
        """A long text, as it comes. Raises as `get` does."""
        import httpx2

        try:
            with self._http.stream("GET", f"/api/v1{path}", timeout=UPLOAD_S) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _refused(answer, self.url)
                yield from answer.iter_text()
        except httpx2.HTTPError as error:
            raise self._unavailable(error) from None

    def events(self) -> Iterator[dict[str, Any]]:
        """What happens in all calls, from now on; the first event is empty. Raises as `get` does."""
        import httpx2

        try:
            with self._http.stream("GET", "/feed", timeout=httpx2.Timeout(None, connect=CONNECT_S)) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _refused(answer, self.url)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise self._unavailable(error) from None

    def _ask(self, method: str, path: str, *, tries: int = 1, **content: Any) -> dict[str, Any]:
        import httpx2

        while True:
            try:
                answer = self._http.request(method, f"/api/v1{path}", **content)
            except httpx2.HTTPError as error:
                tries -= 1
                if tries <= 0 or isinstance(error, httpx2.ConnectError):
                    raise self._unavailable(error) from None
                continue
            if answer.status_code >= 400:
                raise _refused(answer, self.url)
            return _document(answer, self.url)

    def _unavailable(self, error: Exception) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"no `callbridge serve` answers at {self.url} ({error or type(error).__name__}); start one, "
            "or say with BRIDGE_ADMIN_URL where it is"
        )


def client_of(settings: Settings) -> AdminClient:
    """The client of these settings."""
    return AdminClient(admin_url(settings), settings.admin_token)


def _document(answer: httpx2.Response, url: str) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceUnavailable(f"what answers at {url} is no `callbridge serve`; see BRIDGE_ADMIN_URL")
    return body


def _refused(answer: httpx2.Response, url: str) -> BridgeError:
    """The error that an answer tells."""
    status = answer.status_code
    if "problem+json" not in answer.headers.get("content-type", ""):
        return ServiceUnavailable(f"{url} answers with {status}; is it a `callbridge serve` of this version?")
    body = _document(answer, url)
    sentence, why = str(body.get("detail") or body.get("title", status)), str(body.get("why", ""))
    if status == 502:
        return CarrierError(sentence)
    if status >= 500:
        return StoreError(sentence)
    if why in ("do_not_call", "being_called", "key_reused", "unknown"):
        return CallNotAllowed(sentence, why=why)
    return NumberRefused(sentence, why=why) if why else UsageError(sentence)
