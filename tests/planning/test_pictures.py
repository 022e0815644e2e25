"""The pictures of a plan show the numbers that it says."""

import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.benchmark.models import load_models
from mec_gym.channels import PathLossChannel
from mec_gym.planning import pictures, plan
from mec_gym.planning.measures import Measure, Played
from mec_gym.planning.plan import Request
from mec_gym.planning.points import Found
from mec_gym.planning.targets import Target
from mec_gym.planning.varying import Axis

pytest.importorskip("matplotlib")

NAMES = ("least-delay", "roa")
SERVERS = Axis("num_servers", "num_servers", 1.0, (2, 3, 4))
TARGET = Target.parse("p95 <= 1 s")


def made(scenario, **more):
    request = Request("here", scenario, load_models(NAMES), 12, 1, 0.1, **more)
    return plan.of_network(request, None)


def point(values, there=True):
    if not there:
        return Found(values, why="no room")
    cost = 1 / sum(values)
    played = []
    for name, factor in (("local-search", 1.0), ("roa", 1.5)):
        measure = Measure(cost * factor, cost * factor * 0.9, cost * factor * 1.2)
        quantities = {"cost": measure, "mean": measure, "p95": Measure(*(2 * n for n in measure))}
        played.append(Played(name, quantities, 0.0, 0.0, 1.0, (1.0,), None, 9))
    return Found(values, bound=0.8 * cost, label="optimum", capacity=(3,), played=tuple(played))


def texts(figure):
    import matplotlib.text

    return [each.get_text() for each in figure.findobj(matplotlib.text.Text)]


def test_a_map_is_drawn_where_there_are_places():
    placed = Scenario(channel=PathLossChannel(), noise_psd=4e-21)
    figure = pictures.map_of(made(placed), "a name")
    assert any("a name, first slot" in text for text in texts(figure))
    assert pictures.map_of(made(Scenario()), "a name") is None


def test_each_policy_has_its_line_of_delays_with_the_target_on_it():
    outcome = made(Scenario())
    figure = pictures.delays_of(outcome, "a name", TARGET)
    (axes,) = figure.axes
    lines = {line.get_label().split(" (")[0]: line for line in axes.lines}
    for result in outcome.results:
        line = lines[result.name]
        share = np.interp(np.median(line.get_xdata()), line.get_xdata(), line.get_ydata())
        assert share == pytest.approx(50, abs=1)
        assert line.get_ydata()[-1] == 100
    assert set(lines["target: p95 <= 1 s"].get_xdata()) == {1.0}
    assert set(lines["95% of tasks"].get_ydata()) == {95.0}


def test_lines_of_a_sweep_have_their_points_the_bound_and_the_target():
    found = [point((2,), there=False), point((3,)), point((4,))]
    figure = pictures.sweep_of(found, [SERVERS], "a name", TARGET, "local-search")
    left, right = figure.axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"local-search", "roa", "no such network", "target: p95 <= 1 s"} <= set(labels)
    assert "no policy gets here (bound)" in labels
    assert len(labels) == len(set(labels))
    drawn = {c.get_label(): c[0] for c in left.containers}
    np.testing.assert_allclose(drawn["local-search"].get_ydata(), [1 / 3, 1 / 4])
    drawn = {c.get_label(): c[0] for c in right.containers}
    np.testing.assert_allclose(drawn["roa"].get_ydata(), [1.0, 0.75])
    bound = [line for line in left.lines if np.allclose(line.get_ydata(), [0.8 / 3, 0.2])]
    assert len(bound) == 1
    assert left.get_xlabel() == "num_servers"
    assert right.get_ylabel() == "95th percentile of task delays, s"


@pytest.mark.parametrize("text", ["cost <= 300 ms", "mean <= 300 ms"])
def test_a_target_of_the_cost_stands_where_the_cost_is(text):
    found = [point((3,)), point((4,))]
    figure = pictures.sweep_of(found, [SERVERS], "a name", Target.parse(text), "roa")
    left, right = figure.axes
    targets = [
        [line for line in axes.lines if set(line.get_ydata()) == {0.3}] for axes in (left, right)
    ]
    assert [len(each) for each in targets] == [1, 0]
    assert "95th percentile" in right.get_title()


def test_a_grid_is_a_heat_map_with_what_meets_the_target_outlined():
    from matplotlib.patches import Rectangle

    ghz = Axis("server_ghz", "server_hz", 1e9, (0, 1))
    found = [point((a, b), there=a > 2 or b > 0) for a in SERVERS.values for b in ghz.values]
    figure = pictures.sweep_of(found, [SERVERS, ghz], "a name", TARGET, "local-search")
    left, right = figure.axes[:2]
    numbers = left.images[0].get_array()
    assert numbers.mask.sum() == 1
    assert numbers[1, 0] == pytest.approx(2 / 3)
    assert right.images[0].get_array()[2, 1] == pytest.approx(0.8 / 5)
    outlined = [p for p in left.patches if isinstance(p, Rectangle) and p.get_linewidth() > 1]
    assert len(outlined) == 5  # 2 / (a + b) * 1.2 <= 1 for 3 and more
    assert any("hatched: no such network" in text for text in texts(figure))


def test_where_there_is_no_network_there_is_no_picture():
    assert pictures.sweep_of([point((2,), False)], [SERVERS], "a name", None, None) is None


@pytest.mark.parametrize("axes", [[SERVERS], [SERVERS, Axis("x", "capacity", 1.0, (1, 2))]])
def test_they_are_drawn_without_a_warning(axes, recwarn):
    shape = [axis.values for axis in axes]
    found = [point(values) for values in np.stack(np.meshgrid(*shape), -1).reshape(-1, len(axes))]
    figure = pictures.sweep_of(found, axes, "a name", TARGET, "roa")
    figure.canvas.draw()
    assert not recwarn.list
