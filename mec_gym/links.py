"""What each choice of a task costs by itself: delay, energy and cost of servers and columns.

A device chooses among A = N + K actions: the N servers, then those columns beside them that the
slot has, in the order of `mec_gym.instance.COLUMNS`. Each column has room for all, and no
computing is shared there: F = inf. Where nothing is opted for, K is 0, a link costs its
transmission delay, and the functions return the instance's own arrays.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations
from mec_gym.instance import Instance

FloatArray = NDArray[np.float64]


class Column(NamedTuple):
    """What a choice beside the servers is to each device, functions of an instance to (..., M).

    Attributes:
        delay: the whole delay, seconds.
        energy: joules.
        cpu_hz: the CPU frequency of the task there, cycles/s; 0 where it is dropped.
    """

    delay: Callable[[Any], FloatArray]
    energy: Callable[[Any], FloatArray]
    cpu_hz: Callable[[Any], FloatArray]


def delay(instance: Instance) -> FloatArray:
    """Return the delay of each action but for computing on a shared CPU, (..., M, A), seconds.

    Server: transmission, Eq. (2), and fetching the service where it can be; local: computing;
    cloud: transmission over the fastest link covered, the way on, and computing there; drop: the
    penalty.
    """
    links = instance.tx_delay
    if instance.fetch_delay_s is not None:
        links = links + np.where(np.isfinite(instance.fetch_delay_s), instance.fetch_delay_s, 0.0)
    return _beside(links, [_COLUMNS[name].delay(instance) for name in instance.columns])


def energy(instance: Instance) -> FloatArray:
    """Return the energy that each action takes of its device, (..., M, A), joules.

    What is sent takes P_m T_mn, local computing kappa f^2 C; what is dropped nothing.
    """
    links: FloatArray = equations.tx_energy(instance.tx_power_w[..., None], instance.tx_delay)
    return _beside(links, [_COLUMNS[name].energy(instance) for name in instance.columns])


def cost(instance: Instance) -> FloatArray:
    """Return a_mn = w^T delay + w^E energy of each action by itself, (..., M, A), seconds."""
    weighted = delay(instance)
    if instance.delay_weight is not None:
        weighted = instance.delay_weight[..., None] * weighted
    if instance.energy_weight is not None:
        weighted = weighted + instance.energy_weight[..., None] * energy(instance)
    return weighted


def size(instance: Instance) -> FloatArray:
    """Return q_m = sqrt(w^T C_m), (..., M), sqrt(cycles): what a task brings to a shared CPU."""
    weight = instance.delay_weight
    work = instance.task_cycles if weight is None else weight * instance.task_cycles
    return np.asarray(np.sqrt(work))


def server_hz(instance: Instance) -> FloatArray:
    """Return the CPU frequency F that tasks share, (..., A), cycles/s; inf for the columns."""
    return _for_columns(instance, instance.server_hz, np.inf)


def capacity(instance: Instance) -> NDArray[np.int64]:
    """Return the places of each action, (..., A): M_n^max, and room for all in the columns."""
    return _for_columns(instance, instance.capacity, instance.num_devices)


def own_hz(instance: Instance) -> FloatArray:
    """Return the CPU frequency of a task in each column, (..., M, K), cycles/s; K is above 0."""
    return np.stack([_COLUMNS[name].cpu_hz(instance) for name in instance.columns], axis=-1)


def allowed(instance: Instance) -> NDArray[np.bool_] | None:
    """Return which actions a task may take, places left aside, (..., M, A); None: every one.

    A server must cover the device and host its service, or be able to fetch it; a server or column
    must be able to meet the deadline, with its whole CPU. Dropping is always allowed.
    """
    covered, fetch = instance.covered, instance.fetch_delay_s
    deadline = instance.deadline_s
    if covered is None and fetch is None and deadline is None:
        return None
    servers = np.ones(instance.gain.shape, dtype=np.bool_)
    if covered is not None:
        servers &= covered
    if fetch is not None:
        servers &= np.isfinite(fetch)
    may = np.ones((*servers.shape[:-1], instance.num_actions), dtype=np.bool_)
    may[..., : instance.num_servers] = servers
    if "cloud" in instance.columns and covered is not None:
        may[..., instance.num_servers + instance.columns.index("cloud")] = covered.any(axis=-1)
    if deadline is not None:
        least = delay(instance) + equations.computation_delay(
            instance.task_cycles[..., None], server_hz(instance)[..., None, :]
        )
        in_time = least <= deadline[..., None]
        if "drop" in instance.columns:
            in_time[..., -1] = True
        may &= in_time
    return may


def _fastest(instance: Instance) -> FloatArray:
    """Return the least transmission delay of each device to a server that covers it, (..., M).

    Where none does it is the least to any, which `allowed` bars.
    """
    covered = instance.covered
    if covered is None:
        return np.asarray(instance.tx_delay.min(axis=-1))
    none = ~covered.any(axis=-1, keepdims=True)
    return np.asarray(np.where(covered | none, instance.tx_delay, np.inf).min(axis=-1))


def _nothing(instance: Instance) -> FloatArray:
    return np.zeros(instance.task_cycles.shape)


_COLUMNS = {
    "local": Column(
        lambda slots: equations.computation_delay(slots.task_cycles, slots.local_hz),
        lambda slots: equations.computation_energy(
            slots.switched_capacitance, slots.local_hz, slots.task_cycles
        ),
        lambda slots: slots.local_hz,
    ),
    "cloud": Column(
        lambda slots: equations.cloud_delay(
            _fastest(slots), slots.cloud_delay_s, slots.task_cycles, slots.cloud_hz
        ),
        lambda slots: equations.tx_energy(slots.tx_power_w, _fastest(slots)),
        lambda slots: slots.cloud_hz,
    ),
    "drop": Column(lambda slots: slots.drop_penalty_s, _nothing, _nothing),
}
"""The columns by name, see `mec_gym.instance.COLUMNS`."""


def _beside(links: FloatArray, columns: list[FloatArray]) -> FloatArray:
    if not columns:
        return links
    return np.concatenate([links, np.stack(columns, axis=-1)], axis=-1)


def _for_columns(instance: Instance, values: NDArray[Any], beside: float) -> NDArray[Any]:
    if not instance.columns:
        return values
    more = np.full((*values.shape[:-1], len(instance.columns)), beside, dtype=values.dtype)
    return np.concatenate([values, more], axis=-1)
