"""A run that is stopped, however and whenever, ends with the bytes of one that never was."""

import errno
import multiprocessing
import os
import random
import time

import numpy as np
import pytest
from interrupted import CONFIGS, SHORT, WEIGHTS, curves, stopped

from mec_gym.io import digests
from mec_gym.io.digests import read_checked
from mec_gym.sb3.run import checkpoint
from mec_gym.sb3.run.directory import begin_run, verify
from mec_gym.sb3.run.training import train
from train.__main__ import main

KILLS_EACH = 6


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_stopped_three_times_it_ends_with_the_same_bytes_and_the_same_curves(
    name, whole, tmp_path, monkeypatch
):
    config = CONFIGS[name]
    per_step = config.num_envs
    steps = [1, 200 // per_step, 3]
    directory = stopped(config, tmp_path / "run", monkeypatch, *steps)
    result = train(config, directory, progress=False, resume=True)
    assert not result.interrupted
    assert policies_of(directory) == policies_of(whole[name])
    assert curves(directory) == curves(whole[name])
    assert not (directory / "checkpoint").exists()


def policies_of(directory):
    """The last weights and the best policy, byte for byte."""
    best = [directory / "best" / name for name in (WEIGHTS, "policy.json")]
    return [path.read_bytes() for path in (directory / WEIGHTS, *best)]


def go_on(config, directory):
    """What a killed process did, done again in a new one."""
    begun = (directory / "config.toml").exists()
    train(config, directory, progress=False, resume=begun, checkpoint_seconds=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(name, whole, tmp_path):
    kills = int(os.environ.get("MEC_GYM_KILLS", KILLS_EACH))
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["mec_gym.sb3.run.training", "tensorboard"])
    chance, killed, number, longest = random.Random(name), 0, 0, 3.0
    while killed < kills:
        directory, number = tmp_path / str(number), number + 1
        while not _is_finished(directory):
            process = processes.Process(target=go_on, args=(CONFIGS[name], directory))
            start = time.monotonic()
            process.start()
            process.join(chance.uniform(0, longest) if killed < kills else None)
            if process.is_alive():
                process.kill()
                process.join()
                killed += 1
            else:
                assert process.exitcode == 0
                longest = min(longest, time.monotonic() - start)
        assert policies_of(directory) == policies_of(whole[name])
        assert curves(directory) == curves(whole[name])
        assert verify(directory) >= 11


def _is_finished(directory):
    path = directory / digests.MANIFEST_FILE
    return path.exists() and read_checked(path, 1)["finished"]


@pytest.mark.slow
def test_a_run_without_a_checkpoint_yet_begins_anew(whole, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    begin_run(directory, CONFIGS["paper"])
    (directory / "events.out.tfevents.1.of-the-killed").write_bytes(b"")
    train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()
    assert curves(directory) == curves(whole["paper"])


@pytest.mark.slow
def test_a_finished_run_says_so(whole):
    run = whole["paper"]
    remedy = f"`python -m train {run}/config.toml --from {run} --seed N` begins a new run with its"
    with pytest.raises(ValueError, match=f"is finished; nothing is left to train; {remedy}"):
        train(CONFIGS["paper"], run, progress=False, resume=True)


def test_another_configuration_is_refused_with_the_difference(tmp_path, monkeypatch):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 5)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}
    other = CONFIGS["paper"].replace(seed=7, gamma=0.9)
    with pytest.raises(ValueError, match=r"seed 0 there and 7 here") as caught:
        train(other, directory, progress=False, resume=True)
    assert "gamma 0.95 there and 0.9 here" in str(caught.value)
    after = {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}
    del before[directory / ".lock"], after[directory / ".lock"]
    assert after == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_is_full_read_only_or_broken_ends_the_run_and_the_checkpoint_before_goes_on(
    number, whole, tmp_path, monkeypatch, capsys
):
    written = []

    def fails_at_the_fifth(*arguments, **arrays):
        written.append(1)
        if len(written) == 5:
            raise OSError(number, os.strerror(number))
        savez(*arguments, **arrays)

    savez, directory = np.savez, tmp_path / "run"
    config = tmp_path / "config.toml"
    config.write_text(CONFIGS["paper"].to_toml())
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.np, "savez", fails_at_the_fifth)
        command = [str(config), "--out", str(directory), "--checkpoint-seconds", "0"]
        assert main(command) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert os.strerror(number) in message
    assert f"--resume {directory} goes on" in message
    assert [path.name for path in (directory / "checkpoint").iterdir()] == ["000000000003"]
    assert main(["--resume", str(directory)]) == 0
    assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()


@pytest.mark.slow
def test_the_command_goes_on_with_a_run_with_or_without_its_preset(
    whole, tmp_path, monkeypatch, capsys
):
    fields = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT.items()]
    fields += ["--replay-size=200"]
    for number, again in enumerate((["--resume"], ["paper", *fields, "--resume"])):
        directory = stopped(CONFIGS["paper"], tmp_path / str(number), monkeypatch, 30)
        assert main([*again, str(directory)]) == 0
        assert "held-out slots" in capsys.readouterr().out
        assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()
    assert main(["--resume", str(directory)]) == 2
    assert "is finished" in capsys.readouterr().err
    assert main(["paper", "--resume", str(directory), "--out", str(tmp_path / "x")]) == 2
    assert "out, resume: give one of the two" in capsys.readouterr().err
