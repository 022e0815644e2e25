"""The strip below the picture of a slot: work left over and delay in the slots before it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.envs.palette import NEXT, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

HEIGHT = 2.0
"""Of the strip, inches."""

_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), "-")
_STYLE: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.5}
_LEGEND: dict[str, Any] = {
    "loc": "center left",
    "bbox_to_anchor": (1.0, 0.5),
    "frameon": False,
    "fontsize": 8,
    "labelspacing": 0.3,
}
_SLOT: dict[str, Any] = {"color": NEXT, "linewidth": 2.5, "alpha": 0.6}


class Past:
    """What the slots of an episode so far came to.

    Args:
        num_slots: how many the episode has.

    Attributes:
        numbers: of the slots, from 0; those in which nobody had a task are left out.
        backlog_s: work left over on each server as they ended, W_n / F_n, (N,) each, seconds.
        delay: of a task on average, seconds.
    """

    def __init__(self, num_slots: int) -> None:
        self.num_slots = num_slots
        self.numbers: list[int] = []
        self.backlog_s: list[NDArray[np.float64]] = []
        self.delay: list[float] = []

    def add(self, number: int, backlog_s: NDArray[np.float64], delay: float) -> None:
        """Add a slot that has ended."""
        self.numbers.append(number)
        self.backlog_s.append(backlog_s)
        self.delay.append(delay)


def draw_strip(figure: "FigureBase", past: Past, now: int | None) -> None:
    """Draw work left over on the left, a line a server, the mean delay of tasks on the right.

    With many servers their lines have one colour, and their mean another.

    Args:
        figure: to draw on.
        past: what there is to show.
        now: the slot that is being played; None: it is over.
    """
    bottom, height = 0.25, 0.58
    left = figure.add_axes((0.075, bottom, 0.345, height))
    right = figure.add_axes((0.585, bottom, 0.295, height))
    if past.backlog_s:
        _draw_backlog(left, past.numbers, np.stack(past.backlog_s))
    right.plot(past.numbers, past.delay, color=SERIES[0], label="slots so far", **_STYLE)
    left.set(title="work left over on servers, W / F", ylabel="seconds")
    right.set(title="mean delay of a task", ylabel="seconds")
    for axes in (left, right):
        axes.set_xlim(-0.5, past.num_slots - 0.5)
        axes.set_xlabel("slot", labelpad=1)
        axes.xaxis.set_major_locator(_whole())
        axes.set_ylim(0, max(axes.dataLim.y1 * 1.08, 1e-3) if past.numbers else 1)
        if not past.numbers:
            axes.set_yticks([])
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if now is not None:
            axes.axvline(now, label="this slot", **_SLOT)
        axes.legend(**_LEGEND)


def _draw_backlog(axes: "Axes", numbers: list[int], backlog_s: NDArray[np.float64]) -> None:
    """Draw lines (K, N) with their names."""
    servers = backlog_s.shape[1]
    if servers <= len(SERIES):
        for server in range(servers):
            named = {"color": SERIES[server], "linestyle": _DASHES[server]}
            axes.plot(numbers, backlog_s[:, server], label=f"server {server}", **named, **_STYLE)
    else:
        lines = axes.plot(numbers, backlog_s, color="0.7", linewidth=0.8)
        lines[0].set_label("each server")
        axes.plot(numbers, backlog_s.mean(axis=1), color=SERIES[0], label="mean", **_STYLE)


def _whole() -> Any:
    """Return where ticks of slots stand: at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(8, integer=True)
