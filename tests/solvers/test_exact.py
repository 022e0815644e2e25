"""The exact solver against plain enumeration and against SCIP."""

import time

import numpy as np
import oracle
import pytest
from exhaustive import KINDS, kinds, make, optimum
from hypothesis import given
from hypothesis import strategies as st
from strategies import scenarios

from mec_gym import Instance, Scenario, average_delay, is_feasible, policies
from mec_gym.solvers import exact
from mec_gym.solvers.exact import TOLERANCE, solve

ILL_SCALED = ("very unequal links", "everything unequal")
"""Where the rounding of huge prices may hide the last digits, and leave an optimum unproven."""


def assert_optimal(slots, solution):
    least = optimum(slots)
    assert is_feasible(slots, solution.assignment).all()
    reached = average_delay(slots, solution.assignment)
    np.testing.assert_allclose(solution.average_cost, reached, rtol=1e-14 * slots.num_devices)
    assert (solution.average_cost <= least * (1 + TOLERANCE)).all()
    assert (solution.lower_bound <= least).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_finds_and_proves_what_enumeration_finds_in_slots_of_every_kind(kind):
    slots = kinds(np.random.default_rng(13), 400)[kind]
    solution = solve(slots)
    assert_optimal(slots, solution)
    assert solution.proven.mean() >= (0.9 if kind in ILL_SCALED else 1.0)


@pytest.mark.slow
@given(scenarios(max_devices=5, max_servers=3), st.integers(0, 2**32))
def test_finds_what_enumeration_finds_in_any_scenario(scenario, seed):
    slots = scenario.sample(2, seed)
    assert_optimal(slots, solve(slots))


def test_finds_and_proves_what_enumeration_finds_in_the_papers_slots():
    slots = Scenario.preset("paper").sample(20, 3)
    solution = solve(slots)
    assert_optimal(slots, solution)
    assert solution.proven.all()


def scip_assignment(scip, slot):
    """The assignment that SCIP proves best, from a model of its own."""
    num_devices, num_servers = slot.gain.shape
    model = scip.Model()
    model.hideOutput()
    x = [[model.addVar(vtype="B") for _ in range(num_servers)] for _ in range(num_devices)]
    cost = 0
    for n in range(num_servers):
        roots = np.sqrt(slot.task_cycles / slot.server_hz[n])
        load = scip.quicksum(float(root) * row[n] for root, row in zip(roots, x, strict=True))
        delay = model.addVar(lb=0)
        model.addCons(load * load <= delay)
        for at in np.linspace(0, roots.sum(), 150):  # tangents: without them SCIP takes hours
            model.addCons(delay >= float(at) * (2 * load - float(at)))
        model.addCons(scip.quicksum(row[n] for row in x) <= int(slot.capacity[n]))
        cost += delay
        cost += scip.quicksum(oracle.tx_delay(slot, m, n) * x[m][n] for m in range(num_devices))
    for row in x:
        model.addCons(scip.quicksum(row) == 1)
    model.setObjective(cost)
    model.optimize()
    assert model.getStatus() == "optimal"
    return [max(range(num_servers), key=lambda n, row=row: model.getVal(row[n])) for row in x]


TIGHT = [(6, 2), (8, 3), (9, 3), (12, 4), (14, 4), (18, 4)]
SLACK = [(5, 4), (7, 3), (8, 2), (9, 3), (11, 3), (10, 4)]
SIZES = [(*size, 0) for size in TIGHT] + [(*size, 2) for size in SLACK]


@pytest.mark.slow
@pytest.mark.parametrize(("num_devices", "num_servers", "spare"), SIZES)
def test_finds_what_scip_proves_best(num_devices, num_servers, spare):
    scip = pytest.importorskip("pyscipopt")
    places = np.full(num_servers, -(-num_devices // num_servers) + spare)
    rng = np.random.default_rng(num_devices)
    slot = make(rng, 1, num_devices, num_servers, capacity=places)[0]
    solution = solve(slot)
    assert solution.proven
    by_scip = oracle.objective(slot, scip_assignment(scip, slot))
    # SCIP keeps its constraints to 1e-6 only, and so may stop just above the optimum.
    assert solution.average_cost == pytest.approx(by_scip, rel=1e-5)
    assert oracle.objective(slot, solution.assignment) <= by_scip * (1 + TOLERANCE)


@pytest.mark.parametrize(("num_devices", "capacity"), [(30, 6), (30, 10), (50, 10), (50, 15)])
def test_proves_a_large_slot_in_its_time(num_devices, capacity):
    changes = {"num_devices": num_devices, "capacity": capacity}
    slots = Scenario.preset("large", **changes).sample(2, 8)
    solution = solve(slots)
    assert solution.proven.all()
    assert is_feasible(slots, solution.assignment).all()
    searched = average_delay(slots, policies.get("local-search")(slots, 0))
    assert (solution.average_cost <= searched).all()


def test_out_of_time_means_unproven_with_a_valid_bound_and_a_feasible_answer(monkeypatch):
    monkeypatch.setattr(exact, "_NODES_AT_ONCE", 3)
    slots = make(np.random.default_rng(1), 60, 6, 3)
    solution = solve(slots, time_limit=1e-9)
    least = optimum(slots)
    assert not solution.proven.any()
    assert is_feasible(slots, solution.assignment).all()
    assert (solution.lower_bound <= least).all()
    assert (solution.average_cost >= least * (1 - 1e-12)).all()


def test_looking_at_the_clock_in_between_changes_no_answer(monkeypatch):
    slots = make(np.random.default_rng(1), 60, 6, 3)
    at_once = solve(slots)
    monkeypatch.setattr(exact, "_NODES_AT_ONCE", 3)
    in_bits = solve(slots)
    np.testing.assert_array_equal(in_bits.assignment, at_once.assignment)
    np.testing.assert_array_equal(in_bits.lower_bound, at_once.lower_bound)


def test_a_slot_too_hard_for_its_time_is_not_passed_off_as_proven():
    slot = Scenario.preset("large", num_devices=60, num_servers=10, capacity=12).sample(1, 0)[0]
    solution = solve(slot, time_limit=0.05)
    assert not solution.proven
    assert is_feasible(slot, solution.assignment)
    assert solution.lower_bound < solution.average_cost * (1 - TOLERANCE)


def test_leading_dimensions_are_kept_and_a_slot_needs_no_batch():
    slots = make(np.random.default_rng(2), 6, 5, 3)
    fields = slots.arrays()
    grid = Instance(**{name: a.reshape(2, 3, *a.shape[1:]) for name, a in fields.items()})
    solution = solve(grid)
    assert solution.assignment.shape == (2, 3, 5)
    shapes = {solution.average_cost.shape, solution.lower_bound.shape, solution.proven.shape}
    assert shapes == {(2, 3)}
    alone = solve(slots[4])
    assert (alone.average_cost.shape, alone.proven.shape) == ((), ())
    np.testing.assert_array_equal(alone.assignment, solution.assignment[1, 1])


def test_the_policy_gives_the_solution_whatever_the_seed():
    slots = make(np.random.default_rng(2), 6, 5, 3)
    expected = solve(slots).assignment
    np.testing.assert_array_equal(policies.get("optimal")(slots, 0), expected)
    np.testing.assert_array_equal(policies.get("optimal")(slots, 9), expected)


def test_a_slot_with_too_few_places_is_refused():
    slots = make(np.random.default_rng(0), 2, 5, 2, capacity=np.array([2, 2]))
    with pytest.raises(ValueError, match=r"capacity: slot 0 has 4 places for 5 devices"):
        solve(slots)
    with pytest.raises(ValueError, match=r"capacity: slot 0 has 4 places for 5 devices"):
        policies.get("optimal")(slots, 0)


@pytest.mark.parametrize("time_limit", [0, -1, float("nan"), None, "1"])
def test_a_time_limit_that_is_not_above_zero_is_refused(time_limit):
    with pytest.raises(ValueError, match="time_limit"):
        solve(make(np.random.default_rng(0), 1, 2, 2), time_limit)


def test_compiling_takes_no_slots_time(monkeypatch):
    waits = {"search_tree": 0.3, "explore": 0.3}  # longer than a slot's time, once

    def compiled_when_called(name, loop):
        def first_compiles(*given):
            time.sleep(waits.pop(name, 0.0))
            return loop(*given)

        return first_compiles

    for name in tuple(waits):
        monkeypatch.setattr(exact, name, compiled_when_called(name, getattr(exact, name)))
    assert solve(Scenario().sample(20, 0), time_limit=0.1).proven.all()
    assert not waits
