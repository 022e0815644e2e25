"""Assignments from prices and their local search over candidate links."""

import itertools

import numpy as np
import pytest
from exhaustive import make

from mec_gym.bounds.candidates import relax_candidates
from mec_gym.candidates import Candidates, Metropolis
from mec_gym.problem import Problem
from mec_gym.solvers.candidates import assign_at_prices, polish_candidates


@pytest.mark.slow
@pytest.mark.parametrize("places", [8, 9, 30])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_no_move_or_swap_among_the_candidates_is_left(count, places):
    rng = np.random.default_rng(places)
    problem = Problem.of(make(rng, 1, 30, 4, capacity=np.full(4, places)))[0]
    start, slot = assign_at_prices(relax_candidates(Candidates.of(problem, count)))
    polished = polish_candidates(slot, start)
    assert problem.is_feasible(start)
    assert problem.is_feasible(polished)
    cost = float(problem.cost(polished))
    assert cost <= float(problem.cost(start)) * (1 + 1e-12)
    own = [set(slot.server[slot.first[d] : slot.first[d + 1]]) for d in range(30)]

    def check(other):
        if problem.is_feasible(other):
            assert float(problem.cost(other)) >= cost * (1 - 1e-11)

    for device in range(30):
        for server in own[device]:
            other = polished.copy()
            other[device] = server
            check(other)
    for one, two in itertools.combinations(range(30), 2):
        if polished[two] in own[one] and polished[one] in own[two]:
            other = polished.copy()
            other[[one, two]] = polished[[two, one]]
            check(other)


def test_a_random_start_is_never_made_worse():
    rng = np.random.default_rng(5)
    problem = Problem.of(make(rng, 1, 40, 4, capacity=np.full(4, 10)))[0]
    start = rng.permutation(np.repeat(np.arange(4), 10))
    polished = polish_candidates(Candidates.of(problem, 4), start)
    assert problem.is_feasible(polished)
    assert problem.cost(polished) < problem.cost(start)


def test_a_city_is_assigned_within_a_thousandth_of_its_bound():
    relaxed = relax_candidates(Metropolis.sized(2000).draw(16))
    start, slot = assign_at_prices(relaxed)
    polished = polish_candidates(slot, start)
    assert (np.bincount(polished, minlength=20) <= slot.capacity).all()
    assert relaxed.total_cost <= slot.cost(polished) <= relaxed.total_cost * 1.001
