"""The bound on whole episodes: never above the optimum by plain trying, and how near it is."""

import numpy as np
import pytest
from tiny_episodes import optimum, scenario

from mec_gym import Scenario, bounds
from mec_gym.bounds import episodes as episode_bounds
from mec_gym.bounds.episodes import lower_bound, without_waiting
from mec_gym.solvers.episodes import search

BUSY = {"num_devices": 9, "num_servers": 3, "slots": 12, "slot_s": 0.5}
EVERY = {
    "slot_s": 0.4,
    "capacity": 5,
    "arrivals": {"probability": 0.9},
    "background": {"levels": [0.0, 0.2, 0.4], "stay": 0.5},
    "handover_s": [0.0, 0.2],
    "delay_weight": [0.5, 2.0],
    "energy_weight": 0.1,
    "local_hz": 8e8,
    "drop_penalty_s": 4.0,
    "deadline_s": [1.0, 4.0],
}


def gaps(rows):
    """How far below the optimum each bound is, with and without waiting, relatively."""
    made = []
    for row in rows:
        drawn = scenario(np.random.default_rng(row)).sample_episodes(1, row)
        best, _ = optimum(drawn)
        made.append([1 - bound(drawn)[0] / best for bound in (lower_bound, without_waiting)])
    return np.array(made)


def test_no_assignment_of_an_episode_undercuts_it_whatever_the_options():
    with_prices, without = gaps(range(60)).T
    assert (with_prices >= -1e-9).all()
    assert (without >= -1e-9).all()
    assert (with_prices <= without + 1e-12).all()
    assert with_prices.mean() < without.mean() / 4


@pytest.mark.slow
def test_no_assignment_of_any_of_many_episodes_undercuts_it():
    assert gaps(range(60, 240)).min() >= -1e-9


def test_lines_for_many_tasks_bound_as_well(monkeypatch):
    monkeypatch.setattr(episode_bounds, "_MOST_TASKS", -1)
    with_lines, without = gaps(range(60)).T
    assert (with_lines >= -1e-9).all()
    assert with_lines.mean() < without.mean() / 2


@pytest.mark.parametrize("few", [True, False], ids=["sets", "lines"])
def test_any_prices_and_any_nodes_bound(few, monkeypatch):
    monkeypatch.setattr(episode_bounds, "_MOST_TASKS", 12 if few else -1)
    for row in range(20):
        rng = np.random.default_rng(row)
        drawn = scenario(rng).sample_episodes(1, row)
        best, _ = optimum(drawn)
        problem = episode_bounds.EpisodeProblem.of(drawn).episode(0)
        dual = episode_bounds._Dual(problem)
        shape = (*problem.size.shape, problem.server_hz.shape[1])
        for nodes in (2, 5, 65):
            price = rng.uniform(-0.5, 2, 1) + rng.uniform(0, 2, shape)
            assert dual(price, nodes)[0] <= best * (1 + 1e-12)


def test_the_bound_rises_along_the_subgradient():
    problem = episode_bounds.EpisodeProblem.of(Scenario(**BUSY).sample_episodes(1, 0)).episode(0)
    dual = episode_bounds._Dual(problem)
    price = np.random.default_rng(0).uniform(0.5, 2, (12, 9, 3))
    bound, slope = dual(price, 513)
    step = 1e-4 * slope
    assert dual(price + step, 513)[0] > bound
    # It is concave, so that no step gains more than the slope says.
    assert dual(price + step, 513)[0] <= bound + (step * slope).sum() * (1 + 1e-3)


@pytest.mark.parametrize("slot_s", [1.0, 0.6, 0.55, 0.45])
def test_it_is_near_what_a_search_finds_where_much_is_left_over_too(slot_s):
    drawn = Scenario(**BUSY | {"slot_s": slot_s}).sample_episodes(2, 3)
    bound, found = lower_bound(drawn), search(drawn, budget=300).total_cost
    assert (bound <= found).all()
    assert (bound >= 0.99 * found).all()


@pytest.mark.parametrize("few", [True, False], ids=["sets", "lines"])
def test_it_is_below_what_a_search_finds_with_every_option_at_once(few, monkeypatch):
    monkeypatch.setattr(episode_bounds, "_MOST_TASKS", 12 if few else -1)
    drawn = Scenario(**BUSY | EVERY).sample_episodes(4, 7)
    bound, found = lower_bound(drawn, 40), search(drawn, budget=100).total_cost
    assert (bound <= found).all()
    assert (bound >= (0.9 if few else 0.8) * found).all()
    assert (bound > without_waiting(drawn)).all()


def test_where_slots_do_not_touch_it_is_at_least_the_sum_of_their_relaxations():
    drawn = Scenario(**BUSY | {"left_over": "forgotten"}).sample_episodes(2, 4)
    slots = bounds.relax(drawn.slots.flatten()).total_cost.reshape(2, 12).sum(axis=1)
    np.testing.assert_allclose(without_waiting(drawn), slots, rtol=1e-12)
    assert (lower_bound(drawn) >= slots).all()


def test_episodes_at_once_and_one_by_one_are_the_same():
    drawn = Scenario(**BUSY | {"arrivals": {"probability": 0.8}}).sample_episodes(3, 5)
    together = lower_bound(drawn, 10)
    for row in range(3):
        assert lower_bound(drawn[row : row + 1], 10)[0] == together[row]


def test_a_slot_without_a_feasible_assignment_is_refused():
    drawn = Scenario(**BUSY).sample_episodes(1, 6)
    arrays = drawn.slots.arrays() | {"capacity": np.full(3, 2)}
    full = type(drawn)(type(drawn.slots)(**arrays), drawn.present, drawn.waits)
    with pytest.raises(ValueError, match="capacity: slot 0 has 6 places for 9 devices"):
        lower_bound(full)
