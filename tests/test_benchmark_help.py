"""Each benchmark that a document names says what it takes, in 80 columns, and begins nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = sorted(
    {
        module
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for module in re.findall(r"python -m (benchmarks[\w.]*\w)", page.read_text("utf-8"))
    }
)


def run(*arguments):
    environment = dict(os.environ, COLUMNS="80")
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("module", NAMED)
def test_it_says_what_it_takes_within_80_columns(module):
    if module.startswith("benchmarks.learning"):
        pytest.importorskip("stable_baselines3")
    done = run(module, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {module} ")
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80  # the first is the command itself


def test_a_wrong_flag_gets_one_line_with_what_was_probably_meant():
    done = run("benchmarks.soak", "--decision", "7")
    assert done.returncode == 2
    assert done.stderr == (
        "error: --decision: no such argument (did you mean --decisions?);"
        " `python -m benchmarks.soak --help` lists what there is\n"
    )
