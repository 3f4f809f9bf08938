"""A public address for this machine: ngrok's own package, an installed cloudflared, or a URL that there is already."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.config import check_public_url
from bridge.errors import TunnelError, UsageError
from bridge.sim.processes import end_with

OPEN_S = 30.0
CLOSE_S = 3.0
_CLOUDFLARE = re.compile(r"https://[a-z0-9-]+\.trycloudflare\.[a-z.]+")


@asynccontextmanager
async def tunnel(kind: str, port: int, lost: Callable[[str], None]) -> AsyncIterator[str]:
    """The public URL that leads to `port` of this machine, as long as the block lasts. `lost` is told when it breaks.

    `kind`: ngrok, cloudflared, or a URL that leads here already.

    Raises:
        UsageError: there is no such tunnel on this machine.
        TunnelError: it did not open.
    """
    if kind.startswith(("http://", "https://")):
        check_public_url(kind)
        yield kind.rstrip("/")
    elif kind == "ngrok":
        async with _ngrok(port) as url:
            yield url
    elif kind == "cloudflared":
        async with _cloudflared(port, lost) as url:
            yield url
    else:
        raise UsageError(
            f"--tunnel is {kind!r}: it can be ngrok, cloudflared, none, or an https:// URL that leads here"
        )


@asynccontextmanager
async def _ngrok(port: int) -> AsyncIterator[str]:
    try:
        import ngrok
    except ImportError:
        raise UsageError('ngrok is not installed: pip install "callbridge[ngrok]"') from None
    if not os.environ.get("NGROK_AUTHTOKEN"):
        raise UsageError(
            "NGROK_AUTHTOKEN is not set: copy it from https://dashboard.ngrok.com/get-started/your-authtoken"
        )
    try:
        async with asyncio.timeout(OPEN_S):
            # A name that is the account's own stays the same every time.
            domain = os.environ.get("NGROK_DOMAIN")
            forward: Any = ngrok.forward  # in a running loop it gives a task, which its types do not say
            opened = await forward(port, authtoken_from_env=True, **({"domain": domain} if domain else {}))
    except (ValueError, RuntimeError, OSError) as error:  # it raises ValueError with a tuple of what happened
        said = ": ".join(str(part) for part in error.args if part)
        raise TunnelError(f"ngrok did not open a tunnel: {' '.join(said.split()) or type(error).__name__}") from None
    except TimeoutError:
        raise TunnelError(f"ngrok did not open a tunnel within {OPEN_S:g} s") from None
    try:
        yield str(opened.url())
    finally:
        with contextlib.suppress(ValueError, RuntimeError, OSError, TimeoutError):  # it may be closed by now
            async with asyncio.timeout(CLOSE_S):
                await opened.close()


@asynccontextmanager
async def _cloudflared(port: int, lost: Callable[[str], None]) -> AsyncIterator[str]:
    program = shutil.which("cloudflared")
    if program is None:
        raise UsageError("cloudflared is not installed: take it from your package manager, or use --tunnel ngrok")
    process = await asyncio.create_subprocess_exec(
        program,
        *("tunnel", "--no-autoupdate", "--url", f"http://127.0.0.1:{port}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C at the terminal reaches us alone, and the tunnel is closed last
        preexec_fn=end_with(os.getpid()),
    )
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    watching: asyncio.Task[None] | None = None
    try:
        url = await _address(process.stderr)
        watching = asyncio.create_task(_drained(process.stderr, lost))
        yield url
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await _end(process)


async def _address(stderr: asyncio.StreamReader) -> str:
    """What it prints in a box, some seconds after its start. Raises TunnelError."""
    last = ""
    try:
        async with asyncio.timeout(OPEN_S):
            while raw := await stderr.readline():
                line = raw.decode("utf-8", "replace").strip()
                found = _CLOUDFLARE.search(line)
                if found is not None and "api." not in found.group():
                    return found.group()
                last = line or last
    except (TimeoutError, ValueError):  # ValueError: a line of no end
        raise TunnelError(f"cloudflared did not open a tunnel within {OPEN_S:g} s") from None
    raise TunnelError(f"cloudflared ended: {last or 'without a word'}")


async def _drained(stderr: asyncio.StreamReader, lost: Callable[[str], None]) -> None:
    """Read what it says, so that it does not stand still; tell when it ends."""
    while await stderr.read(65_536):
        pass
    lost("cloudflared ended: the number leads nowhere until callbridge dev is started again")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(CLOSE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
