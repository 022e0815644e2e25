"""Checkpoints: kept, damaged, made to do harm; none is believed that is not whole."""

import io
import shutil

import numpy as np
import pytest
from interrupted import CONFIGS, WEIGHTS, stopped

from mec_gym.io import digests
from mec_gym.io.digests import read_checked, with_digest
from mec_gym.sb3.run import checkpoint, training
from mec_gym.sb3.run.directory import verify
from mec_gym.sb3.run.training import train


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1, 2])
def test_so_many_checkpoints_are_kept(tmp_path, monkeypatch, keep):
    how = {"keep": keep, "checkpoint_seconds": 0.0}
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30, **how)
    kept = sorted(path.name for path in (directory / "checkpoint").iterdir())
    assert kept == ["000000000029", "000000000030"][-keep:]


def reseal(path, change):
    """What someone who means harm can do: a manifest of their own, which vouches for itself."""
    facts = read_checked(path / digests.MANIFEST_FILE, 1)
    change(facts)
    (path / digests.MANIFEST_FILE).write_bytes(with_digest(facts))


def set_in(*keys, to):
    def change(facts):
        table = facts
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = to

    return change


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("format", to=2), "its format is 2, this version of mec_gym reads 1"),
        (set_in("files", "../../../outside", to={"size": 0, "sha256": ""}), "is outside"),
        (set_in("files", "/etc/hostname", to={"size": 0, "sha256": ""}), "is outside"),
        (set_in("files", "missing", to={"size": 0, "sha256": ""}), "missing: it cannot be read"),
        (set_in("files", to=[]), "lists no files"),
        (set_in("events", to={"../policy.json": {}}), "not names of files of the run"),
        (set_in("events", to={"a/b/events.out.tfevents.1": {}}), "not names of files of the run"),
        (set_in("events", to={"../events.out.tfevents.1": {}}), "not names of files of the run"),
        (set_in("heldout", to=None), "no state of held-out curves"),
        (set_in("heldout", to=[1, 2, 3, [0.5, "x", 0]]), "no state of held-out curves"),
        (set_in("latest", to=[]), "latest: no state of curves"),
        (set_in("files", to={}), "it has no best policy; it is of an older version; remove"),
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


@pytest.mark.slow
def test_curves_outside_the_run_that_a_link_leads_to_are_left_alone(tmp_path, monkeypatch):
    outside = tmp_path / "other run"
    outside.mkdir()
    precious = outside / "events.out.tfevents.1.mine"
    precious.write_bytes(b"curves")
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    (directory / "linked").symlink_to(outside)
    (directory / "events.out.tfevents.1.linked").symlink_to(precious)
    train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert precious.read_bytes() == b"curves"


@pytest.mark.slow
def test_a_replay_buffer_that_would_run_code_is_refused_and_runs_none(
    tmp_path, monkeypatch, payload
):
    directory = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 30)
    (path,) = (directory / "checkpoint").iterdir()
    buffer = io.BytesIO()
    np.savez(buffer, observations=np.array([payload], dtype=object))
    (path / "replay.npz").write_bytes(buffer.getvalue())
    reseal(path, set_in("files", "replay.npz", to=digests.describe(path / "replay.npz")))
    with pytest.raises(ValueError, match="objects are never unpickled"):
        train(CONFIGS["paper"], directory, progress=False, resume=True)
    assert not payload.path.exists()
    buffer.seek(0)
    np.load(buffer, allow_pickle=True)["observations"]
    assert payload.path.exists()  # the payload works where a reader unpickles


def test_no_checkpoint_is_made_of_numbers_that_are_not_finite(tmp_path):
    model = training.make_dqn(CONFIGS["paper"])
    model.flat.values.data[0] = float("nan")
    with pytest.raises(FloatingPointError, match="weights: not finite"):
        checkpoint.save(model, tmp_path / "new")
    assert not list(tmp_path.iterdir())
