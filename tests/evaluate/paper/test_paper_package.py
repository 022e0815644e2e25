"""The commands of the package, and what its modules load."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def loaded_by(module, *libraries):
    """Which of the libraries a new interpreter has loaded after importing a module."""
    code = f"import sys, {module}; print(*({set(libraries)!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("module", ["stated", "study", "results", "claims", "reproduction"])
def test_what_only_reads_and_words_the_study_loads_neither_torch_nor_matplotlib(module):
    assert not loaded_by(f"evaluate.paper.{module}", "torch", "matplotlib")


@pytest.mark.slow
def test_the_interpreter_does_report_what_is_loaded():
    assert loaded_by("evaluate.paper.figures", "torch", "matplotlib") == {"matplotlib"}


def test_the_package_lists_its_commands():
    listed = subprocess.run(
        [sys.executable, "-m", "evaluate.paper"], capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert all(
        f"python -m evaluate.paper.{name} " in listed for name in ("figures", "reproduction")
    )
