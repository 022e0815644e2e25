"""The pictures of a plan: a map, the delays of tasks, what is varied against what it brings."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.networks.maps import Slot, draw_map
from mec_gym.planning import readings
from mec_gym.planning.episodes import OfEpisodes
from mec_gym.planning.measures import EVERY, task_delays
from mec_gym.planning.plan import OfNetwork
from mec_gym.planning.points import Found
from mec_gym.planning.targets import Target
from mec_gym.planning.varying import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

# Okabe and Ito's palette, told apart by colour-blind readers too; lines differ in dashes as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), "-")
_MARKS = "os^Dvx*"
TARGET_LINE: dict[str, Any] = {"color": "black", "linewidth": 1.0, "linestyle": (0, (6, 3))}
_BEYOND = 2.5
"""Delays beyond so many times the longest ones of the best policy are not shown."""

_MOST_CELLS = 90


def map_of(
    made: OfNetwork | OfEpisodes, network: str, not_built: FloatArray | None = None
) -> "Figure | None":
    """Return a slot on a map, as the policy that is shown assigns it: the first.

    Of an episode it is the slowest.

    None: the network's channel has no places.
    """
    slot, assignment, which = made.example
    if slot.device_places_m is None or slot.server_places_m is None:
        return None
    drawn = Slot(
        slot.server_places_m,
        slot.device_places_m,
        slot.capacity,
        assignment,
        system.task_delays(slot, assignment),
        slot.columns,
        np.empty((0, 2)) if not_built is None else not_built,
    )
    figure = new_figure(9.0, 8.0)
    draw_map(
        figure.add_subplot(),
        drawn,
        f"{network}, {which}: who is served where, by {made.shown.name}",
    )
    return figure


def delays_of(made: OfNetwork | OfEpisodes, network: str, target: Target | None) -> "Figure":
    """Return the share of tasks within a delay, a line a policy."""
    figure = new_figure(8.0, 5.4)
    axes = figure.add_subplot()
    all_delays = _delays(made)
    dropped = " (of a dropped one, its penalty)" if "drop" in made.slots.columns else ""
    longest = [float(np.percentile(each, 99.8)) for each in all_delays.values()]
    limit = 1.03 * min(max(longest), _BEYOND * min(longest))
    if target is not None and target.quantity.unit == "s":
        limit = max(limit, 1.05 * target.limit)
    for place, (name, delays) in enumerate(all_delays.items()):
        share = 100 * np.arange(1, delays.size + 1) / delays.size
        last = float(np.percentile(delays, 99))
        said = f"{name} (1% above {last:.3g} s)" if longest[place] > limit else name
        axes.step(np.sort(delays, axis=None), share, where="post", label=said, **line_style(place))
    axes.set_xlim(0, limit)
    if target is not None and target.quantity.unit == "s":
        axes.axvline(target.limit, label=f"target: {target.text}", **TARGET_LINE)
        if target.name.startswith("p"):
            part = float(target.name[1:])
            axes.axhline(part, color="0.6", linewidth=0.8, label=f"{part:g}% of tasks")
    of = made.said if isinstance(made, OfEpisodes) else f"{made.count} slots"
    axes.set(
        xlabel=f"delay of a task, s{dropped}",
        ylabel="tasks within it, %",
        ylim=(0, 101),
        title=f"{network}: delays of {delays.size:,} tasks in {of}",
    )
    axes.grid(color="0.9")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _delays(made: OfNetwork | OfEpisodes) -> dict[str, FloatArray]:
    """Return the delays of all tasks by policy, seconds."""
    if isinstance(made, OfEpisodes):
        return {each.name: made.delays(each) for each in made.results}
    return {each.name: task_delays(each, made.slots) for each in made.results}


def sweep_of(
    found: Sequence[Found],
    axes: Sequence[Axis],
    network: str,
    target: Target | None,
    best: str | None,
) -> "Figure | None":
    """Return what is varied against cost and against the target's quantity; None: no network."""
    there = [each for each in found if each.played]
    if not there:
        return None
    quantity = "p95" if target is None else target.name
    if len(axes) == 1:
        return _lines(found, axes[0], network, quantity, target)
    shown = best or there[0].played[0].name
    return _heat(found, axes, network, quantity, target, shown)


def _lines(
    found: Sequence[Found], axis: Axis, network: str, quantity: str, target: Target | None
) -> "Figure":
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(11.0, 4.8)
    left, right = figure.subplots(1, 2)
    there = [each for each in found if each.played]
    values = [each.values[0] for each in there]
    of_target = right
    if quantity == "cost" or (quantity == "mean" and not _weighted(there)):
        of_target, quantity = left, "p95"  # the left panel has it already
    for place, name in enumerate(each.name for each in there[0].played):
        rows = [(each.values[0], readings.of_policy(each, name)) for each in there]
        known = [(value, played) for value, played in rows if played is not None]
        for panel, what in ((left, "cost"), (right, quantity)):
            measures = [played.quantities[what] for _, played in known]
            scale = 100.0 if EVERY[what].unit == "%" else 1.0
            height = scale * np.array([each.value for each in measures])
            ends = np.array([[each.low, each.high] for each in measures], dtype=float) * scale
            ends = np.where(np.isnan(ends), height[:, None], ends)
            error = np.abs(ends - height[:, None]).T
            panel.errorbar(
                [value for value, _ in known],
                height,
                error,
                label=name,
                marker=_MARKS[place % 7],
                markersize=5,
                capsize=2,
                **line_style(place),
            )
    bound = np.array([each.bound for each in there], dtype=float)
    left.plot(values, bound, color="0.3", linewidth=1.0)
    if target is not None:
        limit = target.limit * (100 if target.quantity.unit == "%" else 1)
        of_target.axhline(limit, label=f"target: {target.text}", **TARGET_LINE)
    _limits(right)
    _limits(left)
    floor: dict[str, Any] = {
        "color": "0.85",
        "linewidth": 0,
        "label": "no policy gets here (bound)",
    }
    left.fill_between(values, bound, left.get_ylim()[0], **floor)
    left.set(title="mean cost", ylabel="mean cost of a task, s")
    right.set(title=EVERY[quantity].text, ylabel=_labelled(quantity))
    for panel in (left, right):
        _mark_missing(panel, found)
        panel.set_xlabel(axis.name)
        if all(isinstance(value, int) for value in axis.values):
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(color="0.9")
        panel.set_axisbelow(True)
    handles = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))
    handles |= dict(zip(*reversed(right.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=min(len(handles), 4),
        frameon=False,
    )
    of = "slots" if there[0].load is None else "episodes"
    figure.suptitle(f"{network}, {axis.name} varied; bars are 95% intervals over {of}")
    return figure


def _weighted(found: Sequence[Found]) -> bool:
    """Return whether costs are other than delays."""
    played = (each.quantities for point in found for each in point.played)
    return any(each["cost"].value != each["mean"].value for each in played)


def _limits(panel: "Axes") -> None:
    """Use a logarithmic axis where values differ much; else begin at 0 where that is near."""
    low, high = panel.dataLim.y0, panel.dataLim.y1
    if low > 0 and high > 8 * low:
        from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_major_formatter(ScalarFormatter())
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_ylim(low / 1.15, high * 1.15)
        return
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    panel.set_ylim(max(low - room, 0.0) if low >= 0 else low - room, high + room)


def _mark_missing(panel: "Axes", found: Sequence[Found]) -> None:
    """Mark values that give no network, on the lower edge."""
    missing = [each.values[0] for each in found if not each.played]
    if missing:
        panel.plot(
            missing,
            [0.03] * len(missing),
            "x",
            color="0.35",
            markersize=7,
            transform=panel.get_xaxis_transform(),
            label="no such network",
            zorder=5,
        )


def _heat(
    found: Sequence[Found],
    axes: Sequence[Axis],
    network: str,
    quantity: str,
    target: Target | None,
    policy: str,
) -> "Figure":
    shape = tuple(len(axis.values) for axis in axes)
    figure = new_figure(11.5, 0.9 + max(3.6, min(0.42 * shape[0] + 1.6, 8.0)))
    panels = figure.subplots(1, 2)
    scale = 100.0 if EVERY[quantity].unit == "%" else 1.0
    values, bounds = np.full(shape, np.nan), np.full(shape, np.nan)
    met = np.zeros(shape, dtype=np.bool_)
    for place, each in enumerate(found):
        cell = np.unravel_index(place, shape)
        played = readings.of_policy(each, policy)
        if played is not None and each.bound is not None:
            values[cell] = scale * played.quantities[quantity].value
            bounds[cell] = each.bound
            met[cell] = target is not None and target.verdict(played) == "met"
    said = EVERY[quantity].text
    for panel, numbers, label, title in (
        (panels[0], values, _labelled(quantity), f"{said}, {policy}"),
        (panels[1], bounds, "mean cost of a task, s", "bound: no policy's mean cost is below"),
    ):
        _cells(panel, numbers, axes, label)
        panel.set_title(title)
    if target is not None:
        _outline(panels[0], met)
    notes = []
    if target is not None:
        notes.append(f"outlined: target {target.text} met, the whole 95% interval")
    if np.isnan(values).any():
        notes.append("hatched: no such network")
    figure.suptitle("\n".join([network, "; ".join(notes)]).strip())
    return figure


def _cells(panel: "Axes", numbers: FloatArray, axes: Sequence[Axis], label: str) -> None:
    rows, columns = numbers.shape
    panel.set_facecolor("0.93")
    image = panel.imshow(
        np.ma.masked_invalid(numbers), cmap="viridis", origin="lower", aspect="auto"
    )
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(np.isnan(numbers)):
        panel.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                fill=False,
                hatch="///",
                edgecolor="0.6",
                linewidth=0,
            )
        )
    if numbers.size <= _MOST_CELLS:
        middle = np.nanmin(numbers) + 0.6 * (np.nanmax(numbers) - np.nanmin(numbers))
        for (row, column), value in np.ndenumerate(numbers):
            if math.isfinite(value):
                colour = "white" if value < middle else "black"
                panel.text(
                    column, row, f"{value:.3g}", ha="center", va="center", color=colour, fontsize=8
                )
    panel.set_yticks(range(rows), [f"{value:g}" for value in axes[0].values])
    panel.set_xticks(range(columns), [f"{value:g}" for value in axes[1].values])
    panel.set(ylabel=axes[0].name, xlabel=axes[1].name)
    panel.figure.colorbar(image, ax=panel, label=label)


def _outline(panel: "Axes", met: NDArray[np.bool_]) -> None:
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(met):
        panel.add_patch(
            Rectangle(
                (column - 0.44, row - 0.42),
                0.88,
                0.84,
                fill=False,
                edgecolor="#D55E00",
                linewidth=2.2,
            )
        )


def _labelled(quantity: str) -> str:
    return f"{EVERY[quantity].text}, {EVERY[quantity].unit}"


def line_style(place: int) -> Mapping[str, Any]:
    """Return how a line is drawn, by its place among others."""
    return {"color": COLOURS[place % 7], "linestyle": _DASHES[place % 7], "linewidth": 1.6}


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained", facecolor="white")
