"""Gauss-Markov velocities: their mean, spread and memory, and what borders do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from mec_gym import Scenario
from mec_gym.mobility import Area, GaussMarkov

WIDE = Area((0.0, 0.0), 1e9)
"""So wide that nobody comes to a border."""


def velocities(model, num_slots, slot_s=2.0, n=4000, seed=0):
    """Velocities of n devices, (n, K - 1, 2), turned so that each one's mean leads along x."""
    rng = np.random.default_rng(seed)
    unit = rng.random((n, model.num_uniforms(num_slots, 1)))
    places = model.places(unit, np.full((n, 1, 2), 5e8), num_slots, slot_s, WIDE)[:, :, 0]
    turn = np.exp(-2j * np.pi * unit[:, :1])
    steps = np.diff(places[..., 0] + 1j * places[..., 1], axis=1) / slot_s * turn
    return np.stack([steps.real, steps.imag], axis=-1)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
def test_velocities_have_the_mean_the_spread_and_the_memory_that_is_said(alpha):
    found = velocities(GaussMarkov(mean_mps=10.0, alpha=alpha, std_mps=3.0), 12)
    away = found - np.array([10.0, 0.0])
    for step in range(11):  # it begins as it goes on
        assert away[:, step].mean(axis=0) == pytest.approx([0, 0], abs=0.2)
        assert away[:, step].std(axis=0) == pytest.approx([3, 3], rel=0.05)
    for lag in range(1, 8):
        product = (away[:, lag:] * away[:, :-lag]).mean(axis=(0, 1)) / 9
        assert product == pytest.approx([alpha**lag] * 2, abs=0.04)
    across = (away[..., 0] * away[..., 1]).mean() / 9
    assert across == pytest.approx(0, abs=0.03)
    assert kstest(away[:, 5, 0] / 3, "norm").pvalue > 1e-3


def test_with_all_its_memory_a_velocity_stays():
    found = velocities(GaussMarkov(mean_mps=10.0, alpha=1.0, std_mps=3.0), 8, n=50)
    np.testing.assert_allclose(found, found[:, :1].repeat(7, axis=1), atol=1e-6)


def test_directions_of_the_mean_are_uniform():
    model = GaussMarkov(mean_mps=10.0, std_mps=1e-9)
    unit = np.random.default_rng(1).random((1, model.num_uniforms(2, 3000)))
    places = model.places(unit, np.full((1, 3000, 2), 5e8), 2, 1.0, WIDE)[0]
    step = places[1] - places[0]
    assert np.linalg.norm(step, axis=-1) == pytest.approx(10.0, rel=1e-6)
    turns = np.arctan2(step[:, 1], step[:, 0]) / (2 * np.pi) % 1
    assert kstest(turns, "uniform").pvalue > 1e-3


def test_a_border_turns_the_way_as_a_mirror_does():
    model = GaussMarkov(mean_mps=7.0, alpha=0.7, std_mps=2.0)
    area = Area((100.0, -40.0), 60.0)
    rng = np.random.default_rng(2)
    unit = rng.random((30, model.num_uniforms(40, 4)))
    start = np.array([100.0, -40.0]) + 60 * rng.random((30, 4, 2))
    found = model.places(unit, start, 40, 1.0, area)
    # Without borders, folded: the mirror images of a square tile the plane.
    offset = 60 * 2**24
    free = model.places(unit, start - [100.0, -40.0] + offset, 40, 1.0, Area((0.0, 0.0), 1e12))
    far = (free - offset) / 60
    folded = 60 * np.abs(far - 2 * np.round(far / 2)) + [100.0, -40.0]
    np.testing.assert_allclose(found, folded, atol=1e-4)
    assert (abs(free - offset) > 120).any()


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1e3), st.floats(0, 1), st.floats(1e-3, 1e3), st.floats(0.01, 100))
def test_devices_stay_in_the_square(mean, alpha, std, slot_s):
    model = GaussMarkov(mean_mps=mean, alpha=alpha, std_mps=std)
    unit = np.random.default_rng(3).random((5, model.num_uniforms(6, 3)))
    places = model.places(unit, np.full((5, 3, 2), 1.0), 6, slot_s, Area((0.0, 0.0), 90.0))
    assert (places >= 0).all()
    assert (places <= 90).all()


def test_episodes_at_once_are_those_one_by_one():
    model, rng = GaussMarkov(), np.random.default_rng(4)
    unit, start = rng.random((9, model.num_uniforms(20, 5))), 300 * rng.random((9, 5, 2))
    area = Area((0.0, 0.0), 300.0)
    places = model.places(unit, start, 20, 3.0, area)
    for row in range(9):
        np.testing.assert_array_equal(
            model.places(unit[row], start[row], 20, 3.0, area), places[row]
        )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"alpha": 1.1}, "mobility: alpha"),
        ({"mean_mps": -1.0}, "mobility: mean_mps"),
        ({"std_mps": 0.0}, "mobility: std_mps"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, said):
    with pytest.raises(ValueError, match=said):
        Scenario(
            slots=3,
            slot_s=1.0,
            channel={"kind": "path-loss"},
            mobility={"kind": "gauss-markov"} | fields,
        )
