"""The factor of Newton's matrix: LAPACK's is the plain loop's."""

import numpy as np
import pytest

from mec_gym.bounds.interior_point import _factor, _factor_large


def lower(size, rank):
    made = np.random.default_rng(size).normal(size=(size, rank))
    return np.tril(made @ made.T)


@pytest.mark.parametrize("size", [3, 31, 33, 40, 64, 130])
def test_lapack_factors_as_the_plain_loop_does(size):
    one, other = lower(size, 2 * size), lower(size, 2 * size)
    product = one + np.tril(one, -1).T
    assert _factor(one)
    assert _factor_large(other)
    assert np.tril(other) == pytest.approx(np.tril(one), rel=1e-9, abs=1e-9)
    assert np.tril(other) @ np.tril(other).T == pytest.approx(product, rel=1e-9, abs=1e-9)


def test_a_matrix_without_full_rank_is_left_to_the_plain_loop():
    one, other = np.tril(np.ones((50, 50))), np.tril(np.ones((50, 50)))
    assert _factor(one)
    assert _factor_large(other)
    assert (one == other).all()


def test_a_matrix_that_is_not_finite_is_refused():
    matrix = lower(50, 100)
    matrix[20, 20] = np.nan
    assert not _factor_large(matrix)
