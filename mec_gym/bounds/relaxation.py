"""The convex relaxation: a lower bound on the delay of whole slots, and prices that prove it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance

FloatArray = NDArray[np.float64]

_RELAXATION_GAP = 1e-9
"""The relaxation is solved to so small a gap, relative to its value."""

_MAX_STEPS = 100

_CENTRING = 0.3
"""Each interior-point step aims at this share of the present complementarity."""

_TO_BOUNDARY = 0.99
"""A step goes at most this share of the way to the nearest bound."""

_RIDGE = 1e-14
"""What is added to the diagonal of Newton's equations, relatively."""

_BLOCK_LINKS = 1 << 16
"""So many device-server links are solved together, to stay within the cache."""


class Relaxation(NamedTuple):
    """The convex relaxation's bound, and the prices that prove it.

    Attributes:
        total_delay: never above the total delay M D of any feasible assignment, (...), seconds.
        price: what sqrt(C) = 1 on server n costs, p_n, (..., N), s / sqrt(cycle).
        charge: what a place on server n costs, k_n, (..., N), seconds.
    """

    total_delay: FloatArray
    price: FloatArray
    charge: FloatArray


def lower_bound(instance: Instance) -> FloatArray:
    """Return a lower bound on the average delay of every feasible assignment, (...), seconds.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    return relax(instance).total_delay / instance.num_devices


def relax(instance: Instance) -> Relaxation:
    """Solve the convex relaxation: x_mn in [0, 1] in place of a server for each device.

    It minimises sum of T_mn x_mn + sum of L_n^2 / F_n, with L_n = sum of sqrt(C_m) x_mn, where
    sum over n of x_mn = 1 and sum over m of x_mn <= M_n^max. The bound holds whatever the quality
    of the solution: see `_dual_bound`.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    instance.require_feasible()
    slots = instance.flatten()
    count, num_servers = slots.server_hz.shape
    block = max(1, _BLOCK_LINKS // (slots.num_devices * num_servers))
    solved = Relaxation(
        np.empty(count), np.empty((count, num_servers)), np.empty((count, num_servers))
    )
    for start in range(0, count, block):
        part = slice(start, start + block)
        for whole, array in zip(solved, _relax_block(slots[part]), strict=True):
            whole[part] = array
    lead = instance.batch_shape
    return Relaxation(*(array.reshape(lead + array.shape[1:]) for array in solved))


def _dual_bound(
    slots: Instance, capacity: FloatArray, price: FloatArray, charge: FloatArray
) -> FloatArray:
    """Return a bound on the total delay by weak duality, rounded down, (B,), seconds.

    As L^2 / F >= p L - p^2 F / 4 for any p, and at most M_n^max tasks pay a charge k_n >= 0, every
    feasible assignment has a total delay of at least
    sum over m of min over n of (T_mn + p_n sqrt(C_m) + k_n) - sum of k_n M_n^max
    - sum of p_n^2 F_n / 4.
    """
    cost = slots.tx_delay + np.sqrt(slots.task_cycles)[..., None] * price[:, None]
    cost = np.where(capacity[:, None] > 0, cost + charge[:, None], np.inf)
    charged = cost.min(axis=-1).sum(axis=-1)
    refund = (charge * capacity + price**2 * slots.server_hz / 4).sum(axis=-1)
    # Room for the rounding of these sums, of a delay that is compared with them, and of an excess
    # that is added to them.
    terms = slots.num_devices + slots.num_servers + 8
    rounding = 4 * terms * np.finfo(float).eps * (charged + refund)
    return np.asarray(charged - refund - rounding)


def _relax_block(slots: Instance) -> Relaxation:
    """Solve the relaxation by a primal-dual interior-point method, all slots of a batch at once.

    Device 0 stands for all the places that stay empty, so that both the devices' and the servers'
    constraints are equations. With D = x / z, each step eliminates all but the 2 N prices and
    charges from Newton's equations.
    """
    num_devices, num_servers = slots.num_devices, slots.num_servers
    capacity = np.minimum(slots.capacity, num_devices).astype(np.float64)
    opened = capacity > 0
    both = opened[:, :, None] & opened[:, None, :]
    # Units in which the mean sqrt(C) and a typical delay are 1.
    sqrt_cycles = np.sqrt(slots.task_cycles)
    unit_load = sqrt_cycles.mean(axis=-1)
    unit_delay = slots.tx_delay.mean(axis=(-2, -1)) + num_devices * unit_load**2 / (
        slots.server_hz.sum(axis=-1)
    )
    speed = slots.server_hz * (unit_delay / unit_load**2)[:, None]
    load = np.pad(sqrt_cycles / unit_load[:, None], ((0, 0), (1, 0)))[..., None]
    cost = np.pad(slots.tx_delay / unit_delay[:, None, None], ((0, 0), (1, 0), (0, 0)))
    supply = np.ones((*load.shape[:2], 1))
    supply[:, 0, 0] = capacity.sum(axis=-1) - num_devices

    share = supply * (capacity / capacity.sum(axis=-1, keepdims=True))[:, None]  # x_mn
    used = share > 0  # not the places of servers that have none, nor device 0 where none is empty
    pairs = used.sum(axis=(-2, -1), keepdims=True)
    price = 2 * (load * share).sum(axis=1) / speed
    charge = np.zeros_like(price)
    value = (cost + load * price[:, None]).min(axis=-1, keepdims=True) - 0.1
    slack = np.where(used, cost + load * price[:, None] - value, 1.0)  # z_mn
    first = np.arange(num_servers)  # where the prices stand in Newton's equations
    second = first + num_servers  # and the charges
    zero = np.zeros_like(price)
    solved = Relaxation(_dual_bound(slots, capacity, zero, zero), zero.copy(), zero.copy())

    def keep_best() -> None:
        prices = np.maximum(price, 0) * (unit_delay / unit_load)[:, None]
        lowest = np.where(opened, charge, np.inf).min(axis=-1, keepdims=True)
        charges = np.where(opened, charge - lowest, 0.0) * unit_delay[:, None]
        bound = _dual_bound(slots, capacity, prices, charges)
        better = bound > solved.total_delay
        for best, new in zip(solved, (bound, prices, charges), strict=True):
            best[better] = new[better]

    # What is lost in the arithmetic of an ill-scaled slot costs tightness, never validity.
    with np.errstate(all="ignore"):
        for _ in range(_MAX_STEPS):
            keep_best()
            gap = (share * slack).sum(axis=(-2, -1), keepdims=True)
            open_gap = gap[:, 0, 0] * unit_delay > _RELAXATION_GAP * solved.total_delay
            if not open_gap.any():
                break
            ratio = share / slack
            target = np.where(used, _CENTRING * gap / pairs / slack, 0.0)
            missed = slack - (cost + load * price[:, None] - value + charge[:, None])
            push = target + ratio * np.where(used, missed, 0.0)  # share + its step, prices fixed
            weight = np.maximum(ratio.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
            lift = (supply - push.sum(axis=-1, keepdims=True)) / weight

            by_server = np.concatenate([load * ratio, ratio], axis=-1)
            matrix = np.zeros((len(slots), 2 * num_servers, 2 * num_servers))
            matrix[:, first, first] = (load**2 * ratio).sum(axis=1) + speed / 2
            matrix[:, second, second] = ratio.sum(axis=1) + ~opened
            # The same added to all charges and values changes nothing: pin the sum of the charges.
            matrix[:, num_servers:, num_servers:] += both * ratio.mean(axis=(-2, -1), keepdims=True)
            # Rounding may cut some servers off from the others; this keeps the matrix invertible.
            np.einsum("bii->bi", matrix)[...] *= 1 + _RIDGE
            cross = (load * ratio).sum(axis=1)
            matrix[:, first, second] = matrix[:, second, first] = cross
            matrix -= by_server.swapaxes(-1, -2) @ (by_server / weight)
            matrix[~open_gap] = np.eye(2 * num_servers)
            right = np.concatenate(
                [(load * push).sum(axis=1) - price * speed / 2, push.sum(axis=1) - capacity], -1
            )
            right += (by_server * lift).sum(axis=1)
            step = np.linalg.solve(matrix, right[..., None])[:, None, :, 0]
            price_step, charge_step = np.split(step, 2, axis=-1)

            rise = load * price_step + charge_step
            value_step = lift + (ratio * rise).sum(axis=-1, keepdims=True) / weight
            slack_step = np.where(used, rise - value_step - missed, 0.0)
            share_step = np.where(used, target - share - ratio * slack_step, 0.0)
            shrink = np.maximum(np.where(used, -share_step / share, 0.0), -slack_step / slack).max(
                axis=(-2, -1), keepdims=True
            )
            length = np.minimum(1.0, _TO_BOUNDARY / np.maximum(shrink, 1e-300))
            share = share + length * share_step
            slack = slack + length * slack_step
            value = value + length * value_step
            price = price + length[:, 0] * price_step[:, 0]
            charge = charge + length[:, 0] * charge_step[:, 0]
    return solved
