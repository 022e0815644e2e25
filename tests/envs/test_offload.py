"""`MEC-Offload-v0`: the contract, point by point."""

import gymnasium as gym
import numpy as np
import oracle
import pytest
from episodes import digest, play, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import CITIES
from strategies import assigned_slots

import mec_gym
from mec_gym import Scenario
from mec_gym.envs.offload import OffloadEnv
from mec_gym.observations import OBSERVATIONS
from mec_gym.rewards import REWARDS

LAST = {"assignment", "cpu_hz", "task_delay", "average_delay", "overloads", "feasible"}

OF_ONE_SLOT = [name for name in Scenario.presets() if Scenario.preset(name).slots == 1]


# Making it.


def test_the_defaults_are_those_of_the_contract():
    env = gym.make("mec_gym:MEC-Offload-v0").unwrapped
    assert env.scenario == Scenario.preset("paper")
    assert env.overload_penalty == 10.0
    assert env.render_mode is None
    assert env.observation_space.shape == (9 * 3 + 2 * 9 + 3,)
    assert env.observation_space.dtype == np.float32
    assert env.action_space == gym.spaces.Discrete(3)


def test_the_plain_id_works_after_the_import():
    assert isinstance(gym.make("MEC-Offload-v0").unwrapped, OffloadEnv)


# One episode.


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("reward", REWARDS)
def test_a_slot_is_m_steps_and_only_the_last_one_terminates(observation, reward):
    env = OffloadEnv(observation=observation, reward=reward)
    env.reset(seed=0)
    steps = play(env, [0, 1, 2] * 3)
    assert [terminated for _, _, terminated, _, _ in steps] == [False] * 8 + [True]
    assert not any(truncated for _, _, _, truncated, _ in steps)
    for observed, earned, terminated, truncated, info in steps:
        assert type(earned) is float
        assert type(terminated) is bool
        assert type(truncated) is bool
        assert env.observation_space.contains(observed)
        assert isinstance(info, dict)


def test_the_mask_is_in_every_info_and_the_outcome_in_the_last_only(env):
    _, info = env.reset(seed=0)
    assert set(info) == {"action_mask"}
    steps = play(env, [0, 1, 2] * 3)
    for *_, info in steps[:-1]:
        assert set(info) == {"action_mask"}
    assert set(steps[-1][-1]) == LAST | {"action_mask"}


def test_eq_13_and_the_outcome_by_hand():
    scenario, slot = tiny()
    env = OffloadEnv(scenario)
    env.reset(options={"instance": slot})
    steps = play(env, [0, 0, 1])
    # 0.04 + 4e8/4e9; 0.10 + 9e8/2e9 and 10 for the full server; 0.21 + 16e8/8e9
    assert [reward for _, reward, *_ in steps] == pytest.approx([-0.14, -10.55, -0.41], rel=1e-12)
    info = steps[-1][-1]
    assert info["assignment"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(info["cpu_hz"], [1.6e9, 2.4e9, 8e9], rtol=1e-12)
    np.testing.assert_allclose(info["task_delay"], [0.29, 0.475, 0.41], rtol=1e-12)
    assert info["average_delay"] == pytest.approx(1.175 / 3, rel=1e-12)
    assert (info["overloads"], info["feasible"]) == (1, False)
    assert type(info["average_delay"]) is float
    assert type(info["overloads"]) is int
    assert type(info["feasible"]) is bool


def test_lambda_is_the_overload_penalty():
    scenario, slot = tiny()
    env = OffloadEnv(scenario, overload_penalty=3)
    env.reset(options={"instance": slot})
    assert play(env, [0, 0])[1][1] == pytest.approx(-3.55, rel=1e-12)


@given(assigned_slots(), st.floats(0, 50))
@settings(max_examples=30)
def test_any_slot_closes_with_objective_6_and_pays_eq_13_or_minus_m_d(case, penalty):
    scenario, slot, assignment = case
    expected = oracle.objective(slot, assignment)
    above = oracle.tasks_above_capacity(slot, assignment)
    earned = {}
    for reward in ("paper", "delay"):
        env = OffloadEnv(scenario, reward=reward, overload_penalty=penalty)
        env.reset(options={"instance": slot})
        steps = play(env, assignment)
        earned[reward] = [value for _, value, *_ in steps]
        info = steps[-1][-1]
        assert info["average_delay"] == pytest.approx(expected, rel=1e-10)
        assert info["task_delay"].mean() == pytest.approx(info["average_delay"], rel=1e-12)
        np.testing.assert_allclose(info["cpu_hz"], oracle.cpu(slot, assignment), rtol=1e-10)
        assert info["assignment"].tolist() == assignment
        assert (info["overloads"], info["feasible"]) == (above, above == 0)
        assert info["average_delay"] == pytest.approx(
            float(mec_gym.average_delay(slot, assignment)), rel=1e-12
        )
    assert earned["paper"] == pytest.approx(
        oracle.rewards_of_eq_13(slot, assignment, penalty), rel=1e-10
    )
    assert sum(earned["delay"]) == pytest.approx(
        -slot.num_devices * info["average_delay"] - penalty * above, rel=1e-12
    )


# Masks.


def test_the_mask_is_the_servers_with_a_free_place(env):
    _, info = env.reset(seed=0)
    masks = [info["action_mask"], *(step[-1]["action_mask"] for step in play(env, [0, 0, 0, 1]))]
    assert [mask.tolist() for mask in masks] == [[1, 1, 1]] * 3 + [[0, 1, 1]] * 2
    assert all(mask.dtype == np.int8 for mask in masks)
    np.testing.assert_array_equal(env.action_masks(), masks[-1])
    assert env.action_masks().dtype == bool


def test_the_mask_is_what_the_action_space_samples_from(env):
    _, info = env.reset(seed=0)
    done = False
    while not done:
        server = env.action_space.sample(info["action_mask"])
        _, _, done, _, info = env.step(server)
    assert info["feasible"]


def test_the_mask_is_advice_a_masked_action_is_taken_and_pays_the_penalty(env):
    env.reset(seed=0)
    play(env, [0, 0, 0])
    assert not env.action_masks()[0]
    _, reward, terminated, _, _ = env.step(0)
    assert reward < -10.0
    assert not terminated
    info = play(env, [1, 1, 1, 2, 2])[-1][-1]
    assert info["assignment"].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2]
    assert (info["overloads"], info["feasible"]) == (1, False)


def test_a_full_feasible_slot_reports_no_overload(env):
    env.reset(seed=0)
    info = play(env, [0, 1, 2] * 3)[-1][-1]
    assert (info["overloads"], info["feasible"]) == (0, True)
    assert info["action_mask"].tolist() == [0] * 3


# Seeds and slots.


def slots_of(env, seed, n):
    """The first n slots' first observations."""
    seen = [env.reset(seed=seed)[0]]
    return seen + [env.reset()[0] for _ in range(n - 1)]


@pytest.mark.parametrize("name", OF_ONE_SLOT)
def test_episodes_are_the_slots_that_the_scenario_draws_from_the_environments_generator(name):
    scenario = Scenario.preset(name)
    n = 3 if name in CITIES else 90  # more than one block
    drawn = scenario.draw(n, np.random.default_rng(11))
    env, observer = OffloadEnv(scenario, observation="si"), OBSERVATIONS["si"](scenario)
    for row, seen in enumerate(slots_of(env, 11, n)):
        state = mec_gym.mdp.State(drawn[row])
        np.testing.assert_array_equal(seen, observer.begin(state))


def test_the_outcome_is_that_of_the_drawn_slot():
    scenario, env = Scenario.preset("paper-varied"), OffloadEnv("paper-varied")
    drawn = scenario.sample(2, 5)
    env.reset(seed=5)
    for slot in drawn:
        info = play(env, [2, 1, 0] * 3)[-1][-1]
        assert info["average_delay"] == pytest.approx(oracle.objective(slot, [2, 1, 0] * 3))
        env.reset()


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("reward", REWARDS)
def test_the_same_seed_gives_the_same_bytes(observation, reward):
    runs = []
    for _ in range(2):
        env = OffloadEnv("slack", observation=observation, reward=reward)
        run = [env.reset(seed=4)[0].tobytes()]
        for _ in range(3):
            run.append(digest(play(env, [0, 2, 1, 1, 0, 2, 0, 0, 0])))
            run.append(env.reset()[0].tobytes())
        runs.append(run)
    assert runs[0] == runs[1]


def test_seeding_again_starts_the_same_slots_again(env):
    first = slots_of(env, 9, 5)
    np.testing.assert_array_equal(first, slots_of(env, 9, 5))


def test_different_seeds_give_different_slots(env):
    first = [env.reset(seed=seed)[0].tobytes() for seed in range(50)]
    assert len(set(first)) == 50


def test_a_reset_without_seed_goes_on_to_a_new_slot(env):
    assert len({observation.tobytes() for observation in slots_of(env, 0, 200)}) == 200


def test_environments_without_a_seed_play_different_slots():
    assert OffloadEnv().reset()[0].tobytes() != OffloadEnv().reset()[0].tobytes()


def test_a_reset_in_mid_slot_begins_the_next_one():
    env, other = OffloadEnv(), OffloadEnv()
    env.reset(seed=1)
    play(env, [0, 0])
    other.reset(seed=1)
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])
    assert len(play(env, [0, 1, 2] * 3)) == 9


# A given slot.


def test_a_given_slot_is_played_and_the_drawn_ones_go_on_after_it():
    scenario, slot = tiny()
    env, other = OffloadEnv(scenario), OffloadEnv(scenario)
    env.reset(seed=0)
    other.reset(seed=0)
    env.reset(options={"instance": slot})
    info = play(env, [0, 1, 1])[-1][-1]
    assert info["average_delay"] == pytest.approx(oracle.objective(slot, [0, 1, 1]))
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_a_given_slot_may_come_with_a_seed_or_before_any_other_reset():
    scenario, slot = tiny()
    one, other = OffloadEnv(scenario), OffloadEnv(scenario)
    np.testing.assert_array_equal(
        one.reset(options={"instance": slot})[0],
        other.reset(seed=3, options={"instance": slot})[0],
    )
    np.testing.assert_array_equal(other.reset()[0], one.reset(seed=3)[0])


# Several at once.


def test_copies_of_make_vec_play_different_slots_and_the_same_ones_again_with_the_seed():
    envs = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=4)
    first, _ = envs.reset(seed=0)
    assert len({row.tobytes() for row in first}) == 4
    for _ in range(9):
        _, reward, terminated, truncated, _ = envs.step(np.zeros(4, dtype=np.int64))
        assert reward.shape == (4,)
    assert terminated.all()
    assert not truncated.any()
    again, _ = envs.reset(seed=0)
    np.testing.assert_array_equal(first, again)
    envs.close()
