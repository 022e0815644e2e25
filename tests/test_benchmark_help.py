"""Each benchmark that a document names says what it takes, in 80 columns, and begins nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from this_process import command

ROOT = Path(__file__).parents[1]
NAMED = sorted(
    {
        module
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for module in re.findall(r"python -m (benchmarks[\w.]*\w)", page.read_text("utf-8"))
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("module", NAMED)
def test_it_says_what_it_takes_within_80_columns(module, monkeypatch, capsys):
    if module.startswith("benchmarks.learning"):
        pytest.importorskip("stable_baselines3")
    monkeypatch.setenv("COLUMNS", "80")
    assert command(["python", "-m", module, "--help"], monkeypatch) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"usage: python -m {module} ")
    assert max(map(len, said.out.splitlines()[1:])) <= 80  # the first is the command itself


def test_a_wrong_flag_gets_one_line_with_what_was_probably_meant():
    command = [sys.executable, "-m", "benchmarks.soak", "--decision", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --decision: no such argument (did you mean --decisions?);"
        " `python -m benchmarks.soak --help` lists what there is\n"
    )
