"""The gap to the best that sees only the present, beside the gap to the optimum."""

import numpy as np
import pytest

from mec_gym import Scenario, policies
from mec_gym.benchmark import report
from mec_gym.benchmark.comparison import play
from mec_gym.benchmark.models import by_name, load_models
from mec_gym.benchmark.online import with_online_gaps

SCENARIO = Scenario(num_devices=4, num_servers=2, capacity=2, servers="per-slot", lookahead=0)


def compared(names, scenario=SCENARIO, count=60):
    slots = scenario.sample(count, seed=3)
    rows = by_name(load_models(names), scenario)
    return with_online_gaps(play(rows, slots, seed=1), rows, slots, scenario, seed=1)


@pytest.mark.slow
def test_those_who_see_only_the_present_have_the_gap_and_those_in_hindsight_have_none():
    ahead, least, hindsight = compared(["dynamic-programming", "least-delay", "local-search"])
    assert hindsight.online_gap is None
    assert 0 <= ahead.online_gap.mean < least.online_gap.mean
    assert ahead.online_gap.mean < ahead.gap.mean


@pytest.mark.slow
def test_the_gap_of_a_policy_is_the_same_whoever_stands_beside_it():
    alone = compared(["least-delay"])[0]
    beside = compared(["dynamic-programming", "least-delay"])[1]
    assert alone.online_gap.mean == pytest.approx(beside.online_gap.mean, rel=1e-12)


@pytest.mark.slow
def test_the_difference_of_two_gaps_is_the_difference_of_their_costs_within_the_intervals():
    ahead, least = compared(["dynamic-programming", "least-delay"], count=200)
    costs = least.cost.mean() / ahead.cost.mean() - 1
    gaps = least.online_gap.mean - ahead.online_gap.mean
    assert gaps == pytest.approx(costs, abs=2 * least.online_gap.ci95)


@pytest.mark.parametrize("scenario", [SCENARIO.replace(lookahead=None), Scenario(lookahead=1)])
def test_where_there_is_no_such_bound_results_stay_as_they_are(scenario):
    assert compared(["least-delay"], scenario, 3)[0].online_gap is None


def test_an_assignment_beyond_capacity_has_no_such_gap():
    rows = {"all on one": [lambda slots, seed: np.zeros(slots.task_cycles.shape, int)]}
    slots = SCENARIO.sample(3, seed=1)
    (result,) = with_online_gaps(play(rows, slots), rows, slots, SCENARIO)
    assert result.online_gap is None


def test_the_table_and_the_json_have_it_only_where_it_is_known():
    known = compared(["dynamic-programming", "local-search"], count=3)
    headings = [column.heading for column in report.columns(known)]
    assert "gap to best\nonline, mean" in headings
    ahead, hindsight = report.as_json(known)
    assert hindsight["online_gap"] is None
    assert set(ahead["online_gap"]) == {"mean", "ci95"}
    unknown = compared(["least-delay"], SCENARIO.replace(lookahead=None), 3)
    assert "gap to best\nonline, mean" not in [column.heading for column in report.columns(unknown)]


def test_only_dynamic_programming_says_which_scenarios_it_does_not_play():
    assert policies.why_not("dynamic-programming", Scenario())
    assert not policies.why_not("dynamic-programming", SCENARIO)
    assert not policies.why_not("local-search", Scenario())
