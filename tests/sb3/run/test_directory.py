"""A run's directory: begun once, by one process, and gone on with only where it is a run."""

import os
import shutil
import threading
import time

import pytest
from interrupted import CONFIGS, WEIGHTS, stopped
from stable_baselines3.common.callbacks import BaseCallback

from mec_gym.io import digests
from mec_gym.sb3.run import training
from mec_gym.sb3.run.directory import locked, wait_until_free
from mec_gym.sb3.run.training import train
from train.__main__ import main


@pytest.mark.slow
def test_what_a_killed_start_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "config.toml.new").write_text("name = ")
    assert not train(CONFIGS["paper"], tmp_path, progress=False).interrupted


def test_what_is_no_run_is_not_resumed_and_left_as_it_was(tmp_path, capsys):
    for directory in (tmp_path / "missing", tmp_path):
        with pytest.raises(ValueError, match=r"resume: .* is not a run"):
            train(CONFIGS["paper"], directory, progress=False, resume=True)
        assert main(["--resume", str(directory)]) == 2
        assert f"{directory} is not a run, it has no config.toml" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (tmp_path / "seed-0").mkdir()
    assert main(["--resume", str(tmp_path)]) == 2
    assert "the same command with --seeds goes on" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_is_not_begun_where_another_is_and_the_remedy_is_named(whole, capsys):
    with pytest.raises(
        ValueError, match=r"directory: .* train\(..., resume=True\) goes on with it"
    ):
        train(CONFIGS["paper"], whole["paper"], progress=False)
    assert main(["paper", "--out", str(whole["paper"])]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: out: {whole['paper']} is not empty but a run")
    assert f"--resume {whole['paper']} goes on with it" in said


@pytest.mark.slow
@pytest.mark.parametrize("resume", [False, True])
def test_a_second_process_on_one_directory_is_refused(tmp_path, monkeypatch, resume):
    directory = tmp_path / "run"
    if resume:
        stopped(CONFIGS["paper"], directory, monkeypatch, 5)
    with locked(directory, "directory"), pytest.raises(ValueError, match="another process"):
        train(CONFIGS["paper"], directory, progress=False, resume=resume)


@pytest.mark.slow
def test_a_damaged_policy_is_named_and_the_run_goes_on_without_its_manifest(
    whole, tmp_path, monkeypatch
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    (directory / "policy.json").write_bytes(b"damage")
    remedy = (
        f"{directory / digests.MANIFEST_FILE} may be removed to go on from the newest checkpoint"
    )
    with pytest.raises(ValueError, match=f"policy.json: it has 6 bytes, .*; {remedy}"):
        train(CONFIGS["paper"], directory, progress=False, resume=True)
    (directory / digests.MANIFEST_FILE).unlink()
    train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.toml", digests.MANIFEST_FILE, "policy.json", WEIGHTS])
def test_a_pipe_in_place_of_a_file_of_the_run_is_refused_and_not_waited_for(
    tmp_path, monkeypatch, capsys, name
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 5)
    (directory / name).unlink()
    os.mkfifo(directory / name)
    assert main(["--resume", str(directory)]) == 2
    assert f"{directory / name}: it " in capsys.readouterr().err


def test_a_directory_that_vanishes_ends_the_run_in_one_line(tmp_path, monkeypatch, capsys):
    class Vanish(BaseCallback):
        def _on_step(self):
            if self.num_timesteps == 100:
                shutil.rmtree(directory)
            return True

    directory, threads = tmp_path / "run", set(threading.enumerate())
    monkeypatch.setattr(training, "EpisodeCurves", lambda bar: Vanish())
    assert main(["paper", "--episodes", "60", "--heldout-slots", "8", "--out", str(directory)]) == 1
    printed = capsys.readouterr().err
    assert "No such file or directory" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert set(threading.enumerate()) <= threads  # that of the curves, which failed as well, ended


def test_a_held_directory_is_waited_for_and_given_up_in_one_line(tmp_path):
    wait_until_free(tmp_path / "new", seconds=0)
    with locked(tmp_path, "out"), pytest.raises(ValueError, match="another process is training"):
        wait_until_free(tmp_path, seconds=0.1)
    with locked(tmp_path, "out"):
        started = threading.Event()
        waiting = threading.Thread(target=lambda: (started.set(), wait_until_free(tmp_path)))
        waiting.start()
        started.wait()
        time.sleep(0.1)
        assert waiting.is_alive()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
