"""The batched environment is many scalar ones: bit for bit, through every reset."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pairs import PAIRS
from same import assert_same
from slots import CITIES

from mec_gym import Scenario
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.observations import OBSERVATIONS

ID = "mec_gym:MEC-Offload-v0"
COPIES = 5


def both(**kwargs):
    """The batched environment, and Gymnasium's batch of scalar ones."""
    batched = gym.make_vec(ID, num_envs=COPIES, **kwargs)
    single = [lambda: gym.make(ID, disable_env_checker=True, **kwargs)] * COPIES
    return batched, SyncVectorEnv(single, autoreset_mode=AutoresetMode.SAME_STEP)


def play(environments, steps, seed=0, choose=None):
    rng = np.random.default_rng(seed)
    num_servers = environments[0].single_action_space.n
    for _ in range(steps):
        actions = rng.integers(0, num_servers, COPIES)
        results = [env.step(actions) for env in environments]
        for one, other in zip(*results, strict=True):
            assert_same(one, other)


def test_make_vec_gives_the_batched_environment():
    env = gym.make_vec(ID, num_envs=3, scenario="slack")
    assert type(env).__name__ == "OffloadVectorEnv"
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert env.observation_space.shape == (3, 48)
    assert env.action_space.shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize(("observation", "reward"), PAIRS)
@pytest.mark.parametrize(
    "scenario",
    [
        name
        for name in Scenario.presets()
        if name not in CITIES and Scenario.preset(name).slots == 1
    ],
)
def test_it_plays_what_scalar_environments_play(scenario, observation, reward):
    environments = both(scenario=scenario, observation=observation, reward=reward)
    assert_same(*[env.reset(seed=3)[0] for env in environments])
    num_devices = Scenario.preset(scenario).num_devices
    play(environments, 2 * num_devices + 3)


@pytest.mark.slow
@pytest.mark.parametrize("observation", sorted(OBSERVATIONS))
@pytest.mark.parametrize("lookahead", [None, 1])
@pytest.mark.parametrize("kind", ["uniform", "path-loss"])
@pytest.mark.parametrize("num_devices", [1, 9])
def test_it_plays_gains_that_change_as_scalar_environments_do(
    num_devices, kind, lookahead, observation
):
    channel = {"kind": kind, "correlation": 0.7}
    scenario = Scenario(
        num_devices=num_devices, channel=channel, noise_psd=4e-21, lookahead=lookahead
    )
    environments = both(scenario=scenario, observation=observation, reward="delay")
    assert_same(*[env.reset(seed=3)[0] for env in environments])
    play(environments, 40 * num_devices)


def test_what_is_drawn_ahead_counts_the_gains_of_every_step():
    def gains_kept(scenario, copies):
        layers = gym.make_vec(ID, num_envs=copies, scenario=scenario)._stock.layers
        return layers * copies * scenario.num_gains, layers

    large = Scenario.preset("large")
    changing = large.replace(channel={"kind": "uniform", "correlation": 0.5})
    assert gains_kept(large, 16)[0] <= 1 << 16
    assert gains_kept(changing, 1)[0] <= 1 << 16
    assert gains_kept(changing, 64)[1] == 1  # never less than the slot that is played


@pytest.mark.slow
def test_it_plays_what_scalar_environments_play_at_city_size():
    environments = both(scenario="city", observation="si")
    results = [env.reset(seed=3) for env in environments]
    assert_same(*[observation for observation, _ in results])
    play(environments, 1003)


def test_it_goes_on_playing_the_same_slots_after_what_is_drawn_ahead_is_used_up():
    environments = both(scenario=Scenario(num_devices=2, num_servers=2, capacity=1))
    for env in environments:
        env.reset(seed=11)
    play(environments, 2 * 200)


def test_copies_that_are_reset_at_different_times_stay_the_same():
    environments = both(scenario="paper-varied")
    for env in environments:
        env.reset(seed=5)
    rng = np.random.default_rng(1)
    for turn in range(30):
        play(environments, int(rng.integers(1, 7)), seed=turn)
        mask = rng.random(COPIES) < 0.5
        if mask.any():
            results = [env.reset(options={"reset_mask": mask.copy()}) for env in environments]
            assert_same(results[0][0], results[1][0])
            np.testing.assert_array_equal(results[0][1]["_action_mask"], mask)


def test_copies_that_are_reseeded_alone_play_their_new_seeds_slots():
    environments = both()
    for env in environments:
        env.reset(seed=5)
    play(environments, 4)
    mask = np.array([False, True, False, False, True])
    seeds = [None, 77, None, None, 78]
    results = [env.reset(seed=list(seeds), options={"reset_mask": mask}) for env in environments]
    assert_same(results[0][0], results[1][0])
    play(environments, 30)


@pytest.mark.parametrize(
    ("preset", "given"),
    [
        ("paper-varied", "paper-varied"),
        ("fast-fading", "fast-fading"),
        ("fast-fading", "paper"),  # constant
    ],
)
def test_given_slots_are_played_and_then_the_drawn_ones_go_on(preset, given):
    scenario = Scenario.preset(preset)
    slots = Scenario.preset(given).sample(COPIES, 99)
    batched, _ = both(scenario=scenario)
    scalar = [gym.make(ID, scenario=scenario).unwrapped for _ in range(COPIES)]
    batched.reset(seed=1)
    for row, env in enumerate(scalar):
        env.reset(seed=1 + row)
    observation, _ = batched.reset(options={"instance": slots})
    expected = [env.reset(options={"instance": slots[i]})[0] for i, env in enumerate(scalar)]
    np.testing.assert_array_equal(observation, expected)
    for step in range(12):
        actions = np.full(COPIES, step % 3)
        observation, reward, done, _, info = batched.step(actions)
        for row, env in enumerate(scalar):
            seen, earned, ended, _, outcome = env.step(step % 3)
            assert (earned, ended) == (reward[row], done[row])
            if ended:
                assert info["final_info"]["average_delay"][row] == outcome["average_delay"]
                seen, _ = env.reset()
            np.testing.assert_array_equal(observation[row], seen)


def test_masks_are_the_servers_with_a_free_place():
    batched, scalar = both()
    batched.reset(seed=0)
    scalar.reset(seed=0)
    for _ in range(8):
        actions = np.zeros(COPIES, dtype=int)
        info = batched.step(actions)[4]
        scalar.step(actions)
        np.testing.assert_array_equal(batched.action_masks(), info["action_mask"])
        np.testing.assert_array_equal(batched.action_masks(), scalar.call("action_masks"))


def test_the_same_seed_gives_the_same_bytes_and_copies_differ():
    env = gym.make_vec(ID, num_envs=COPIES)
    first, _ = env.reset(seed=4)
    again, _ = env.reset(seed=4)
    other, _ = env.reset(seed=40)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert len({row.tobytes() for row in first}) == COPIES
    going_on, _ = env.reset()
    assert going_on.tobytes() != other.tobytes()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_made_mid_slot_goes_on_the_same(duplicate):
    env = gym.make_vec(ID, num_envs=COPIES)
    env.reset(seed=4)
    for _ in range(4):
        env.step(np.zeros(COPIES, dtype=int))
    play([env, duplicate(env)], 40)


def test_what_was_returned_is_the_callers_to_keep_and_to_write():
    env = gym.make_vec(ID, num_envs=COPIES)
    first, info = env.reset(seed=4)
    kept, mask = first.copy(), info["action_mask"].copy()
    second, *_ = env.step(np.zeros(COPIES, dtype=int))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(info["action_mask"], mask)
    second[:] = np.nan
    assert np.isfinite(env.step(np.zeros(COPIES, dtype=int))[0]).all()


@pytest.mark.parametrize(
    "actions",
    [
        np.array([0, 1, 2, 3, 0]),
        np.array([0, -1, 2, 0, 0]),
        np.zeros(COPIES),
        np.zeros(COPIES + 1, dtype=int),
        [[0], [1, 2], [0], [0], [0]],
        [10**5000] * COPIES,
        None,
    ],
)
def test_bad_actions_are_refused_and_change_nothing(actions):
    env = gym.make_vec(ID, num_envs=COPIES)
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    with pytest.raises(InvalidAction, match=r"^action: "):
        env.step(actions)
    play([env, twin], 10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gym.make_vec(ID, num_envs=0), "num_envs: 0"),
        (lambda: gym.make_vec(ID, num_envs=2, scenario="mars"), "scenario: no 'mars'"),
        (lambda: gym.make_vec(ID, num_envs=2, render_mode="ansi"), "render_mode: 'ansi'"),
        (
            lambda: gym.make_vec(ID, num_envs=2, autoreset_mode="LATER"),
            "autoreset_mode: no 'LATER'",
        ),
        (lambda: gym.make_vec(ID, num_envs=2, max_episode_steps=0), "max_episode_steps: 0"),
        (lambda: reset_two(seed=[1]), "seed: 1 seeds for 2 copies"),
        (lambda: reset_two(seed=-1), "seed: -1"),
        (lambda: reset_two(seed="12"), "seed: '12'"),
        (lambda: reset_two(seed=[1.5, 2]), "seed: 1.5"),
        (lambda: reset_two(seed={1: 1, 2: 2}), "seed: {1: 1"),
        (lambda: reset_two(options={"map": 1}), "options: no"),
        (lambda: reset_two(options={"reset_mask": np.zeros(2, bool)}), "reset_mask: "),
        (lambda: reset_two(options={"reset_mask": np.ones(3, bool)}), "reset_mask: "),
        (lambda: reset_two(options={"reset_mask": [[True], [True, False]]}), "reset_mask: "),
        (lambda: reset_two(options={"instance": 3}), "instance: int"),
        (lambda: reset_two(options={"instance": Scenario().sample(3, 0)}), "instance: a batch"),
        (
            lambda: reset_two(options={"instance": Scenario.preset("large").sample(2, 0)}),
            "instance: 50 devices",
        ),
        (
            lambda: reset_two(options={"instance": Scenario.preset("fast-fading").sample(2, 0)}),
            "instance: its gains change",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        call()


def reset_two(**kwargs):
    return gym.make_vec(ID, num_envs=2).reset(**kwargs)


def test_a_step_before_the_first_reset_is_refused():
    env = gym.make_vec(ID, num_envs=2)
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(2, dtype=int))
    with pytest.raises(ResetNeeded):
        env.action_masks()
    with pytest.raises(ResetNeeded):
        env.reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize("observation", ["paper", "servers"])
@pytest.mark.parametrize("scenario", ["slack", "fast-fading", "online"])
@pytest.mark.parametrize("steps", [0, 1, 9, 40, 700])
def test_a_batch_goes_on_from_its_state_as_it_would_have(scenario, observation, steps):
    def make():
        return OffloadVectorEnv(3, scenario=scenario, observation=observation, reward="delay")

    rng = np.random.default_rng(steps)
    first, second = make(), make()
    seen, _ = first.reset(seed=5)
    for _ in range(steps):
        seen, *_ = first.step(rng.integers(0, 3, 3))
    state = json.loads(json.dumps(first.state()))
    np.testing.assert_array_equal(second.restore(state), seen)
    for _ in range(600):  # beyond the slots drawn ahead
        actions = rng.integers(0, 3, 3)
        for mine, theirs in zip(first.step(actions)[:3], second.step(actions)[:3], strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert first.state() == second.state()


def test_a_batch_without_a_state_to_keep_says_so():
    env = OffloadVectorEnv(2, scenario="slack")
    with pytest.raises(ResetNeeded, match="state: called before the first reset"):
        env.state()
    env.reset(options={"instance": env.scenario.sample(2, 0)})
    with pytest.raises(ValueError, match="copy 0 plays a slot that was given"):
        env.state()
