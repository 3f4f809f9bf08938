"""What a server does not load: each of these is 1 to 30 MB in every process, and no call needs it."""

from __future__ import annotations

import subprocess
import sys

UNWANTED = ("alembic", "numpy", "openai", "pygments", "rich", "sqlalchemy.dialects.postgresql", "twilio.rest")
SERVING = "import sys, bridge.cli.serve, bridge.app, bridge.observe.logs, bridge.web.lane; print(*sys.modules)"


def test_a_server_starts_without_what_no_call_needs() -> None:
    ran = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, text=True, check=True, timeout=60)
    loaded = ran.stdout.split()
    assert "bridge.app" in loaded
    assert [name for name in UNWANTED if name in loaded] == []


def test_the_log_can_still_have_rich_beside_it() -> None:
    both = "import bridge.observe.logs, rich.console, sys; print(sys.modules['rich'].__name__)"
    ran = subprocess.run([sys.executable, "-c", both], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "rich"
