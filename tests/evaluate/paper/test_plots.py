"""Figures as they are drawn."""

from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import mec_gym
from evaluate.paper import figures
from evaluate.paper.measurements import measure
from evaluate.paper.plots import delay_figure, save
from evaluate.paper.study import Point


@pytest.mark.slow
def test_the_same_rows_give_the_same_svg_and_the_title_says_quick(tmp_path):
    point = Point("5GHz", 5, mec_gym.Scenario.preset("paper-frequency"))
    seeds = [mec_gym.policies.get("roa")] * 2
    rows, _ = measure([point], {"5GHz": {"dqn-rao": seeds}}, 10, 0)
    for name in ("a", "b"):
        save(delay_figure(rows, {}, "Fig. 4", "GHz", quick=True), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    figure = delay_figure(rows, {}, "Fig. 4", "GHz", quick=True)
    assert "quick preview" in figure.axes[0].get_title(loc="left")
    figure = delay_figure(rows, {}, "Fig. 4", "GHz", quick=False)
    assert "quick" not in figure.axes[0].get_title(loc="left")


@pytest.mark.slow
@pytest.mark.parametrize("quick", [False, True])
def test_the_longest_title_is_not_cut_off(quick):
    point = Point("5GHz", 5, mec_gym.Scenario.preset("paper-frequency"))
    seeds = [mec_gym.policies.get("roa")] * 2
    rows, _ = measure([point], {"5GHz": {"dqn-rao": seeds}}, 10, 0)
    title = "Fig. 5: average delay against task complexity, unequal servers"
    assert title in Path(figures.__file__).read_text(encoding="utf-8")
    figure = delay_figure(rows, {}, title, "GHz", quick=quick)
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    shown = next(t for t in figure.axes[0].findobj(Text) if t.get_text().startswith(title))
    extent = shown.get_window_extent(drawn.get_renderer())
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1
    assert extent.y1 <= figure.bbox.y1
