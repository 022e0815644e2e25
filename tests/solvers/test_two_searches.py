"""Local search from two starts: never worse than either, and feasible."""

import numpy as np
import pytest
from exhaustive import KINDS, kinds

from mec_gym import Scenario, policies
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import local_search, polish
from mec_gym.solvers.prices import prices
from mec_gym.solvers.two_searches import local_search_prices


def costs(slots):
    """What both ends and the better one cost."""
    problem = Problem.of(slots)
    found = local_search_prices(slots)
    assert problem.is_feasible(found).all()
    ends = local_search(slots), polish(slots, prices(slots))
    return problem.cost(found), [problem.cost(end) for end in ends]


@pytest.mark.parametrize("kind", KINDS)
def test_it_costs_what_the_better_of_the_two_does(kind):
    own, ends = costs(kinds(np.random.default_rng(0), 6)[kind])
    np.testing.assert_array_equal(own, np.minimum(*ends))


def test_each_start_is_the_better_one_in_some_slots():
    own, ends = costs(Scenario.preset("slack").sample(200, 1))
    np.testing.assert_array_equal(own, np.minimum(*ends))
    assert (own < ends[0]).any()
    assert (own < ends[1]).any()


def test_it_goes_by_its_name_for_one_slot_and_for_any_leading_dimensions():
    slots, play = Scenario.preset("tiers").sample(6, 2), policies.get("local-search-prices")
    together = play(slots, 0)
    for row in range(6):
        np.testing.assert_array_equal(play(slots[row], 0), together[row])
