"""Maps: what stands where, in which size, colour and shape, and that nothing is out of sight."""

import numpy as np
import pytest

from mec_gym.networks.maps import Slot, _round_below, draw_map

figures = pytest.importorskip("matplotlib.figure")


def slot(devices=40, servers=7, side=1000.0, columns=(), choice=None, seed=0, **more):
    rng = np.random.default_rng(seed)
    if choice is None:
        choice = rng.integers(servers + len(columns), size=devices)
    return Slot(
        rng.uniform(0, side, (servers, 2)),
        rng.uniform(0, side, (devices, 2)),
        rng.integers(1, 20, servers),
        choice,
        rng.uniform(0.1, 2.0, devices),
        columns,
        **more,
    )


def drawn(given, title=""):
    figure = figures.Figure(figsize=(9, 8), layout="constrained")
    axes = figure.add_subplot()
    draw_map(axes, given, title)
    figure.canvas.draw()
    return figure, axes


def scatters(axes):
    from matplotlib.collections import PathCollection

    return [each for each in axes.collections if isinstance(each, PathCollection)]


SIZES = [(9, 3, 400.0), (40, 7, 1000.0), (816, 125, 30_000.0)]


@pytest.mark.parametrize(("devices", "servers", "side"), SIZES)
def test_users_stand_where_they_are_coloured_by_delay(devices, servers, side):
    given = slot(devices, servers, side)
    _, axes = drawn(given)
    users = scatters(axes)[0]
    np.testing.assert_array_equal(users.get_offsets(), given.devices)
    np.testing.assert_array_equal(users.get_array(), given.delay)


@pytest.mark.parametrize(("devices", "servers", "side"), SIZES)
def test_sites_are_sized_by_places_and_coloured_by_load(devices, servers, side):
    given = slot(devices, servers, side)
    _, axes = drawn(given)
    squares = scatters(axes)[1]
    np.testing.assert_array_equal(squares.get_offsets(), given.servers)
    load = np.array([(given.choice == site).sum() for site in range(servers)])
    np.testing.assert_allclose(squares.get_array(), load / given.capacity)
    assert (np.argsort(squares.get_sizes()) == np.argsort(given.capacity)).all() or (
        np.diff(squares.get_sizes()[np.argsort(given.capacity)]) >= 0
    ).all()


def test_a_line_goes_from_each_user_to_its_site_and_none_from_those_without():
    from matplotlib.collections import LineCollection

    given = slot(columns=("local", "drop"))
    _, axes = drawn(given)
    (lines,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    served = np.flatnonzero(given.choice < 7)
    ends = np.array(lines.get_segments())
    np.testing.assert_array_equal(ends[:, 0], given.devices[served])
    np.testing.assert_array_equal(ends[:, 1], given.servers[given.choice[served]])


def test_columns_have_shapes_of_their_own_that_the_legend_names():
    given = slot(columns=("local", "cloud", "drop"), not_built=np.array([[5.0, 5.0]]))
    figure, axes = drawn(given)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "user that computes itself" in said
    assert "user sent to the cloud" in said
    assert "user whose task is dropped" in said
    assert "site not built" in said
    assert sum(len(each.get_offsets()) for each in scatters(axes)) == 40 + 7 + 1
    plain, _ = drawn(slot())
    said = [text.get_text() for text in plain.legends[0].get_texts()]
    assert not any("itself" in each or "not built" in each for each in said)


@pytest.mark.parametrize(("devices", "servers", "side"), SIZES)
def test_a_metre_is_as_long_both_ways_and_all_points_are_in_sight(devices, servers, side):
    given = slot(devices, servers, side)
    figure, axes = drawn(given, "a title")
    assert axes.get_aspect() == 1
    for points in (given.devices, given.servers):
        for values, limits in zip(points.T, (axes.get_xlim(), axes.get_ylim()), strict=True):
            assert limits[0] < values.min() < values.max() < limits[1]
    labels = [bar.get_ylabel() for bar in figure.axes[1:]]
    assert labels == ["delay of a user's task, s", "tasks on a site / its places"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("east, m", "north, m")
    assert axes.get_title() == "a title"
    assert "N" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(("devices", "servers", "side"), SIZES)
def test_the_scale_is_as_long_as_it_says(devices, servers, side):
    _, axes = drawn(slot(devices, servers, side))
    (bar,) = [line for line in axes.lines if line.get_linewidth() == 3]
    length = np.ptp(bar.get_xdata())
    said = next(text.get_text() for text in axes.texts if text.get_text().endswith("m"))
    number, unit = said.split()
    assert float(number) * {"m": 1, "km": 1000}[unit] == pytest.approx(length)
    width = np.ptp(axes.get_xlim())
    assert width / 12 < length <= width / 4


@pytest.mark.parametrize(
    ("length", "rounded"), [(1, 1), (4.99, 2), (5, 5), (999, 500), (0.03, 0.02), (1000, 1000)]
)
def test_a_round_length_is_1_2_or_5_times_a_power_of_ten(length, rounded):
    assert _round_below(length) == pytest.approx(rounded)


@pytest.mark.parametrize(
    "given",
    [
        slot(1, 1, choice=np.array([0])),
        slot(9, 3, 0.0),
        slot(9, 3, columns=("local",), choice=np.full(9, 3)),
        slot(9, 3)._replace(delay=np.ones(9)),
        slot(9, 3)._replace(capacity=np.zeros(3, dtype=np.int64)),
        slot(9, 3)._replace(servers=np.c_[np.arange(3), np.zeros(3)], devices=np.zeros((9, 2))),
    ],
    ids=["one", "all at one place", "no one served", "one delay", "no places", "in a row"],
)
def test_what_is_rare_is_drawn_as_well(given, recwarn):
    drawn(given)
    assert not recwarn.list


def test_users_at_a_site_are_seen_and_said_to_be_at_one_place():
    figure, axes = drawn(slot(5, 1, 0.0, choice=np.zeros(5, dtype=np.int64)))
    users, sites = axes.collections[1:3]
    assert users.get_zorder() > sites.get_zorder()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "user (5 in all, at 1 place)" in labels


def test_nothing_of_the_figure_overlaps_or_leaves_it():
    figure, axes = drawn(slot(columns=("local", "cloud", "drop"), not_built=np.ones((1, 2))), "t")
    boxes = [part.get_tightbbox() for part in (axes, *figure.axes[1:], figure.legends[0])]
    for one, box in enumerate(boxes):
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
        assert not any(box.overlaps(other) for other in boxes[one + 1 :])
