"""A place held for each device to come of a slot, so that no decision takes the last good one."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.kernels import kernel
from mec_gym.mdp import Slot, is_open

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ALLOWED = 1.0
"""Units of delay that a decision may cost the device and those to come beyond the places held."""

_AS_NEAR = 0.01
"""Units of delay by which a spare place may be farther than the nearest server without one."""


class Held(NamedTuple):
    """The places held for the M devices of a slot at its N servers.

    A device's excess at a server is what it pays at the relaxation's prices, a + p q + k, less the
    least of its servers, in units of delay; inf where the server is barred.

    Attributes:
        excess: (M, N).
        server: where a place is held for each device, (M,); -1 where none is.
        spare: places that are neither taken nor held, (N,).
        cost: room for `_nearest_spare`, (N,).
        mover: likewise, (N,).
        settled: likewise, (N,).
        dearer: what it costs least to move a device from a server to another, (N, N).
        by: which device that is, (N, N).
        stale: whether those of a server have changed since, (N,).
    """

    excess: FloatArray
    server: IntArray
    spare: IntArray
    cost: FloatArray
    mover: IntArray
    settled: NDArray[np.bool_]
    dearer: FloatArray
    by: IntArray
    stale: NDArray[np.bool_]


def room(num_devices: int, num_servers: int) -> Held:
    """Return room for what is held in a slot, see `hold`."""
    return Held(
        np.empty((num_devices, num_servers)),
        np.empty(num_devices, np.int64),
        np.empty(num_servers, np.int64),
        np.empty(num_servers),
        np.empty(num_servers, np.int64),
        np.empty(num_servers, np.bool_),
        np.empty((num_servers, num_servers)),
        np.empty((num_servers, num_servers), np.int64),
        np.empty(num_servers, np.bool_),
    )


@kernel
def hold(held: Held, slot: Slot, priced: Any) -> None:
    """Hold a place for each device, device by device along the moves that cost least.

    Args:
        held: written.
        slot: with nothing assigned.
        priced: prices p_n, charges k_n, and the unit of delay first in a row, (3, N).
    """
    num_devices, num_servers = held.excess.shape
    for server in range(num_servers):
        held.spare[server] = slot.capacity[server]
    held.server[:] = -1
    held.stale[:] = True
    for device in range(num_devices):
        size, excess = slot.sqrt_cycles[device], held.excess[device]
        least = np.inf
        for server in range(num_servers):
            excess[server] = np.inf
            if is_open(slot, device, server):
                paid = slot.link_cost[device][server] + priced[0, server] * size + priced[1, server]
                excess[server] = paid
                least = min(least, paid)
        for server in range(num_servers):
            excess[server] = (excess[server] - least) / priced[2, 0]
            held.cost[server], held.mover[server] = excess[server], device
        _move(held, device, _nearest_spare(held, np.inf))


@kernel
def release(held: Held, device: int) -> int:
    """Give up the place held for a device that is to decide, and return its server."""
    server = held.server[device]
    held.server[device] = -1
    held.spare[server] += 1
    held.stale[server] = True
    return int(server)


@kernel
def take(held: Held, device: int, own: int, server: int) -> bool:
    """Take a place at a server unless that costs more than is allowed, and return whether it did.

    Where all its places are held, one of those devices moves on, and so forth to a spare place.

    Args:
        held: what is held for the devices to come; changed if the place is taken.
        device: that decides.
        own: what `release` returned of it; a place there can always be taken.
        server: with a free place that is open to it.
    """
    held.cost[:] = np.inf
    held.cost[server] = held.excess[device, server] - held.excess[device, own]
    held.mover[server] = device
    end = _nearest_spare(held, ALLOWED)
    if end < 0:
        return False
    _move(held, device, end)
    held.server[device] = -1
    return True


@kernel
def _nearest_spare(held: Held, most: float) -> int:
    """Return the server with a spare place to which moves lead at least cost; -1 if above `most`.

    Dijkstra's algorithm over servers, from what `held.cost` has of them and by whom `held.mover`
    says. A device that gains by its move counts as one that loses nothing.
    """
    num_servers = len(held.spare)
    held.settled[:] = False
    while True:
        nearest, least = -1, np.inf
        for server in range(num_servers):
            cost = held.cost[server]
            if cost <= most and not held.settled[server]:
                if held.spare[server] > 0:
                    cost -= _AS_NEAR
                if cost < least:
                    nearest, least = server, cost
        if nearest < 0 or held.spare[nearest] > 0:
            return nearest
        held.settled[nearest] = True
        if held.stale[nearest]:
            _price_moves(held, nearest)
        for server in range(num_servers):
            cost = held.cost[nearest] + held.dearer[nearest, server]
            if cost < held.cost[server] and not held.settled[server]:
                held.cost[server], held.mover[server] = cost, held.by[nearest, server]


@kernel
def _price_moves(held: Held, start: int) -> None:
    """Work out what it costs least to move a device that has a place at a server to each other."""
    num_devices, num_servers = held.excess.shape
    held.dearer[start] = np.inf
    for device in range(num_devices):
        if held.server[device] == start:
            excess = held.excess[device]
            for server in range(num_servers):
                cost = max(excess[server] - excess[start], 0.0)
                if cost < held.dearer[start, server]:
                    held.dearer[start, server], held.by[start, server] = cost, device
    held.stale[start] = False


@kernel
def _move(held: Held, first: int, end: int) -> None:
    """Hold places along the moves that `_nearest_spare` found, from the last back to the first."""
    held.spare[end] -= 1
    mover = -1
    while mover != first:
        mover = held.mover[end]
        before = held.server[mover]
        held.server[mover] = end
        held.stale[end] = True
        end = before
