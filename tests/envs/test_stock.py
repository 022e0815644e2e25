"""What a batch draws ahead: the same slots in compiled loops, by any number of threads."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import PAIRS
from same import assert_same
from strategies import ranges, scenarios, scenarios_with_options

from mec_gym import Scenario, observations
from mec_gym.channels import UniformChannel
from mec_gym.envs import sharing
from mec_gym.envs.stock import Stock
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.observations import OBSERVATIONS

COPIES = 5

COMPILED = sorted(OBSERVATIONS.keys() - {"prices"})
"""Observations whose slots compiled loops make; prices are of the relaxation."""


def filled(scenario, observation, compiled):
    """What the loops read of the first slots of some copies."""
    stock = Stock(scenario, observations.make(observation, scenario), COPIES, 1)
    assert stock._filling is not None
    if not compiled:
        stock._filling = None
    stock.seed({copy: np.random.default_rng(copy) for copy in range(COPIES)})
    rows = stock.begin_next(np.arange(COPIES))
    return [field[rows] for field in (*stock.slots, *stock.kept, stock.prepared)]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_compiled_loops_make_the_slots_of_from_uniforms_bit_for_bit(data):
    channel = UniformChannel(gain=data.draw(ranges(1e-3, 10)))
    scenario = data.draw(scenarios(channel=channel).filter(lambda drawn: drawn.tasks is None))
    observation = data.draw(st.sampled_from(COMPILED))
    compiled, plain = (filled(scenario, observation, way) for way in (True, False))
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_they_make_what_scenarios_have_beside_the_papers_bit_for_bit(data):
    channel = UniformChannel(gain=data.draw(ranges(1e-3, 10)))
    drawn = scenarios_with_options(channel=channel)
    scenario = data.draw(drawn.filter(lambda made: made.tasks is None))
    observation = data.draw(st.sampled_from(COMPILED))
    compiled, plain = (filled(scenario, observation, way) for way in (True, False))
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(one, other)


def test_gains_that_would_change_take_other_numbers_and_are_left_to_from_uniforms():
    # Of one device they change at no step, but are drawn as those that do.
    scenario = Scenario(num_devices=1, channel=UniformChannel(correlation=0.5))
    assert Stock(scenario, observations.make("paper", scenario), COPIES, 1)._filling is None


@pytest.mark.slow
@pytest.mark.parametrize(("observation", "reward"), PAIRS)
def test_what_a_batch_returns_does_not_depend_on_the_number_of_threads(
    observation, reward, monkeypatch
):
    num_threads = 2 if reward == "delay" else 4
    monkeypatch.setattr(sharing, "_WORTH_THREADS", 0.0)
    one, more = (
        OffloadVectorEnv(
            COPIES, num_threads=threads, observation=observation, reward=reward, scenario="slack"
        )
        for threads in (1, num_threads)
    )
    rng = np.random.default_rng(0)
    assert_same(one.reset(seed=3), more.reset(seed=3))
    for turn in range(800 if reward == "paper" else 100):  # more slots than are drawn ahead
        servers = rng.integers(0, one.single_action_space.n, COPIES)
        assert_same(one.step(servers), more.step(servers))
        if turn % 11 == 4:  # copies that end at different times
            mask = np.arange(COPIES) == turn % COPIES
            seeds = [turn if turn % 3 == 0 else None] * COPIES
            again = [env.reset(seed=seeds, options={"reset_mask": mask}) for env in (one, more)]
            assert_same(*again)
    assert one.state() == more.state()
    more.close()


@pytest.mark.parametrize("scenario", ["slack", "fast-fading"])
@pytest.mark.parametrize("steps", [0, 1, 40, 700])
def test_with_threads_a_batch_goes_on_from_the_state_of_one_without(scenario, steps):
    first = OffloadVectorEnv(3, scenario=scenario)
    second = OffloadVectorEnv(3, scenario=scenario, num_threads=2)
    rng = np.random.default_rng(steps)
    first.reset(seed=5)
    second.reset(seed=77)
    for _ in range(steps):
        first.step(rng.integers(0, 3, 3))
    second.restore(json.loads(json.dumps(first.state())))
    for _ in range(400):
        servers = rng.integers(0, 3, 3)
        assert_same(first.step(servers)[:4], second.step(servers)[:4])
    assert first.state() == second.state()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_a_batch_with_threads_plays_on_alike(duplicate):
    env = OffloadVectorEnv(COPIES, num_threads=2)
    env.reset(seed=0)
    env.step(np.zeros(COPIES, dtype=int))
    other = duplicate(env)
    for _ in range(100):
        assert_same(*[each.step(np.ones(COPIES, dtype=int)) for each in (env, other)])


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, True, "two", None])
def test_a_bad_number_of_threads_is_refused_by_name(num_threads):
    with pytest.raises(ValueError, match=r"num_threads: .* is not a whole number above 0"):
        gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=2, num_threads=num_threads)


def test_a_single_environment_says_that_a_batch_takes_threads():
    with pytest.raises(TypeError, match=r"num_threads.* gym.make_vec makes a batch"):
        gym.make("mec_gym:MEC-Offload-v0", num_threads=2)


def test_what_fails_in_another_thread_is_raised_where_the_slots_are_needed():
    env = OffloadVectorEnv(COPIES, num_threads=2)
    env.reset(seed=0)
    env._stock._wait()

    def fails(copies):
        raise MemoryError("no more")

    env._stock._drawn[:] = env._stock._begun // env._stock._depth  # the slots drawn are played
    env._stock._begun[:] = env._stock._drawn * env._stock._depth
    env._stock._pending = [(env._stock.pool.submit(fails, None), np.arange(COPIES))]
    with pytest.raises(MemoryError, match="no more"):
        env.reset()
