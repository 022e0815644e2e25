"""Layouts: hexagons by hand, hot spots by their moments, rows drawn by counting."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mec_gym.channels import layouts


def neighbours(places):
    """The distance of each place to its nearest other."""
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    return (distance + np.diag(np.full(len(places), np.inf))).min(axis=1)


def test_seven_hexagonal_sites_are_one_in_the_middle_and_six_about_it():
    places = layouts.hexagonal(7, 1000, 300)
    half, high = 150, 300 * np.sqrt(3) / 2
    about = [(300, 0), (half, high), (-half, high), (-300, 0), (-half, -high), (half, -high)]
    np.testing.assert_allclose(places - 500, [(0, 0), *about], atol=1e-9)


@pytest.mark.parametrize(("count", "ring"), [(1, 0), (7, 1), (19, 2), (37, 3), (61, 4)])
def test_whole_rings_have_6_neighbours_each_and_reach_as_far_as_they_are_many(count, ring):
    places = layouts.hexagonal(count, 4000, 200) - 2000
    radius = np.linalg.norm(places, axis=-1)
    assert radius.max() == pytest.approx(200 * ring)
    if count > 1:
        np.testing.assert_allclose(neighbours(places), 200)
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    near = (abs(distance - 200) < 1e-6).sum(axis=1)
    assert (near[radius < 200 * ring * np.sqrt(3) / 2 - 1e-6] == 6).all()
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-9)


@given(st.integers(1, 200), st.floats(10, 1e4))
def test_any_number_is_a_part_of_the_whole_rings_and_fits_the_square(count, side):
    places = layouts.hexagonal(count, side, None)
    assert places.shape == (count, 2)
    assert (places >= 0).all()
    assert (places <= side).all()
    if count > 1:
        spacing = neighbours(places)
        np.testing.assert_allclose(spacing, spacing[0], rtol=1e-6)
        more = layouts.hexagonal(count + 50, 1e9, spacing[0]) - 5e8
        np.testing.assert_allclose(more[:count], places - side / 2, atol=1e-3)


def test_hexagons_that_the_square_does_not_hold_are_refused():
    assert len(layouts.hexagonal(19, 2000, 500)) == 19
    with pytest.raises(ValueError, match=r"^inter_site_m: 19 sites 500 m apart reach over 2000 m"):
        layouts.hexagonal(19, 1990, 500)


def test_rows_are_drawn_without_replacement_and_each_order_equally_often():
    rows = layouts.drawn(np.random.default_rng(0).random((24_000, 3)), 4)
    orders, counts = np.unique(rows, axis=0, return_counts=True)
    assert {tuple(order) for order in orders.tolist()} == set(itertools.permutations(range(4), 3))
    assert (abs(counts - 1000) < 5 * np.sqrt(1000)).all()


@given(st.integers(1, 30), st.data())
def test_whatever_the_numbers_no_row_is_drawn_twice(count, data):
    devices = data.draw(st.integers(1, count))
    unit = st.sampled_from([0.0, 0.5, 1 - 2**-53]) | st.floats(0, 1, exclude_max=True)
    numbers = np.array([data.draw(st.lists(unit, min_size=devices, max_size=devices))])
    rows = layouts.drawn(numbers, count)
    assert len(set(rows[0].tolist())) == devices
    assert 0 <= rows.min() <= rows.max() < count


def test_slots_are_drawn_alike_in_parts_and_at_once(monkeypatch):
    unit = np.random.default_rng(0).random((9, 5))
    at_once = layouts.drawn(unit, 20)
    monkeypatch.setattr(layouts, "_MOST_ROWS_AT_ONCE", 40)
    assert (layouts.drawn(unit, 20) == at_once).all()
    assert (layouts.drawn(unit[3:4], 20) == at_once[3]).all()
    assert (layouts.drawn(unit.reshape(3, 3, 5), 20) == at_once.reshape(3, 3, 5)).all()


def test_places_about_hot_spots_are_normal_and_each_spot_is_as_likely():
    spots = np.array([(200.0, 300.0), (700.0, 600.0)])
    places = layouts.clustered(np.random.default_rng(0).random((20_000, 2)), spots, 20.0, 1000.0)
    nearest = np.linalg.norm(places[:, None] - spots, axis=-1).argmin(axis=1)
    assert abs((nearest == 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(20_000)
    for spot, middle in enumerate(spots):
        away = places[nearest == spot] - middle
        assert (abs(away.mean(axis=0)) < 5 * 20 / np.sqrt(10_000)).all()
        np.testing.assert_allclose(np.cov(away.T), np.diag([400, 400]), atol=5 * 400 / 70)


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), st.floats(0.1, 1e4))
def test_no_place_about_a_hot_spot_is_outside_of_the_square(first, second, radius):
    spots = layouts.hot_spots(3, 500.0, 0)
    place = layouts.clustered(np.array([[first, second]]), spots, radius, 500.0)
    assert np.isfinite(place).all()
    assert (place >= 0).all()
    assert (place <= 500).all()


def test_hot_spots_are_those_of_their_seed():
    assert (layouts.hot_spots(5, 500.0, 1) == layouts.hot_spots(5, 500.0, 1)).all()
    assert (layouts.hot_spots(5, 500.0, 1) != layouts.hot_spots(5, 500.0, 2)).all()
    assert (layouts.hot_spots(3, 500.0, 1) == layouts.hot_spots(5, 500.0, 1)[:3]).all()
