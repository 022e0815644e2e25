"""Which policy is to run: the rule, on results made up."""

import numpy as np
import pytest

from mec_gym.benchmark.comparison import Reference, Result
from mec_gym.planning.choice import chosen

BOUND = Reference(np.full(4, 0.9), np.array([True, True, True, False]))


def result(name, cost, seconds, over=0):
    costs = np.atleast_2d(np.array(cost, dtype=float))
    slots = costs.shape[1]
    return Result(
        name,
        np.zeros((1, slots, 2), dtype=np.int64),
        costs,
        costs,
        costs,
        (1.0, 1.0, 1.0),
        np.full((1, slots), over),
        {},
        Reference(BOUND.cost[:slots], BOUND.proven[:slots]),
        seconds,
    )


BEST = result("best", [1.0, 1.1, 0.9, 1.0], 1.0)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([], "best"),
        ([result("worse", [1.1, 1.2, 1.0, 1.1], 1e-3)], "best"),  # by 0.1 in every slot
        ([result("alike", [1.006, 1.098, 0.906, 0.999], 0.05)], "alike"),  # better in some slots
        ([result("alike, not faster", [1.006, 1.098, 0.906, 0.999], 0.5)], "best"),
        ([result("not known well", [1.2, 0.9, 1.1, 0.9], 0.05)], "best"),
        ([result("hardly worse", [1.0009, 1.1009, 0.9009, 1.0009], 0.05)], "hardly worse"),
        ([result("too full", [0.5, 0.5, 0.5, 0.5], 1e-3, over=1)], "best"),
        ([result("looks ahead", [0.5, 0.5, 0.5, 0.5], 1e-3)], "best"),
        (
            [
                result("alike", [1.006, 1.098, 0.906, 0.999], 0.01),
                result("alike and cheaper", [1.005, 1.098, 0.906, 0.999], 0.09),
            ],
            "alike and cheaper",
        ),
    ],
)
def test_the_least_cost_wins_unless_what_is_as_good_is_much_faster(others, name):
    found = chosen([*others, BEST], barred=["looks ahead"])
    assert found.name == name
    assert "best" in found.why or "least" in found.why or "only" in found.why


def test_of_one_slot_only_what_is_negligible_gives_way():
    best = result("best", [1.0], 1.0)
    assert chosen([best, result("faster", [1.01], 1e-3)]).name == "best"
    assert chosen([best, result("faster", [1.0005], 1e-3)]).name == "faster"


def test_where_none_keeps_within_places_none_is_to_run():
    assert chosen([result("too full", [1, 1, 1, 1], 1e-3, over=1)]) is None


def test_it_says_how_far_it_is_above_the_bound_and_the_next():
    why = chosen([BEST, result("worse", [1.1, 1.2, 1.0, 1.1], 1.0)]).why
    assert "11.11% above a bound, the proven optimum in 75% of slots" in why
    assert "worse, the next, costs 10.00% more" in why
