"""Normal numbers correlated over distance: their law, for few places and for many."""

import numpy as np
import pytest
from scipy.stats import kstest

from mec_gym.channels import nearby

SIZES = [40, nearby.MOST_EXACT + 1]


def drawn(places, distance_m, num_fields, slots, seed=0):
    """Numbers of so many slots, (slots, M, K), all with the same places (M, 2)."""
    num_places = len(places)
    count = nearby.num_uniforms(num_places, num_fields)
    unit = np.random.default_rng(seed).random((slots, count))
    everywhere = np.broadcast_to(places, (slots, num_places, 2))
    return nearby.correlated(unit, everywhere, [distance_m], num_fields)[0]


def along_a_line(num_places, step_m=5.0):
    """Places in a row that leads in no special direction, far from the origin."""
    direction = np.array([np.cos(0.7), np.sin(0.7)])
    return 3e5 + step_m * np.arange(num_places)[:, None] * direction


@pytest.mark.parametrize("num_places", SIZES)
def test_each_number_is_standard_normal(num_places):
    found = drawn(along_a_line(num_places), 20.0, 50, 60)[:, ::20].ravel()[::7]
    assert kstest(found, "norm").pvalue > 1e-3
    assert drawn(along_a_line(num_places), 20.0, 50, 60)[:, 0].var() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("distance_m", [10.0, 50.0])
@pytest.mark.parametrize("num_places", SIZES)
def test_correlation_falls_exponentially_over_the_distance(num_places, distance_m):
    found = drawn(along_a_line(num_places), distance_m, 100, 200)  # 20,000 fields
    for steps in (1, 2, 5, 10, 20, 39):
        product = (found[:, 0] * found[:, steps]).mean()
        assert product == pytest.approx(np.exp(-5.0 * steps / distance_m), abs=0.04)


@pytest.mark.parametrize("num_places", SIZES)
def test_the_correlation_is_the_same_in_all_directions(num_places):
    angles = np.linspace(0, np.pi, 7)
    places = np.zeros((num_places, 2))
    places[1:8] = 15.0 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    found = drawn(places, 20.0, 100, 200, seed=1)
    products = (found[:, :1] * found[:, 1:8]).mean(axis=(0, 2))
    np.testing.assert_allclose(products, np.exp(-15 / 20), atol=0.04)


def test_the_waves_of_one_slot_are_near_the_law_and_of_all_slots_at_it():
    # What the numbers of a slot have in common is known from its waves alone.
    rng = np.random.default_rng(2)
    apart = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
    places = np.concatenate([[[0.0, 0.0]], apart[:, None] * [[np.cos(2.0), np.sin(2.0)]]])
    factor = nearby._by_waves(rng.random((4000, 2)), np.broadcast_to(places, (4000, 6, 2)))
    correlation = factor[:, 1:] @ factor[:, :1].swapaxes(-1, -2)
    np.testing.assert_allclose((factor**2).sum(axis=-1), 1.0, rtol=1e-12)
    off = correlation[..., 0] - np.exp(-apart)
    np.testing.assert_allclose(off.mean(axis=0), 0.0, atol=0.003)
    assert np.sqrt((off**2).mean(axis=0)).max() < 0.04


@pytest.mark.parametrize("num_places", SIZES)
def test_fields_are_independent_and_places_that_coincide_share_their_numbers(num_places):
    places = np.tile([[7.0, 8.0]], (num_places, 1))
    found = drawn(places, 10.0, 3, 3000)
    np.testing.assert_allclose(found, found[:, :1].repeat(num_places, axis=1), atol=1e-3)
    between = np.corrcoef(found[:, 0].T) - np.eye(3)
    assert np.abs(between).max() < 0.1


@pytest.mark.parametrize("num_places", SIZES)
def test_slots_in_blocks_are_the_slots_one_by_one(num_places, monkeypatch):
    rng = np.random.default_rng(3)
    unit = rng.random((6, nearby.num_uniforms(num_places, 4)))
    places = rng.uniform(0, 500, (6, num_places, 2))
    whole = nearby.correlated(unit, places, [30.0], 4)[0]
    monkeypatch.setattr(nearby, "_AT_ONCE", 1)  # a block a slot
    np.testing.assert_array_equal(nearby.correlated(unit, places, [30.0], 4)[0], whole)
    for row in range(6):
        np.testing.assert_array_equal(
            nearby.correlated(unit[row], places[row], [30.0], 4)[0], whole[row]
        )


@pytest.mark.parametrize("num_places", SIZES)
@pytest.mark.parametrize("end", [0.0, 1 - 2**-53])
def test_the_ends_of_the_numbers_make_finite_ones(num_places, end):
    unit = np.full(nearby.num_uniforms(num_places, 2), end)
    assert np.isfinite(nearby.correlated(unit, along_a_line(num_places), [10.0], 2)).all()


@pytest.mark.parametrize("num_places", SIZES)
def test_each_correlation_distance_has_numbers_of_its_own(num_places):
    count = nearby.num_uniforms(num_places, 2)
    unit = np.random.default_rng(4).random((2000, 2 * count))
    places = np.broadcast_to(along_a_line(num_places), (2000, num_places, 2))
    both = nearby.correlated(unit, places, [10.0, 40.0], 2)
    for number, distance_m in enumerate((10.0, 40.0)):
        own = unit[:, number * count : (number + 1) * count]
        alone = nearby.correlated(own, places, [distance_m], 2)[0]
        np.testing.assert_array_equal(both[number], alone)
    assert abs(np.corrcoef(both[0][:, 0, 0], both[1][:, 0, 0])[0, 1]) < 0.1
