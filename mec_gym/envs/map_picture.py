"""A partly assigned slot whose devices have places, as a map."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mec_gym.envs.palette import ASSIGNED, NEXT, OVERLOAD, WAITING
from mec_gym.mdp import State
from mec_gym.networks.maps import frame, site_sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMED = 25
"""Up to so many servers have their number beside them."""

MARKERS = {"local": "^", "cloud": "D", "drop": "X"}
"""How devices are marked whose task goes to no server."""


def draw_places(axes: "Axes", state: State, excess: NDArray[np.int64]) -> None:
    """Draw devices, servers and the links chosen so far; the latest link is the thick one.

    Args:
        axes: of the map.
        state: of a slot with places.
        excess: tasks above the capacity of each action, (A,).
    """
    from matplotlib.collections import LineCollection

    slot = state.instance
    assert slot.device_places_m is not None  # else it is not shown as a map
    assert slot.server_places_m is not None
    devices, servers = slot.device_places_m, slot.server_places_m
    chosen = np.asarray(state.assignment[: state.device])
    served = np.flatnonzero(chosen < slot.num_servers)
    ends = np.stack([devices[served], servers[chosen[served]]], axis=1)
    latest = served == state.device - 1
    widths = np.where(latest, 2.5, 1.0 if len(devices) <= 100 else 0.5)
    axes.add_collection(
        LineCollection(list(ends), colors=ASSIGNED, linewidths=widths.tolist(), zorder=1)
    )
    size = float(np.clip(1500 / len(devices), 8, 45))
    waiting = devices[state.device + 1 :]
    axes.scatter(waiting[:, 0], waiting[:, 1], s=size, color=WAITING, zorder=2)
    for column, name in [(None, ""), *enumerate(slot.columns, slot.num_servers)]:
        of_it = chosen < slot.num_servers if column is None else chosen == column
        some = devices[: state.device][of_it]
        axes.scatter(
            some[:, 0],
            some[:, 1],
            s=size,
            color=ASSIGNED,
            marker=MARKERS.get(name, "o"),
            zorder=3,
        )
    if not state.done:
        at = devices[state.device]
        axes.scatter(at[0], at[1], s=max(2.5 * size, 70), color=NEXT, edgecolors="black", zorder=5)
    over = excess[: slot.num_servers] > 0
    for is_over, fill in ((False, "white"), (True, OVERLOAD)):
        some = servers[over == is_over]
        area = site_sizes(slot.capacity)[over == is_over]
        axes.scatter(
            some[:, 0], some[:, 1], s=area, marker="s", color=fill, edgecolors="black", zorder=4
        )
    if slot.num_servers <= _MOST_NAMED:
        for server, place in enumerate(servers):
            axes.annotate(str(server), place, ha="center", va="center", fontsize=8, zorder=6)
    frame(axes, np.concatenate([devices, servers]))
