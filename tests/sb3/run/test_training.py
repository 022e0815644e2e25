"""A run directory: what a run leaves, on every way out, and what TensorBoard finds in it."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from interrupted import curves
from stable_baselines3.common.callbacks import BaseCallback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mec_gym
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.run import training
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.guide import GUIDE
from mec_gym.sb3.run.training import make_dqn, snapshot, train

SHORT = TrainConfig(episodes=40, heldout_slots=20, heldout_episodes=20, epsilon_episodes=20)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "short"
    return directory, train(SHORT, directory, progress=False)


@pytest.mark.slow
def test_a_run_leaves_config_and_policy(run):
    directory, result = run
    assert TrainConfig.from_toml(directory / "config.toml") == SHORT
    assert {path.name for path in directory.iterdir()} >= {
        "config.toml",
        "policy.safetensors",
        "policy.json",
    }
    loaded = load_policy(directory)
    assert (loaded(result.heldout) == result.policy(result.heldout)).all()
    assert result.episodes == 40
    assert not result.interrupted


def test_tensorboard_shows_every_curve_the_reader_needs(run):
    directory, _ = run
    events = EventAccumulator(str(directory), size_guidance={"histograms": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    assert set(tags["scalars"]) >= {
        "episode/average_delay_s",
        "episode/feasible_share",
        "episode/overloads",
        "episode/reward",
        "heldout/average_delay_s",
        "heldout/feasible_share",
        "heldout/gap",
        "heldout/overloads",
        "rollout/ep_rew_mean",
        "rollout/exploration_rate",
        "train/loss",
        "train/q_value",
    }
    assert "heldout/first_slot" in tags["images"]
    assert {f"heldout_load/server_{n}" for n in range(3)} <= set(tags["tensors"])
    texts = sorted(tag for tag in tags["tensors"] if tag.endswith("/text_summary"))
    assert texts == ["guide/text_summary", "settings/text_summary"]  # as TensorBoard sorts them
    named = {tag.split("/")[0] for tag in tags["scalars"]} - {"rollout", "time", "train"}
    assert all(f"`{name}/" in GUIDE for name in named)
    steps = [event.step for event in events.Scalars("heldout/average_delay_s")]
    assert steps == [0, 180, 360]


def test_baselines_and_optimum_have_the_networks_tags_at_its_steps_in_sub_runs(run):
    directory, result = run
    shown = curves(directory)
    assignment = mec_gym.policies.get("least-delay")(result.heldout, 0)
    delay = mec_gym.average_delay(result.heldout, assignment)
    expected = {
        "least-delay: heldout/average_delay_s": delay.mean(),
        "least-delay: heldout/gap": (delay / result.reference.cost - 1).mean(),
        "least-delay: heldout/feasible_share": 1,
        "least-delay: heldout/overloads": 0,
        "optimum: heldout/average_delay_s": result.reference.cost.mean(),
        "optimum: heldout/gap": 0,
    }
    for curve, value in expected.items():
        assert shown[curve] == [(step, pytest.approx(value, rel=1e-6)) for step in (0, 180, 360)]
    sub_runs = {curve.split(": ")[0] for curve in shown if ": " in curve}
    assert sub_runs == {"roa", "goa", "least-delay", "optimum"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    config = TrainConfig(episodes=12, heldout_slots=5)
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(config.replace(seed=seed), tmp_path / name, progress=False)
        digests.append((tmp_path / name / "policy.safetensors").read_bytes())
    assert digests[0] == digests[1] != digests[2]


def test_the_numpy_forward_pass_equals_torchs():
    config = TrainConfig()
    model = make_dqn(config)
    observations = np.random.default_rng(0).random((200, 48), dtype=np.float32)
    with torch.no_grad():
        expected = model.q_net(torch.from_numpy(observations)).numpy()
    q_values = snapshot(model, config).q_values(observations)
    np.testing.assert_allclose(q_values, expected, atol=1e-5)


def test_the_policy_assigns_as_stable_baselines3_predicts_in_the_environment():
    config = TrainConfig(episodes=20)
    model = make_dqn(config)
    model.learn(150)
    policy = snapshot(model, config)
    slots = config.scenario.sample(10, 5)
    env = gym.make("mec_gym:MEC-Offload-v0").unwrapped
    for row in range(10):
        observation, _ = env.reset(options={"instance": slots[row]})
        done = False
        while not done:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, done, _, info = env.step(action)
        assert (info["assignment"] == policy(slots)[row]).all()


@pytest.mark.slow
def test_copies_that_end_together_count_each_and_are_evaluated_as_often(tmp_path, capsys):
    config = SHORT.replace(num_envs=8, updates_at_once=8)
    result = train(config, tmp_path / "run")
    assert result.episodes == 40
    assert "episode 40 of 40" in capsys.readouterr().err
    assert load_policy(tmp_path / "run").training["steps"] == 40 * 9
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    steps = [event.step for event in events.Scalars("heldout/average_delay_s")]
    assert steps == [0, 24 * 9, 40 * 9]  # the 20th episode ends with the 24th


@pytest.mark.slow
def test_an_interrupt_leaves_a_usable_run(tmp_path, monkeypatch):
    class CtrlC(BaseCallback):
        def _on_step(self):
            if self.num_timesteps == 200:
                raise KeyboardInterrupt
            return True

    monkeypatch.setattr(training, "EpisodeCurves", lambda bar: CtrlC())
    result = train(SHORT, tmp_path / "cut", progress=False)
    assert result.interrupted
    assert result.episodes == 200 // 9
    assert load_policy(tmp_path / "cut").training["steps"] == 200


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("updates_at_once", [1, 8])
def test_a_loss_that_is_not_finite_stops_the_run_and_the_last_good_policy_stays(
    tmp_path, updates_at_once
):
    config = SHORT.replace(learning_rate=1e30, updates_at_once=updates_at_once)
    with pytest.raises(FloatingPointError, match=r"(loss: \S+ at update \d+, step|weights: not)"):
        train(config, tmp_path / "run", progress=False)
    kept = load_policy(tmp_path / "run")
    assert kept.training["steps"] == 0
    assert all(np.isfinite(array).all() for layer in kept.weights for array in layer)


def test_weights_that_are_not_finite_are_not_saved():
    model = make_dqn(SHORT)
    with torch.no_grad():
        model.flat.values[3] = torch.nan
    with pytest.raises(FloatingPointError, match="weights: not finite by step 0"):
        snapshot(model, SHORT)


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"directory: .* not empty; give a new directory"):
        train(SHORT, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_unwritable_output_is_refused_before_any_work(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ValueError, match=r"directory: cannot write .*; give another directory"):
        train(SHORT, file / "run", progress=False)


@pytest.mark.slow
def test_a_network_trains_and_plays_where_gains_change(tmp_path):
    config = SHORT.replace(scenario=mec_gym.Scenario.preset("fast-fading"), episodes=30)
    result = train(config, tmp_path / "run", progress=False)
    loaded = load_policy(tmp_path / "run")
    assert loaded.scenario == config.scenario
    assert loaded.scenario.channel.correlation == 0
    assert result.heldout.step_gain is not None
    played = loaded(result.heldout)
    assert (played == result.policy(result.heldout)).all()
    # It is asked for each device what the environment shows of the same slot.
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=config.scenario).unwrapped
    for row in range(3):
        observation, _ = env.reset(options={"instance": result.heldout[row]})
        for server in played[row]:
            assert loaded.q_values(observation).argmax() == server
            observation, *_ = env.step(server)
    with pytest.raises(ValueError, match="trained for other slots"):
        load_policy(tmp_path / "run")(mec_gym.Scenario.preset("slack").sample(2, 0))
