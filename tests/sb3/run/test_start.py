"""A run that begins with given weights: fine-tuning, and how a finished one is taken further."""

import json
import shutil

import numpy as np
import pytest
from interrupted import CONFIGS, WEIGHTS, curves, stopped

from mec_gym import average_delay, load_policy
from mec_gym.benchmark.models import by_name, load_models
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.directory import config_of, verify
from mec_gym.sb3.run.start import load_weights
from mec_gym.sb3.run.training import make_dqn, train
from train.__main__ import main

NEXT = CONFIGS["regret"].replace(seed=1, epsilon_start=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper", "regret"])
def test_a_run_begins_with_the_weights_and_explores_as_it_is_configured(name, whole, tmp_path):
    config = CONFIGS[name].replace(seed=1, epsilon_start=0.3)
    train(config, tmp_path / "run", progress=False, start_from=whole[name])
    first, given = load_policy(tmp_path / "run" / "start"), load_policy(whole[name])
    assert first.training == given.training
    for ours, theirs in zip(first.weights, given.weights, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))
    # The first held-out point is that of the weights given.
    shown = curves(tmp_path / "run")
    slots = config.scenario.sample(config.heldout_slots, config.heldout_seed)
    delay = average_delay(slots, given(slots)).mean()
    assert shown["heldout/average_delay_s"][0] == (0, pytest.approx(delay, rel=1e-6))
    assert shown["rollout/exploration_rate"][0][1] < 0.3


def test_both_networks_have_the_weights_before_the_first_step():
    config = TrainConfig.preset("regret")
    model, policy = make_dqn(config), load_policy("regret-mix")
    load_weights(policy, model, config)
    for flat in (model.flat, model.flat_target):
        for ours, theirs in zip(flat.layers, policy.weights, strict=True):
            assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))


@pytest.mark.slow
def test_stopped_or_begun_anew_it_ends_with_the_same_bytes(whole, tmp_path, monkeypatch):
    train(NEXT, tmp_path / "whole", progress=False, start_from=whole["regret"])
    cut = stopped(NEXT, tmp_path / "cut", monkeypatch, 20, start_from=str(whole["regret"]))
    train(NEXT, cut, progress=False, resume=True)
    anew = stopped(NEXT, tmp_path / "anew", monkeypatch, 20, start_from=whole["regret"])
    shutil.rmtree(anew / "checkpoint")
    train(NEXT, anew, progress=False, resume=True)
    for run in (cut, anew):
        assert (run / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
        assert verify(run) >= 11
    other = train(NEXT, tmp_path / "from nothing", progress=False)
    assert not np.array_equal(other.policy.weights[0][0], load_policy(cut).weights[0][0])


@pytest.mark.slow
def test_the_weights_it_began_with_are_verified(whole, tmp_path):
    train(NEXT, tmp_path / "run", progress=False, start_from=whole["regret"])
    path = tmp_path / "run" / "start" / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"start/{WEIGHTS}"):
        verify(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            TrainConfig.preset("regret", network="mlp", mask=False, hidden=(128, 64)),
            ["from: the policy reads observation 'paper', the run 'servers'", "set observation"],
        ),
        (
            TrainConfig(hidden=(64, 64)),
            ["from: the policy has hidden 128 64, the run 64 64", "set hidden 128 64"],
        ),
        (
            TrainConfig(scenario={"num_devices": 6}),
            ["from: the policy is for 9 devices x 3 servers, the run's", "6 devices x 3 servers"],
        ),
        (
            TrainConfig(heldout_seed=5, seed=4),
            ["heldout_seed: 5 is a seed that the policy was trained with", "give another"],
        ),
    ],
)
def test_what_does_not_fit_is_named_with_the_remedy_and_nothing_is_made(
    config, words, tmp_path, short_of_seed_5
):
    with pytest.raises(ValueError, match=r"from|heldout_seed") as caught:
        train(config, tmp_path / "run", progress=False, start_from=short_of_seed_5)
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def short_of_seed_5(tmp_path_factory):
    directory = tmp_path_factory.mktemp("start") / "run"
    config = TrainConfig(episodes=8, heldout_slots=4, seed=5)
    return train(config, directory, progress=False).policy


def test_another_kind_of_network_is_named(tmp_path):
    config = TrainConfig.preset("regret", network="mlp", mask=False)
    with pytest.raises(ValueError, match="network 'servers', the run of 'mlp'; set network serv"):
        train(config, tmp_path / "run", progress=False, start_from="regret-mix")


@pytest.mark.slow
def test_the_slots_that_the_first_policy_was_trained_on_are_not_for_evaluation(whole, tmp_path):
    train(NEXT.replace(seed=7), tmp_path / "run", progress=False, start_from=whole["regret"])
    said = json.loads((tmp_path / "run" / "policy.json").read_text())["training"]["start"]
    assert said["seeds"] == [0]
    for seed in (0, 7):
        with pytest.raises(ValueError, match=f"seed: {seed} is .*seed .* trained with"):
            load_models([str(tmp_path / "run")], held_out_seed=seed)
    models = load_models([str(whole["regret"]), str(tmp_path / "run")], held_out_seed=8)
    assert len(by_name(models, NEXT.scenario)) == 2  # not seeds of one row


@pytest.mark.slow
def test_the_command_takes_a_finished_run_further(whole, tmp_path, capsys):
    run, out = whole["paper"], tmp_path / "further"
    command = [f"{run}/config.toml", "--from", str(run), "--seed", "3", "--episodes", "30"]
    assert main([*command, "--out", str(out)]) == 0
    assert config_of(out).seed == 3
    assert load_policy(out / "start").training["config"]["seed"] == 0
    assert main([*command, "--resume", str(out)]) == 2
    assert "leave out from" in capsys.readouterr().err
    assert main(["paper", "--from", "regret-mix", "--out", str(tmp_path / "no")]) == 2
    assert "from: the policy reads observation 'servers'" in capsys.readouterr().err
    assert main(["paper", "--from", str(tmp_path), "--out", str(tmp_path / "no")]) == 2
    assert "not a run directory" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
