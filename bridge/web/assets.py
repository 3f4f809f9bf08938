"""The files that pages need: style sheet, scripts, other people's libraries. All come from here, none from elsewhere.

Their URL holds a hash over all of them (`/static/<hash>/js/console.js`), so that a browser may keep them for ever and
never has an old one beside a new page; a script that imports its neighbour gets it under the same hash.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".LICENSE": "text/plain; charset=utf-8",
    ".toml": "text/plain; charset=utf-8",
}
"""What is served, and as what."""
FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """The files, read once. What is not among them cannot be asked for, whatever a path looks like."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in KINDS
        }
        self.files = MappingProxyType(found)
        print_of = hashlib.sha256()
        for name, content in found.items():
            print_of.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = print_of.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where a file is. Raises KeyError for one that there is not: a page's mistake."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    def answer(self, version: str, name: str) -> Response:
        """The file. Raises HTTPException (404)."""
        content = self.files.get(name)
        if content is None:
            raise HTTPException(404)
        keep = FOR_EVER if version == self.version else "no-cache"
        return Response(content, media_type=KINDS[Path(name).suffix], headers={"cache-control": keep})


@cache
def assets() -> Assets:
    """The files of this package."""
    return Assets()


async def serve(request: Request) -> Response:
    """`/static/{version}/{name}`."""
    return assets().answer(request.path_params["version"], request.path_params["name"])
