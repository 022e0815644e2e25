"""The physics of whole slots: delays, energy, cost, CPU allocation, feasibility.

The functions take an `Instance` and an assignment, (..., M) indices of actions 0..A-1: servers,
then columns, see `mec_gym.links`; the formulas are those of `mec_gym.equations`. SI units
throughout.
"""

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mec_gym import equations, links
from mec_gym.equations import computation_delay, transmission_delay, uplink_rate
from mec_gym.instance import Instance
from mec_gym.problem import Problem

__all__ = [
    "allocate",
    "allocate_cpu",
    "at_link",
    "at_server",
    "average_cost",
    "average_delay",
    "barred",
    "check_assignment",
    "computation_delay",
    "dropped",
    "is_feasible",
    "missed",
    "overloads",
    "report",
    "server_loads",
    "server_sums",
    "share_cpu_equally",
    "task_costs",
    "task_delays",
    "task_energies",
    "transmission_delay",
    "uplink_rate",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def check_assignment(instance: Instance | Problem, assignment: ArrayLike) -> IntArray:
    """Return the assignment as integers.

    Raises:
        ValueError: it is not (..., M) whole numbers 0..A-1, or its leading dimensions do not fit
            the instance's.
    """
    array = np.asarray(assignment)
    num_devices, num_actions = instance.num_devices, instance.num_actions
    if array.dtype.kind not in "iu" or array.ndim == 0 or array.shape[-1] != num_devices:
        raise ValueError(
            f"assignment: needs one server index for each of {num_devices} devices,"
            f" got {array.dtype} of shape {array.shape}"
        )
    if array.size and not (array.min() >= 0 and array.max() < num_actions):
        raise ValueError(
            f"assignment: server indices go from 0 to {num_actions - 1},"
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


def at_link(values: NDArray[Any], assignment: IntArray) -> NDArray[Any]:
    """Return what `values` (..., M, A) are of the first m devices at their actions, (..., m)."""
    count = assignment.shape[-1]
    if values.ndim == 2 and assignment.ndim == 1:
        return np.asarray(values[np.arange(count), assignment])
    each = np.broadcast_to(values[..., :count, :], (*assignment.shape, values.shape[-1]))
    return np.take_along_axis(each, assignment[..., None], axis=-1)[..., 0]


def allocate(
    instance: Instance, assignment: IntArray, sqrt_load: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return CPU frequency, cycles/s, and delay, s, of the first m tasks; Eqs. (20), (21).

    In a column the frequency is the task's own there, 0 where it is dropped. Nothing is checked.

    Args:
        instance: the slots.
        assignment: action of each of the first m devices, (..., m); those to come have no share.
        sqrt_load: sum of sqrt(w^T C) over the tasks on each server, (..., A).
    """
    count, actions = assignment.shape[-1], links.of(instance)
    cpu_hz, delay = equations.allocate(
        at_link(actions.delay, assignment),
        instance.task_cycles[..., :count],
        links.size(instance)[..., :count],
        at_server(links.server_hz(instance), assignment),
        at_server(sqrt_load, assignment),
    )
    if instance.columns:
        cpu_hz = _own_hz(actions.own_hz, assignment, instance.num_servers, cpu_hz)
    return cpu_hz, delay


def server_loads(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks each server, and each column, is given, (..., A)."""
    assigned = check_assignment(instance, assignment)
    return server_sums(1.0, assigned, instance.num_actions).astype(np.int64)


def allocate_cpu(instance: Instance, assignment: ArrayLike) -> FloatArray:
    """Return the optimal CPU frequency of each task, (..., M), cycles/s; Eqs. (16)-(20)."""
    return _allocated(instance, check_assignment(instance, assignment))[0]


def share_cpu_equally(instance: Instance, assignment: ArrayLike) -> FloatArray:
    """Return equal CPU shares F_n / u_n, (..., M), cycles/s: the other reading for ROA and GOA."""
    assigned = check_assignment(instance, assignment)
    load = server_sums(1.0, assigned, instance.num_actions)
    shares = at_server(links.server_hz(instance), assigned) / at_server(load, assigned)
    if instance.columns:
        shares = _own_hz(links.own_hz(instance), assigned, instance.num_servers, shares)
    return shares


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
    delay = at_link(links.delay(instance), assigned)
    if instance.columns:  # their delay is whole already
        cpu_hz = np.where(assigned < instance.num_servers, cpu_hz, np.inf)
    return np.asarray(equations.task_delay(delay, instance.task_cycles, cpu_hz))


def average_delay(
    instance: Instance, assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the average delay D of each slot, (...), seconds; Eq. (5), arguments as above."""
    return np.asarray(task_delays(instance, assignment, cpu_hz).mean(axis=-1))


def task_energies(instance: Instance, assignment: ArrayLike) -> FloatArray:
    """Return the energy that each task takes of its device, (..., M), joules; `links.energy`."""
    return at_link(links.energy(instance), check_assignment(instance, assignment))


def task_costs(
    instance: Instance, assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return w^T delay + w^E energy of each task, (..., M), seconds; arguments as `task_delays`.

    Where nothing is weighted that is its delay.
    """
    delay_weight, energy_weight = instance.delay_weight, instance.energy_weight
    if delay_weight is None and energy_weight is None:
        return task_delays(instance, assignment, cpu_hz)
    if cpu_hz is None:
        return _canonical_costs(instance, check_assignment(instance, assignment))
    cost: FloatArray = equations.weighted(
        task_delays(instance, assignment, cpu_hz),
        task_energies(instance, assignment),
        1.0 if delay_weight is None else delay_weight,
        0.0 if energy_weight is None else energy_weight,
    )
    return cost


def average_cost(
    instance: Instance, assignment: ArrayLike, cpu_hz: FloatArray | None = None
) -> FloatArray:
    """Return the average cost of a task of each slot, (...), seconds: what is to be minimal."""
    return np.asarray(task_costs(instance, assignment, cpu_hz).mean(axis=-1))


def missed(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot take longer than their deadlines, (...).

    Those that are dropped are not among them.
    """
    assigned = check_assignment(instance, assignment)
    if instance.deadline_s is None:
        return np.zeros(assigned.shape[:-1], dtype=np.int64)
    late = task_delays(instance, assigned) > instance.deadline_s
    return np.asarray((late & ~_is_dropped(instance, assigned)).sum(axis=-1))


def dropped(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot are dropped, (...)."""
    return np.asarray(_is_dropped(instance, check_assignment(instance, assignment)).sum(axis=-1))


def barred(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot take an action that is not allowed, (...)."""
    assigned = check_assignment(instance, assignment)
    allowed = links.allowed(instance)
    if allowed is None:
        return np.zeros(assigned.shape[:-1], dtype=np.int64)
    return np.asarray((~at_link(allowed, assigned)).sum(axis=-1))


def overloads(instance: Instance, assignment: ArrayLike) -> IntArray:
    """Return how many tasks of each slot stand above a server's capacity, (...)."""
    loads = server_loads(instance, assignment)
    return np.asarray(equations.overload(loads, links.capacity(instance)).sum(axis=-1))


_REPORTED: dict[str, tuple[Callable[[Instance, ArrayLike], NDArray[Any]], tuple[str, ...]]] = {
    "cost": (
        lambda slots, assignment: _mean(task_costs(slots, assignment)),
        ("delay_weight", "energy_weight"),
    ),
    "energy_j": (
        lambda slots, assignment: _mean(task_energies(slots, assignment)),
        ("energy_weight", "local_hz"),
    ),
    "missed": (missed, ("deadline_s",)),
    "dropped": (dropped, ("drop_penalty_s",)),
    "barred": (barred, ("deadline_s", "covered", "fetch_delay_s")),
}
"""What is reported beside the average delay, and the attributes with one of which a slot has it."""


REPORTED = frozenset(_REPORTED)
"""The names of what may be reported."""


def report(instance: Instance, assignment: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return what slots came to beside their delay, by name, (...): only what they have.

    `cost`: of a task on average, seconds; `energy_j`: of a task on average, joules; `missed`,
    `dropped`, `barred`: how many tasks take longer than their deadline, are dropped, or take an
    action that is not allowed.
    """
    return {name: _REPORTED[name][0](instance, assignment) for name in reported(instance.arrays())}


def reported(attributes: Collection[str]) -> list[str]:
    """Return the names of what is reported of slots that have these attributes."""
    return [
        name
        for name, (_, of) in _REPORTED.items()
        if any(attribute in attributes for attribute in of)
    ]


def is_feasible(instance: Instance, assignment: ArrayLike) -> NDArray[np.bool_]:
    """Return whether servers keep within capacity and links are allowed, (...); Eq. (9)."""
    within = overloads(instance, assignment) == 0
    return np.asarray(within & (barred(instance, assignment) == 0))


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean of values (..., M), (...), added up in order as compiled loops do."""
    return np.asarray(np.add.accumulate(values, axis=-1)[..., -1] / values.shape[-1])


def _is_dropped(instance: Instance, assigned: IntArray) -> NDArray[np.bool_]:
    if "drop" not in instance.columns:
        return np.zeros(assigned.shape, dtype=np.bool_)
    return np.asarray(assigned == instance.num_actions - 1)


def _own_hz(
    own_hz: FloatArray, assigned: IntArray, num_servers: int, shares: FloatArray
) -> FloatArray:
    """Return CPU frequencies, (..., m), with those of tasks in columns in place of shares."""
    column = assigned - num_servers
    return np.where(column >= 0, at_link(own_hz, np.maximum(column, 0)), shares)


def _canonical_costs(instance: Instance, assigned: IntArray) -> FloatArray:
    """Return what each task costs with the CPU split by Eq. (20), (..., M), seconds."""
    size = links.size(instance)
    sqrt_load = server_sums(size, assigned, instance.num_actions)
    cost: FloatArray = equations.task_cost(
        at_link(links.cost(instance), assigned),
        size,
        at_server(links.server_hz(instance), assigned),
        at_server(sqrt_load, assigned),
    )
    return cost


def _allocated(instance: Instance, assigned: IntArray) -> tuple[FloatArray, FloatArray]:
    sqrt_load = server_sums(links.size(instance), assigned, instance.num_actions)
    return allocate(instance, assigned, sqrt_load)
