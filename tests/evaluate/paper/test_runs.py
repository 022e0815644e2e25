"""Runs of the study: each is trained once, whatever fails or is killed meanwhile."""

import functools
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import mec_gym
from evaluate.paper.runs import StudyRun, train_all, train_run
from mec_gym.sb3.run.config import TrainConfig

ROOT = Path(__file__).parents[3]


def fake_train(log, config, directory, progress):
    with open(log, "a") as file:
        file.write(f"{config.seed}\n")
    if config.seed == 13:
        raise RuntimeError("bad luck")
    directory.mkdir(parents=True)
    (directory / "made-by").write_text(str(config.gamma))
    return SimpleNamespace(interrupted=config.seed == 14)


def run(seed, **changes):
    return StudyRun("some", TrainConfig(seed=seed, **changes))


def test_a_finished_run_is_never_trained_again_and_a_failed_one_stops_no_other(tmp_path, capsys):
    runs, log = tmp_path / "runs", tmp_path / "log"
    wanted = [run(13), run(1), run(2), run(1)]
    trainer = functools.partial(fake_train, log)
    failures = train_all(wanted, runs, 2, trainer)
    assert failures == {run(13).name: "RuntimeError: bad luck"}
    assert f"failed: {run(13).name}: RuntimeError: bad luck" in capsys.readouterr().err
    assert sorted(path.name for path in runs.iterdir()) == sorted([run(1).name, run(2).name])
    assert sorted(log.read_text().split()) == ["1", "13", "2"]
    log.unlink()
    assert train_all(wanted, runs, 1, trainer) == failures
    assert log.read_text().split() == ["13"]


def test_nothing_is_started_when_all_is_finished(tmp_path):
    (tmp_path / run(1).name).mkdir()
    assert train_all([run(1)], tmp_path, 1, trainer=None) == {}


def test_a_run_cut_short_or_failed_is_not_there_and_is_trained_by_the_next_command(tmp_path):
    runs, log = tmp_path / "runs", tmp_path / "log"
    runs.mkdir()
    for seed, error in ((14, InterruptedError), (13, RuntimeError)):
        with pytest.raises(error):
            train_run(run(seed), runs, tmp_path / "first", functools.partial(fake_train, log))
        assert not any(runs.iterdir())
        made = functools.partial(fake_train, log)

        def works(config, directory, progress, made=made):
            return made(config.replace(seed=1), directory, progress)

        train_run(run(seed), runs, tmp_path / "second", works)
        assert (runs / run(seed).name / "made-by").exists()
        (runs / run(seed).name / "made-by").unlink()
        (runs / run(seed).name).rmdir()


def test_a_run_of_other_settings_or_of_slots_drawn_otherwise_is_another_run(monkeypatch):
    names = {run(1).name, run(2).name, run(1, gamma=0.9).name, run(1, log_episodes=1).name}
    names.add(run(1, scenario="paper-varied").name)
    assert len(names) == 5
    assert run(1, gamma=0.95).name == run(1).name
    before = run(1).name
    slot = run(1).config.scenario.sample(1, 5)
    monkeypatch.setattr(mec_gym.Scenario, "sample", lambda self, n, seed: slot)
    assert run(1).name != before


def test_another_command_that_was_faster_does_no_harm(tmp_path):
    runs = tmp_path / "runs"
    (runs / run(1).name).mkdir(parents=True)
    (runs / run(1).name / "finished").write_text("")
    train_run(run(1), runs, tmp_path / "mine", functools.partial(fake_train, tmp_path / "log"))
    assert (runs / run(1).name / "finished").exists()


@pytest.mark.slow
def test_a_kill_ends_the_workers_and_leaves_nothing_unfinished(tmp_path):
    command = [sys.executable, "-m", "evaluate.paper.figures", "--quick", "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("cells/unfinished-*/*/config.toml")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)  # workers that lived on would keep it open
    assert process.returncode == 130
    assert "goes on where this one was" in said
    assert "Traceback" not in said
    assert "leaked" not in said
    assert list((tmp_path / "cells").iterdir()) == []
