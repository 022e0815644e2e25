"""The relaxation of a slot with candidate links: a bound that holds over all of its links."""

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.candidates import Candidates, blocks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLOSE = 1e-6
"""Links are added until the bound over all is so near to that over the candidates, relatively."""

_ROUNDS = 20
"""After so many rounds the best bound so far stands, which holds all the same."""

_DROP = 1e-6
"""Links are left out while the rest is solved, see `solve_links`, until one of them matters."""

_ADDED = 4
"""So many links of a device are added at most in a round."""


class CandidateRelaxation(NamedTuple):
    """A bound over all links, and the prices that prove it.

    Attributes:
        total_cost: never above the cost of any feasible assignment, seconds.
        price: p, (N,), s / sqrt(cycle).
        charge: k, (N,), seconds.
        candidates: the slot with the links that were found to matter.
    """

    total_cost: float
    price: FloatArray
    charge: FloatArray
    candidates: Candidates


def relax_candidates(given: Candidates) -> CandidateRelaxation:
    """Solve the relaxation over candidates, adding links that are cheaper at its prices.

    Raises:
        ValueError: devices are left without a place.
    """
    from mec_gym.bounds.interior_point import solve_links  # numba is loaded when first needed

    given = with_places(given, given.capacity.copy())
    num_servers = len(given.server_hz)
    best = CandidateRelaxation(-np.inf, np.zeros(num_servers), np.zeros(num_servers), given)
    drop = _DROP
    for _ in range(_ROUNDS):
        price, charge = np.zeros(num_servers), np.zeros(num_servers)
        places = np.minimum(given.capacity, given.num_devices)
        found = solve_links(
            given.first,
            given.server,
            given.link_cost,
            given.size,
            given.server_hz,
            places,
            price,
            charge,
            drop,
        )
        charged, device, server, cost = over_all(given, price, charge)
        bound = proven(charged, given, given.num_devices, price, charge)
        if bound > best.total_cost:
            best = CandidateRelaxation(bound, price, charge, given)
        if not found - best.total_cost > CLOSE * abs(found) or not (len(device) or drop):
            break
        if not len(device):  # what was left out on the way does matter
            drop = 0.0
        given = given.with_links(device, server, cost)
    else:
        logging.getLogger(__name__).warning(
            "relaxation over candidates: %.2g of its value short of it after %d rounds; the bound"
            " holds, and is that much below what more candidates would prove",
            1 - best.total_cost / found,
            _ROUNDS,
        )
    return best._replace(candidates=given)


def over_all(
    given: Candidates, price: FloatArray, charge: FloatArray
) -> tuple[float, IntArray, IntArray, FloatArray]:
    """Return what devices pay at least over all links, seconds, and links that lower it: (L,)."""
    paid = given.link_cost + given.size[given.device] * price[given.server] + charge[given.server]
    own = np.minimum.reduceat(paid, given.first[:-1])
    charged, added = 0.0, []
    for devices in blocks(given.num_devices):
        cost = given.links(devices)
        full = cost + given.size[devices, None] * price + charge
        full[:, given.capacity == 0] = np.inf
        least = full.min(axis=1)
        charged += float(least.sum())
        rows = np.flatnonzero(least < own[devices] * (1 - 1e-12))
        if len(rows):
            some = np.argpartition(full[rows], min(_ADDED, full.shape[1]) - 1, axis=1)[:, :_ADDED]
            row = np.repeat(rows, some.shape[1])
            server = some.ravel()
            lower = full[row, server] < own[devices[row]]
            row, server = row[lower], server[lower]
            added.append((devices[row], server, cost[row, server]))
    if not added:
        none = np.empty(0, np.int64)
        return charged, none, none, np.empty(0)
    return (
        charged,
        np.concatenate([part[0] for part in added]),
        np.concatenate([part[1] for part in added]),
        np.concatenate([part[2] for part in added]),
    )


def proven(
    charged: float, given: Candidates, num_devices: int, price: FloatArray, charge: FloatArray
) -> float:
    """Return the bound of `loops.dual_bound`, less what rounding may add.

    Args:
        charged: what all devices pay at least, seconds.
        given: of them all, or of some: its servers count.
        num_devices: M, of them all.
        price: p, (N,), s / sqrt(cycle), at least 0.
        charge: k, (N,), seconds, at least 0.
    """
    shared = price > 0
    refund = float(charge @ np.minimum(given.capacity, num_devices))
    refund += float((price[shared] ** 2 * given.server_hz[shared] / 4).sum())
    terms = num_devices + len(price) + 8
    return charged - refund - 4 * terms * float(np.finfo(float).eps) * (charged + refund)


def with_places(given: Candidates, free: IntArray) -> Candidates:
    """Return candidates among which all devices find a place.

    Args:
        given: the slot.
        free: places that are free, (N,), from which those found are taken.

    Raises:
        ValueError: none is left that a device may use.
    """
    unplaced = []
    for device in range(given.num_devices):
        own = slice(given.first[device], given.first[device + 1])
        cost = np.where(free[given.server[own]] > 0, given.link_cost[own], np.inf)
        if np.isfinite(cost).any():
            free[given.server[own][cost.argmin()]] -= 1
        else:
            unplaced.append(device)
    servers, costs = [], []
    for device in unplaced:
        cost = np.where(free > 0, given.links(np.array([device]))[0], np.inf)
        server = int(cost.argmin())
        if not np.isfinite(cost[server]):
            raise ValueError(
                f"links: device {device} finds no place on a server that it may use; raise capacity"
            )
        free[server] -= 1
        servers.append(server)
        costs.append(cost[server])
    return given.with_links(
        np.array(unplaced, np.int64), np.array(servers, np.int64), np.array(costs)
    )
