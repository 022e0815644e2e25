"""Least sets of devices for a server, against all of its sets."""

import itertools

import numpy as np
import pytest

from mec_gym.bounds.server_sets import least_set, least_sets


def every_cost(gain, work, hz, places):
    """The cost of each set of at most so many devices."""
    for number in range(places + 1):
        for each in itertools.combinations(range(len(gain)), number):
            members = list(each)
            yield gain[members].sum() + work[members].sum() ** 2 / hz


@pytest.mark.parametrize("shared", [True, False])
def test_the_set_found_is_the_least_of_all(shared):
    rng = np.random.default_rng(3)
    for _ in range(60):
        count = int(rng.integers(1, 9))
        gain, work = rng.uniform(-2, 0.2, count), rng.random(count)
        hz = rng.uniform(0.3, 3) if shared else np.inf
        places = int(rng.integers(1, count + 1))
        chosen, cost, least = least_set(gain, work, hz, places, 0.0, 10**6)
        optimum = min(every_cost(gain, work, hz, places))
        assert chosen.sum() <= places
        assert gain[chosen].sum() + work[chosen].sum() ** 2 / hz == pytest.approx(cost, abs=1e-12)
        assert cost == pytest.approx(optimum, abs=1e-12)
        assert least == pytest.approx(optimum, abs=1e-12)


def test_a_search_cut_short_or_content_with_less_still_bounds_the_least():
    rng = np.random.default_rng(4)
    cut = 0
    for _ in range(60):
        gain, work = rng.uniform(-2, 0, 9), rng.random(9)
        optimum = min(every_cost(gain, work, 1.0, 4))
        for within, nodes in ((0.0, 3), (0.3, 10**6)):
            _, cost, least = least_set(gain, work, 1.0, 4, within, nodes)
            assert least - 1e-12 <= optimum <= cost + 1e-12
            cut += cost - least > 1e-9
    assert cut > 10


def test_servers_without_places_and_links_that_are_not_allowed_take_nothing():
    cost = np.array([[1.0, np.inf, 1.0], [1.0, 1.0, 1.0]])
    places = np.array([0, 2, 1])
    chosen, paid, least = least_sets(
        cost, np.ones(2), np.full(3, 4.0), places, np.full(2, 2.0), 0.0, 1000
    )
    np.testing.assert_array_equal(chosen.sum(axis=1), [0, 1, 1])
    assert not chosen[1, 0]
    np.testing.assert_allclose(paid, [0.0, -0.75, -0.75])
    np.testing.assert_allclose(least, paid)
