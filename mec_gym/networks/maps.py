"""A map of one slot: sites and their loads, users and their delays, who is served where.

It takes arrays and axes, and knows of no scenario. matplotlib is imported only when one is drawn.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DELAY_COLOURS, LOAD_COLOURS = "viridis", "OrRd"
"""Both rise evenly in lightness, so that they are read without telling hues apart."""

_MARKERS = {"local": "^", "cloud": "D", "drop": "X"}
_SAID = {
    "local": "user that computes itself",
    "cloud": "user sent to the cloud",
    "drop": "user whose task is dropped",
}
_MARGIN, _STRIP = 0.05, 0.13
"""Of the longer side: free space around, and below for the scale."""

_LEGEND_COLUMNS = 5

_SITES = (50.0, 260.0)
"""Areas of the squares of a site without places and of the largest one, points squared."""


class Slot(NamedTuple):
    """What a map shows.

    Attributes:
        servers: x, y of each site, (N, 2), m.
        devices: x, y of each user, (M, 2), m.
        capacity: places of each site, (N,).
        choice: site of each user, or from N on a column, (M,).
        delay: of each user's task, (M,), seconds.
        columns: names of what users may choose beside sites, in order.
        not_built: x, y of sites that get no server, (K, 2), m.
    """

    servers: FloatArray
    devices: FloatArray
    capacity: IntArray
    choice: IntArray
    delay: FloatArray
    columns: Sequence[str] = ()
    not_built: FloatArray = np.empty((0, 2))

    @property
    def load(self) -> IntArray:
        """Tasks on each site, (N,)."""
        return np.bincount(self.choice, minlength=len(self.servers))[: len(self.servers)]


def draw_map(axes: "Axes", slot: Slot, title: str = "") -> None:
    """Draw a slot as a map, with its colour bars, scale, north and legend.

    Args:
        axes: of a figure whose layout is constrained.
        slot: what to draw.
        title: above it.
    """
    from matplotlib.colors import Normalize

    _draw_links(axes, slot)
    size = _user_size(len(slot.devices))
    least = float(slot.delay.min())
    limit = max(float(np.percentile(slot.delay, 98)), least * (1 + 1e-9))
    shade = Normalize(least, limit)
    users: Any = None
    for column, marker in [
        (None, "o"),
        *((name, _MARKERS.get(name, "v")) for name in slot.columns),
    ]:
        chosen = slot.choice < len(slot.servers)
        if column is not None:
            chosen = slot.choice == len(slot.servers) + list(slot.columns).index(column)
        if column is None or chosen.any():
            drawn = axes.scatter(
                slot.devices[chosen, 0],
                slot.devices[chosen, 1],
                c=slot.delay[chosen],
                cmap=DELAY_COLOURS,
                norm=shade,
                s=size,
                marker=marker,
                linewidths=0.3,
                edgecolors="white",
                zorder=5,  # also those that stand at a site
            )
            users = drawn if users is None else users
    share = slot.load / np.maximum(slot.capacity, 1)
    sites = axes.scatter(
        slot.servers[:, 0],
        slot.servers[:, 1],
        c=np.where(slot.capacity > 0, share, 0.0),
        cmap=LOAD_COLOURS,
        norm=Normalize(0, max(1.0, float(share.max()))),
        s=site_sizes(slot.capacity),
        marker="s",
        linewidths=1.1,
        edgecolors="black",
        zorder=4,
    )
    if len(slot.not_built):
        axes.scatter(
            slot.not_built[:, 0],
            slot.not_built[:, 1],
            s=26,
            marker="s",
            facecolors="white",
            edgecolors="0.55",
            zorder=2,
        )
    figure = axes.figure
    beyond = "max" if slot.delay.max() > limit * (1 + 1e-9) else "neither"
    bar = figure.colorbar(users, ax=axes, shrink=0.8, pad=0.02, extend=beyond)
    bar.set_label("delay of a user's task, s")
    bar = figure.colorbar(sites, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("tasks on a site / its places")
    frame(axes, np.concatenate([slot.servers, slot.devices, slot.not_built]))
    _draw_legend(axes, slot, size)
    axes.set_title(title)


def _draw_links(axes: "Axes", slot: Slot) -> None:
    from matplotlib.collections import LineCollection

    served = slot.choice < len(slot.servers)
    ends = np.stack([slot.devices[served], slot.servers[slot.choice[served]]], axis=1)
    width, alpha = (0.8, 0.55) if len(slot.devices) <= 100 else (0.5, 0.5)
    lines = LineCollection(list(ends), colors="0.35", linewidths=width, alpha=alpha, zorder=1)
    axes.add_collection(lines)


def _user_size(count: int) -> float:
    return float(np.clip(1500 / count, 8, 45))


def site_sizes(capacity: IntArray) -> FloatArray:
    """Return areas that rise with the places, smaller where there are many sites."""
    low, high = _SITES
    most = max(int(capacity.max()), 1)
    shrunk = float(np.clip(30 / len(capacity), 0.2, 1.0))
    return np.asarray(shrunk * (low + (high - low) * capacity / most))


def frame(axes: "Axes", points: FloatArray) -> None:
    """Set limits and labels of a map of points, and draw scale and north in a strip below them.

    Args:
        axes: of the map.
        points: x, y of all that is shown, (P, 2), m.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()), 1.0)
    # Along a line of points the map still has some height.
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 0.15 * side)
    low, high = middle - half - _MARGIN * side, middle + half + _MARGIN * side
    axes.set(xlim=(low[0], high[0]), ylim=(low[1] - _STRIP * side, high[1]), aspect="equal")
    axes.set(xlabel="east, m", ylabel="north, m")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.set_yticks([tick for tick in axes.get_yticks() if low[1] <= tick <= high[1]])
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.axhline(low[1], color="0.7", linewidth=0.8, zorder=6)
    width = high[0] - low[0]
    length = _round_below(width / 4)
    y, x = low[1] - 0.075 * side, low[0] + 0.04 * width
    axes.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt", zorder=6)
    said = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    axes.annotate(said, (x + length, y), (6, 0), textcoords="offset points", va="center", zorder=6)
    east = high[0] - 0.05 * width
    axes.annotate(
        "",
        (east, low[1] - 0.02 * side),
        (east, low[1] - 0.11 * side),
        arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0},
        zorder=6,
    )
    axes.annotate(
        "N", (east, y), (-6, 0), textcoords="offset points", ha="right", va="center", zorder=6
    )


def _round_below(length: float) -> float:
    """Return the greatest of 1, 2, 5 times a power of ten that is not above a length."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(each * power for each in (1, 2, 5) if each * power <= length * (1 + 1e-9))


def _draw_legend(axes: "Axes", slot: Slot, size: float) -> None:
    from matplotlib.lines import Line2D

    area = site_sizes(slot.capacity)
    squares: dict[str, Any] = {"marker": "s", "markerfacecolor": "white", "ls": "none"}
    of_each = {int(places): math.sqrt(area[at]) for at, places in enumerate(slot.capacity)}
    handles = [
        Line2D([], [], color="black", ms=of_each[each], label=f"site, {each} places", **squares)
        for each in dict.fromkeys((max(of_each), min(of_each)))
    ]
    if len(slot.not_built):
        handles.append(Line2D([], [], color="0.55", ms=5, label="site not built", **squares))
    users: dict[str, Any] = {
        "marker": "o",
        "color": "0.4",
        "ls": "none",
        "markersize": math.sqrt(max(size, 25)),
    }
    places = len(np.unique(slot.devices, axis=0))
    at = f", at {places} place{'s' * (places > 1)}" if places < len(slot.devices) else ""
    handles.append(Line2D([], [], label=f"user ({len(slot.devices)} in all{at})", **users))
    for place, name in enumerate(slot.columns):
        if (slot.choice == len(slot.servers) + place).any():
            shape = users | {"marker": _MARKERS.get(name, "v")}
            handles.append(Line2D([], [], label=_SAID.get(name, name), **shape))
    handles.append(Line2D([], [], color="0.35", linewidth=0.9, label="served by"))
    columns = len(handles) if len(handles) <= _LEGEND_COLUMNS else -(-len(handles) // 2)
    axes.figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        labelspacing=0.9,
    )
