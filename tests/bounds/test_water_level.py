"""The water level against a numeric minimiser and by hand."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import assigned_slots

from mec_gym import bounds


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


def test_a_server_that_stands_just_at_the_level_is_no_reason_to_go_on_for_ever():
    level = bounds.fill(
        [7e9, 7e9], [262060.2642148783, 87353.42140495943], 0, 2, 174706.84280991886
    )
    assert level == pytest.approx(262060.2642148783 / 7e9)
