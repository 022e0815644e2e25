"""A partly assigned slot as bars and lines: its tasks, the servers' loads, the delays."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, links
from mec_gym.envs.map_picture import MARKERS, draw_places
from mec_gym.envs.palette import ASSIGNED, NEXT, OVERLOAD, WAITING
from mec_gym.mdp import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

_MOST_ROWS = 60
"""Up to so many devices each have a row of their own; above that their sizes are counted."""


def excess_of(state: State) -> NDArray[np.int64]:
    """Return how many tasks stand above the capacity of each server or column, (A,)."""
    return np.asarray(equations.overload(state.load, links.capacity(state.instance)))


def names_of(state: State) -> list[str]:
    """Return what each action is called in few letters, (A,): a server by its number."""
    return [*map(str, range(state.instance.num_servers)), *state.instance.columns]


def draw_map(figure: "FigureBase", state: State) -> None:
    """Draw a map on the left, the servers' loads on the right."""
    draw_places(figure.add_axes((0.075, 0.19, 0.60, 0.68)), state, excess_of(state))
    load = figure.add_axes((0.77, 0.19, 0.20, 0.63))
    _draw_load(load, state)
    _tidy(load, state)
    _draw_legend(figure, (*_ON_MAP, *state.instance.columns))


def draw_rows(figure: "FigureBase", state: State) -> None:
    """Draw the tasks on the left, the servers' loads in the middle, the delays on the right."""
    bottom, height = 0.17, 0.65
    load = figure.add_axes((0.50, bottom, 0.21, height))
    delay = figure.add_axes((0.74, bottom, 0.24, height))
    if state.instance.num_devices <= _MOST_ROWS:
        tasks = figure.add_axes((0.02, bottom, 0.18, height))
        _draw_tasks(tasks, state)
        _draw_links(figure.add_axes((0.285, bottom, 0.13, height)), state)
    else:
        tasks = figure.add_axes((0.08, bottom, 0.30, height))
        _count_tasks(tasks, state)
    _draw_load(load, state)
    _draw_delay(delay, state)
    for axes in (load, delay, tasks):
        _tidy(axes, state, is_by_action=axes is not tasks)
    _draw_legend(figure, _IN_ROWS)


def _tidy(axes: "Axes", state: State, is_by_action: bool = True) -> None:
    if is_by_action:
        axes.set_ylim(state.instance.num_actions - 0.5, -0.5)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)


def _draw_tasks(axes: "Axes", state: State) -> None:
    """Draw a bar for each device, from the links to the left, as long as its task."""
    count = state.instance.num_devices
    colors = np.full(count, WAITING, dtype=object)
    colors[: state.device] = ASSIGNED
    colors[state.device : state.device + 1] = NEXT
    axes.barh(range(count), state.instance.task_cycles / 1e9, height=0.7, color=list(colors))
    axes.invert_xaxis()
    axes.set_ylim(count - 0.5, -0.5)
    axes.yaxis.tick_right()
    ticks = _ticks(count, 25)
    axes.set_yticks(ticks, [f"device {device}" for device in ticks])
    axes.set(title="tasks", xlabel="work, Gcycles")


def _count_tasks(axes: "Axes", state: State) -> None:
    """Draw how many tasks there are of each size, for more devices than there are rows."""
    work = state.instance.task_cycles / 1e9
    axes.hist(
        [work[: state.device], work[state.device :]],
        bins=list(np.histogram_bin_edges(work, bins=25)),
        stacked=True,
        orientation="horizontal",
        color=[ASSIGNED, WAITING],
        rwidth=0.85,
    )
    if not state.done:
        axes.axhline(work[state.device], color=NEXT, linewidth=2.5)
    axes.set(title="tasks", xlabel="devices", ylabel="work of a task, Gcycles")


def _draw_links(axes: "Axes", state: State) -> None:
    """Draw a line from each assigned device to its server; the latest is the thick one."""
    slot = state.instance
    # Devices and servers are rows of equal height, over the same height in all.
    devices = (np.arange(state.device) + 0.5) / slot.num_devices
    servers = (state.assignment[: state.device] + 0.5) / slot.num_actions
    thin = 1.2 if slot.num_devices <= 25 else 0.7
    for device, ends in enumerate(zip(devices, servers, strict=True)):
        latest = device == state.device - 1
        axes.plot((0, 1), ends, color=ASSIGNED, linewidth=2.5 if latest else thin)
    axes.set(xlim=(0, 1), ylim=(1, 0))
    axes.axis("off")


def _draw_load(axes: "Axes", state: State) -> None:
    """Draw each server's tasks against its capacity; those above it stand out."""
    from matplotlib.ticker import MaxNLocator

    slot, load, excess = state.instance, state.load, excess_of(state)
    actions = np.arange(slot.num_actions)
    axes.barh(actions, load - excess, height=0.6, color=ASSIGNED)
    axes.barh(actions, excess, left=load - excess, height=0.6, color=OVERLOAD, hatch="///")
    servers = actions[: slot.num_servers]
    axes.vlines(slot.capacity, servers - 0.4, servers + 0.4, color="black", linewidth=2)
    most = max(load.max(), slot.capacity.max(), 1)
    axes.set_xlim(0, most * 1.35)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ticks = _ticks(slot.num_actions, 12)
    names = [
        f"server {name}" if action < slot.num_servers else name
        for action, name in enumerate(names_of(state))
    ]
    if len(ticks) == slot.num_actions:
        for server in servers:
            names[server] += f"\n{slot.server_hz[server] / 1e9:.3g} GHz"
        for action in ticks:
            end, label = load[action] + most * 0.04, str(load[action])
            if action < slot.num_servers:
                end = max(load[action], slot.capacity[action]) + most * 0.04
                label = f"{load[action]}/{slot.capacity[action]}"
            color = OVERLOAD if excess[action] else "black"
            axes.text(end, action, label, va="center", color=color)
    axes.set_yticks(ticks, [names[action] for action in ticks])
    axes.set(title="load and capacity", xlabel="tasks")


def _draw_delay(axes: "Axes", state: State) -> None:
    """Draw the delay of each assigned task in its server's row."""
    (_, delay), servers = state.allocate(), state.assignment[: state.device]
    size = 30 if state.instance.num_actions <= 12 else 10
    axes.scatter(delay, servers, s=size, color=ASSIGNED, alpha=0.6, linewidths=0)
    used = np.unique(servers)
    means = [delay[servers == server].mean() for server in used]
    axes.vlines(means, used - 0.3, used + 0.3, color="black", linewidth=1.5)
    axes.set(title="delay so far", xlabel="delay of a task, s", yticks=[])
    axes.set_xlim(0, 1.1 * max(delay, default=1))


_IN_ROWS = (
    "assigned",
    "next",
    "waiting",
    "above capacity",
    "capacity",
    "delay of a task",
    "mean delay",
)
_ON_MAP = ("assigned", "next", "waiting", "latest link", "server", "above capacity", "capacity")
"""What the legends name."""


def _draw_legend(figure: "FigureBase", shown: Sequence[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    square: dict[str, Any] = {"marker": "s", "ms": 9, "ls": "none", "mfc": "white"}
    every: dict[str, Any] = {
        "assigned": Patch(color=ASSIGNED),
        "next": Patch(color=NEXT),
        "waiting": Patch(color=WAITING),
        "latest link": Line2D([], [], color=ASSIGNED, linewidth=2.5),
        "server": Line2D([], [], color="black", **square),
        "above capacity": Patch(facecolor=OVERLOAD, hatch="///"),
        "capacity": Line2D([], [], color="black", marker="|", ms=12, mew=2, ls="none"),
        "delay of a task": Line2D([], [], color=ASSIGNED, marker="o", ls="none"),
        "mean delay": Line2D([], [], color="black", marker="|", ms=9, mew=1.5, ls="none"),
    }
    for name, marker in MARKERS.items():
        every[name] = Line2D([], [], color=ASSIGNED, marker=marker, ms=8, ls="none")
    handles = [every[name] for name in shown]
    for name, handle in zip(shown, handles, strict=True):
        handle.set_label(name)
    columns = len(handles) if len(handles) <= len(_IN_ROWS) else -(-len(handles) // 2)
    figure.legend(
        handles=handles, loc="lower center", ncols=columns, frameon=False, columnspacing=1.2
    )


def _ticks(count: int, most: int) -> range:
    """Return at most `most` evenly spaced ones of `count` rows."""
    return range(0, count, -(-count // most))
