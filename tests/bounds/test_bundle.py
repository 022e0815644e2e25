"""The bundle method: finds the greatest value of sums of concave functions that others find too."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from mec_gym import Scenario
from mec_gym.bounds import bundle
from mec_gym.bounds.bundle import rise
from mec_gym.bounds.episodes import lower_bound


def pieces(rng, functions=4, planes=12, size=6):
    """Functions, each the least of some planes; steep planes on all sides keep them bounded."""
    slope = rng.normal(size=(functions, planes, size))
    around = 5 * np.concatenate([np.eye(size), -np.eye(size)])
    slope = np.concatenate([slope, np.repeat(around[None], functions, axis=0)], axis=1)
    return slope, rng.uniform(5, 9, slope.shape[:2])


def oracle_of(slope, height):
    def oracle(point):
        values = slope @ point + height
        least = values.argmin(axis=1)
        rows = np.arange(len(slope))
        return values[rows, least], csr_array(slope[rows, least])

    return oracle


def greatest(slope, height):
    """The greatest value by a linear program: the sum of t_f, each below its planes."""
    functions, planes, size = slope.shape
    above = np.repeat(np.eye(functions), planes, axis=0)
    found = linprog(
        np.concatenate([np.zeros(size), -np.ones(functions)]),
        A_ub=np.concatenate([-slope.reshape(-1, size), above], axis=1),
        b_ub=height.ravel(),
        bounds=(None, None),
    )
    return -found.fun


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_a_linear_program_does(seed):
    rng = np.random.default_rng(seed)
    slope, height = pieces(rng)
    best = greatest(slope, height)
    value, point = rise(oracle_of(slope, height), rng.normal(size=6), 200)
    assert value == pytest.approx((slope @ point + height).min(axis=1).sum(), rel=1e-12)
    assert best * (1 - 1e-3) <= value <= best * (1 + 1e-9)


def test_more_steps_find_no_less_and_none_leave_it_where_it_was():
    slope, height = pieces(np.random.default_rng(9))
    start = np.full(6, 2.0)
    found = [rise(oracle_of(slope, height), start, steps) for steps in (0, 3, 10, 40)]
    values = [value for value, _ in found]
    assert values == sorted(values)
    np.testing.assert_array_equal(found[0][1], start)


def test_at_a_flat_top_it_stays():
    def flat(point):
        return np.array([3.0, 4.0]), csr_array((2, 5))

    value, point = rise(flat, np.ones(5), 10)
    assert value == 7
    np.testing.assert_array_equal(point, np.ones(5))


def test_the_tangents_of_each_function_keep_shares_that_sum_to_one(monkeypatch):
    """One that is forgotten while it has a share would leave the others short of one."""
    solves, share_out = [], bundle._share

    def share(product, above, function, step, precise, shares):
        solves.append(np.bincount(function, weights=shares))
        share_out(product, above, function, step, precise, shares)

    monkeypatch.setattr(bundle, "_share", share)
    lower_bound(Scenario.preset("queues").sample_episodes(1, 3))
    assert len(solves) > 30
    np.testing.assert_allclose(np.concatenate(solves), 1.0, rtol=1e-9)
