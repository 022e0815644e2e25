"""Other people's code works with `MEC-Offload-v0` as it stands: both checkers, three learners."""

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from over_time import SCENARIOS
from pairs import PAIRS
from slots import CITIES

import mec_gym
from mec_gym.observations import OBSERVATIONS

EVERY = [
    (scenario, observation, reward)
    for scenario in mec_gym.Scenario.presets()
    if scenario not in CITIES
    for observation, reward in PAIRS
] + [(scenario, "paper", "paper") for scenario in CITIES]
EVERY += [
    (SCENARIOS[name], observation, "delay") for name in SCENARIOS for observation in OBSERVATIONS
]


def make(scenario="paper", observation="paper", reward="paper"):
    return gym.make(
        "mec_gym:MEC-Offload-v0", scenario=scenario, observation=observation, reward=reward
    )


# A warning is an error: see filterwarnings in pyproject.toml. Gymnasium logs through `warnings`.


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "observation", "reward"), EVERY)
def test_gymnasiums_checker_passes_without_a_warning(scenario, observation, reward):
    gymnasium_check(make(scenario, observation, reward).unwrapped, skip_render_check=True)


# SB3's own networks flatten what is neither a vector nor an image; the checker recommends a vector.
@pytest.mark.filterwarnings("ignore:Your observation  has an unconventional shape")
@pytest.mark.parametrize(("scenario", "observation", "reward"), EVERY)
def test_sb3s_checker_passes_without_a_warning(scenario, observation, reward):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(
        make(scenario, observation, reward).unwrapped, warn=True, skip_render_check=True
    )


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("DQN", {"learning_starts": 100, "buffer_size": 1000}),
        ("PPO", {"n_steps": 64, "batch_size": 32, "n_epochs": 1}),
    ],
)
def test_stock_sb3_trains(name, arguments):
    sb3 = pytest.importorskip("stable_baselines3")
    model = getattr(sb3, name)("MlpPolicy", make(), seed=0, device="cpu", **arguments)
    model.learn(256)
    assert model.num_timesteps >= 256
    assert len(model.ep_info_buffer) > 0
    assert {info["l"] for info in model.ep_info_buffer} == {9}
    action, _ = model.predict(make().reset(seed=0)[0], deterministic=True)
    assert action in range(3)


@pytest.mark.usefixtures("one_torch_thread")
def test_maskable_ppo_trains_and_never_overloads_a_server():
    contrib = pytest.importorskip("sb3_contrib")
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):
        feasible: list[bool]

        def _on_training_start(self):
            self.feasible = []

        def _on_step(self):
            self.feasible += [
                info["feasible"] for info in self.locals["infos"] if "feasible" in info
            ]
            return True

    watch = Watch()
    model = contrib.MaskablePPO(
        "MlpPolicy", make(), seed=0, device="cpu", n_steps=64, batch_size=32, n_epochs=1
    )
    model.learn(256, callback=watch)
    assert len(watch.feasible) == 256 // 9
    assert all(watch.feasible)
