"""The lower bound against plain enumeration and against SCIP."""

import numpy as np
import oracle
import pytest
from exhaustive import KINDS, kinds, make, optimum
from hypothesis import given
from hypothesis import strategies as st
from strategies import scenarios

from mec_gym import Instance, Scenario, average_delay, bounds
from mec_gym.bounds import loops
from mec_gym.bounds.interior_point import solve_links
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import local_search


@pytest.mark.parametrize("kind", KINDS)
def test_lower_bound_is_never_above_the_optimum_of_400_slots_of_every_kind(kind):
    slots = kinds(np.random.default_rng(11), 400)[kind]
    bound, least = bounds.lower_bound(slots), optimum(slots)
    assert np.isfinite(bound).all()
    assert (bound <= least).all()
    # Even a device and a server alone cost something: a bound of 0 would prove nothing.
    assert (bound > 0).all()


@pytest.mark.slow
@given(scenarios(max_devices=5, max_servers=3), st.integers(0, 2**32))
def test_lower_bound_is_never_above_the_optimum_of_any_scenario(scenario, seed):
    slots = scenario.sample(4, seed)
    assert (bounds.lower_bound(slots) <= optimum(slots)).all()


@pytest.mark.parametrize("kind", ["one server", "one device, one server", "all alike"])
def test_lower_bound_is_the_optimum_where_the_relaxation_is_exact(kind):
    slots = kinds(np.random.default_rng(3), 20)[kind]
    np.testing.assert_allclose(bounds.lower_bound(slots), optimum(slots), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("capacity", "tight"), [(3, True), (6, False)])
def test_relaxation_is_solved_to_the_value_scip_finds(capacity, tight):
    scip = pytest.importorskip("pyscipopt")
    slots = make(np.random.default_rng(5), 5, 9, 3, capacity=np.full(3, capacity))
    for slot, bound in zip(slots, bounds.lower_bound(slots), strict=True):
        model = scip.Model()
        model.hideOutput()
        x = [[model.addVar(lb=0, ub=1) for _ in range(3)] for _ in range(9)]
        cost = 0
        for n in range(3):
            delay = model.addVar(lb=0)
            load = scip.quicksum(
                float(np.sqrt(slot.task_cycles[m] / slot.server_hz[n])) * x[m][n] for m in range(9)
            )
            model.addCons(load * load <= delay)
            model.addCons(scip.quicksum(x[m][n] for m in range(9)) <= capacity)
            cost += delay + scip.quicksum(oracle.tx_delay(slot, m, n) * x[m][n] for m in range(9))
        for m in range(9):
            model.addCons(scip.quicksum(x[m]) == 1)
        model.setObjective(cost)
        model.optimize()
        assert bound == pytest.approx(model.getObjVal() / 9, rel=1e-5)


def test_lower_bound_keeps_leading_dimensions_and_needs_no_batch():
    slots = make(np.random.default_rng(2), 6, 5, 3)
    one_by_one = [bounds.lower_bound(slot) for slot in slots]
    assert all(bound.shape == () for bound in one_by_one)
    fields = slots.arrays()
    grid = Instance(**{name: a.reshape(2, 3, *a.shape[1:]) for name, a in fields.items()})
    assert bounds.lower_bound(grid).shape == (2, 3)
    np.testing.assert_allclose(bounds.lower_bound(grid).ravel(), one_by_one, rtol=1e-8)


@pytest.mark.parametrize("capacity", [12, 40])
def test_links_left_out_on_the_way_change_no_bound(monkeypatch, capacity):
    slots = Scenario.preset("city", num_devices=300, num_servers=25, capacity=capacity).sample(2, 4)
    left_out = bounds.lower_bound(slots)
    monkeypatch.setattr(loops, "_DROP", 0.0)
    np.testing.assert_allclose(left_out, bounds.lower_bound(slots), rtol=3e-9)


def bound_over_all_links(problem):
    """What the interior point finds of one slot over all links, none left out on the way."""
    cost, size, server_hz, capacity = (field[0] for field in problem.flatten().numbers())
    num_devices, num_servers = cost.shape
    first = np.arange(num_devices + 1) * num_servers
    server = np.tile(np.arange(num_servers), num_devices)
    prices = np.empty(num_servers), np.empty(num_servers)
    return solve_links(first, server, cost.ravel(), size, server_hz, capacity, *prices, 0.0)


@pytest.mark.parametrize("capacity", [3, 4, 100])
def test_of_many_servers_the_near_links_prove_what_all_do(capacity):
    slots = Scenario(num_devices=150, num_servers=50, capacity=capacity).sample(2, 5)
    for slot, bound in zip(slots, bounds.relax(slots).total_cost, strict=True):
        assert bound == pytest.approx(bound_over_all_links(Problem.of(slot)), rel=1e-9)


@pytest.mark.parametrize("places", [1, 2])
def test_where_near_servers_have_no_places_for_all_the_others_are_taken_back(places):
    """The 20 cheapest links of each device go to the same servers."""
    rng = np.random.default_rng(places)
    cost = rng.uniform(0.1, 0.2, (1, 44, 44)) + 1.0 * (np.arange(44) >= 20)
    problem = Problem(cost, rng.uniform(1, 2, (1, 44)), np.ones((1, 44)), np.full((1, 44), places))
    (bound,) = bounds.relax(problem).total_cost
    assert bound == pytest.approx(bound_over_all_links(problem), rel=1e-9)


def test_lower_bound_of_a_city_is_within_a_hundredth_of_a_percent_of_local_search():
    slots = Scenario.preset("city").sample(1, 0)
    reached = average_delay(slots, local_search(slots))
    bound = bounds.lower_bound(slots)
    assert bound <= reached
    assert bound >= reached * (1 - 1e-4)


def test_lower_bound_refuses_a_slot_with_too_few_places():
    slots = make(np.random.default_rng(0), 2, 5, 2, capacity=np.array([2, 2]))
    with pytest.raises(ValueError, match=r"capacity: slot 0 has 4 places for 5 devices"):
        bounds.lower_bound(slots)
