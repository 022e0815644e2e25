"""The batched environment under Stable-Baselines3: the same as its own vectorised scalar ones."""

import gymnasium as gym
import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_util import make_vec_env

from mec_gym.sb3.agent.vec_env import OffloadVecEnv

ID = "mec_gym:MEC-Offload-v0"


def batch(copies=4, **kwargs):
    return OffloadVecEnv(gym.make_vec(ID, num_envs=copies, **kwargs))


def test_it_steps_as_stable_baselines3s_own_batch_of_monitored_environments():
    ours, theirs = batch(), make_vec_env(ID, n_envs=4)
    for env in (ours, theirs):
        env.seed(6)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(0, 3, 4)
        one, other = ours.step(actions), theirs.step(actions)
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
        np.testing.assert_array_equal(one[2], other[2])
        for our, their in zip(one[3], other[3], strict=True):
            assert our.keys() | {"TimeLimit.truncated"} == their.keys() | {"TimeLimit.truncated"}
            if "episode" in their:
                assert our["episode"]["r"] == pytest.approx(their["episode"]["r"], abs=1e-5)
                assert our["episode"]["l"] == their["episode"]["l"] == 9
                for key in ("terminal_observation", "assignment", "average_delay", "feasible"):
                    np.testing.assert_array_equal(our[key], their[key])


def test_masks_reach_sb3_contrib():
    env = batch()
    env.reset()
    for _ in range(3):
        env.step(np.zeros(4, dtype=int))
    assert [mask.tolist() for mask in env.env_method("action_masks")] == [[False, True, True]] * 4
    assert len(env.env_method("action_masks", indices=[1, 2])) == 2


def test_shared_attributes_are_read_but_not_set():
    env = batch()
    assert [scenario.label for scenario in env.get_attr("scenario", indices=[0, 3])] == [
        "paper"
    ] * 2
    with pytest.raises(AttributeError, match="the copies share"):
        env.set_attr("scenario", None)


@pytest.mark.parametrize(
    ("learner", "settings", "steps"),
    [
        (DQN, {"learning_starts": 50, "buffer_size": 1000}, 200),
        (PPO, {"n_steps": 32, "n_epochs": 1}, 256),
        (MaskablePPO, {"n_steps": 32, "n_epochs": 1}, 256),
    ],
)
def test_learners_train_on_it(learner, settings, steps):
    model = learner("MlpPolicy", batch(), seed=0, device="cpu", **settings)
    model.learn(steps)
    assert model.num_timesteps >= steps
    assert len(model.ep_info_buffer) > 0
