"""Other people's files are theirs to the byte, licences go where they go, and pages ask nobody else for anything."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bridge.web.assets import FOLDER, assets

VENDOR = FOLDER / "vendor"
TEMPLATES = FOLDER.parent / "templates"
LISTED: dict[str, dict[str, Any]] = tomllib.loads((VENDOR / "VENDOR.toml").read_text())
OURS = ["console.css", *(f"js/{path.name}" for path in (FOLDER / "js").glob("*.js"))]


def test_every_file_is_what_its_authors_published() -> None:
    for package in LISTED.values():
        for file in package["files"]:
            found = base64.b64encode(hashlib.sha512((VENDOR / file["here"]).read_bytes()).digest()).decode()
            assert found == file["sha512"], file["here"]
            assert package["version"] in file["here"], "a file's name tells its version"


def test_every_file_is_listed_and_has_a_licence() -> None:
    listed = {file["here"] for package in LISTED.values() for file in package["files"]}
    assert {path.name for path in VENDOR.iterdir()} - {"VENDOR.toml"} == listed
    for package in LISTED.values():
        assert package["licence"] in ("0BSD", "MIT", "BSD-3-Clause")
        assert package["licence_file"] in listed
        assert len((VENDOR / package["licence_file"]).read_text()) > 300


def test_the_wheel_holds_pages_scripts_and_licences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    root = FOLDER.parents[2]
    [built] = wheel.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    wanted = [path for folder in (FOLDER, TEMPLATES) for path in folder.rglob("*") if path.is_file()]
    assert {path.relative_to(root).as_posix() for path in wanted} <= names
    licences = {name.rsplit("/", 1)[1] for name in names if ".dist-info/licenses/" in name}
    assert {package["licence_file"] for package in LISTED.values()} | {"LICENSE"} <= licences


def templates() -> list[Path]:
    found = sorted(TEMPLATES.rglob("*.html"))
    assert len(found) > 5
    return found


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_a_template_holds_no_script_no_style_and_nobody_elses_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"https?://|//[a-z]+\.", text), "pages ask only us"
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|hx-vals=.js:", text), "the policy stops it"
    assert not re.findall(r"<script(?![^>]*\ssrc=)", text), "scripts stand in files"
    assert not re.findall(r"\|\s*safe\b|autoescape", text), "everything is escaped"
    for name in re.findall(r"static\('([^']+)'\)", text):
        assert name in assets().files, name


@pytest.mark.parametrize("name", OURS)
def test_our_scripts_and_styles_ask_only_us(name: str) -> None:
    text = assets().files[name].decode()
    assert not re.findall(r"https?://|@import|url\(", text)
    assert not re.findall(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)


def test_no_code_marks_text_as_safe() -> None:
    """`Markup(x)` of anything but a constant would let a caller's name be a script."""
    wrong = []
    for path in sorted(FOLDER.parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_markup = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Markup"
            if is_markup and not all(isinstance(argument, ast.Constant) for argument in node.args):
                wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_a_file_is_kept_for_ever_under_its_hash_and_not_under_another() -> None:
    found = assets().answer(assets().version, "console.css")
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-type"] == "text/css; charset=utf-8"
    assert assets().answer("000000000000", "console.css").headers["cache-control"] == "no-cache"
    with pytest.raises(KeyError):
        assets().url("js/nothing.js")
