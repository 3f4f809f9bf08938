"""Some thousand requests, right ones and wrong ones, made up from the admin API's own description: no mistake of ours
(5xx), nothing answered that is not described, nobody let in without a token."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from console_world import TOKEN, console

from bridge.web.operations import OPERATIONS

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
LIMIT_S = 150


@pytest.mark.sockets
def test_the_admin_api_keeps_what_its_description_promises(tmp_path: Path) -> None:
    with console(tmp_path / "house", admin_token=TOKEN) as house:
        asked = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{house.url}/api/v1/openapi.json"),
                *("--header", f"Authorization: Bearer {TOKEN}"),
                *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
                *("--max-examples", "12", "--seed", "7", "--no-color", "--warnings", "off"),
            ],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            cwd=tmp_path,
            check=False,
        )
    assert asked.returncode == 0, asked.stdout[-6_000:] + asked.stderr[-2_000:]
    cases = re.search(r"(\d+) generated", asked.stdout)
    assert cases is not None and int(cases[1]) > 1_000
    tested = re.search(r"Tested: (\d+)", asked.stdout)
    # Its own document it has fetched already, and leaves out.
    assert tested is not None and int(tested[1]) >= len(OPERATIONS) - 1
