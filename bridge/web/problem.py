"""How the admin listener says no: problem+json (RFC 9457) to programs, a page to people."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from bridge.web.render import page


def problem(status: int, title: str, detail: str = "", *, why: str = "") -> JSONResponse:
    """An error as problem+json (RFC 9457); `why` is one word for programs, where there is one."""
    body = {"type": "about:blank", "title": title, "status": status} | ({"detail": detail} if detail else {})
    body |= {"why": why} if why else {}
    return JSONResponse(body, status, media_type="application/problem+json")


def wants_page(connection: HTTPConnection) -> bool:
    """Is this a person with a browser? The API answers programs, whatever they accept."""
    path = connection.url.path
    return "text/html" in connection.headers.get("accept", "") and not path.startswith(
        ("/api/v1/", "/feed", "/updates")
    )


def refusal(connection: HTTPConnection, status: int, title: str, detail: str = "") -> Response:
    """No, in the form in which it was asked."""
    if not wants_page(connection):
        return problem(status, title, detail)
    template = "error_part.html" if "hx-request" in connection.headers else "error.html"
    return page(connection, template, status, heading=title, detail=detail, code=status)
