"""What no choice of K sites undercuts: a Lagrangian relaxation of choosing and assigning at once.

Let y_n say whether site n is built, K of them, and x_smn whether device m of slot s goes there.
With a reward u_sm for each device, at most what it costs beside all sites (local, cloud, dropped),
and v_m = u_sm - a_smn, site n earns at most

    G_sn(u) = max of  sum over m of v_m x_m - L^2 / F_n  over 0 <= x_m <= 1, sum of x_m <= C_n
            = min of  sum over m of max(v_m - p q_m - k, 0) + k C_n + p^2 F_n / 4  over p, k >= 0,

L = sum of q_m x_m. So every choice and every assignment costs at least, on average over slots, the
sum over m of u_sm less the K largest of the means of G_sn: weak duality, for any u, p and k.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HALVINGS = 14
_PATIENCE = 8
"""Steps without a better bound after which steps are made shorter."""

_WORK = 6e7
_STEPS = (30, 400)
"""Steps of the ascent, by the links of all slots: few of large networks."""


class Sites(NamedTuple):
    """The slots that sites are chosen for.

    Attributes:
        cost: a_smn, (S, N, M), seconds; inf where a link is not allowed.
        size: q_sm, (S, M).
        server_hz: F_n in each slot, (S, N).
        capacity: C_n, (S, N).
        beside: the least cost of a device beside all sites, (S, M); inf where there is nothing.
    """

    cost: FloatArray
    size: FloatArray
    server_hz: FloatArray
    capacity: IntArray
    beside: FloatArray

    @classmethod
    def of(cls, problem: Problem, num_sites: int) -> "Sites":
        """Return the sites of problems (S,), whose servers from `num_sites` on are columns."""
        cost = np.ascontiguousarray(np.swapaxes(problem.link_cost, -1, -2))
        return cls(
            cost[:, :num_sites],
            problem.size,
            problem.server_hz[:, :num_sites],
            problem.capacity[:, :num_sites],
            cost[:, num_sites:].min(axis=1, initial=np.inf),
        )


def earned(sites: Sites, reward: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return G_sn at rewards u, (S, N), never too low, and which devices earn it, (S, N, M)."""
    value = reward[:, None, :] - sites.cost
    heaviest = -np.sort(-sites.size, axis=-1).cumsum(axis=-1)
    most = np.concatenate([np.zeros((len(heaviest), 1)), heaviest], axis=-1)
    low = np.zeros(sites.server_hz.shape)
    high = 2 * np.take_along_axis(most, sites.capacity, axis=-1) / sites.server_hz
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        _, taken = _left(value, price, sites)
        more = np.einsum("snm,sm->sn", taken, sites.size) > price * sites.server_hz / 2
        low, high = np.where(more, price, low), np.where(more, high, price)
    ends = [_at_price(value, price, sites) for price in (low, high)]
    better = ends[0][0] <= ends[1][0]
    return np.where(better, ends[0][0], ends[1][0]), np.where(
        better[..., None], ends[0][1], ends[1][1]
    )


def bound(sites: Sites, count: int, reward: FloatArray) -> tuple[float, FloatArray, IntArray]:
    """Return what rewards prove of any choice of `count` sites, seconds a slot.

    Beside it the direction in which rewards raise it, (S, M), and the sites that earn most.
    """
    earnings, taken = earned(sites, reward)
    mean = earnings.mean(axis=0)
    best = np.argsort(-mean, kind="stable")[:count]
    rounding = 1e-12 * (np.abs(reward).sum() + earnings.sum()) / len(reward)
    proven = float(reward.sum(axis=-1).mean() - mean[best].sum() - rounding)
    return proven, 1.0 - taken[:, best].sum(axis=1), np.sort(best)


def ascend(
    sites: Sites,
    count: int,
    reward: FloatArray,
    target: float,
    tried: Callable[[IntArray], float],
) -> float:
    """Return the best bound that steps from some rewards find, seconds a slot.

    Args:
        sites: to choose from.
        count: how many.
        reward: where to begin, (S, M).
        target: the cost of the best choice known, seconds a slot.
        tried: told the sites that earn most as steps find them; returns the best cost known then.
    """
    reward = np.minimum(reward, sites.beside)
    steps = int(np.clip(_WORK / sites.cost.size, *_STEPS))
    best, length, waited = -np.inf, 1.0, 0
    kept = reward
    for _ in range(steps):
        proven, direction, picked = bound(sites, count, reward)
        target = min(target, tried(picked))
        if proven > best + 1e-9 * abs(target):
            best, kept, waited = proven, reward, 0
        else:
            best, waited = max(best, proven), waited + 1
        if waited > _PATIENCE:
            reward, length, waited = kept, length / 2, 0
            continue
        norm = float((direction**2).sum()) / len(reward)
        gap = target - proven
        if norm == 0 or gap <= 1e-9 * abs(target):
            break
        reward = np.minimum(reward + length * gap / norm * direction, sites.beside)
    return best


def _left(
    value: FloatArray, price: FloatArray, sites: Sites
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the charge k for a place at each site, (S, N), and who pays it, (S, N, M)."""
    net = value - price[..., None] * sites.size[:, None, :]
    taken = net > 0
    charge = np.zeros(price.shape)
    full = taken.sum(axis=-1) > sites.capacity
    if full.any():
        rows, places = net[full], sites.capacity[full]
        falling = -np.sort(-rows, axis=-1)
        # Between the last that finds a place and the first that does not, which costs the same.
        charge[full] = np.maximum(falling[np.arange(len(rows)), places], 0.0)
        taken[full] = rows > charge[full][:, None]
    return charge, taken


def _at_price(
    value: FloatArray, price: FloatArray, sites: Sites
) -> tuple[FloatArray, NDArray[np.bool_]]:
    charge, taken = _left(value, price, sites)
    net = value - price[..., None] * sites.size[:, None, :] - charge[..., None]
    paid = charge * sites.capacity + price**2 * sites.server_hz / 4
    return np.maximum(net, 0.0).sum(axis=-1) + paid, taken
