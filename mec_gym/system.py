"""The physics of whole slots: delays, CPU allocation, average delay, feasibility.

The functions take an `Instance` and an assignment, (..., M) server indices 0..N-1; the formulas are
those of `mec_gym.equations`. SI units throughout.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mec_gym import equations
from mec_gym.equations import computation_delay, transmission_delay, uplink_rate
from mec_gym.instance import Instance
from mec_gym.problem import Problem

__all__ = [
    "allocate",
    "allocate_cpu",
    "at_server",
    "average_delay",
    "check_assignment",
    "computation_delay",
    "is_feasible",
    "overloads",
    "server_loads",
    "server_sums",
    "share_cpu_equally",
    "task_delays",
    "transmission_delay",
    "tx_delay_at_server",
    "uplink_rate",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def check_assignment(instance: Instance | Problem, assignment: ArrayLike) -> IntArray:
    """Return the assignment as integers.

    Raises:
        ValueError: it is not (..., M) whole numbers 0..N-1, or its leading dimensions do not fit
            the instance's.
    """
    array = np.asarray(assignment)
    num_devices, num_servers = instance.num_devices, instance.num_servers
    if array.dtype.kind not in "iu" or array.ndim == 0 or array.shape[-1] != num_devices:
        raise ValueError(
            f"assignment: needs one server index for each of {num_devices} devices,"
            f" got {array.dtype} of shape {array.shape}"
        )
    if array.size and not (array.min() >= 0 and array.max() < num_servers):
        raise ValueError(
            f"assignment: server indices go from 0 to {num_servers - 1},"
            f" got {array.min()} to {array.max()}"
        )
    try:
        lead = np.broadcast_shapes(instance.batch_shape, array.shape[:-1])
    except ValueError:
        raise ValueError(
            f"assignment: leading dimensions {array.shape[:-1]} do not fit"
            f" the instance's {instance.batch_shape}"
        ) from None
    return np.broadcast_to(array, (*lead, num_devices)).astype(np.int64)


def server_sums(values: ArrayLike, assignment: IntArray, num_servers: int) -> FloatArray:
    """Sum `values` (..., M) over each server's set of devices, (..., N); the sets of Eq. (16)."""
    shape = (*assignment.shape[:-1], num_servers)
    # One bin for each server of each slot.
    bins = assignment + num_servers * np.arange(math.prod(shape[:-1])).reshape(*shape[:-1], 1)
    weights = np.broadcast_to(values, assignment.shape).ravel()
    return np.bincount(bins.ravel(), weights, math.prod(shape)).reshape(shape)


def at_server(values: FloatArray, assignment: IntArray) -> FloatArray:
    """Return each device's entry of `values` (..., N) at the server it is assigned to, (..., M)."""
    if values.ndim == assignment.ndim == 1:
        return np.asarray(values[assignment])  # several times as fast
    lead = assignment.shape[:-1]
    return np.take_along_axis(np.broadcast_to(values, (*lead, values.shape[-1])), assignment, -1)


def tx_delay_at_server(instance: Instance, assignment: IntArray) -> FloatArray:
    """Return the transmission delay of the first devices to their servers, (..., m), seconds."""
    count = assignment.shape[-1]
    if instance.gain.ndim == 2 and assignment.ndim == 1:
        return np.asarray(instance.tx_delay[np.arange(count), assignment])
    links = np.broadcast_to(
        instance.tx_delay[..., :count, :], (*assignment.shape, instance.num_servers)
    )
    return np.take_along_axis(links, assignment[..., None], axis=-1)[..., 0]


def allocate(
    instance: Instance, assignment: IntArray, sqrt_load: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return CPU frequency, cycles/s, and delay, s, of the first m tasks; Eqs. (20), (21).

    Nothing is checked.

    Args:
        instance: the slots.
        assignment: server of each of the first m devices, (..., m); those to come have no share.
        sqrt_load: sum of sqrt(C) over the tasks on each server, (..., N).
    """
    cycles = instance.task_cycles[..., : assignment.shape[-1]]
    return equations.allocate(
        tx_delay_at_server(instance, assignment),
        cycles,
        np.sqrt(cycles),
        at_server(instance.server_hz, assignment),
        at_server(sqrt_load, assignment),
    )


def server_loads(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks each server is given, (..., N)."""
    assigned = check_assignment(instance, assignment)
    return server_sums(1.0, assigned, instance.num_servers).astype(np.int64)


def allocate_cpu(instance: Instance, assignment: ArrayLike) -> FloatArray:
    """Return the optimal CPU frequency of each task, (..., M), cycles/s; Eqs. (16)-(20)."""
    return _allocated(instance, check_assignment(instance, assignment))[0]


def share_cpu_equally(instance: Instance, assignment: ArrayLike) -> FloatArray:
    """Return equal CPU shares F_n / u_n, (..., M), cycles/s: the other reading for ROA and GOA."""
    assigned = check_assignment(instance, assignment)
    load = server_sums(1.0, assigned, instance.num_servers)
    return at_server(instance.server_hz, assigned) / at_server(load, assigned)


def task_delays(
    instance: Instance, assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the total delay of each task, (..., M), seconds; Eqs. (4), (21).

    Args:
        instance: the slots.
        assignment: server of each device, (..., M).
        cpu_hz: CPU frequency of each task, (..., M), cycles/s; None: Eq. (20).
    """
    assigned = check_assignment(instance, assignment)
    if cpu_hz is None:
        return _allocated(instance, assigned)[1]
    tx_delay = tx_delay_at_server(instance, assigned)
    return np.asarray(equations.task_delay(tx_delay, instance.task_cycles, cpu_hz))


def average_delay(
    instance: Instance, assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the average delay D of each slot, (...), seconds; Eq. (5), arguments as above."""
    return np.asarray(task_delays(instance, assignment, cpu_hz).mean(axis=-1))


def overloads(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot stand above a server's capacity, (...)."""
    loads = server_loads(instance, assignment)
    return np.asarray(equations.overload(loads, instance.capacity).sum(axis=-1))


def is_feasible(instance: Instance, assignment: ArrayLike) -> NDArray[np.bool_]:
    """Return whether every server keeps within its capacity, (...); Eq. (9)."""
    return np.asarray(overloads(instance, assignment) == 0)


def _allocated(instance: Instance, assigned: IntArray) -> tuple[FloatArray, FloatArray]:
    sqrt_load = server_sums(np.sqrt(instance.task_cycles), assigned, instance.num_servers)
    return allocate(instance, assigned, sqrt_load)
