"""`/login`, `/logout`, and what a reader prefers (theme, time): cookies, nothing else."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.errors import StoreError
from bridge.web.access import COOKIE, HOST_COOKIE, LONGEST_S, Access, TooManyTries
from bridge.web.forms import form
from bridge.web.problem import refusal
from bridge.web.render import THEMES, ZONES, page
from bridge.web.services import Services

A_YEAR_S = 365 * 86_400
LONGEST_TOKEN = 500


class LoginPage:
    """The handlers."""

    def __init__(self, access: Access, services: Services) -> None:
        self._access = access
        self._s = services

    async def show(self, request: Request) -> Response:
        """The form; whoever is known already goes on."""
        if request.state.who is not None:
            return RedirectResponse(_own_path(request.query_params.get("next", "")), 303)
        return self._form(request, 200, "")

    async def log_in(self, request: Request) -> Response:
        """Open a session with the token of the form."""
        fields = await form(request)
        given = fields.get("token", "").strip()[:LONGEST_TOKEN]
        address = request.client.host if request.client is not None else ""
        try:
            found = await self._access.log_in(given, request.headers.get("user-agent", ""), address)
        except TooManyTries as error:
            return self._form(request, 429, str(error))
        except StoreError as error:
            return self._form(request, 503, f"Nobody can log in now: {error}.")
        if found is None:
            return self._form(request, 401, "This is no good token.")
        who, secret = found
        request.state.who = who
        await self._s.audit(request, "session.open", who.name)
        answer = RedirectResponse(_own_path(fields.get("next", "")), 303)
        # What the browser calls us by tells whether the way to it is encrypted; we ourselves see only the proxy's.
        https = request.headers.get("origin", "").startswith("https://") or request.url.scheme == "https"
        answer.set_cookie(
            HOST_COOKIE if https else COOKIE,
            secret,
            max_age=int(LONGEST_S),
            httponly=True,
            samesite="strict",
            secure=https,
        )
        return answer

    async def log_out(self, request: Request) -> Response:
        """The session is over, here and in the database."""
        try:
            await self._access.log_out(request.state.who)
        except StoreError as error:
            return refusal(request, 503, "The session could not be closed", str(error))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        answer.delete_cookie(HOST_COOKIE, secure=True)
        return answer

    async def prefer(self, request: Request) -> Response:
        """`theme=auto|light|dark` and `time=local|utc`: kept in cookies. (Scripts set the same ones by themselves.)"""
        fields = await form(request)
        answer = RedirectResponse(_own_path(fields.get("next", "")), 303)
        for name, known in (("theme", THEMES), ("time", ZONES)):
            if fields.get(name) in known:
                answer.set_cookie(name, fields[name], max_age=A_YEAR_S, samesite="strict")
        return answer

    def _form(self, request: Request, status: int, wrong: str) -> Response:
        goes_on = _own_path(request.query_params.get("next", ""))
        return page(request, "login.html", status, wrong=wrong, goes_on=goes_on)


def _own_path(given: str) -> str:
    """A path of ours; `/` for whatever else somebody wrote into the address."""
    plain = given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable()
    return given if plain else "/"
