"""What a sweep says of a target: the least value that meets it, honestly."""

import pytest

from mec_gym.planning.measures import Measure, Played
from mec_gym.planning.points import Found
from mec_gym.planning.readings import best_policy, read
from mec_gym.planning.tables import below_bound, of_reading
from mec_gym.planning.targets import Target
from mec_gym.planning.varying import Axis

AXIS = Axis("num_servers", "num_servers", 1.0, (2, 3, 4, 5))
TARGET = Target.parse("p95 <= 1 s")


def found(values, *p95, bound=0.5, name="some", feasible=1.0):
    played = [
        Played(
            name,
            {"p95": Measure(each, each - 0.1, each + 0.1), "cost": Measure(each, None, None)},
            0.0,
            0.0,
            feasible,
            (1.0,),
            None,
            9,
        )
        for each in p95
    ]
    return Found(values, "" if played else "no room", bound, "optimum", (3,), tuple(played))


def row(*p95, before=()):
    return [
        found((*before, value), *([] if each is None else [each]))
        for value, each in zip(AXIS.values, p95, strict=True)
    ]


@pytest.mark.parametrize(
    ("p95", "least", "greatest", "perhaps", "beyond"),
    [
        ((1.5, 1.2, 0.8, 0.5), 4, None, (), ()),
        ((1.5, 0.95, 0.8, 0.5), 4, None, (3,), ()),
        ((None, None, 0.8, 0.5), 4, None, (), ()),
        ((1.5, 1.2, 1.1, 0.95), None, None, (5,), ()),
        ((1.5, 0.8, 1.2, 0.5), 3, None, (), (4,)),
        ((0.5, 0.8, 1.2, 1.5), 2, 3, (), ()),
        ((0.5, 0.8, 1.2, 0.8), 2, None, (), (4,)),
        ((0.5, 1.8, 0.8, 1.2), 2, 2, (), (4,)),
        ((0.5, 0.5, 0.5, 0.5), 2, None, (), ()),
    ],
)
def test_the_least_value_is_the_first_whose_whole_interval_keeps_to_it(
    p95, least, greatest, perhaps, beyond
):
    (reading,) = read(row(*p95), [AXIS], TARGET, "some")
    assert (reading.least, reading.greatest) == (least, greatest)
    assert reading.perhaps == perhaps
    assert reading.missed_beyond == beyond
    assert (reading.measure is None) == (least is None)


def test_of_a_grid_there_is_one_for_each_value_of_the_first_axis():
    first = Axis("capacity", "capacity", 1.0, (3, 6))
    grid = [*row(1.5, 1.2, 0.8, 0.5, before=(3,)), *row(1.5, 0.8, 0.7, 0.5, before=(6,))]
    made = read(grid, [first, AXIS], TARGET, "some")
    assert [(each.before, each.least) for each in made] == [((3,), 4), ((6,), 3)]
    assert "capacity 6, some: num_servers 3 is the least" in of_reading(
        made[1], [first, AXIS], TARGET
    )


def test_the_sentence_has_the_value_the_interval_and_what_is_not_certain():
    (reading,) = read(row(1.5, 0.95, 0.8, 0.5), [AXIS], TARGET, "some")
    said = of_reading(reading, [AXIS], TARGET)
    assert said.startswith("p95 <= 1 s, some: num_servers 4 is the least that meets it")
    assert "0.8 s (95% interval 0.7 s to 0.9 s)" in said
    assert "3 is not certain" in said


def test_where_the_bound_is_above_a_target_on_the_cost_no_policy_meets_it():
    points = [found((2,), 1.5, bound=1.2), found((3,), 1.0, bound=0.9)]
    (line,) = below_bound(points, [AXIS], Target.parse("cost <= 1 s"))
    assert "no policy at all meets it with num_servers 2:" in line
    assert below_bound(points, [AXIS], TARGET) == []


def test_the_best_policy_is_that_of_least_cost_over_all_points_that_fits_in_each():
    def point(value, **costs):
        parts = [found((value,), cost, name=name).played[0] for name, cost in costs.items()]
        return Found((value,), "", 0.5, "optimum", (3,), tuple(parts))

    points = [point(2, a=1.0, b=1.2), found((3,)), point(4, a=0.9, b=0.4)]
    assert best_policy(points) == "b"
    assert best_policy(points, barred=["b"]) == "a"
    full = [found((2,), 1.0, feasible=0.9)]
    assert best_policy(full) is None
    assert best_policy([found((2,))]) is None
