"""This machine: Python and its packages, the data folder, the ports, the certificates, who may use the console."""

from __future__ import annotations

import asyncio
import errno
import importlib
import importlib.metadata
import os
import shutil
import socket
import ssl
import sys
import tempfile
from pathlib import Path

from bridge.config import Settings, is_loopback
from bridge.web.checks.check import Result
from bridge.web.checks.scene import Scene

OLDEST = (3, 11)
NEEDED = ("audioop", "numpy", "phonenumbers", "msgspec")
FASTER = ("uvloop", "httptools", "pybase64")
LEAST_BYTES, GOOD_BYTES = 200 * 10**6, 2 * 10**9
"""A recorded hour takes 115 MB (two channels of 8 kHz in 16 bits)."""
BACK_HOME = "BRIDGE_ADMIN_HOST=127.0.0.1"


async def python(_: Scene) -> Result:
    """Python itself, and the packages with compiled parts: those are missing where no wheel fits."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        return Result("fail", version, "callbridge needs Python 3.11 or newer", "make PYTHON=python3.12 demo")
    broken = await asyncio.to_thread(_broken, NEEDED)
    if broken:
        needs = " ".join(f'"{_wheel(name)}"' for name in broken)
        return Result(
            "fail",
            f"{version}; {', '.join(f'{name}: {why}' for name, why in broken.items())}",
            "a package of callbridge is missing or cannot be loaded",
            f"{sys.executable} -m pip install --force-reinstall {needs}",
        )
    slow = [] if sys.platform == "win32" else await asyncio.to_thread(_broken, FASTER)
    if slow:
        return Result(
            "warn",
            f"{version}, without {', '.join(slow)}",
            "everything works; a call takes some more CPU without these",
            f'{sys.executable} -m pip install "callbridge[fast]"',
        )
    return Result("ok", version)


def _broken(names: tuple[str, ...]) -> dict[str, str]:
    """Those that cannot be loaded, with what was said."""
    found = {}
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # the boundary to foreign packages: a broken wheel may raise anything
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _wheel(module: str) -> str:
    return "audioop-lts" if module == "audioop" else module


async def data_folder(scene: Scene) -> Result:
    """BRIDGE_DATA takes files, and has room for recordings."""
    return await asyncio.to_thread(_data_folder, scene.settings.data)


def _data_folder(data: Path) -> Result:
    place = data.resolve()
    if not place.exists():
        parent = next(folder for folder in place.parents if folder.exists())
        if not os.access(parent, os.W_OK):
            why = f"{parent} cannot be written to by this user"
            return Result("fail", f"{place} is not there", why, "BRIDGE_DATA=<folder>", ("BRIDGE_DATA=data",))
        return Result("ok", f"{place} is made at the first start")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"callbridge")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(place).free
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "make room on its disk" if full else f"chown -R {_me()} {place}"
        return Result("fail", f"{place}: {error.strerror}", "calls, recordings and the database go there", fix)
    if free < GOOD_BYTES:
        detail = f"{place}, {free / 1e9:.1f} GB free"
        cause = "an hour of recorded calls takes 0.1 GB; without room calls go on and are not kept"
        return Result("fail" if free < LEAST_BYTES else "warn", detail, cause, "callbridge db purge --older-than 30d")
    return Result("ok", f"{place}, {free / 1e9:.0f} GB free")


def _me() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "you")


async def ports(scene: Scene) -> Result:
    """Both listeners have their port, or could have it."""
    settings = scene.settings
    shown = f"{settings.host}:{settings.port} and {settings.admin_host}:{settings.admin_port}"
    if scene.serving:
        return Result("ok", f"{shown}, this callbridge")
    if await scene.local() == "ours":
        return Result("ok", f"{shown}, `callbridge serve` runs there")
    taken = []
    for name, host, port in (
        ("PORT", settings.host, settings.port),
        ("BRIDGE_ADMIN_PORT", settings.admin_host, settings.admin_port),
    ):
        why = await asyncio.to_thread(_why_not_bound, host, port)
        if why:
            taken.append((name, host, port, why))
    if not taken:
        return Result("ok", f"{shown} are free")
    env = tuple(f"{name}={_free_port()}" for name, *_ in taken)
    return Result(
        "fail",
        "; ".join(f"{host}:{port}: {why}" for _, host, port, why in taken),
        "another program listens there, or the address is not this machine's",
        f"end that program, or put {' and '.join(env)} into .env",
        env,
    )


def _why_not_bound(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def certificates(_: Scene) -> Result:
    """The certificates by which servers are told from impostors: slim images have none."""
    return await asyncio.to_thread(_certificates)


def _certificates() -> Result:
    context = ssl.create_default_context()
    count = context.cert_store_stats()["x509_ca"]
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    if count == 0 and folder is not None and folder.is_dir():
        count = sum(1 for _ in folder.iterdir())  # these are read one by one when a server shows its certificate
    if count == 0:
        file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
        where = f"{file}, {os.environ.get(paths.openssl_capath_env, paths.openssl_capath)}"
        return Result(
            "fail",
            f"none in {where}",
            "without them every connection to the model and the carrier is refused (certificate verify failed); "
            "SSL_CERT_FILE and SSL_CERT_DIR can name another place",
            "apt-get install ca-certificates",
        )
    return Result("ok", f"{count} certificates in {paths.cafile or paths.capath or 'the system'}")


async def admin_listener(scene: Scene) -> Result:
    """The console is open to this machine alone, or behind a token."""
    return _admin_listener(scene.settings)


def _admin_listener(settings: Settings) -> Result:
    token = settings.admin_token
    where = f"{settings.admin_host}:{settings.admin_port}"
    if not is_loopback(settings.admin_host) and not token:
        line = f"BRIDGE_ADMIN_TOKEN={_new_token()}"
        return Result(
            "fail",
            f"{where} has no BRIDGE_ADMIN_TOKEN",
            "whoever reaches this port could listen to every call: `callbridge serve` refuses to start so",
            f"put {line} into .env, or {BACK_HOME}",
            (line,),
        )
    if token and len(token) < 16:
        line = f"BRIDGE_ADMIN_TOKEN={_new_token()}"
        cause = "a short token can be guessed"
        return Result(
            "warn", f"BRIDGE_ADMIN_TOKEN has {len(token)} characters", cause, f"put {line} into .env", (line,)
        )
    return Result("ok", f"{where}, {'with a token' if token else 'this machine alone'}")


def _new_token() -> str:
    import secrets

    return secrets.token_urlsafe(24)
