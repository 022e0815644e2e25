"""The policy `prices` against its rule in plain loops, and on problems of every mix."""

import numpy as np
import pytest
from exhaustive import KINDS, kinds

from mec_gym import Scenario, average_delay, bounds, is_feasible, policies
from mec_gym.problem import Problem
from mec_gym.solvers.prices import prices


def by_the_rule(slot, price, charge):
    """The pass in plain loops: those with most to lose first, to the free server of least price."""
    links, roots = slot.tx_delay, np.sqrt(slot.task_cycles)
    hz, servers = slot.server_hz, range(slot.num_servers)
    planned = [price[n] * hz[n] / 2 for n in servers]
    load, left, chosen = [0.0] * len(hz), list(slot.capacity), [None] * len(roots)

    def pays(m, n, already):
        excess = max(already + roots[m] - planned[n], 0) ** 2 - max(already - planned[n], 0) ** 2
        return links[m, n] + price[n] * roots[m] + charge[n] + excess / hz[n]

    def to_lose(m):
        best = sorted(pays(m, n, 0.0) for n in servers if slot.capacity[n])
        return best[1] - best[0]

    for m in sorted(range(len(roots)), key=to_lose, reverse=True):
        n = min((n for n in servers if left[n]), key=lambda n: pays(m, n, load[n]))
        chosen[m] = n
        left[n] -= 1
        load[n] += roots[m]
    return chosen


def test_each_device_takes_the_free_server_of_least_price():
    slots = Scenario.preset("large").sample(5, 3)
    solved = bounds.relax(slots)
    rows = zip(slots, solved.price, solved.charge, prices(slots), strict=True)
    for slot, price, charge, assignment in rows:
        assert assignment.tolist() == by_the_rule(slot, price, charge)


@pytest.mark.parametrize("kind", KINDS)
def test_assignments_are_feasible_in_slots_of_every_kind(kind):
    slots = kinds(np.random.default_rng(2), 50)[kind]
    assert is_feasible(slots, prices(slots)).all()


def test_links_that_are_not_allowed_are_not_used():
    rng = np.random.default_rng(8)
    link_cost = rng.uniform(0.1, 1, (200, 6, 3))
    link_cost[rng.random(link_cost.shape) < 0.4] = np.inf
    link_cost[..., 2] = 5.0  # room for all, such as dropping
    capacity = np.broadcast_to([2, 2, 6], (200, 3))
    server_hz = np.broadcast_to([3.0, 4.0, np.inf], (200, 3))
    problem = Problem(link_cost, rng.uniform(0.5, 2, (200, 6)), server_hz, capacity)
    assignment = prices(problem)
    assert problem.is_feasible(assignment).all()
    assert (problem.cost(assignment) >= bounds.relax(problem).total_cost).all()


def test_the_plan_of_a_large_slot_is_close_to_the_bound():
    slots = Scenario.preset("large").sample(20, 5)
    gap = average_delay(slots, policies.get("prices")(slots, 0)) / bounds.lower_bound(slots) - 1
    assert gap.mean() < 5e-4
