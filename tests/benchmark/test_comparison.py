"""Comparing policies: seeds as one row, gaps against the reference, and what cannot be compared."""

import numpy as np
import pytest

from mec_gym import Scenario, average_delay, policies, system
from mec_gym.benchmark import report
from mec_gym.benchmark.comparison import (
    Measured,
    Reference,
    Result,
    compare,
    find_reference,
    play,
)
from mec_gym.estimates import Estimate

SLOTS = Scenario.preset("paper-varied").sample(12, 3)


def constant(shift):
    """A policy that deals the devices out in turn, beginning at a server."""
    return lambda slots, seed=0: np.broadcast_to(
        (np.arange(slots.num_devices) + shift) % slots.num_servers, slots.task_bits.shape
    )


def test_an_estimate_is_students_interval_by_hand():
    # Mean 3, standard deviation 1, standard error 1/sqrt(3), t(0.975, 2) = 4.302653
    estimate = Estimate.of([2.0, 3.0, 4.0])
    assert estimate.mean == 3
    assert estimate.ci95 == pytest.approx(4.302653 / 3**0.5, rel=1e-6)


def test_several_seeds_are_one_row_with_mean_worst_and_interval():
    row, alone = compare(
        {"three": [constant(0), constant(1), constant(2)], "one": [constant(1)]}, SLOTS
    )
    optimum = find_reference(SLOTS).cost
    gaps = [(average_delay(SLOTS, constant(k)(SLOTS)) / optimum - 1) for k in range(3)]
    means = [gap.mean() for gap in gaps]
    assert row.seeds == 3
    assert row.gap.mean == pytest.approx(np.mean(means))
    assert row.gap.worst_seed == pytest.approx(max(means))
    assert row.gap.max == pytest.approx(np.max(gaps))
    assert row.gap.over_seeds.ci95 == pytest.approx(
        4.302653 * np.std(means, ddof=1) / 3**0.5, rel=1e-6
    )
    assert alone.gap.over_seeds is None
    assert alone.gap.worst_seed == alone.gap.mean


def test_the_optimum_has_no_gap_and_is_feasible():
    (score,) = compare({"optimal": [policies.get("optimal")]}, SLOTS)
    assert score.gap.mean == pytest.approx(0, abs=1e-9)
    assert score.feasible_rate == 1
    assert score.reference.label == "optimum"


def test_a_reference_that_is_not_proven_says_so_in_every_gap():
    found = find_reference(SLOTS)
    partly = Reference(found.cost, np.arange(12) < 3)
    (score,) = compare({"roa": [policies.get("roa")]}, SLOTS, reference=partly)
    assert score.reference.label == "optimum (25% of slots) or lower bound"


def test_overloads_count_tasks_above_capacity():
    crowd = lambda slots, seed=0: np.zeros(slots.task_bits.shape, dtype=int)  # noqa: E731
    (score,) = compare({"crowd": [crowd]}, SLOTS)
    assert (score.overloads.mean(), score.feasible_rate) == (6, 0)


@pytest.mark.parametrize(
    ("rows", "slots", "words"),
    [
        ({}, SLOTS, "policies: .* at least 1"),
        ({"none": []}, SLOTS, "policies: .* at least 1"),
        ({"roa": [policies.get("roa")]}, SLOTS[:0], "instances: .* at least 1"),
        ({"roa": [policies.get("roa")]}, SLOTS[0], "instances: .* one leading"),
    ],
)
def test_what_cannot_be_compared_is_refused(rows, slots, words):
    with pytest.raises(ValueError, match=words):
        compare(rows, slots)


def result(delay):
    """A result of the given delays (S, B), with all else made up."""
    other = np.zeros(delay.shape, dtype=int)
    reference = Reference(delay[0], np.ones(delay.shape[1], dtype=bool))
    tail = (1.0, 2.0, 3.0)
    return Result("some", other[..., None], delay, delay, delay, tail, other, {}, reference)


def test_the_interval_of_a_margin_is_the_jackknifes():
    rng = np.random.default_rng(0)
    other = rng.uniform(1, 2, (1, 400))
    delay = 0.8 * other + rng.normal(0, 0.05, (1, 400))
    margin = result(delay).margin(result(other))
    assert margin.mean == 1 - delay.mean() / other.mean()
    keep = ~np.eye(400, dtype=bool)
    left = np.array([delay[0, k].mean() / other[0, k].mean() for k in keep])
    error = np.sqrt(399 / 400 * ((left - left.mean()) ** 2).sum())
    assert margin.ci95 == pytest.approx(1.9659 * error, rel=1e-3)  # 399 degrees of freedom


@pytest.mark.parametrize("name", ["energy", "tiers", "deadlines"])
def test_gaps_are_of_the_cost_and_what_else_there_is_is_reported(name):
    slots = Scenario.preset(name).sample(20, 3)
    (result,) = compare({"least-delay": [policies.get("least-delay")]}, slots)
    (chosen,) = result.assignment
    costs = system.task_costs(slots, chosen)
    np.testing.assert_allclose(result.cost[0], costs.mean(axis=-1), rtol=1e-12)
    assert 0 <= result.gap.mean < 0.2
    delays = np.sort(system.task_delays(slots, chosen), axis=None)
    assert result.percentiles[0] == pytest.approx(np.median(delays))
    assert delays[int(0.94 * len(delays))] <= result.percentiles[1] <= delays[-1]
    (as_json,) = report.as_json([result])
    reported = system.report(slots, chosen)
    names = {column.heading.replace("\n", " ") for column in report.columns([result])}
    assert ("average cost, s" in names) == ("cost" in reported)
    for each in reported.keys() - {"cost"}:
        assert as_json[each] == reported[each].mean()


def test_an_interval_over_seeds_needs_two():
    one = Measured(np.array([[1.0, 2.0, 3.0]]))
    assert one.over_slots.ci95 == pytest.approx(4.30265 / np.sqrt(3), rel=1e-5)
    assert one.over_seeds is None


def test_a_result_holds_what_was_played_and_what_it_came_to():
    seeds = [constant(0), constant(1)]
    (played,) = play({"two": seeds}, SLOTS)
    assert (played.assignment == [policy(SLOTS) for policy in seeds]).all()
    assert (played.delay == [average_delay(SLOTS, policy(SLOTS)) for policy in seeds]).all()
    shares = [system.share_cpu_equally(SLOTS, row) for row in played.assignment]
    equal = [average_delay(SLOTS, *each) for each in zip(played.assignment, shares, strict=True)]
    assert (played.equal_shares_delay == equal).all()
    assert played.average_delay.over_seeds.mean == pytest.approx(played.delay.mean())
    assert played.decision_seconds is None


def test_only_a_comparison_times_decisions():
    (timed,) = compare({"roa": [policies.get("roa")]}, SLOTS)
    assert timed.slot_seconds > 0
    assert timed.decision_seconds == timed.slot_seconds / SLOTS.num_devices
