"""The smooth dual: its derivatives against differences, and how near it is to the dual."""

import numpy as np
import pytest
from exhaustive import make

from mec_gym.bounds.regions import RegionBound
from mec_gym.candidates import Candidates
from mec_gym.problem import Problem


@pytest.fixture
def region():
    problem = Problem.of(make(np.random.default_rng(1), 1, 30, 4))[0]
    return RegionBound(Candidates.of(problem, 3)), problem


def at(problem, rng):
    """Prices and charges, and what a device pays for its three cheapest links."""
    price = rng.uniform(0.5, 1, 4) * 2 * problem.size.sum() / problem.server_hz.sum()
    charge = rng.uniform(0, 0.1, 4)
    paid = problem.link_cost + problem.size[:, None] * price + charge
    kept = np.argsort(problem.link_cost, axis=1)[:, :3]
    return price, charge, np.take_along_axis(paid, kept, axis=1)


@pytest.mark.parametrize("mu", [1.0, 0.01])
def test_the_value_is_below_what_devices_pay_by_mu_log_of_their_links_at_most(region, mu):
    bound, problem = region
    price, charge, paid = at(problem, np.random.default_rng(2))
    value = bound.smooth(price, charge, mu).value
    least = paid.min(axis=1).sum()
    assert least - 30 * mu * np.log(3) <= value <= least
    assert value == pytest.approx(-mu * np.log(np.exp(-paid / mu).sum(axis=1)).sum(), rel=1e-9)


def test_the_derivatives_are_those_of_the_value(region):
    bound, problem = region
    price, charge, _ = at(problem, np.random.default_rng(3))
    point, units = np.concatenate([price, charge]), np.repeat([price.mean(), 1.0], 4)
    there = bound.smooth(price, charge, 0.1)
    for entry in range(8):
        step = np.zeros(8)
        step[entry] = 1e-5 * units[entry]
        up, down = (bound.smooth(*np.split(point + s, 2), 0.1) for s in (step, -step))
        across = 2 * step[entry]
        assert (up.value - down.value) / across == pytest.approx(there.slope[entry], rel=1e-6)
        scale = np.abs(there.bend).max(axis=1)
        off = -(up.slope - down.slope) / across - there.bend[entry]
        assert (np.abs(off) < 1e-5 * scale).all()
