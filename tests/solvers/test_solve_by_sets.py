"""Assignments and bounds by whole sets: against enumeration, and against the relaxation."""

import numpy as np
import pytest
from exhaustive import kinds, make, optimum

from mec_gym import Scenario, bounds, is_feasible
from mec_gym.problem import Problem
from mec_gym.solvers.exact import solve
from mec_gym.solvers.server_sets import solve_by_sets
from mec_gym.solvers.two_searches import local_search_prices


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slack", "capacities differ", "one place to spare"])
def test_the_optimum_lies_between_the_bound_and_what_is_found(kind):
    slots = kinds(np.random.default_rng(5), 20)[kind]
    found, least = solve_by_sets(slots), optimum(slots)
    assert is_feasible(slots, found.assignment).all()
    assert (found.lower_bound <= least).all()
    assert (found.average_cost >= least * (1 - 1e-12)).all()
    assert (found.lower_bound >= bounds.lower_bound(slots) * (1 - 1e-12)).all()
    np.testing.assert_allclose(found.average_cost, least, rtol=0.01)


def test_where_servers_have_few_devices_it_closes_most_of_the_relaxations_gap():
    slots = make(np.random.default_rng(6), 2, 24, 16)
    found = solve_by_sets(slots)
    gap, before = (
        (found.average_cost / bound - 1).mean()
        for bound in (found.lower_bound, bounds.lower_bound(slots))
    )
    assert gap < 0.2 * before
    searched = Problem.of(slots).cost(local_search_prices(slots)) / slots.num_devices
    assert (found.average_cost <= searched).all()


def test_columns_beside_the_servers_are_sets_too():
    slots = Scenario.preset("tiers").sample(4, 2)
    found, exact = solve_by_sets(slots), solve(slots)
    assert exact.proven.all()
    assert (found.lower_bound <= exact.average_cost * (1 + 1e-12)).all()
    assert (found.average_cost >= exact.average_cost * (1 - 1e-9)).all()


def test_a_time_limit_that_is_none_is_refused():
    with pytest.raises(ValueError, match="time_limit"):
        solve_by_sets(make(np.random.default_rng(7), 1, 3, 2), 0.0)
