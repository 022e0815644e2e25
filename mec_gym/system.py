"""The paper's system model: rate, delays, CPU allocation, average delay, feasibility.

The first functions are elementwise formulas, for floats and for arrays alike; the others take an
`Instance` and an assignment, (..., M) server indices 0..N-1. SI units throughout.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from mec_gym.instance import Instance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Real = Any
"""A float, or an array of any shape; several of them broadcast."""


def uplink_rate(gain: Real, bandwidth_hz: Real, tx_power_w: Real, noise_w: Real) -> Real:
    """Return the uplink rate R_mn = B log2(1 + P_m h_mn / sigma^2), bits/s; Eq. (1)."""
    # log1p keeps the rate exact where the signal is far below the noise.
    return bandwidth_hz * np.log1p(tx_power_w * gain / noise_w) / math.log(2)


def transmission_delay(task_bits: Real, rate: Real) -> Real:
    """Return the transmission delay S_m / R_mn, seconds; Eq. (2)."""
    return task_bits / rate


def computation_delay(task_cycles: Real, cpu_hz: Real) -> Real:
    """Return the computation delay C_m / f_mn, seconds; Eq. (3)."""
    return task_cycles / cpu_hz


def equal_share_delay(tx_delay: Real, task_cycles: Real, server_hz: Real, load: Real) -> Real:
    """Return the delay of a task that joins `load` others on equal CPU shares; Eq. (13), bracket.

    Seconds. The share is F_n / (u_n + 1) with u_n = `load`.
    """
    return tx_delay + computation_delay(task_cycles, server_hz / (load + 1))


def delay_rise(tx_delay: Real, sqrt_cycles: Real, server_hz: Real, sqrt_load: Real) -> Real:
    """Return by how much a task that joins a server raises the total delay, seconds.

    Under Eq. (20) the tasks on a server compute for (sum of sqrt(C))^2 / F_n in all. With L =
    `sqrt_load`, that sum before the task comes, and q = `sqrt_cycles` = sqrt(C_m), the rise is
    T_tx + ((L + q)^2 - L^2) / F_n.
    """
    return tx_delay + sqrt_cycles * (2 * sqrt_load + sqrt_cycles) / server_hz


def cpu_share(server_hz: Real, sqrt_cycles: Real, sqrt_load: Real) -> Real:
    """Return the optimal CPU share f_mn = F_n sqrt(C_m) / sum of sqrt(C_j), cycles/s; Eq. (20).

    `sqrt_load` is the sum over all tasks of the server, this one included.
    """
    return server_hz * sqrt_cycles / sqrt_load


def check_assignment(instance: "Instance", assignment: ArrayLike) -> IntArray:
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
    lead = assignment.shape[:-1]
    return np.take_along_axis(np.broadcast_to(values, (*lead, values.shape[-1])), assignment, -1)


def server_loads(instance: "Instance", assignment: ArrayLike) -> IntArray:
    """Return how many tasks each server is given, (..., N)."""
    assigned = check_assignment(instance, assignment)
    return server_sums(1.0, assigned, instance.num_servers).astype(np.int64)


def allocate_cpu(instance: "Instance", assignment: ArrayLike) -> FloatArray:
    """Return the optimal CPU frequency of each task, (..., M), cycles/s; Eqs. (16)-(20)."""
    assigned = check_assignment(instance, assignment)
    sqrt_cycles = np.sqrt(instance.task_cycles)
    sqrt_load = server_sums(sqrt_cycles, assigned, instance.num_servers)
    share: FloatArray = cpu_share(
        at_server(instance.server_hz, assigned), sqrt_cycles, at_server(sqrt_load, assigned)
    )
    return share


def share_cpu_equally(instance: "Instance", assignment: ArrayLike) -> FloatArray:
    """Return equal CPU shares F_n / u_n, (..., M), cycles/s: the other reading for ROA and GOA."""
    assigned = check_assignment(instance, assignment)
    load = server_sums(1.0, assigned, instance.num_servers)
    return at_server(instance.server_hz, assigned) / at_server(load, assigned)


def task_delays(
    instance: "Instance", assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the total delay of each task, (..., M), seconds; Eqs. (4), (21).

    Args:
        instance: the slots.
        assignment: server of each device, (..., M).
        cpu_hz: CPU frequency of each task, (..., M), cycles/s; None: Eq. (20).
    """
    assigned = check_assignment(instance, assignment)
    if cpu_hz is None:
        cpu_hz = allocate_cpu(instance, assigned)
    links = np.broadcast_to(instance.tx_delay, (*assigned.shape, instance.num_servers))
    tx_delay = np.take_along_axis(links, assigned[..., None], axis=-1)[..., 0]
    return np.asarray(tx_delay + computation_delay(instance.task_cycles, cpu_hz))


def average_delay(
    instance: "Instance", assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the average delay D of each slot, (...), seconds; Eq. (5), arguments as above."""
    return np.asarray(task_delays(instance, assignment, cpu_hz).mean(axis=-1))


def overloads(instance: "Instance", assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot stand above a server's capacity, (...)."""
    excess = server_loads(instance, assignment) - instance.capacity
    return np.asarray(np.maximum(excess, 0).sum(axis=-1))


def is_feasible(instance: "Instance", assignment: ArrayLike) -> NDArray[np.bool_]:
    """Return whether every server keeps within its capacity, (...); Eq. (9)."""
    return np.asarray(overloads(instance, assignment) == 0)
