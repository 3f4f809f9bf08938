"""What a server does not load: each of these is 1 to 30 MB in every process, and no call needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

UNWANTED = ("alembic", "numpy", "openai", "pygments", "rich", "sqlalchemy.dialects.postgresql", "twilio.rest")
SERVING = "import sys, bridge.cli.serve, bridge.app, bridge.observe.logs, bridge.web.lane; print(*sys.modules)"


def test_a_server_starts_without_what_no_call_needs() -> None:
    ran = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, text=True, check=True, timeout=60)
    loaded = ran.stdout.split()
    assert "bridge.app" in loaded
    assert [name for name in UNWANTED if name in loaded] == []


MAKING = """
import pathlib, sys
from bridge.app import create_app
from bridge.config import Settings
create_app(Settings(realtime_audio=sys.argv[1], data=pathlib.Path(sys.argv[2]), twilio_auth_token="t"))
print("numpy" in sys.modules)
"""


@pytest.mark.parametrize(("audio", "loaded"), [("pcmu", "False"), ("pcm", "True")])
def test_what_converts_sound_is_there_before_the_first_call(audio: str, loaded: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKING, audio, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == loaded


def test_the_log_can_still_have_rich_beside_it() -> None:
    both = "import bridge.observe.logs, rich.console, sys; print(sys.modules['rich'].__name__)"
    ran = subprocess.run([sys.executable, "-c", both], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "rich"
