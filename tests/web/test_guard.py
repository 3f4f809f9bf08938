"""Who may do what on the admin listener: roles, sessions, other sites' pages, other names, other paths."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from guard_world import ADMIN, BROWSER, Admin, bearer, cookie, inside
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bridge.sim.script import DEMO
from bridge.store.database import Database
from bridge.web.access import COOKIE, IDLE_S, LONGEST_S, Access, Role, TooManyTries, Viewer
from bridge.web.routes import Door, SocketDoor

GOLDEN = Path(__file__).parent / "golden" / "access.json"


def filled(path: str, value: str = "x") -> str:
    return re.sub(r"\{[^}]+\}", value, path)


async def status(world: Admin, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of an answer that may never end."""
    async with world.http.stream(method, path, headers=headers) as answer:
        return answer.status_code


async def socket_status(world: Admin, path: str, headers: dict[str, str]) -> int:
    """101 when it was opened."""
    try:
        async with connect(f"ws://{world.base}{path}", additional_headers=headers, compression=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def asked(world: Admin, door: Door | SocketDoor, headers: dict[str, str], value: str = "x") -> dict[str, int]:
    """What each method of a route answers."""
    path = filled(door.path, value)
    if isinstance(door, SocketDoor):
        return {f"SOCKET {door.path}": await socket_status(world, path, headers)}
    methods = sorted((door.methods or set()) - {"HEAD"})
    return {f"{method} {door.path}": await status(world, method, path, headers) for method in methods}


def test_every_route_is_a_door_that_says_whom_it_is_for(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        assert len(world.doors) == len(world.house.app.admin.routes) > 30
        free = {door.path for door in world.doors if door.needs is None}
        assert free == {"/healthz", "/login", "/static/{version}/{name:path}"}
        for door in world.doors:
            methods = getattr(door, "methods", None) or set()
            harmless = door.path in ("/login", "/logout", "/preferences")  # one's own session and cookies
            if not harmless and methods - {"GET", "HEAD"}:
                assert door.needs is not None and door.needs >= Role.OPERATOR, door.path

    inside(tmp_path, story)


def test_the_matrix_of_routes_and_roles_is_the_one_that_was_agreed(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        callers: dict[str, Any] = {"anonymous": dict}
        for scope in ("viewer", "operator", "admin"):
            secret = (await world.token(scope))["token"]
            callers[scope] = lambda secret=secret: bearer(secret)
        dead = await world.token("admin", "revoked")
        session = await world.session(dead["token"])
        await world.http.delete(f"/api/v1/tokens/{dead['id']}", headers=bearer(ADMIN))
        callers["revoked token"] = lambda: bearer(dead["token"])
        callers["revoked session"] = lambda: cookie(session) | {"sec-fetch-site": "same-origin"}
        found: dict[str, dict[str, str]] = {}
        for door in world.doors:
            for who, headers in callers.items():
                for route, code in (await asked(world, door, headers())).items():
                    if route.startswith("SOCKET"):
                        word = "opened" if code == 101 else "refused"
                    else:
                        word = {401: "unknown", 403: "forbidden"}.get(code, "let in")
                    if route == "POST /login":
                        word = "let in"  # 401 is what it says to a wrong token
                    found.setdefault(route, {})[who] = word
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        if not GOLDEN.exists():
            GOLDEN.parent.mkdir(exist_ok=True)
            GOLDEN.write_text(text)
        assert text == GOLDEN.read_text(), f"delete {GOLDEN.name} and run this again, then read what changed"

    inside(tmp_path, story)


CROSS: dict[str, dict[str, str]] = {
    "cross-site": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "same-site": {"sec-fetch-site": "same-site", "origin": "https://sister.example"},
    "foreign origin": {"origin": "https://evil.example"},
    "no origin": {"origin": "null"},
    "neither, but a cookie": {},
}


def test_no_page_of_another_site_can_change_anything(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        session = await world.session(ADMIN)
        tried = 0
        for door in world.doors:
            if not isinstance(door, Door) or not (door.methods or set()) - {"GET", "HEAD"}:
                continue
            for case, headers in CROSS.items():
                for route, code in (await asked(world, door, cookie(session) | headers)).items():
                    assert code == 403, (route, case)
                    tried += 1
        assert tried > 100
        alive = await world.http.get("/api/v1/tokens", headers=cookie(session))
        assert alive.json() == {"tokens": []}, "and the session is still there: nothing was done, not even a log-out"

    inside(tmp_path, story)


def test_no_page_of_another_site_can_open_a_socket(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        session = await world.session(ADMIN)
        sockets = [door for door in world.doors if isinstance(door, SocketDoor)]
        assert sockets
        for door in sockets:
            for case, headers in CROSS.items():
                assert await socket_status(world, filled(door.path), cookie(session) | headers) == 403, case
            own = cookie(session) | {"origin": f"http://{world.base}"}
            assert await socket_status(world, filled(door.path), own) == 101

    inside(tmp_path, story)


def test_without_a_token_only_this_machines_own_pages_and_programs_come_in(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        http = world.http
        assert (await http.get("/", headers=BROWSER)).status_code == 200
        assert (await http.get("/api/v1/calls")).status_code == 200, "a program sends neither header"
        assert (await http.post("/api/v1/calls/x/hangup", json={})).status_code == 404
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert (await http.post("/api/v1/calls/x/hangup", json={}, headers=headers)).status_code == 403
        for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "[", ""):
            answer = await http.get("/api/v1/calls", headers={"host": host})
            assert answer.status_code in (400, 403), host
        for host in ("localhost:1", "127.0.0.1", "[::1]:8081"):
            assert (await http.get("/api/v1/calls", headers={"host": host})).status_code == 200, host
        assert (await http.get("/api/v1/calls", headers=bearer("wrong"))).status_code == 401
        assert (await http.get("/login", headers=BROWSER)).headers["location"] == "/"

    inside(tmp_path, story, token="")


def test_with_a_token_it_answers_to_its_own_names(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async def at(host: str) -> int:
            return (await world.http.get("/api/v1/calls", headers=bearer(ADMIN) | {"host": host})).status_code

        assert await at("evil.example") == 403
        assert await at("admin.example.com") == 200
        assert await at("10.0.0.7:8081") == 200, "an address is nobody's name"
        https = {"host": "10.0.0.7", "origin": "https://admin.example.com"}  # behind a proxy that changes Host
        answer = await world.http.post("/login", data={"token": ADMIN}, headers=https)
        assert answer.headers["set-cookie"].startswith(f"__Host-{COOKIE}=")
        assert "Secure" in answer.headers["set-cookie"]
        page = await world.http.get("/login", headers={"host": "admin.example.com"})
        assert page.headers["strict-transport-security"].startswith("max-age=")

    inside(tmp_path, story, admin_url="https://admin.example.com")


def test_a_session_begins_with_a_token_and_ends_with_it(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        http = world.http
        to_login = await http.get("/settings", headers=BROWSER)
        assert (to_login.status_code, to_login.headers["location"]) == (303, "/login?next=/settings")
        assert (await http.post("/login", data={"token": "guess"}, headers=BROWSER)).status_code == 401
        made = await world.token("viewer", "Ada")
        answer = await http.post("/login", data={"token": made["token"], "next": "/settings"}, headers=BROWSER)
        set_cookie = answer.headers["set-cookie"]
        assert answer.headers["location"] == "/settings"
        assert "HttpOnly" in set_cookie and "samesite=strict" in set_cookie.lower()
        assert made["token"] not in set_cookie, "the cookie is not the token"
        page = await http.get("/settings")
        assert "In force" in page.text or "Set here" in page.text
        assert "New token" not in page.text, "a viewer rules nothing"
        assert (await http.post("/settings/tokens", headers=BROWSER, data={})).status_code == 403
        gone = await http.delete(f"/api/v1/tokens/{made['id']}", headers=bearer(ADMIN))
        assert gone.status_code == 204
        assert (await http.get("/settings", headers=BROWSER)).status_code == 303
        part = await http.get("/settings", headers=BROWSER | {"hx-request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login")

    inside(tmp_path, story)


def test_whoever_logs_out_is_out_whatever_cookie_they_kept(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        session = cookie(await world.session(ADMIN)) | BROWSER
        assert (await world.http.get("/", headers=session)).status_code == 200
        assert (await world.http.post("/logout", headers=session)).headers["location"] == "/login"
        assert (await world.http.get("/", headers=session)).status_code == 303

    inside(tmp_path, story)


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\nb"]
)
def test_logging_in_leads_nowhere_else(tmp_path: Path, there: str) -> None:
    async def story(world: Admin) -> None:
        answer = await world.http.post("/login", data={"token": ADMIN, "next": there}, headers=BROWSER)
        assert answer.headers["location"] == "/"

    inside(tmp_path, story)


def test_sessions_end_by_idleness_and_by_age_and_guessing_is_slowed(tmp_path: Path) -> None:
    from house_world import settings

    from bridge.sim import loop

    async def story() -> None:
        db = await Database.open("", tmp_path)
        now = [1_800_000_000.0]
        access = Access(settings(tmp_path, "ws://127.0.0.1:1", admin_token=ADMIN), lambda: db, lambda: now[0])

        async def who(secret: str) -> Viewer | None:
            from starlette.datastructures import Headers

            return await access.who(Headers(cookie(secret)))

        found = await access.log_in(ADMIN, "a browser", "::1")
        assert found is not None
        _, secret = found
        for _ in range(int(LONGEST_S // (IDLE_S - 60))):
            now[0] += IDLE_S - 60
            known = await who(secret)
            assert known is not None and known.role is Role.ADMIN, "in use"
        now[0] += IDLE_S - 60
        assert await who(secret) is None, "too old, although in use"
        second = await access.log_in(ADMIN, "a browser", "::1")
        assert second is not None
        now[0] += IDLE_S + 1
        assert await who(second[1]) is None, "idle"
        for _ in range(5):
            assert await access.log_in("guess", "", "10.0.0.9") is None
        with pytest.raises(TooManyTries):
            await access.log_in(ADMIN, "", "10.0.0.9")
        assert await access.log_in(ADMIN, "", "10.0.0.8") is not None, "somebody else"
        now[0] += 61
        assert await access.log_in(ADMIN, "", "10.0.0.9") is not None
        other = Access(settings(tmp_path, "ws://127.0.0.1:1", admin_token="another"), lambda: db, lambda: now[0])
        third = await access.log_in(ADMIN, "", "::1")
        assert third is not None
        from starlette.datastructures import Headers

        assert await other.who(Headers(cookie(third[1]))) is None, "BRIDGE_ADMIN_TOKEN was changed"
        await db.close()

    loop.run(story())


async def as_written(world: Admin, path: str) -> bytes:
    """A whole answer to a path that no client has put in order before."""
    host, _, port = world.base.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"GET {path} HTTP/1.1\r\nhost: {world.base}\r\nauthorization: Bearer {ADMIN}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


EVIL = ["..", "../..", "%2e%2e", "%2e%2e%2f%2e%2e%2fcallbridge.db", "%2fetc%2fpasswd", "call_%00", "..%5c..", "%c0%ae"]


def test_no_path_leads_out_of_what_is_served(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        canary = "canary-that-nobody-may-read"
        (tmp_path / "secret.txt").write_text(canary)
        link = tmp_path / "calls" / "call_00000000000000000000"
        link.mkdir(parents=True)
        (link / "call.json").symlink_to(tmp_path / "secret.txt")
        tried = 0
        for door in world.doors:
            if "{" not in door.path or isinstance(door, SocketDoor) or "GET" not in (door.methods or set()):
                continue
            for value in [*EVIL, link.name, "secret.txt", "../secret.txt"]:
                answer = await as_written(world, filled(door.path, value))
                assert answer.startswith(b"HTTP/1.1 404"), (door.path, value, answer[:100])
                assert canary.encode() not in answer
                tried += 1
        assert tried > 50

    inside(tmp_path, story)


def test_what_was_done_is_written_down_with_who_did_it(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        made = await world.token("operator", "Grace")
        call = await world.house.ring(DEMO)
        await asyncio.sleep(2)
        call_id = world.house.app.services.switchboard.live[0].info.call_id
        for verb, body in (("note", {"text": "They are a regular."}), ("hangup", {})):
            answer = await world.http.post(f"/api/v1/calls/{call_id}/{verb}", json=body, headers=bearer(made["token"]))
            assert answer.status_code == 202
        await call.ended()
        found = (await world.http.get("/api/v1/audit", headers=bearer(ADMIN))).json()["audit"]
        assert [(row["who"], row["what"]) for row in found] == [
            ("Grace", "call.hangup"),
            ("Grace", "call.note"),
            ("admin", "token.create"),
        ]
        assert found[1]["subject"] == call_id
        assert found[1]["after"] == {"text": "They are a regular.", "respond": False}
        page = await world.http.get(f"/settings/audit?subject={call_id}", headers=bearer(ADMIN))
        assert "They are a regular." in page.text and "token.create" not in page.text
        empty = await world.http.get("/settings/audit?subject=call_nobody", headers=bearer(ADMIN))
        assert "Nothing is written down about call_nobody." in empty.text

    inside(tmp_path, story)


def test_the_health_of_the_process_is_for_anybody(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        async with httpx2.AsyncClient(base_url=f"http://{world.base}", trust_env=False) as http:
            assert (await http.get("/healthz", headers={"host": "whoever"})).json() == {"status": "ok"}

    inside(tmp_path, story)
