"""What the dual proves of choices of sites, against plain optimisation and enumeration."""

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, minimize

from mec_gym import Scenario
from mec_gym.planning.site_dual import Sites, ascend, bound, earned
from mec_gym.problem import Problem
from mec_gym.solvers.exact import solve


def problem(seed, **changes):
    scenario = Scenario(
        num_devices=7, num_servers=5, capacity=(2, 3, 3, 4, 5), servers="per-slot", **changes
    )
    return Problem.of(scenario.sample(3, seed))


def best_earning(value, size, hz, capacity):
    """The most a site earns, by a solver of smooth problems."""
    best = minimize(
        lambda x: (size @ x) ** 2 / hz - value @ x,
        np.full(len(value), min(1, capacity / len(value)) / 2),
        jac=lambda x: 2 * (size @ x) / hz * size - value,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.ones(len(value)), ub=capacity),
        method="SLSQP",
        options={"maxiter": 300, "ftol": 1e-12},
    )
    return -best.fun


@pytest.mark.parametrize("seed", range(4))
def test_what_a_site_earns_is_what_a_solver_finds(seed):
    given = problem(seed)
    sites = Sites.of(given, 5)
    reward = np.random.default_rng(seed).uniform(0.3, 2.0, (3, 7))
    found, taken = earned(sites, reward)
    for slot, site in itertools.product(range(3), range(5)):
        plain = best_earning(
            reward[slot] - sites.cost[slot, site],
            sites.size[slot],
            sites.server_hz[slot, site],
            sites.capacity[slot, site],
        )
        assert found[slot, site] >= plain - 1e-7
        assert found[slot, site] == pytest.approx(plain, rel=5e-3, abs=5e-3)
    assert (taken.sum(axis=-1) <= sites.capacity).all()


@pytest.mark.parametrize("changes", [{}, {"local_hz": 1e9, "energy_weight": 0.1}], ids=str)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_no_choice_undercuts_what_any_rewards_prove(count, changes):
    given = problem(0, **changes)
    sites = Sites.of(given, 5)
    optima = []
    for kept in itertools.combinations(range(5), count):
        index = [*kept, *range(5, given.num_servers)]
        part = Problem(
            given.link_cost[..., index],
            given.size,
            given.server_hz[:, index],
            given.capacity[:, index],
        )
        if changes or part.capacity[0].sum() >= 7:
            solution = solve(part)
            assert solution.proven.all()
            optima.append(7 * solution.average_cost.mean())
    rng = np.random.default_rng(count)
    for _ in range(20):
        reward = np.minimum(rng.uniform(0, 3, (3, 7)), sites.beside)
        assert bound(sites, count, reward)[0] <= min(optima)
    start = np.minimum(np.full((3, 7), min(optima) / 7), sites.beside)
    reached = ascend(sites, count, start, min(optima), lambda picked: np.inf)
    assert reached <= min(optima)
    assert reached > 0.9 * min(optima)
    assert reached > bound(sites, count, start)[0]
