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


@pytest.mark.parametrize("indices", [None, [1, 3], 2, []])
@pytest.mark.parametrize("seed", [None, 40])
def test_copies_are_reset_alone_as_in_stable_baselines3s_own_batch(seed, indices):
    ours, theirs = batch(), make_vec_env(ID, n_envs=4)
    for env in (ours, theirs):
        env.seed(6)
        env.reset()
        for _ in range(4):
            env.step(np.zeros(4, int))
    one, other = (env.env_method("reset", seed=seed, indices=indices) for env in (ours, theirs))
    assert len(one) == len(other)
    for (seen, info), (expected, its_info) in zip(one, other, strict=True):
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(info["action_mask"], its_info["action_mask"])
    for _ in range(12):
        actions = np.ones(4, int)
        one, other = ours.step(actions), theirs.step(actions)
        for mine, their in zip(one[:3], other[:3], strict=True):
            np.testing.assert_array_equal(mine, their)
        for mine, their in zip(one[3], other[3], strict=True):
            if "episode" in their:
                assert mine["episode"]["l"] == their["episode"]["l"]
                assert mine["episode"]["r"] == pytest.approx(their["episode"]["r"], abs=1e-5)


@pytest.mark.parametrize("name", ["step", "render", "close", "state", "speed"])
def test_what_no_copy_can_do_alone_is_refused(name):
    env = batch()
    env.reset()
    with pytest.raises(AttributeError, match=f"^{name}: .*action_masks"):
        env.env_method(name)
    with pytest.raises(AttributeError, match=f"^{name}: .*action_masks"):
        env.get_attr(name)
    assert not env.has_attr(name)
    assert env.has_attr("action_masks")
    assert env.get_attr("action_masks", [1])[0]().shape == (3,)
    with pytest.raises(ValueError, match=r"^options: .*reset_mask"):
        env.env_method("reset", options={"instance": 1})


def test_attributes_are_those_of_a_copy():
    env = batch()
    assert env.get_attr("observation_space", 0) == [env.observation_space]
    assert env.get_attr("action_space", 0) == [env.action_space]


@pytest.mark.parametrize("mode", ["NEXT_STEP", "DISABLED"])
def test_a_batch_that_does_not_begin_slots_in_the_same_step_is_refused(mode):
    with pytest.raises(ValueError, match=f"^autoreset_mode: {mode}; .*SAME_STEP"):
        batch(autoreset_mode=mode)


def test_slots_that_are_cut_off_say_so():
    ours = batch(max_episode_steps=4)
    theirs = make_vec_env(ID, n_envs=4, env_kwargs={"max_episode_steps": 4})
    for env in (ours, theirs):
        env.seed(6)
        env.reset()
    for _ in range(9):
        one, other = (env.step(np.zeros(4, int)) for env in (ours, theirs))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[2], other[2])
        for mine, their in zip(one[3], other[3], strict=True):
            assert mine.get("TimeLimit.truncated", False) is their["TimeLimit.truncated"]


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
