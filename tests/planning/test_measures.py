"""What a plan measures is what plain formulas give, and its intervals are those of resampling."""

import json

import numpy as np
import pytest
from any_options import ALL_AT_ONCE

from mec_gym import Scenario, policies, system
from mec_gym.benchmark.comparison import PERCENTILES, compare
from mec_gym.planning.measures import (
    QUANTITIES,
    Played,
    measured,
    percentiles,
    resampled,
)

SCENARIO = Scenario(**ALL_AT_ONCE)


@pytest.fixture(scope="module")
def case():
    slots = SCENARIO.sample(12, 3)
    names = ("least-delay", "roa")
    results = compare({name: [policies.get(name)] for name in names}, slots, 3)
    return slots, results, [measured(each, slots, 3) for each in results]


def test_percentiles_of_resampled_slots_are_those_of_numpy():
    rng = np.random.default_rng(0)
    for shape in ((7, 5), (40, 9), (2, 1), (3, 100)):
        delays = rng.exponential(size=shape).round(2)  # with ties
        draws = rng.integers(shape[0], size=(30, shape[0]))
        plain = [np.percentile(delays[draw], PERCENTILES) for draw in draws]
        np.testing.assert_allclose(percentiles(delays, draws), plain, rtol=1e-12)
        delays[rng.random(shape) < 0.3] = np.nan  # tasks that there are not
        delays[:, 0] = 1.0
        plain = [np.nanpercentile(delays[draw], PERCENTILES) for draw in draws]
        np.testing.assert_allclose(percentiles(delays, draws), plain, rtol=1e-12)


def test_values_are_those_of_the_physics(case):
    slots, results, played = case
    for result, said in zip(results, played, strict=True):
        assignment = result.assignment[0]
        delays = system.task_delays(slots, assignment)
        late = (delays > slots.deadline_s) | (assignment == slots.num_actions - 1)
        assert slots.columns[-1] == "drop"
        plain = {
            "cost": system.task_costs(slots, assignment).mean(),
            "mean": delays.mean(),
            "energy": system.task_energies(slots, assignment).mean(),
            "met": 1 - late.mean(),
        }
        plain |= {f"p{each}": np.percentile(delays, each) for each in PERCENTILES}
        assert said.quantities.keys() == QUANTITIES.keys() == plain.keys()
        for name, value in plain.items():
            assert said.quantities[name].value == pytest.approx(value), name
        assert sum(said.load) == pytest.approx(slots.num_devices)
        assert said.load[0] == pytest.approx((assignment == 0).sum(axis=1).mean())


def test_an_interval_is_the_middle_of_what_resampling_gives(case):
    slots, results, played = case
    means = system.task_delays(slots, results[0].assignment[0]).mean(axis=-1)
    drawn = [means[draw].mean() for draw in resampled(len(slots), 3)]
    measure = played[0].quantities["mean"]
    assert (measure.low, measure.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)))
    assert measure.low < measure.value < measure.high


def test_intervals_of_a_mean_are_about_those_of_student():
    slots = Scenario.preset("slack").sample(200, 1)
    (result,) = compare({"least-delay": [policies.get("least-delay")]}, slots, 1)
    measure = measured(result, slots, 1).quantities["mean"]
    half = result.average_delay.over_slots.ci95
    assert (measure.high - measure.low) / 2 == pytest.approx(half, rel=0.15)


def test_one_slot_has_values_but_no_intervals_and_no_deadlines_are_not_met():
    slots = Scenario().sample(1, 0)
    (result,) = compare({"least-delay": [policies.get("least-delay")]}, slots, 0)
    said = measured(result, slots, 0)
    assert "met" not in said.quantities
    assert all((each.low, each.high) == (None, None) for each in said.quantities.values())


def test_it_is_read_back_from_json_as_it_was(case):
    for said in case[2]:
        assert Played.from_json(json.loads(json.dumps(said.as_json()))) == said
