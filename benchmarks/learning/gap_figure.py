"""Draws the numbers of `benchmarks.learning.gap_against_time`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

_SIZE, _DPI = (10.4, 5.0), 160
_LOW, _HIGH = 0.004, 120.0
_PROVEN = 0.0055
"""Where a gap of 0 stands, which a log axis has not."""

_STOCK, _STOCK_BETTER, _PAPER, _REGRET, _PLAIN = "#D55E00", "#A87900", "#0072B2", "#007A55", "0.25"

CURVES = {
    "stock, Table I": (
        _STOCK, "Stable-Baselines3, Table I", 1, (10, 3), "left", "bottom",
    ),
    "paper": (_PAPER, "mec_gym, Table I", 0, (2, 6), "left", "bottom"),
    "stock, our observation and reward": (
        _STOCK_BETTER, "Stable-Baselines3, with our\nobservation and reward", -1, (0, -12), "right",
        "top",
    ),
    "regret": (_REGRET, "mec_gym, preset regret", -1, (0, -8), "right", "top"),
}  # fmt: skip
"""By learner: colour, name; at which of its points that stands, how far off in points, and how."""

LINES = {
    "least-delay": ("ROA, least delay", 0.985, 9, "right"),
    "local-search": ("local search", 0.015, 3, "left"),
}
"""By policy that is not trained: name; where along the line it stands, how far above, and how."""

POINTS = {
    "stock, Table I": ("o", _STOCK, "SB3, Table I", (2, 9), "center", "bottom"),
    "stock, our observation and reward": (
        "o", _STOCK_BETTER, "SB3, with our\nobservation\nand reward", (2, -9), "center", "top",
    ),
    "paper": ("o", _PAPER, "mec_gym, Table I", (-4, 25), "center", "bottom"),
    "regret-mix": (
        "s", _REGRET, "mec_gym, preset regret,\nand regret-mix, which ships", (0, -9), "center",
        "top",
    ),
    "regret": ("o", _REGRET, "", (0, 0), "center", "top"),
    "roa": ("v", _PLAIN, "random within capacity\n(ROA), least delay", (-9, 2), "right", "bottom"),
    "least-delay": ("^", _PLAIN, "", (0, 0), "left", "top"),
    "goa": (
        "x", _PLAIN, "best channel (GOA):\n{feasible} of slots feasible", (10, 0), "left", "center",
    ),
    "goa-capacity": ("<", _PLAIN, "GOA within\ncapacity", (-9, -3), "right", "top"),
    "local-search": ("D", _PLAIN, "local search", (-10, 0), "right", "center"),
    "optimal": ("*", _PLAIN, "the optimum itself,\nproven: 0%", (-10, 0), "right", "center"),
}  # fmt: skip
"""By policy: marker, colour, name; how far off that stands in points, and how."""


def draw(numbers: Mapping[str, Any], path: Path) -> None:
    """Write the picture as a PNG; the same numbers give the same bytes."""
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.12, 1))
    _training(left, numbers)
    _decisions(right, numbers)
    left.set_ylim(_LOW, _HIGH)
    left.set_ylabel("mean gap to the proven optimum (log scale)", fontsize=11)
    for panel in (left, right):
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.grid(alpha=0.25, linewidth=0.7)
        panel.tick_params(labelsize=10.5)
        panel.spines[["top", "right"]].set_visible(False)
    left.yaxis.set_major_formatter(FuncFormatter(lambda gap, _: f"{gap:g}%"))
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} µs"))
    figure.savefig(path, metadata={"Software": None})


def _training(panel: Axes, numbers: Mapping[str, Any]) -> None:
    for name, (colour, label, at, off, across, upright) in CURVES.items():
        seeds = numbers["training"][name]
        seconds = np.array([[point["cpu_seconds"] for point in seed] for seed in seeds])
        gaps = np.array([[point["gap_percent"] for point in seed] for seed in seeds])
        x, y = seconds.mean(axis=0), gaps.mean(axis=0)
        panel.fill_between(x, gaps.min(axis=0), gaps.max(axis=0), color=colour, alpha=0.2, lw=0)
        panel.plot(x, y, color=colour, marker="o", markersize=4, linewidth=2)
        panel.annotate(
            f"{label}: {y[-1]:.2g}%", (x[at], y[at]), xytext=off, textcoords="offset points",
            color=colour, fontsize=10.5, ha=across, va=upright,
            fontweight="bold" if name == "regret" else None,
        )  # fmt: skip
    for name, (label, at, above, across) in LINES.items():
        gap = numbers["decisions"][name]["gap_percent"]
        panel.axhline(gap, color="0.45", linestyle="--", linewidth=1.2, zorder=1)
        panel.annotate(
            f"{label}: {gap:.2g}%", (at, gap), xycoords=("axes fraction", "data"),
            xytext=(0, above), textcoords="offset points", color=_PLAIN, fontsize=10, ha=across,
            va="bottom",
        )  # fmt: skip
    panel.set_xlabel("CPU time of training (log scale)", fontsize=11)
    panel.set_title("Time to train", fontsize=12.5, loc="left", fontweight="bold")


def _decisions(panel: Axes, numbers: Mapping[str, Any]) -> None:
    for name, (marker, colour, label, off, across, upright) in POINTS.items():
        found = numbers["decisions"][name]
        gap = found["gap_percent"] if found["gap_percent"] > _LOW else _PROVEN
        panel.scatter(found["microseconds"], gap, marker=marker, color=colour, s=55, zorder=3)
        panel.annotate(
            label.format(feasible=f"{found['feasible']:.0%}"), (found["microseconds"], gap),
            xytext=off, textcoords="offset points", color=colour, fontsize=10, ha=across,
            va=upright, linespacing=1.05, fontweight="bold" if "ships" in label else None,
        )  # fmt: skip
    panel.set_xlim(0.03, 700)
    panel.set_xlabel("time of one decision (log scale)", fontsize=11)
    panel.set_title("Time to decide", fontsize=12.5, loc="left", fontweight="bold")
