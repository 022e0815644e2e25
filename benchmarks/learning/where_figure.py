"""Draws the numbers of `benchmarks.learning.where_it_pays`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SIZE, _DPI = (10.4, 8.2), 160
_LOW = 0.0035
_PROVEN = 0.005
"""Where a gap of 0 stands, which a log axis has not."""

_TRAINED, _PRICES, _SEARCH, _PLANNED, _PLAIN = "#007A55", "#0072B2", "#A87900", "#8A4FA3", "0.3"

TITLES = {
    "slack": "Offline: all tasks known",
    "online": "Online: tasks come one by one",
    "fast-fading": "Changing channels",
    "real city": "Real topology, all tasks known",
}
GAPS = {
    "slack": "the optimum", "online": "the optimum in hindsight",
    "fast-fading": "the optimum in hindsight", "real city": "the lower bound",
}  # fmt: skip

POINTS = {
    "regret-family": ("o", _TRAINED, "regret-family"),
    "regret-mix": ("s", _TRAINED, "regret-mix"),
    "regret-online": ("s", _TRAINED, "regret-online"),
    "prices": ("^", _PRICES, "prices"),
    "prices-online": ("^", _PRICES, "prices"),
    "local-search": ("D", _SEARCH, "local search"),
    "local-search-prices": ("P", _SEARCH, "local search,\ntwo starts"),
    "local-search-online": ("D", _SEARCH, "local search"),
    "dynamic-programming": ("X", _PLANNED, "dynamic\nprogramming"),
    "least-delay": ("v", _PLAIN, "least delay"),
    "optimal": ("*", _PLAIN, "the optimum, proven"),
}  # fmt: skip
"""By policy: marker, colour, name."""

SHOWN = {
    "slack": (0.003, 4.0, (0.01, 0.1, 1)),
    "online": (0.2, 5.0, (0.3, 0.5, 1, 2)),
    "fast-fading": (0.04, 5.0, (0.1, 0.3, 1, 3)),
    "real city": (0.008, 2000.0, (0.01, 0.1, 1, 10, 100, 1000)),
}
"""By panel: gaps from and to, and those that stand at the axis, percent."""

_FIRST, _LAST = 1.5, 1.5e6
"""Microseconds from and to, in all panels."""

TICKS = {10: "10 µs", 100: "100 µs", 1e3: "1 ms", 1e4: "10 ms", 1e5: "100 ms"}

_BESIDE = (8, 0, "left", "center")
PLACED = {
    ("slack", "regret-mix"): (8, -6, "left", "top"),
    ("online", "regret-online"): (-4, 16, "left", "bottom"),
    ("online", "dynamic-programming"): (8, 6, "left", "center"),
    ("fast-fading", "local-search-online"): (-40, 8, "left", "bottom"),
    ("real city", "prices"): (-8, 0, "right", "center"),
    ("real city", "local-search-prices"): (8, -7, "left", "center"),
}
"""By panel and policy: how far off its name stands in points, and how, if not beside the mark."""


def draw(numbers: Mapping[str, Any], path: Path) -> None:
    """Write the picture as a PNG; the same numbers give the same bytes."""
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for panel, (name, title) in zip(panels, TITLES.items(), strict=True):
        _panel(panel, name, title, numbers[name])
    figure.savefig(path, metadata={"Software": None})


def _panel(panel: Axes, name: str, title: str, found: Mapping[str, Any]) -> None:
    size = f"{found['devices']} devices x {found['servers']} servers"
    panel.set_title(f"{title}\n", fontsize=12.5, loc="left", fontweight="bold")
    panel.text(0, 1.02, size, transform=panel.transAxes, fontsize=10.5, color=_PLAIN)
    for policy, each in found["policies"].items():
        marker, colour, label = POINTS[policy]
        x, gap = each["microseconds"], each["gap_percent"]
        panel.scatter(x, max(gap, _PROVEN), marker=marker, color=colour, s=60, zorder=3)
        right, up, across, upright = PLACED.get((name, policy), _BESIDE)
        share = f"{gap:.0f}%" if gap > 10 else f"{gap:.2g}%"
        panel.annotate(
            f"{label} {share}" if gap > _LOW else label, (x, max(gap, _PROVEN)),
            xytext=(right, up), textcoords="offset points", color=colour, fontsize=10,
            ha=across, va=upright, linespacing=1.05,
            fontweight="bold" if policy.startswith("regret") else None,
        )  # fmt: skip
    if "best_online_percent" in found:
        best = found["best_online_percent"]
        panel.axhline(best, color="0.45", linestyle="--", linewidth=1.2, zorder=1)
        panel.annotate(
            f"no online policy is below: {best:.2g}%", (0.02, best),
            xycoords=("axes fraction", "data"), xytext=(0, -3), textcoords="offset points",
            color=_PLAIN, fontsize=9.5, va="top",
        )  # fmt: skip
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(alpha=0.25, linewidth=0.7)
    panel.tick_params(labelsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    low, high, ticks = SHOWN[name]
    panel.set_ylim(low, high)
    panel.set_yticks(ticks, [f"{tick:g}%" for tick in ticks])
    panel.set_xlim(_FIRST, _LAST)
    panel.set_xticks(list(TICKS), list(TICKS.values()))
    panel.minorticks_off()
    panel.set_ylabel(f"mean gap to {GAPS[name]}", fontsize=10.5)
    panel.set_xlabel("time of one decision", fontsize=10.5)
