"""Verdicts are settled by whole intervals."""

import itertools

import pytest

from evaluate.paper.verdicts import Verdict, all_hold, exceeds, near
from mec_gym.estimates import Estimate

HOLDS, FAILS, OPEN = Verdict


@pytest.mark.parametrize(
    ("mean", "ci95", "verdict"),
    [(0.2, 0.05, HOLDS), (0.1, 0.03, FAILS), (0.15, 0.02, OPEN), (0.13, 0.02, OPEN)],
)
def test_above_a_threshold_is_settled_by_the_whole_interval(mean, ci95, verdict):
    assert exceeds(Estimate(mean, ci95), 0.14) is verdict


@pytest.mark.parametrize(
    ("mean", "ci95", "verdict"),
    [
        (0.60, 0.01, HOLDS),
        (0.62, 0.005, HOLDS),
        (0.58, 0.005, HOLDS),
        (0.78, 0.01, FAILS),
        (0.50, 0.01, FAILS),
        (0.63, 0.01, OPEN),
        (0.60, 0.04, OPEN),
    ],
)
def test_about_a_value_is_settled_by_the_whole_interval(mean, ci95, verdict):
    assert near(Estimate(mean, ci95), 0.60, 0.05) is verdict


def test_several_claims_in_one_fail_with_any_and_hold_with_all():
    for found in itertools.product(Verdict, repeat=3):
        expected = FAILS if FAILS in found else OPEN if OPEN in found else HOLDS
        assert all_hold(found) is expected
