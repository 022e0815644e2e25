"""A run that is stopped, however and whenever, ends with the bytes of one that never was."""

import errno
import io
import multiprocessing
import os
import random
import shutil
import signal
import threading
import time

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mec_gym.io import digests
from mec_gym.io.digests import read_sealed, seal
from mec_gym.sb3.run import checkpoint, training
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.directory import begin_run, locked, verify
from mec_gym.sb3.run.training import train
from train.__main__ import main

SHORT = {"episodes": 60, "epsilon_episodes": 30, "heldout_slots": 8, "heldout_episodes": 20}
CONFIGS = {
    "paper": TrainConfig(**SHORT, replay_size=200),  # a buffer that comes round
    "paper, many copies": TrainConfig(**SHORT, num_envs=4, updates_at_once=8),
    "regret": TrainConfig.preset("regret", **SHORT),
    "mix": TrainConfig.preset(
        "regret", **SHORT, scenario="slack", scenarios=("slack", "large"), replay_size=400
    ),
}
KILLS_EACH = 6
WEIGHTS = "policy.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The runs that were never stopped, by name."""
    directories = {name: tmp_path_factory.mktemp("whole") / "run" for name in CONFIGS}
    for name, config in CONFIGS.items():
        train(config, directories[name], progress=False)
    return directories


def ask_to_stop_at(monkeypatch, *steps):
    """Have each training in turn interrupted, as by Ctrl-C, at its n-th step; then no more."""
    waiting, curves = list(steps), training.EpisodeCurves

    class CtrlC(curves):
        def __init__(self, bar):
            super().__init__(bar)
            self.left = waiting.pop(0) if waiting else None

        def _on_step(self):
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    signal.raise_signal(signal.SIGINT)
            return super()._on_step()

    monkeypatch.setattr(training, "EpisodeCurves", CtrlC)


def stopped(config, directory, monkeypatch, *steps, **how):
    """A run that was interrupted as often as there are steps, and is not finished."""
    with monkeypatch.context() as patch:
        ask_to_stop_at(patch, *steps)
        for number in range(len(steps)):
            assert train(config, directory, False, resume=number > 0, **how).interrupted
    return directory


def curves(directory):
    """Every scalar of a run's curves, (step, value) by tag, but for the speed."""
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag != "time/fps"]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


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
    assert (directory / WEIGHTS).read_bytes() == (whole[name] / WEIGHTS).read_bytes()
    assert curves(directory) == curves(whole[name])
    assert not (directory / "checkpoint").exists()


def go_on(config, directory):
    """What a killed process did, done again in a new one."""
    begun = (directory / "config.toml").exists()
    train(config, directory, progress=False, resume=begun, checkpoint_seconds=0.01)


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
        assert (directory / WEIGHTS).read_bytes() == (whole[name] / WEIGHTS).read_bytes()
        assert curves(directory) == curves(whole[name])
        assert verify(directory) >= 5


def _is_finished(directory):
    path = directory / digests.MANIFEST_FILE
    return path.exists() and read_sealed(path, 1)["finished"]


def test_a_run_without_a_checkpoint_yet_begins_anew(whole, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    begin_run(directory, CONFIGS["paper"])
    (directory / "events.out.tfevents.1.of-the-killed").write_bytes(b"")
    train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()
    assert curves(directory) == curves(whole["paper"])


def test_what_a_killed_start_left_does_not_stand_in_the_way(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "config.toml.new").write_text("name = ")
    assert not train(CONFIGS["paper"], tmp_path, progress=False).interrupted


def test_a_finished_run_says_so(whole):
    with pytest.raises(ValueError, match="is finished; nothing is left to train"):
        train(CONFIGS["paper"], whole["paper"], progress=False, resume=True)


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


def test_what_is_no_run_is_not_resumed_and_left_as_it_was(tmp_path, capsys):
    for directory in (tmp_path / "missing", tmp_path):
        with pytest.raises(ValueError, match=r"resume: .* is not a run"):
            train(CONFIGS["paper"], directory, progress=False, resume=True)
        assert main(["--resume", str(directory)]) == 2
        assert f"{directory} is not a run, it has no config.toml" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_begun_where_another_is_and_the_remedy_is_named(whole):
    with pytest.raises(ValueError, match=rf"--resume {whole['paper']} goes on with it"):
        train(CONFIGS["paper"], whole["paper"], progress=False)


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_process_on_one_directory_is_refused(tmp_path, monkeypatch, resume):
    directory = tmp_path / "run"
    if resume:
        stopped(CONFIGS["paper"], directory, monkeypatch, 5)
    with locked(directory, "out"), pytest.raises(ValueError, match="another process"):
        train(CONFIGS["paper"], directory, progress=False, resume=resume)


def test_every_flipped_bit_and_every_cut_of_a_sample_of_a_stopped_run_is_noticed(
    tmp_path, monkeypatch
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != ".lock"]
    assert {"manifest.json", "networks.safetensors", "replay.npz"} <= {one.name for one in files}
    verify(directory)
    rng = np.random.default_rng(0)
    for path in files:
        content = path.read_bytes()
        for position in {0, len(content) - 1, *rng.integers(len(content), size=25).tolist()}:
            flipped = bytearray(content)
            flipped[position] ^= 1 << int(rng.integers(8))
            for damaged in (bytes(flipped), content[:position]):
                path.write_bytes(damaged)
                with pytest.raises(ValueError, match=path.name):
                    verify(directory)
        path.unlink()
        with pytest.raises(ValueError, match=path.name):
            verify(directory)
        path.write_bytes(content)
    verify(directory)


def test_a_damaged_checkpoint_is_named_and_the_one_before_can_be_gone_on_from(
    whole, tmp_path, monkeypatch
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30, 40, keep=2)
    first, second = sorted((directory / "checkpoint").iterdir())
    with open(second / "replay.npz", "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    with pytest.raises(ValueError, match=rf"replay.npz: .*; remove {second} to go on from {first}"):
        train(CONFIGS["paper"], directory, progress=False, resume=True)
    shutil.rmtree(second)
    train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert (directory / WEIGHTS).read_bytes() == (whole["paper"] / WEIGHTS).read_bytes()


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


@pytest.mark.parametrize("name", ["config.toml", digests.MANIFEST_FILE, "policy.json", WEIGHTS])
def test_a_pipe_in_place_of_a_file_of_the_run_is_refused_and_not_waited_for(
    tmp_path, monkeypatch, capsys, name
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 5)
    (directory / name).unlink()
    os.mkfifo(directory / name)
    assert main(["--resume", str(directory)]) == 2
    assert f"{directory / name}: it " in capsys.readouterr().err


@pytest.mark.parametrize("keep", [1, 2])
def test_so_many_checkpoints_are_kept(tmp_path, monkeypatch, keep):
    how = {"keep": keep, "checkpoint_seconds": 0.0}
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30, **how)
    kept = sorted(path.name for path in (directory / "checkpoint").iterdir())
    assert kept == ["000000000029", "000000000030"][-keep:]


def reseal(path, change):
    """What someone who means harm can do: a manifest of their own, which vouches for itself."""
    facts = read_sealed(path / digests.MANIFEST_FILE, 1)
    change(facts)
    (path / digests.MANIFEST_FILE).write_bytes(seal(facts))


def set_in(*keys, to):
    def change(facts):
        table = facts
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("format", to=2), "its format is 2, this version of mec_gym reads 1"),
        (set_in("files", "../../../outside", to={"size": 0, "sha256": ""}), "is outside"),
        (set_in("files", "/etc/hostname", to={"size": 0, "sha256": ""}), "is outside"),
        (set_in("files", "missing", to={"size": 0, "sha256": ""}), "missing: it cannot be read"),
        (set_in("files", to=[]), "lists no files"),
        (set_in("events", to={"../policy.json": {}}), "not names of files of the run"),
        (set_in("state", to=None), "not a checkpoint of this run"),
        (set_in("state", "replay", "pos", to=-1), "position -1 of 200"),
        (set_in("state", "replay", "pos", to=10**9), "position 1000000000 of 200"),
        (set_in("state", "env", "copies", 0, "assignment", to=[10**6]), "not that of 1 copies"),
        (set_in("state", "env", "copies", 0, "assignment", to=[-1]), "not that of 1 copies"),
        (set_in("state", "env", "copies", 0, "assignment", to=[0] * 9), "not that of 1 copies"),
        (set_in("state", "env", "copies", 0, "generator", to={}), "not a checkpoint of this run"),
        (set_in("state", "env", "copies", to=[]), "not that of 1 copies"),
        (set_in("state", "numpy", "state", "pos", to=10**6), "a position that its generator"),
        (set_in("state", "numpy", "state", "key", to=[1]), "not a checkpoint of this run"),
        (set_in("state", "counters", to={}), "not a checkpoint of this run"),
    ],
)
def test_a_checkpoint_made_to_do_harm_is_refused(tmp_path, monkeypatch, change, message):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    (path,) = (directory / "checkpoint").iterdir()
    reseal(path, change)
    with pytest.raises(ValueError, match=message):
        train(CONFIGS["paper"], directory, progress=False, resume=True)


class Payload:
    """Would make a directory where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_replay_buffer_that_would_run_code_is_refused_and_runs_none(tmp_path, monkeypatch):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    (path,) = (directory / "checkpoint").iterdir()
    buffer = io.BytesIO()
    np.savez(buffer, observations=np.array([Payload(tmp_path / "ran")], dtype=object))
    (path / "replay.npz").write_bytes(buffer.getvalue())
    reseal(path, set_in("files", "replay.npz", to=digests.describe(path / "replay.npz")))
    with pytest.raises(ValueError, match="objects are never unpickled"):
        train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert not (tmp_path / "ran").exists()
    buffer.seek(0)
    np.load(buffer, allow_pickle=True)["observations"]
    assert (tmp_path / "ran").exists()  # the payload works where a reader unpickles


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


def test_no_checkpoint_is_made_of_numbers_that_are_not_finite(tmp_path):
    model = training.make_dqn(CONFIGS["paper"])
    model.flat.values.data[0] = float("nan")
    with pytest.raises(FloatingPointError, match="weights: not finite"):
        checkpoint.save(model, tmp_path / "new")
    assert not list(tmp_path.iterdir())


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
