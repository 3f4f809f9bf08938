"""The benchmark runs, loses nothing, and says what it found in one table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def bench(*flags: str, what: str = "run") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"bench.{what}", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.sockets
def test_two_calls_are_measured_beside_the_floor() -> None:
    done = bench("--calls", "2", "--seconds", "5", "--repeat", "1", "--target", "floor", "--target", "callbridge-pcm")
    assert (done.returncode, done.stderr) == (0, "")
    *_, floor, ours = [line.split() for line in done.stdout.splitlines()]
    assert (floor[0], ours[0]) == ("floor", "callbridge-pcm")
    assert floor[7] == ours[7] == "0", "every tone that went out arrived"
    assert float(ours[4]) < 1000.0, "and so much later"


def test_nonsense_is_told_in_one_sentence() -> None:
    done = bench("--seconds", "1")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("at least one call, one run and 5 seconds")


@pytest.mark.sockets
def test_calls_are_measured_with_and_without_a_campaign_side_by_side() -> None:
    """How much a campaign adds is for a quiet machine to say; here, that both are measured and nothing is lost."""
    done = bench("--calls", "2", "--seconds", "3", "--rounds", "1", "--cps", "4", what="campaign")
    *_, off, on, added = [line.split() for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert (off[0], on[0]) == ("off", "on")
    assert float(off[1]) == 0.0 < float(on[1]), "the campaign dialled while it ran, and only then"
    assert int(off[3]) > 1 and int(on[3]) > 1
    assert " ".join(added).endswith("tones lost: 0")
    assert done.returncode == (float(added[3]) > 20.0)


def test_a_campaign_of_nonsense_is_told_in_one_sentence() -> None:
    done = bench("--cps", "0", what="campaign")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("at least one call, one round and 1 second; 0 to 50 calls a second")
