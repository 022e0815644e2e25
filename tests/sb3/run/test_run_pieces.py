"""A training as a piece of work: whatever kills it, it ends with the bytes of a whole one."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from interrupted import CONFIGS, WEIGHTS

from mec_gym import jobs, load_policy
from mec_gym.jobs import Directories, Processes
from mec_gym.jobs.pieces import do
from mec_gym.sb3.run import directory
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.pieces import training
from mec_gym.sb3.run.training import train

SETTINGS = {"episodes": 300, "epsilon_episodes": 150, "heldout_slots": 8, "heldout_episodes": 100}


def policies_in(run):
    return {p.relative_to(run): p.read_bytes() for p in run.rglob("policy.*")}


@pytest.mark.slow
def test_a_piece_leaves_the_run_that_train_does_but_for_its_lock(tmp_path):
    config = CONFIGS["paper"]
    train(config, tmp_path / "plain", progress=False)
    store, piece = Directories(tmp_path / "out"), training("run", config)
    store.folder.mkdir()
    store.write(piece, do(piece, None).result)
    found, plain = store.path(piece), tmp_path / "plain"
    assert policies_in(found) == policies_in(plain)
    directory.verify(found)

    def names(run):
        return {p.relative_to(run).as_posix() for p in run.rglob("*") if "tfevents" not in p.name}

    assert names(found) == names(plain) - {".lock"}


@pytest.mark.slow
def test_a_piece_begins_with_the_weights_it_is_given(tmp_path):
    config = CONFIGS["paper"]
    first = train(config, tmp_path / "first", progress=False).policy
    further = config.replace(seed=5)
    train(further, tmp_path / "plain", progress=False, start_from=first)
    piece = training("run", further, first)
    assert piece.digest != training("run", further).digest
    store = Directories(tmp_path / "out")
    store.folder.mkdir()
    store.write(piece, do(piece, None).result)
    assert policies_in(store.path(piece)) == policies_in(tmp_path / "plain")


def test_how_often_is_saved_makes_no_other_piece_and_settings_do():
    config = CONFIGS["paper"]
    assert training("a", config, checkpoint_seconds=1).digest == training("b", config).digest
    assert training("a", config.replace(seed=3)).digest != training("a", config).digest


@pytest.mark.slow
def test_what_was_damaged_meanwhile_is_the_failure_with_the_remedy(tmp_path):
    piece = training("run", CONFIGS["paper"])
    run = tmp_path / piece.key / "run"
    train(CONFIGS["paper"], run, progress=False)
    (run / WEIGHTS).write_bytes(b"damaged")
    done = do(piece, tmp_path)
    assert done.result is None
    assert str(run / WEIGHTS) in done.failure


def kill_first_training(place, killed):
    """Kill the process of a training once it has a checkpoint."""
    deadline = time.monotonic() + 60
    while not list(place.glob("*/run/checkpoint/*/manifest.json")):
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = [os.readlink(each) for each in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(each.startswith(str(place)) for each in held) and int(process.name) != os.getpid():
            os.kill(int(process.name), signal.SIGKILL)
            killed.append(process.name)


def killed_once(piece, store, workers, place):
    """Do a piece whose process is killed in its middle."""
    killed = []
    thread = threading.Thread(target=kill_first_training, args=(place, killed))
    thread.start()
    try:
        assert jobs.run([piece], store, workers) == {}
    finally:
        thread.join(timeout=60)
    assert killed


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the process to kill is found in /proc")
def test_a_training_whose_process_is_killed_goes_on_and_ends_with_the_same_bytes(tmp_path, capsys):
    config = TrainConfig(**SETTINGS)
    train(config, tmp_path / "plain", progress=False)
    store, piece = Directories(tmp_path / "out"), training("run", config, checkpoint_seconds=0.2)
    killed_once(piece, store, Processes(1), store.folder / ".jobs" / "unfinished")
    assert "run: started 2 times" in capsys.readouterr().err
    assert policies_in(store.path(piece)) == policies_in(tmp_path / "plain")
    assert load_policy(store.path(piece)).training["steps"] == 2700


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the process to kill is found in /proc")
def test_a_training_whose_ray_worker_is_killed_is_taken_up_by_another(cluster, tmp_path, capsys):
    from mec_gym.jobs.on_ray import OnRay

    config = TrainConfig(**SETTINGS)
    train(config, tmp_path / "plain", progress=False)
    nodes = [cluster.add(), cluster.add()]
    storage = tmp_path / "storage"
    storage.mkdir()
    store, piece = Directories(tmp_path / "out"), training("run", config, checkpoint_seconds=0.2)
    killed_once(piece, store, OnRay(cluster.address, storage), storage)
    assert "run: started 2 times" in capsys.readouterr().err
    assert policies_in(store.path(piece)) == policies_in(tmp_path / "plain")
    assert not list(storage.iterdir())
    for node in nodes:
        cluster.lose(node)
