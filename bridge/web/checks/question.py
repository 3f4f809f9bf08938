"""How a check asks the public listener of the same installation; `web/selfcheck.py` answers."""

from __future__ import annotations

PATH = "/twilio/check/"
"""Followed by a nonce (`store/identity.py`); for requests and for upgrades."""
ASK = "x-callbridge-ask"
"""Header of the proof that the question is ours."""
