"""The water level against a numeric minimiser, against brute force and by hand."""

import exhaustive
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import assigned_slots

from mec_gym import bounds


def bound_of(hz, load, remaining):
    """The total computation delay of servers filled to the level where no task joins."""
    filled = np.maximum(load, bounds.water_level(hz, load, remaining) * np.array(hz))
    return (filled**2 / hz).sum()


@st.composite
def partly_filled(draw, num_servers=None):
    """Speeds and loads of servers, alike or not, some of them empty; and work to come."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    num_servers = num_servers or draw(st.integers(1, 5))
    hz = rng.uniform(1, 9, num_servers) ** draw(st.sampled_from([1, 9]))
    load = rng.uniform(0, 5, num_servers) * rng.integers(0, 2, num_servers)
    return hz, load, draw(st.just(0.0) | st.floats(0, 10))


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
    assert bound_of(hz, load, remaining) == pytest.approx(found.fun, rel=1e-7)
    level = bounds.water_level(hz, load, remaining)
    assert np.maximum(level * hz - load, 0).sum() == pytest.approx(remaining, abs=1e-12)


def test_water_level_by_hand():
    # All three would stand at (4 + 12) / 4 = 4, but the last is at 10 already: (4 + 2) / 3 = 2.
    hz, load = [1.0, 2.0, 1.0], [0.0, 2.0, 10.0]
    assert bounds.water_level(hz, load, 4.0) == 2
    assert bound_of(hz, load, 4.0) == 2**2 / 1 + 4**2 / 2 + 10**2 / 1
    # 3 more on the second: at 2.5 above the first's 4 / 1 it is not, so (4 + 5) / 3 = 3.
    assert bounds.water_level(hz, load, 4.0, 1, 3.0) == 3


def test_rise_by_hand():
    hz, load = [1.0, 2.0, 1.0], [0.0, 2.0, 10.0]
    # Of 4 + 3 to come 3 join the second, which then is at 2.5, below (7 + 2) / 3 = 3.
    assert bounds.rise_at_level(hz, load, 4.0, 1, 3.0, 3.0) == 0
    # Of 4 + 3 to come 3 join the last: from 3, 6, 10 in them to 2, 4, 13.
    before, after = 3**2 / 1 + 6**2 / 2 + 10**2 / 1, 2**2 / 1 + 4**2 / 2 + 13**2 / 1
    assert bounds.rise_at_level(hz, load, 4.0, 2, 3.0, 3.0) == after - before


@given(partly_filled())
def test_the_bound_is_the_least_delay_of_servers_filled_to_one_level(case):
    assert bound_of(*case) == pytest.approx(exhaustive.least_computing(*case), rel=1e-9)


@given(partly_filled(), st.data())
def test_a_task_that_joined_counts_as_load(case, data):
    hz, load, remaining = case
    joined, joining = data.draw(st.integers(0, len(hz) - 1)), data.draw(st.floats(0, 10))
    more = load.copy()
    more[joined] += joining
    level = bounds.water_level(hz, load, remaining, joined, joining)
    assert level == bounds.water_level(hz, more, remaining)


@given(partly_filled(), st.data())
def test_the_rise_is_that_of_the_bound_found_by_brute_force_and_never_below_0(case, data):
    hz, load, remaining = case
    joined, joining = data.draw(st.integers(0, len(hz) - 1)), data.draw(st.floats(0, 10))
    before = exhaustive.least_computing(hz, load, remaining + joining)
    more = load.copy()
    more[joined] += joining
    after = exhaustive.least_computing(hz, more, remaining)
    level = bounds.water_level(hz, load, remaining + joining)
    rise = bounds.rise_at_level(hz, load, remaining, joined, joining, level)
    assert rise == pytest.approx(after - before, rel=1e-9, abs=1e-11 * after)
    assert rise >= 0


@given(partly_filled(num_servers=4))
def test_a_level_poured_out_is_all_that_remains_and_touches_only_the_servers_below(case):
    hz, load, remaining = case
    level = bounds.water_level(hz, load, remaining)
    poured = np.maximum(level * hz - load, 0)
    assert poured.sum() == pytest.approx(remaining, rel=1e-9, abs=1e-9)
    # No less than the lowest server stands at; exactly that where nothing is poured.
    assert level >= (load / hz).min() * (1 - 1e-12)
    if remaining == 0:
        assert bound_of(hz, load, 0.0) == pytest.approx((load**2 / hz).sum())


@given(assigned_slots())
def test_computing_bound_never_falls_and_ends_at_the_computing_delay(drawn):
    _, slot, assignment = drawn
    roots = np.sqrt(slot.task_cycles)
    load = np.zeros(slot.num_servers)
    before = 0.0
    for device, server in enumerate(assignment):
        bound = bound_of(slot.server_hz, load, roots[device:].sum())
        assert bound >= before * (1 - 1e-12)
        before = bound
        load[server] += roots[device]
    at_end = bound_of(slot.server_hz, load, 0.0)
    assert at_end >= before * (1 - 1e-12)
    sending = sum(oracle.tx_delay(slot, m, n) for m, n in enumerate(assignment))
    computing = sum(slot.task_cycles / oracle.cpu(slot, assignment))
    assert at_end == pytest.approx(computing, rel=1e-9)
    assert at_end + sending == pytest.approx(
        oracle.objective(slot, assignment) * slot.num_devices, rel=1e-9
    )


def test_a_server_that_stands_just_at_the_level_is_no_reason_to_go_on_for_ever():
    level = bounds.water_level(
        [7e9, 7e9], [262060.2642148783, 87353.42140495943], 174706.84280991886
    )
    assert level == pytest.approx(262060.2642148783 / 7e9)
