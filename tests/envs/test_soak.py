"""Memory stays flat over a million decisions; `make soak` plays a hundred million."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_memory_stays_flat_over_a_million_decisions():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--decisions", "1_000_000"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "memory grew by" in done.stdout
