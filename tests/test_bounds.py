"""The bounds against plain enumeration and a numeric minimiser."""

import numpy as np
import oracle
import pytest
from exhaustive import KINDS, kinds, make, optimum
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import assigned_slots, scenarios

from mec_gym import Instance, Scenario, average_delay, bounds
from mec_gym.bounds import relaxation
from mec_gym.solvers.local_search import local_search


@pytest.mark.parametrize("seed", range(20))
def test_water_level_is_the_numeric_minimum_over_splits(seed):
    rng = np.random.default_rng(seed)
    num_servers = rng.integers(1, 6)
    hz = rng.uniform(1, 9, num_servers)
    load = rng.uniform(0, 5, num_servers) * rng.integers(0, 2, num_servers)
    remaining = rng.uniform(0, 10)
    found = minimize(
        lambda y: ((load + y) ** 2 / hz).sum(),
        np.full(num_servers, remaining / num_servers),
        jac=lambda y: 2 * (load + y) / hz,
        bounds=[(0, None)] * num_servers,
        constraints={"type": "eq", "fun": lambda y: y.sum() - remaining},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert bounds.computing_bound(hz, load, remaining) == pytest.approx(found.fun, rel=1e-7)
    level = bounds.water_level(hz, load, remaining)
    assert np.maximum(level * hz - load, 0).sum() == pytest.approx(remaining, abs=1e-12)


def test_water_level_by_hand():
    # All three would stand at (4 + 12) / 4 = 4, but the last is at 10 already: (4 + 2) / 3 = 2.
    hz, load = [1.0, 2.0, 1.0], [0.0, 2.0, 10.0]
    assert bounds.fill(hz, load, 0, 3, 4.0) == 2
    assert bounds.filled(hz, load, 0, 3, 2.0) == 2**2 / 1 + 4**2 / 2 + 10**2 / 1
    # 3 more on the second: at 2.5 above the first's 4 / 1 it is not, so (4 + 5) / 3 = 3.
    assert bounds.fill(hz, load, 0, 3, 4.0, 1, 3.0) == 3
    assert bounds.filled(hz, load, 0, 3, 3.0, 1, 3.0) == 3**2 / 1 + 6**2 / 2 + 10**2 / 1


@given(st.integers(0, 2**32), st.floats(0, 10), st.booleans())
def test_a_level_poured_out_is_all_that_remains_and_touches_only_the_servers_below(seed, rest, far):
    rng = np.random.default_rng(seed)
    hz = rng.uniform(1, 9, 4) ** (9 if far else 1)
    load = rng.uniform(0, 5, 4) * rng.integers(0, 2, 4)
    level = bounds.fill(hz, load, 0, 4, rest)
    poured = np.maximum(level * hz - load, 0)
    assert poured.sum() == pytest.approx(rest, rel=1e-9, abs=1e-9)
    # No less than the lowest server stands at; exactly that where nothing is poured.
    assert level >= (load / hz).min() * (1 - 1e-12)
    if rest == 0:
        assert bounds.filled(hz, load, 0, 4, level) == pytest.approx((load**2 / hz).sum())


@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(-1, 3))
def test_filling_a_part_of_a_list_is_filling_a_list_of_that_part(seed, first, joined):
    rng = np.random.default_rng(seed)
    hz, load = rng.uniform(1, 9, 8), rng.uniform(0, 5, 8)
    remaining, more = rng.uniform(0, 10, 2)
    place = first + joined if joined >= 0 else -1
    alone = load[first : first + 4].copy()
    if joined >= 0:
        alone[joined] += more
    part = hz[first : first + 4].tolist()
    level = bounds.fill(part, alone.tolist(), 0, 4, remaining)
    assert bounds.fill(hz.tolist(), load.tolist(), first, 4, remaining, place, more) == level
    assert bounds.filled(hz.tolist(), load.tolist(), first, 4, level, place, more) == bounds.filled(
        part, alone.tolist(), 0, 4, level
    )


def test_water_levels_of_a_batch_are_those_of_its_rows():
    rng = np.random.default_rng(0)
    hz, load, remaining = rng.uniform(1, 9, (4, 1, 3)), rng.uniform(0, 5, (4, 5, 3)), rng.random(5)
    together = bounds.computing_bound(hz, load, remaining)
    assert together.shape == (4, 5)
    for i, j in np.ndindex(4, 5):
        assert together[i, j] == bounds.computing_bound(hz[i, 0], load[i, j], remaining[j])


@given(assigned_slots())
def test_computing_bound_never_falls_and_ends_at_the_computing_delay(drawn):
    _, slot, assignment = drawn
    roots = np.sqrt(slot.task_cycles)
    load = np.zeros(slot.num_servers)
    before = 0.0
    for device, server in enumerate(assignment):
        bound = bounds.computing_bound(slot.server_hz, load, roots[device:].sum())
        assert bound >= before * (1 - 1e-12)
        before = bound
        load[server] += roots[device]
    at_end = bounds.computing_bound(slot.server_hz, load, np.array(0.0))
    assert at_end >= before * (1 - 1e-12)
    sending = sum(oracle.tx_delay(slot, m, n) for m, n in enumerate(assignment))
    computing = sum(slot.task_cycles / oracle.cpu(slot, assignment))
    assert at_end == pytest.approx(computing, rel=1e-9)
    assert at_end + sending == pytest.approx(
        oracle.objective(slot, assignment) * slot.num_devices, rel=1e-9
    )


@pytest.mark.parametrize("kind", KINDS)
def test_lower_bound_is_never_above_the_optimum_of_400_slots_of_every_kind(kind):
    slots = kinds(np.random.default_rng(11), 400)[kind]
    bound, least = bounds.lower_bound(slots), optimum(slots)
    assert np.isfinite(bound).all()
    assert (bound <= least).all()
    # Even a device and a server alone cost something: a bound of 0 would prove nothing.
    assert (bound > 0).all()


@given(scenarios(max_devices=5, max_servers=3), st.integers(0, 2**32))
def test_lower_bound_is_never_above_the_optimum_of_any_scenario(scenario, seed):
    slots = scenario.sample(4, seed)
    assert (bounds.lower_bound(slots) <= optimum(slots)).all()


@pytest.mark.parametrize("kind", ["one server", "one device, one server", "all alike"])
def test_lower_bound_is_the_optimum_where_the_relaxation_is_exact(kind):
    slots = kinds(np.random.default_rng(3), 20)[kind]
    np.testing.assert_allclose(bounds.lower_bound(slots), optimum(slots), rtol=1e-9)


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


def test_slots_are_solved_in_blocks_and_none_is_missed(monkeypatch):
    slots = make(np.random.default_rng(2), 7, 5, 3)
    whole = bounds.lower_bound(slots)
    monkeypatch.setattr(relaxation, "_BLOCK_LINKS", 3 * 15)
    np.testing.assert_allclose(bounds.lower_bound(slots), whole, rtol=1e-8)


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


def test_a_server_that_stands_just_at_the_level_is_no_reason_to_go_on_for_ever():
    level = bounds.fill(
        [7e9, 7e9], [262060.2642148783, 87353.42140495943], 0, 2, 174706.84280991886
    )
    assert level == pytest.approx(262060.2642148783 / 7e9)
