"""The ways of the README with a scenario that uses every option at once."""

import json
import subprocess
import sys

import numpy as np
import pytest
from any_options import ALL_AT_ONCE

import mec_gym
from mec_gym import Scenario, system
from mec_gym.mdp import State, assign_all

SCENARIO = Scenario(**ALL_AT_ONCE)
SHORT = ["--episodes", "40", "--epsilon-episodes", "20", "--heldout-slots", "8"]


def run(*words):
    """A command of the package, which is to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "mec_gym", *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "network.toml"
    path.write_text(SCENARIO.to_toml())
    return path


def test_it_is_read_back_from_toml_and_json_as_it_was(network):
    assert Scenario.from_toml(network) == SCENARIO
    assert Scenario.of(json.loads(json.dumps(SCENARIO.source))) == SCENARIO


def test_slots_are_read_back_from_a_file_as_they_were(tmp_path):
    slots = SCENARIO.sample(4, 0)
    slots.save(tmp_path / "slots.npz")
    read = mec_gym.Instance.load(tmp_path / "slots.npz").arrays()
    assert read.keys() == slots.arrays().keys()
    for name, array in slots.arrays().items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "regret"])
def test_a_network_is_trained_gone_on_with_exported_and_compared(preset, network, tmp_path):
    pytest.importorskip("onnx")
    out = tmp_path / "run"
    run("train", preset, "--scenario", network, *SHORT, "--out", out)
    run("export", out, tmp_path / "policy.onnx")
    table = run(
        *("evaluate", "--scenario", network, "--model", out, "--policies", "least-delay"),
        *("optimal", "--instances", "20", "--json", tmp_path / "results.json"),
    )
    assert "average" in table
    (trained, _, optimal) = json.loads((tmp_path / "results.json").read_text())["policies"]
    assert optimal["gap"]["mean"] == pytest.approx(0, abs=1e-9)
    for name in ("energy_j", "missed", "dropped", "barred", "task_delay_percentiles"):
        assert name in trained
    if preset == "regret":  # which masks what is not allowed
        assert trained["barred"] == 0
    policy = mec_gym.load_policy(out)
    slots = SCENARIO.sample(5, 11)
    assert system.check_assignment(slots, policy(slots)).shape == (5, 5)


def test_every_policy_that_sees_this_much_plays_it():
    slots = SCENARIO.sample(6, 3)
    first = assign_all(slots, lambda state: state.mask.argmax(axis=-1))
    assert system.is_feasible(slots, first).all()
    for name in ("roa", "goa-capacity", "least-delay", "local-search", "optimal", "prices"):
        assignment = mec_gym.policies.get(name)(slots, 0)
        assert system.is_feasible(slots, assignment).all(), name
    for name in ("regret-mix", "regret-online"):
        chosen = mec_gym.load_policy(name).for_scenario(SCENARIO)(slots)
        assert (system.barred(slots, chosen) == 0).all()
    assert not State(slots).done
