"""What needs no measurement: the least computing delay, the share of exact fills."""

import itertools

import numpy as np
import pytest

import mec_gym
from evaluate.paper.theory import exact_fill_share, least_computing_delay


def test_the_bound_is_the_expectation_worked_out_by_quadrature():
    scenario = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9)
    steps = 1_000_000
    cycles = 5e8 + (np.arange(steps) + 0.5) / steps * 1.5e9
    # E[(sum of 9 roots)^2]: nine squares, and seventy-two products of two independent roots.
    square = 9 * cycles.mean() + 72 * np.sqrt(cycles).mean() ** 2
    assert least_computing_delay(scenario) == pytest.approx(square / (9 * 15e9), rel=1e-9)
    assert least_computing_delay(scenario) == pytest.approx(0.7286, abs=5e-5)


def test_no_assignment_and_no_split_computes_faster_than_the_bound_on_average():
    scenario = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9)
    slots = scenario.sample(2000, 0)
    rng = np.random.default_rng(0)
    bound = np.sqrt(slots.task_cycles).sum(axis=-1) ** 2 / (9 * 15e9)
    assert bound.mean() == pytest.approx(least_computing_delay(scenario), rel=0.01)
    for _ in range(20):
        assignment = rng.integers(3, size=(2000, 9))
        share = rng.random((2000, 9))
        load = mec_gym.system.server_sums(share, assignment, 3)
        cpu_hz = 5e9 * share / np.take_along_axis(load, assignment, -1)
        assert ((slots.task_cycles / cpu_hz).mean(axis=-1) >= bound).all()


def test_the_bound_of_unlike_scenarios_is_refused():
    for name in ("paper-varied", "paper-complexity"):
        with pytest.raises(ValueError, match="needs one deployment, and task_cycles as a range"):
            least_computing_delay(mec_gym.Scenario.preset(name))


def test_the_share_of_exact_fills_is_counted_by_enumeration():
    scenario = mec_gym.Scenario(num_devices=6, num_servers=3, capacity=(1, 2, 3))
    fills = [
        tuple(map(servers.count, range(3))) == (1, 2, 3)
        for servers in itertools.product(range(3), repeat=6)
    ]
    assert exact_fill_share(scenario) == pytest.approx(np.mean(fills))
    assert exact_fill_share(mec_gym.Scenario()) == pytest.approx(1680 / 19683)
    with pytest.raises(ValueError, match="as many places as devices"):
        exact_fill_share(mec_gym.Scenario.preset("slack"))
