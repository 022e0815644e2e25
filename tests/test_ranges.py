"""Ranges: from the unit interval and back to it."""

import numpy as np

from mec_gym.ranges import from_unit, to_unit


def test_spread_maps_the_unit_interval_onto_the_range():
    np.testing.assert_allclose(from_unit(np.array([0.0, 0.5, 1.0]), (2.0, 6.0)), [2, 4, 6])
    np.testing.assert_array_equal(from_unit(np.array([0.0, 0.7]), 3.0), [3, 3])


def test_unspread_undoes_spread_and_maps_a_constant_to_0():
    unit = np.linspace(0, 1, 7)
    np.testing.assert_allclose(to_unit(from_unit(unit, (2.0, 6.0)), (2.0, 6.0)), unit, atol=1e-15)
    np.testing.assert_array_equal(to_unit(np.array([3.0]), 3.0), [0.0])
