"""Where the database is: DATABASE_URL as people write it, as one of two places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from bridge.config import without_password
from bridge.errors import ConfigError

FILE = "callbridge.db"
_SQLITE = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")
_POSTGRES = ("postgres", "postgresql", "postgresql+asyncpg")


@dataclass(frozen=True, slots=True)
class Address:
    """A file of SQLite's, or a server of PostgreSQL's."""

    path: Path | None = None
    url: str = ""
    """`postgresql://...` as PostgreSQL's own tools take it, with its password."""

    @property
    def shown(self) -> str:
        """How it is named to people: without a password."""
        return str(self.path) if self.path is not None else without_password(self.url)


def read_address(url: str, data: Path) -> Address:
    """What a DATABASE_URL means; "" is a file in the data folder. Raises ConfigError."""
    if not url:
        return Address(data / FILE)
    scheme, mark, rest = url.partition("://")
    if mark and scheme in _SQLITE:
        place = rest.partition("?")[0]
        # Three slashes begin a relative path, four an absolute one; nothing stands between the first two and the third.
        if not place.startswith("/") or place in ("/", "/:memory:"):
            raise ConfigError(
                f"DATABASE_URL is {url!r}: SQLite needs a file, as sqlite:///data/{FILE} (below the current folder) "
                f"or sqlite:////var/lib/{FILE}"
            )
        return Address(Path(unquote(place[1:])))
    if mark and scheme in _POSTGRES:
        return Address(url=f"postgresql://{rest}")
    raise ConfigError(
        f"DATABASE_URL is {without_password(url)!r}: it must look like sqlite:///data/{FILE} "
        "or postgresql://user:password@host/database"
    )
