"""`MEC-Offload-v0`: a copy goes on as the original would; what is handed out is the caller's."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from episodes import digest, play, tiny
from slots import FIELDS

from mec_gym import Scenario
from mec_gym.envs.offload import OffloadEnv
from mec_gym.observations import OBSERVATIONS


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deep", "pickle"]
)
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_a_copy_made_in_mid_slot_goes_on_identically(copied, observation):
    env = gym.make("mec_gym:MEC-Offload-v0", scenario="slack", observation=observation)
    env.reset(seed=2)
    play(env, [0, 1, 2])
    twin = copied(env)
    actions = [2, 2, 1, 0, 1, 2]
    assert digest(play(env, actions)) == digest(play(twin, actions))
    for _ in range(80):  # beyond the block at hand
        np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


@pytest.mark.parametrize("played", [0, 9])
def test_a_copy_made_before_the_first_or_after_the_last_step_goes_on_too(env, played):
    env.reset(seed=2)
    play(env, ([0, 1, 2] * 3)[:played])
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        one, other = copy.deepcopy(env).reset()[0], twin.reset()[0]
        np.testing.assert_array_equal(one, other)
    actions = ([0, 1, 2] * 3)[played:]
    assert digest(play(copy.deepcopy(env), actions)) == digest(play(env, actions))


def test_the_environment_can_be_made_again_from_its_spec():
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=Scenario(num_devices=4), reward="delay")
    again = gym.make(env.spec)
    np.testing.assert_array_equal(env.reset(seed=1)[0], again.reset(seed=1)[0])


def test_playing_a_copy_leaves_the_original_where_it_was(env):
    env.reset(seed=2)
    play(env, [0, 1, 2])
    twin, untouched = copy.deepcopy(env), copy.deepcopy(env)
    play(twin, [0] * 6)
    twin.reset()
    actions = [2, 2, 1, 0, 1, 0]
    assert digest(play(env, actions)) == digest(play(untouched, actions))


# What is handed out is the caller's.


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_what_was_returned_before_does_not_change_later(observation):
    env = OffloadEnv(observation=observation)
    first, info = env.reset(seed=0)
    kept = [(first, info["action_mask"])]
    kept += [(step[0], step[-1]["action_mask"]) for step in play(env, [0, 0, 0, 1, 1, 1, 2, 2, 2])]
    was = [(one.copy(), mask.copy()) for one, mask in kept]
    env.reset()
    play(env, [0] * 9)
    for (one, mask), (one_was, mask_was) in zip(kept, was, strict=True):
        np.testing.assert_array_equal(one, one_was)
        np.testing.assert_array_equal(mask, mask_was)
    assert len({id(one) for one, _ in kept}) == len(kept)
    assert not any(np.shares_memory(kept[i][0], kept[i + 1][0]) for i in range(len(kept) - 1))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_writing_to_what_was_returned_does_not_reach_the_environment(observation):
    env, other = (OffloadEnv(observation=observation) for _ in range(2))
    seen, info = env.reset(seed=0)
    other.reset(seed=0)
    for action in [0, 0, 0, 0, 1, 1, 2, 2, 1]:
        seen[...] = -7
        info["action_mask"][...] = False
        env.action_masks()[...] = False
        seen, reward, *_, info = env.step(action)
        expected, expected_reward, *_, expected_info = other.step(action)
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(info["action_mask"], expected_info["action_mask"])
        assert reward == expected_reward


def test_the_last_assignment_stays_after_the_next_slot(env):
    env.reset(seed=0)
    info = play(env, [0, 1, 2] * 3)[-1][-1]
    kept = {key: np.array(value) for key, value in info.items()}
    env.reset()
    play(env, [2, 1, 0] * 3)
    for key, value in kept.items():
        np.testing.assert_array_equal(info[key], value)


def test_the_environment_does_not_write_to_a_given_slot():
    scenario, slot = tiny()
    before = {name: getattr(slot, name).copy() for name in FIELDS}
    env = OffloadEnv(scenario)
    env.reset(options={"instance": slot})
    play(env, [0, 0, 0])
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(slot, name), value)
