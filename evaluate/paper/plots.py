"""Drawings of the paper's Figs. 3 to 5, with the optimum in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from evaluate.paper.measurements import Row
from evaluate.paper.smoothness import TREND_EPISODES, LossPoint, by_run, roughness, trend
from evaluate.paper.stated import DQN_RAO, Stated
from evaluate.paper.text import NAMES, span

_DPI = 130
_SIZE = (8.0, 6.4)
_QUICK = "\nquick preview, not the result"  # beside the title it would be cut off


class Style(NamedTuple):
    """How a policy looks in every figure."""

    label: str
    colour: str
    marker: str
    line: str = "-"


# Okabe and Ito's palette, told apart by colour-blind readers too; markers say the same again.
STYLES = {
    "roa": Style(f"{NAMES['roa']} (random)", "#E69F00", "o"),
    "goa": Style(f"{NAMES['goa']} (greedy)", "#D55E00", "s"),
    "least-delay": Style(NAMES["least-delay"], "#009E73", "^"),
    DQN_RAO: Style(NAMES[DQN_RAO], "#0072B2", "D"),
    "optimal": Style(NAMES["optimal"], "#000000", "", "--"),
}


def delay_figure(rows: Sequence[Row], stated: Stated, title: str, axis: str, quick: bool) -> Figure:
    """Return a figure of the average delay of each policy, and of its gap to the optimum.

    Args:
        rows: of one figure, every policy at every point.
        stated: the values that the paper states, which are shown hollow.
        title: of the figure.
        axis: what is on the horizontal axis, with its unit.
        quick: whether the numbers are a preview, which the title then says.
    """
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.2, 1))
    by_policy = {
        name: sorted((row for row in rows if row.policy == name), key=lambda row: row.x or 0)
        for name in STYLES
    }
    for name, mine in by_policy.items():
        _draw_delays(above, mine, stated.get(name, {}))
    above.plot(
        [], [], "o", color="grey", markerfacecolor="none", label="hollow: stated in the paper"
    )
    tallest = [row.delay_s for row in rows] + [y for at in stated.values() for y in at.values()]
    above.set_ylim(0, 1.06 * max(tallest))
    above.set_ylabel("average delay, s")
    above.legend(loc="upper left", bbox_to_anchor=(0, -0.02), ncols=3, frameon=False, fontsize=9)
    above.set_title(title + (_QUICK if quick else ""), loc="left")

    # The optimum keeps to capacity: who mostly does not would only squeeze those who do.
    keeping = {n: mine for n, mine in by_policy.items() if mine[0].feasible_rate > 0.5}
    del keeping["optimal"]
    _draw_gaps(below, keeping)
    notes = [
        f"{STYLES[name].label} is off this panel: it breaks capacity in"
        f" {1 - min(r.feasible_rate for r in mine):.0%} of slots, and is"
        f" {span((row.gap for row in mine), digits=0)} above the optimum"
        for name, mine in by_policy.items()
        if name not in keeping and name != "optimal"
    ]
    below.set_title("\n".join(notes), loc="left", fontsize=9, color=STYLES["goa"].colour)
    seeds = max(row.seeds for row in rows)
    below.set_ylabel("gap to the optimum (dashed)")
    below.set_xticks(sorted({row.x or 0 for row in rows}))
    below.set_xlabel(
        f"{axis}\n95% intervals: over {seeds} training seeds for DQN-RAO;"
        " over slots for the other policies' gaps"
    )
    for panel in (above, below):
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_delays(panel: Axes, rows: Sequence[Row], stated: Mapping[float, float]) -> None:
    style = STYLES[rows[0].policy]
    x, y = [row.x or 0 for row in rows], [row.delay_s for row in rows]
    # Under the optimum's dashes whatever lies on it stays visible.
    order = 5 if rows[0].policy == "optimal" else 3
    panel.plot(x, y, style.line, color=style.colour, marker=style.marker, label=style.label,
               zorder=order)  # fmt: skip
    intervals = [row.delay_ci95_seeds_s or 0.0 for row in rows]
    if any(intervals):
        panel.errorbar(x, y, intervals, fmt="none", color=style.colour, capsize=4)
    panel.plot(list(stated), list(stated.values()), linestyle="none", marker=style.marker,
               color=style.colour, markerfacecolor="none", markersize=8)  # fmt: skip


def _draw_gaps(panel: Axes, by_policy: Mapping[str, Sequence[Row]]) -> None:
    points = sorted({row.x or 0 for rows in by_policy.values() for row in rows})
    apart = 0.05 * min(np.diff(points), default=1.0)  # side by side, so that no interval is hidden
    for place, (name, rows) in enumerate(by_policy.items()):
        style, shift = STYLES[name], (place - (len(by_policy) - 1) / 2) * apart
        panel.errorbar(
            [(row.x or 0) + shift for row in rows],
            [row.gap for row in rows],
            [row.gap_ci95_seeds or row.gap_ci95_slots for row in rows],
            color=style.colour, marker=style.marker, capsize=3, linewidth=1.2,
        )  # fmt: skip
    panel.axhline(0, color="#000000", linestyle="--")
    top = max(row.gap for rows in by_policy.values() for row in rows)
    panel.set_ylim(-0.06 * top, 1.35 * top)
    panel.yaxis.set_major_formatter(PercentFormatter(1))


def loss_figure(points: Sequence[LossPoint], quick: bool) -> Figure:
    """Return Fig. 3: a panel a minibatch with one run's loss, its trend and how jagged it is."""
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    curves, measured = by_run(points), roughness(points)
    panels = figure.subplots(2, -(-len(curves) // 2), sharex=True, sharey=True, squeeze=False)
    edge = TREND_EPISODES // 2
    for panel, (size, seeds) in zip(panels.flat, sorted(curves.items()), strict=False):
        curve = next(iter(seeds.values()))
        episodes, loss = [p.episode for p in curve], [p.loss for p in curve]
        panel.plot(episodes, loss, color="#56B4E9", linewidth=0.9, label="each episode")
        smooth = trend(loss)
        panel.plot(
            episodes[edge : edge + len(smooth)], smooth, color="#000000", linewidth=1.3,
            label=f"trend (parabolas of {TREND_EPISODES} episodes)",
        )  # fmt: skip
        jagged = np.sqrt(np.mean([run.relative for run in measured[size]]))
        panel.set_title(f"minibatch {size}: ±{jagged:.0%} around its trend", fontsize=10)
        panel.set_yscale("log")
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[:, 0]:
        panel.set_ylabel("training loss, s² (log scale)")
    for panel in panels[-1]:
        panel.set_xlabel("training episode")
    panels[0, 0].legend(frameon=False, loc="lower left")
    count = max(len(seeds) for seeds in curves.values())
    title = f"Fig. 3: DQN training loss, one of {count} seeds; ± is over all of them"
    figure.suptitle(title + (_QUICK if quick else ""), fontsize=12)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and SVG beside each other; the same figure gives the same bytes.

    Args:
        figure: to write.
        path: without a suffix.
    """
    with matplotlib.rc_context({"svg.hashsalt": "mec_gym"}):
        figure.savefig(f"{path}.png", metadata={"Software": None})
        figure.savefig(f"{path}.svg", metadata={"Date": None})
