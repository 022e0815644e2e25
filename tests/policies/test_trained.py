"""Policy files: they come back as they were, and a damaged or foreign one is refused."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest

from mec_gym.io import files
from mec_gym.policies import trained
from mec_gym.policies.trained import TrainedPolicy, load_policy, save_policy
from mec_gym.scenario import Scenario


def network(scenario, hidden=5, seed=0):
    rng = np.random.default_rng(seed)
    inputs = (scenario.num_devices + 1) * (scenario.num_servers + 2) - 2
    sizes = [inputs, hidden, scenario.num_servers]
    weights = tuple(
        (
            rng.normal(size=(out, into)).astype(np.float32),
            rng.normal(size=out).astype(np.float32),
        )
        for into, out in itertools.pairwise(sizes)
    )
    return TrainedPolicy(scenario, "paper", weights, {"steps": 1})


@pytest.fixture
def saved(tmp_path):
    policy = network(Scenario.preset("slack"))
    save_policy(policy, tmp_path)
    return tmp_path, policy


def test_a_saved_policy_comes_back_as_it_was(saved):
    directory, policy = saved
    loaded = load_policy(directory)
    assert loaded.scenario == policy.scenario
    assert loaded.observation == policy.observation
    assert loaded.training == policy.training
    slots = policy.scenario.sample(50, 1)
    assert (loaded(slots) == policy(slots)).all()


def test_one_slot_is_assigned_as_it_is_within_a_batch(saved):
    _, policy = saved
    slots = policy.scenario.sample(6, 1)
    batch = policy(slots)
    assert all((policy(slots[row]) == batch[row]).all() for row in range(6))


def test_the_greatest_q_value_is_chosen():
    scenario = Scenario(num_devices=2, num_servers=2, capacity=2)
    weight, bias = np.zeros((2, 10), np.float32), np.array([1, 2], np.float32)
    policy = TrainedPolicy(scenario, "paper", ((weight, bias),), {})
    assert policy(scenario.sample(1, 0)).tolist() == [[1, 1]]


@pytest.mark.parametrize("file", ["policy.safetensors", "policy.json"])
@pytest.mark.parametrize("damage", ["truncated", "missing", "empty", "flipped"])
def test_a_damaged_file_is_refused_in_one_line_that_names_the_directory(saved, file, damage):
    directory, _ = saved
    path = directory / file
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "flipped" and file == "policy.safetensors":
        content[-1] ^= 1
        path.write_bytes(content)
    elif damage == "flipped":
        path.write_bytes(content.replace(b'"sha256": "', b'"sha256": "0'))
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    with pytest.raises(ValueError, match=str(directory)) as caught:
        load_policy(directory)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["policy.safetensors", "policy.json"])
def test_every_flipped_bit_and_every_cut_of_a_sample_is_noticed(saved, file):
    directory, _ = saved
    path = directory / file
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(len(content), size=300).tolist():
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(rng.integers(8))
        for damaged in (bytes(flipped), content[:position]):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=str(directory)):
                load_policy(directory)
    path.write_bytes(content)
    load_policy(directory)


def test_a_file_too_long_to_hold_a_policy_is_refused_before_it_is_read(saved):
    directory, _ = saved
    with open(directory / "policy.safetensors", "wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would take a terabyte
    with pytest.raises(
        ValueError, match=r"policy.safetensors: it is longer than 1,073,741,824 bytes"
    ):
        load_policy(directory)


@pytest.mark.parametrize("name", ["policy.json", "policy.safetensors"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(saved, name):
    directory, _ = saved
    (directory / name).unlink()
    os.mkfifo(directory / name)
    with pytest.raises(ValueError, match=f"{name}: it is not a file"):
        load_policy(directory)


def test_a_directory_that_is_no_run_is_refused_with_what_would_do(tmp_path):
    with pytest.raises(ValueError, match=r"not a run directory.*python -m train"):
        load_policy(tmp_path)


def test_weights_of_another_policy_are_refused(saved, tmp_path_factory):
    directory, _ = saved
    other = tmp_path_factory.mktemp("other")
    save_policy(network(Scenario.preset("slack"), seed=1), other)
    shutil.copy(other / "policy.safetensors", directory)
    with pytest.raises(ValueError, match="SHA-256 differs"):
        load_policy(directory)


def test_a_newer_format_is_refused(saved):
    directory, _ = saved
    manifest = json.loads((directory / "policy.json").read_text())
    (directory / "policy.json").write_text(json.dumps(manifest | {"format": trained.FORMAT + 1}))
    with pytest.raises(
        ValueError, match=r"its format is \d, this version of mec_gym reads \d; use"
    ):
        load_policy(directory)


def test_slots_of_another_shape_are_refused(saved):
    _, policy = saved
    with pytest.raises(ValueError, match=r"trained for other slots.*50 devices x 5 servers.*9 x 3"):
        policy(Scenario.preset("large").sample(2, 0))


def test_weights_that_do_not_fit_the_scenario_are_refused():
    policy = network(Scenario.preset("slack"))
    with pytest.raises(ValueError, match="do not take 355 inputs"):
        TrainedPolicy(Scenario.preset("large"), "paper", policy.weights, {})


@pytest.mark.parametrize("cut_at", [0, 1])
def test_a_save_that_is_cut_short_leaves_a_policy_that_loads(saved, monkeypatch, cut_at):
    directory, before = saved
    calls = []

    def replace_file(path, content):
        calls.append(path.name)
        if len(calls) > cut_at:
            raise KeyboardInterrupt
        files.replace_file(path, content)

    monkeypatch.setattr(trained, "replace_file", replace_file)
    with pytest.raises(KeyboardInterrupt):
        save_policy(network(Scenario.preset("slack"), seed=1), directory)
    slots = before.scenario.sample(20, 1)
    assert (load_policy(directory)(slots) == before(slots)).all()
