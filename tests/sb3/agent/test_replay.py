"""The fast replay buffer against Stable-Baselines3's own."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.buffers import ReplayBuffer

from mec_gym.sb3.agent.replay import FlatReplayBuffer

KEPT = 12


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("steps", [5, KEPT, 29])  # not full, just full, overwritten
def test_a_minibatch_is_stable_baselines3s_own_sample_with_the_same_random_numbers(copies, steps):
    box = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
    buffer = FlatReplayBuffer(KEPT * copies, box, gym.spaces.Discrete(3), "cpu", n_envs=copies)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        seen, then = rng.standard_normal((2, copies, 4), dtype=np.float32)
        actions, rewards = rng.integers(0, 3, copies), rng.standard_normal(copies)
        buffer.add(seen, then, actions, rewards, rng.random(copies) < 0.5, [{}] * copies)
    np.random.seed(7)  # noqa: NPY002  # the buffer draws from it
    theirs = buffer.sample(200)
    np.random.seed(7)  # noqa: NPY002
    ours = buffer.minibatch(200)
    for name in ours._fields:
        one, other = getattr(ours, name), getattr(theirs, name).numpy()
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.reshape(other.shape), other)
    assert len(np.unique(ours.rewards)) == min(steps, KEPT) * copies  # every one can be drawn


@pytest.mark.parametrize("copies", [1, 3])
def test_it_keeps_what_stable_baselines3s_own_keeps(copies):
    box = gym.spaces.Box(-np.inf, np.inf, (4, 2), np.float32)
    kinds = FlatReplayBuffer, ReplayBuffer
    ours, own = (
        kind(KEPT * copies, box, gym.spaces.Discrete(3), "cpu", n_envs=copies) for kind in kinds
    )
    rng = np.random.default_rng(0)
    for _ in range(29):
        seen, then = rng.standard_normal((2, copies, 4, 2), dtype=np.float32)
        actions, rewards = rng.integers(0, 3, copies), rng.standard_normal(copies)
        ends = rng.random(copies) < 0.5
        infos = [{"TimeLimit.truncated": bool(end and rng.random() < 0.5)} for end in ends]
        for buffer in (ours, own):
            buffer.add(seen, then, actions, rewards, ends, infos)
        assert (ours.pos, ours.full) == (own.pos, own.full)
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(own, name))
    assert own.timeouts.any()
