"""Both environments on scenarios with any mix of options."""

import gymnasium as gym
import numpy as np
import pytest
from any_options import ALL_AT_ONCE
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import PAIRS
from strategies import scenarios_with_options

from mec_gym import Scenario, system
from mec_gym.mdp import State, slot_at, write_mask
from mec_gym.observations import OBSERVATIONS
from mec_gym.problem import Problem

EVERY = Scenario(**ALL_AT_ONCE)


def played(env, seed, choose):
    """One slot of an environment: what each step gave, and the last info."""
    observation, info = env.reset(seed=seed)
    steps, done = [(observation, 0.0, info["action_mask"])], False
    while not done:
        observation, reward, done, _, info = env.step(choose(info["action_mask"]))
        steps.append((observation, reward, info["action_mask"]))
    return steps, info


@pytest.mark.parametrize(("observation", "reward"), PAIRS)
def test_gymnasiums_checker_passes_with_every_option(observation, reward):
    env = gym.make("MEC-Offload-v0", scenario=EVERY, observation=observation, reward=reward)
    check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    scenario=scenarios_with_options(),
    pair=st.sampled_from(PAIRS),
    seed=st.integers(0, 2**31),
)
def test_a_batch_plays_bit_for_bit_what_single_environments_play(scenario, pair, seed):
    fields = {"scenario": scenario, "observation": pair[0], "reward": pair[1]}
    copies, slots = 3, 3
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=copies, **fields)
    singles = [gym.make("mec_gym:MEC-Offload-v0", **fields) for _ in range(copies)]
    seen, info = batch.reset(seed=seed)
    single = [env.reset(seed=seed + row) for row, env in enumerate(singles)]
    rng = np.random.default_rng(seed)
    for step in range(slots * scenario.num_devices):
        for row in range(copies):
            np.testing.assert_array_equal(seen[row], single[row][0])
            np.testing.assert_array_equal(info["action_mask"][row], single[row][-1]["action_mask"])
        actions = rng.integers(0, scenario.num_actions, copies)
        seen, rewards, ends, _, info = batch.step(actions)
        single = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        for row, (_, earned, end, _, last) in enumerate(single):
            assert rewards[row] == earned
            assert ends[row] == end == ((step + 1) % scenario.num_devices == 0)
            if end:
                for name, value in last.items():
                    np.testing.assert_array_equal(info["final_info"][name][row], value, name)
                np.testing.assert_array_equal(info["final_obs"][row], single[row][0])
                single[row] = singles[row].reset()


@pytest.mark.slow
@settings(max_examples=60)
@given(scenario=scenarios_with_options(), seed=st.integers(0, 2**31))
def test_the_reward_delay_sums_to_minus_the_total_cost_and_info_is_what_the_model_says(
    scenario, seed
):
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=scenario, reward="delay", overload_penalty=0)
    rng = np.random.default_rng(seed)
    steps, info = played(env, seed, lambda mask: rng.integers(0, len(mask)))
    slot, assignment = env.unwrapped.instance, info["assignment"]
    cost = system.task_costs(slot, assignment).sum()
    assert sum(reward for _, reward, _ in steps) == pytest.approx(-cost, rel=1e-10)
    assert info["feasible"] == system.is_feasible(slot, assignment)
    assert info["feasible"] == Problem.of(slot).is_feasible(assignment)
    reported = system.report(slot, assignment)
    assert {name: info[name] for name in reported} == reported
    np.testing.assert_array_equal(info["cpu_hz"], system.allocate_cpu(slot, assignment))


def test_an_action_that_is_not_allowed_pays_the_penalty_once():
    fields = {"scenario": EVERY, "reward": "delay"}
    with_penalty = gym.make("mec_gym:MEC-Offload-v0", **fields, overload_penalty=7.0).unwrapped
    without = gym.make("mec_gym:MEC-Offload-v0", **fields, overload_penalty=0.0).unwrapped
    paid = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        done, (_, info) = False, with_penalty.reset(seed=seed)
        without.reset(seed=seed)
        while not done:
            action = int(rng.integers(EVERY.num_actions))
            closed = not info["action_mask"][action]
            _, reward, done, _, info = with_penalty.step(action)
            assert reward == pytest.approx(without.step(action)[1] - 7.0 * closed)
            paid += closed
    assert paid > 20


def test_names_of_actions_stand_behind_one_another_and_go_with_the_space():
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=EVERY)
    names = ("server 0", "server 1", "server 2", "local", "cloud", "drop")
    assert env.unwrapped.action_names == names
    assert env.action_space.n == len(names)
    assert gym.make("mec_gym:MEC-Offload-v0").unwrapped.action_names == names[:3]


@pytest.mark.slow
@settings(max_examples=60)
@given(scenario=scenarios_with_options(), seed=st.integers(0, 2**31))
def test_the_mask_is_open_actions_else_those_allowed_else_all(scenario, seed):
    slots = scenario.sample(3, seed)
    batch, alone = State(slots), [State(slot) for slot in slots]
    rng = np.random.default_rng(seed)
    problem = Problem.of(slots)
    while not batch.done:
        device = batch.device
        for row, state in enumerate(alone):
            allowed = problem.allowed[row, device]
            free = state.load < np.append(scenario.capacities, [10**6] * len(scenario.columns))
            wanted = free & allowed
            wanted = wanted if wanted.any() else allowed if allowed.any() else np.ones_like(free)
            compiled = np.empty(scenario.num_actions, np.int8)
            write_mask(slot_at(batch.slot, row), device, compiled)
            for mask in (state.mask, batch.mask[row], compiled):
                np.testing.assert_array_equal(mask.astype(bool), wanted)
        actions = rng.integers(0, scenario.num_actions, 3)
        batch.assign(actions)
        for state, action in zip(alone, actions.tolist(), strict=True):
            state.assign(action)


def test_with_every_option_off_the_paper_observation_is_eq_11_alone():
    plain = Scenario(num_devices=5, capacity=2)
    size = OBSERVATIONS["paper"](plain).space.shape[0]
    assert size == 5 * 3 + 2 * 5 + 3
    # Weights, energy weights, local frequencies and deadlines; services missing; the mask.
    more = 4 * 5 + 5 * 3 + 6
    assert OBSERVATIONS["paper"](EVERY).space.shape[0] == size + more
