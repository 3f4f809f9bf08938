"""Who we are, so that it can be proven: a key of this installation's own, in the data folder.

A tunnel or a proxy may lead to somebody else's server, or to one that was left running. So whoever checks our public
URL sends a random nonce there and expects its HMAC: only a process of this data folder can give it, and it tells
nothing else. The other way round, `ask` proves to a server that the question comes from the same installation.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from bridge.errors import StoreError

FILE = ".identity"
KEY_BYTES = 32
is_nonce = re.compile(r"[0-9a-f]{32}").fullmatch
"""A nonce as `new_nonce` makes them; nothing else is answered."""


def new_nonce() -> str:
    """One question: 128 random bits as hex."""
    return secrets.token_hex(16)


class Identity:
    """This installation's key, made when it is first needed. Its methods block for a small file, once.

    They raise StoreError where the data folder holds no key and takes none.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._key = b""

    def answer(self, nonce: str) -> str:
        """What a server of this installation says to a nonce."""
        return self._mac("answer", nonce)

    def ask(self, nonce: str) -> str:
        """What goes with a nonce, so that the server knows that it may say more."""
        return self._mac("ask", nonce)

    def asked_by_us(self, nonce: str, given: str) -> bool:
        """Did the question come from this installation?"""
        return bool(is_nonce(nonce)) and hmac.compare_digest(self.ask(nonce).encode(), given.encode())

    def answered_by_us(self, nonce: str, given: str) -> bool:
        """Did the answer come from this installation?"""
        return hmac.compare_digest(self.answer(nonce).encode(), given.encode())

    def _mac(self, what: str, nonce: str) -> str:
        if not self._key:
            self._key = _key(self._data)
        return hmac.new(self._key, f"callbridge {what} {nonce}".encode(), hashlib.sha256).hexdigest()


def _key(data: Path) -> bytes:
    path = data / FILE
    try:
        with suppress(FileNotFoundError):
            found = path.read_bytes()
            if len(found) == KEY_BYTES:
                return found
            path.unlink()  # the disk was full when it was made
        data.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{FILE}.{secrets.token_hex(4)}.part")
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, secrets.token_bytes(KEY_BYTES))
        finally:
            os.close(file)
        try:
            os.link(part, path)  # whoever is first: two processes that begin together have one key
        except FileExistsError:
            pass
        finally:
            part.unlink()
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: no key can be kept there ({error.strerror})") from None
