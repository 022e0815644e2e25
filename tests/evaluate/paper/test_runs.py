"""Runs of the study, which are pieces of work; a kill leaves none that looks finished."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mec_gym
from evaluate.paper.runs import StudyRun
from mec_gym.jobs import Directories
from mec_gym.sb3.run.config import TrainConfig

ROOT = Path(__file__).parents[3]


def run(seed, **changes):
    return StudyRun("some", TrainConfig(seed=seed, **changes))


def test_a_run_is_a_piece_of_its_name_whose_directory_is_what_was_there_before(tmp_path):
    piece, path = run(1).piece, tmp_path / run(1).name
    assert piece.name == path.name
    path.mkdir()
    assert Directories(tmp_path).path(piece) == path
    assert Directories(tmp_path).finished(piece)


def test_a_run_of_other_settings_or_of_slots_drawn_otherwise_is_another_run(monkeypatch):
    names = {run(1).name, run(2).name, run(1, gamma=0.9).name, run(1, log_episodes=1).name}
    names.add(run(1, scenario="paper-varied").name)
    assert len(names) == 5
    assert run(1, gamma=0.95).name == run(1).name
    before = run(1).name
    slot = run(1).config.scenario.sample(1, 5)
    monkeypatch.setattr(mec_gym.Scenario, "sample", lambda self, n, seed: slot)
    assert run(1).name != before


@pytest.mark.slow
def test_a_kill_ends_the_workers_and_leaves_no_run_that_looks_finished(tmp_path):
    command = [sys.executable, "-m", "evaluate.paper.figures", "--quick", "--processes", "1"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("cells/.jobs/unfinished/*/run/config.toml")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)  # workers that lived on would keep it open
    assert process.returncode == 130
    assert "goes on where this one was" in said
    assert "Traceback" not in said
    assert "leaked" not in said
    assert [path.name for path in (tmp_path / "cells").iterdir()] == [".jobs"]
