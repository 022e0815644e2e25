"""The canonical problem of any kind: bounds and solvers against plain enumeration and SCIP."""

import itertools

import numpy as np
import pytest

from mec_gym import Scenario, average_delay, bounds, is_feasible
from mec_gym.problem import Problem
from mec_gym.solvers.exact import TOLERANCE, solve
from mec_gym.solvers.local_search import local_search, polish


def random_problem(rng, tight=False):
    """Links not allowed, servers that share nothing, of much or no room; room for all in one."""
    num_devices, num_servers = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    link_cost = 10 ** rng.uniform(-2, 1, (num_devices, num_servers))
    link_cost[rng.random(link_cost.shape) < rng.choice([0, 0.3, 0.6])] = np.inf
    server_hz = 10 ** rng.uniform(-1, 2, num_servers)
    server_hz[rng.random(num_servers) < rng.choice([0, 0.4])] = np.inf
    capacity = rng.integers(0, num_devices + 1, num_servers)
    if not tight:  # the last one takes whatever is left over, as dropping does
        server_hz[-1], capacity[-1], link_cost[:, -1] = np.inf, num_devices, rng.uniform(1, 20)
    return Problem(link_cost, rng.uniform(0.1, 3, num_devices), server_hz, capacity)


def by_enumeration(problem):
    """The least cost of any feasible assignment, in plain loops; None if there is none."""
    a, q, hz = problem.link_cost.tolist(), problem.size.tolist(), problem.server_hz.tolist()
    best = None
    for chosen in itertools.product(range(len(hz)), repeat=len(q)):
        if any(chosen.count(n) > problem.capacity[n] for n in range(len(hz))):
            continue
        cost = sum(a[m][n] for m, n in enumerate(chosen))
        for n in range(len(hz)):
            load = sum(q[m] for m in range(len(q)) if chosen[m] == n)
            cost += 0 if hz[n] == float("inf") else load**2 / hz[n]
        if cost < float("inf") and (best is None or cost < best):
            best = cost
    return best


@pytest.mark.slow
@pytest.mark.parametrize("tight", [False, True])
def test_bound_search_and_optimum_agree_with_enumeration_on_600_problems_of_every_mix(tight):
    rng = np.random.default_rng(5 + tight)
    refused = proven = 0
    for _ in range(600):
        problem = random_problem(rng, tight)
        least = by_enumeration(problem)
        if least is None:
            refused += 1
            with pytest.raises(ValueError, match=r"capacity: slot 0 has|allowed: device \d+ of"):
                solve(problem)
            continue
        solution = solve(problem)
        searched = problem.cost(local_search(problem))
        cost = float(problem.cost(solution.assignment))
        assert problem.is_feasible(solution.assignment)
        assert cost <= least * (1 + TOLERANCE)
        assert cost >= least * (1 - 1e-12)
        assert bounds.relax(problem).total_cost <= least
        assert solution.lower_bound * problem.num_devices <= least
        assert least * (1 - 1e-12) <= searched < np.inf
        proven += bool(solution.proven)
    assert proven >= 0.99 * (600 - refused)
    assert (refused > 50) == tight


def test_relaxation_of_any_mix_is_solved_to_the_value_scip_finds():
    scip = pytest.importorskip("pyscipopt")
    rng = np.random.default_rng(3)
    for _ in range(12):
        problem = random_problem(rng)
        model = scip.Model()
        model.hideOutput()
        x = np.array(
            [
                [model.addVar(lb=0, ub=float(np.isfinite(a))) for a in row]
                for row in problem.link_cost
            ]
        )
        cost = 0
        for n, hz in enumerate(problem.server_hz):
            finite = np.isfinite(problem.link_cost[:, n])
            cost += scip.quicksum(
                float(a) * each
                for a, each in zip(problem.link_cost[finite, n], x[finite, n], strict=True)
            )
            model.addCons(scip.quicksum(x[:, n]) <= int(problem.capacity[n]))
            if np.isfinite(hz):
                shared = model.addVar(lb=0)
                load = scip.quicksum(
                    float(q / np.sqrt(hz)) * each
                    for q, each in zip(problem.size, x[:, n], strict=True)
                )
                model.addCons(load * load <= shared)
                cost += shared
        for row in x:
            model.addCons(scip.quicksum(row) == 1)
        model.setObjective(cost)
        model.optimize()
        assert bounds.relax(problem).total_cost == pytest.approx(model.getObjVal(), rel=2e-5)


def test_the_papers_problem_costs_its_total_delay():
    slots = Scenario.preset("paper-varied").sample(50, 4)
    rng = np.random.default_rng(0)
    assignment = rng.integers(0, slots.num_servers, (50, slots.num_devices))
    problem = Problem.of(slots)
    total = average_delay(slots, assignment) * slots.num_devices
    np.testing.assert_allclose(problem.cost(assignment), total, rtol=1e-13)
    np.testing.assert_array_equal(problem.is_feasible(assignment), is_feasible(slots, assignment))


def test_leading_dimensions_are_those_of_the_slots():
    problem = Problem.of(Scenario.preset("paper").sample(6, 0))
    grid = problem._derive(lambda array: array.reshape(2, 3, *array.shape[1:]))
    assert local_search(grid).shape == (2, 3, 9)
    np.testing.assert_array_equal(local_search(grid).reshape(6, 9), local_search(problem))
    np.testing.assert_array_equal(solve(grid).average_cost.ravel(), solve(problem).average_cost)
    assert bounds.relax(grid).price.shape == (2, 3, 3)


def test_first_come_that_leave_the_last_nothing_are_placed_otherwise():
    # The device of most work is best on server 0, which alone takes the other one.
    problem = Problem(
        np.array([[1.0, 2.0], [1.0, np.inf]]),
        np.array([2.0, 1.0]),
        np.array([5.0, 5.0]),
        np.array([1, 1]),
    )
    np.testing.assert_array_equal(local_search(problem), [1, 0])


def test_polish_leaves_what_is_not_allowed_as_it_is():
    problem = Problem(
        np.array([[1.0, np.inf], [9.0, 1.0]]), np.ones(2), np.full(2, 5.0), np.full(2, 2)
    )
    np.testing.assert_array_equal(polish(problem, np.array([1, 0])), [1, 0])
    np.testing.assert_array_equal(polish(problem, np.array([0, 0])), [0, 1])


def test_loops_are_given_one_layout_whatever_the_numbers_lie_like():
    """Each layout of an array, and each that may not be written, is compiled by itself."""
    problem = Problem.of(Scenario().sample(3, 0))
    turned = Problem(*(np.asfortranarray(array) for array in vars(problem).values()))
    for array in vars(turned).values():
        array.flags.writeable = False
    for array, own in zip(turned.numbers(), vars(problem).values(), strict=True):
        assert array.flags.c_contiguous
        assert array.flags.writeable
        np.testing.assert_array_equal(array, own)
