"""What each choice of a task costs by itself: delay, energy and cost of servers and columns.

A device chooses among A = N + K actions: the N servers, then those columns beside them that the
slot has, in the order of `mec_gym.instance.COLUMNS`. Each column has room for all, and no
computing is shared there: F = inf. Where nothing is opted for, K is 0, a link costs its
transmission delay, and the functions return the instance's own arrays.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations
from mec_gym.actions import Actions, Given
from mec_gym.instance import OPTIONAL, Instance

FloatArray = NDArray[np.float64]

_OF_ACTIONS = frozenset(OPTIONAL) - {"step_gain", "slots_left", "slot_s"}
"""The attributes of an instance with any of which its actions are more than its links."""

_BARS = ("covered", "fetch_delay_s", "deadline_s")
"""The attributes by which an action may not be allowed."""

_TYPES = {"covered": np.bool_, "last_server": np.int64}
"""Of attributes that are not numbers."""


def of(instance: Instance) -> Actions:
    """Return what each action is by itself, with the instance's leading dimensions.

    Where nothing is opted for, `energy` is of length 0 too.
    """
    lead, given = instance.batch_shape, instance.__dict__
    if _OF_ACTIONS.isdisjoint(given):
        delay, none = instance.tx_delay, np.empty((*lead, 0, 0))
        return Actions(delay, delay, none.astype(np.bool_), none, none)
    from mec_gym.action_loops import composing

    waits = None if instance.backlog_cycles is None else _waits(instance)
    made = Given(
        *(
            _in_rows(name, waits if name == "wait" else getattr(instance, name), lead)
            for name in Given._fields
        )
    )
    count, num_devices, _ = made.tx_delay.shape
    links = count, num_devices, instance.num_actions
    delay = np.empty(links)
    weighted = "delay_weight" in given or "energy_weight" in given
    actions = Actions(
        delay,
        np.empty(links) if weighted else delay,
        np.empty(links if any(name in given for name in _BARS) else (count, 0, 0), np.bool_),
        np.empty(links),
        np.empty((count, num_devices, len(instance.columns))),
    )
    composing()(made, actions)
    return Actions(*(field.reshape(*lead, *field.shape[1:]) for field in actions))


def delay(instance: Instance) -> FloatArray:
    """Return the delay of each action but for computing on a shared CPU, (..., M, A), seconds."""
    made: FloatArray = of(instance).delay
    return made


def energy(instance: Instance) -> FloatArray:
    """Return the energy that each action takes of its device, (..., M, A), joules."""
    made: FloatArray = of(instance).energy
    if made.shape[-1] == 0:
        made = equations.tx_energy(instance.tx_power_w[..., None], instance.tx_delay)
    return made


def cost(instance: Instance) -> FloatArray:
    """Return a_mn = w^T delay + w^E energy of each action by itself, (..., M, A), seconds."""
    made: FloatArray = of(instance).cost
    return made


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


def wait(instance: Instance) -> FloatArray:
    """Return how long work left over keeps each action, (..., A), seconds; 0 for the columns."""
    return _for_columns(instance, _waits(instance), 0.0)


def _waits(instance: Instance) -> FloatArray:
    """Return how long work left over keeps each server, (..., N), seconds."""
    assert instance.backlog_cycles is not None  # asked for where there is
    waits: FloatArray = equations.waiting_delay(instance.backlog_cycles, instance.server_hz)
    return waits


def own_hz(instance: Instance) -> FloatArray:
    """Return the CPU frequency of a task in each column, (..., M, K), cycles/s; K is above 0."""
    made: FloatArray = of(instance).own_hz
    return made


def allowed(instance: Instance) -> NDArray[np.bool_] | None:
    """Return which actions a task may take, places left aside, (..., M, A); None: every one."""
    made: NDArray[np.bool_] = of(instance).allowed
    return made if made.shape[-1] else None


def _in_rows(name: str, values: NDArray[Any] | None, lead: tuple[int, ...]) -> NDArray[Any]:
    """Return an attribute with one leading dimension, in C order; of length 0 where it is None.

    Always read-only: loops are compiled for each of the two.
    """
    count = math.prod(lead)
    if values is None:
        return _nothing(count, name in ("covered", "fetch_delay_s"), _TYPES.get(name))
    rows = np.ascontiguousarray(values.reshape(count, *values.shape[len(lead) :]))
    if rows.flags.writeable:
        rows.flags.writeable = False
    return rows


@lru_cache
def _nothing(count: int, per_link: bool, dtype: Any) -> NDArray[Any]:
    made = np.empty((count, 0, 0) if per_link else (count, 0), dtype)
    made.flags.writeable = False
    return made


def _for_columns(instance: Instance, values: NDArray[Any], beside: float) -> NDArray[Any]:
    if not instance.columns:
        return values
    more = np.full((*values.shape[:-1], len(instance.columns)), beside, dtype=values.dtype)
    return np.concatenate([values, more], axis=-1)
