"""The paper's baselines ROA and GOA (Sec. IV-B), a GOA that keeps to capacity, and least delay."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.equations import delay_rise
from mec_gym.instance import Instance
from mec_gym.mdp import State, assign_all
from mec_gym.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROA_STREAM = 1


def roa(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn a server drawn uniformly from those open to it; Sec. IV-B.

    Drawing from all servers until one is free, as the paper words it, is the same distribution.
    The first k slots of a batch get what they would get in a batch of k.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    Problem.of(instance).require_feasible()
    slots = instance.flatten()
    # The greatest of independent uniform keys is at each free server equally often. The stream is
    # ROA's own: that of `seed` alone may have drawn the slots.
    shape = (*slots.task_cycles.shape, slots.num_actions)
    keys = np.random.default_rng((seed, _ROA_STREAM)).random(shape)
    return assign_all(instance, lambda state: _least_free(state, -keys[:, state.device]))


def goa(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device the server of its highest channel gain, whatever its load; Sec. IV-B.

    It knows servers alone: no column beside them, and no link that is not allowed.
    """
    return np.asarray(instance.gain.argmax(axis=-1))


def goa_capacity(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn the server of its highest channel gain among those open to it.

    Where no server is, it takes the first column beside them that is.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    Problem.of(instance).require_feasible()
    columns = [(0, 0), (0, len(instance.columns))]  # behind all servers, whose gains are above 0
    return assign_all(
        instance,
        lambda state: _least_free(state, np.pad(-state.instance.gain[:, state.device], columns)),
    )


def least_delay(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn the server open to it where the cost under Eq. (20) rises least.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    Problem.of(instance).require_feasible()

    def rise(state: State) -> FloatArray:
        slot, device = state.slot, state.device
        return np.asarray(
            delay_rise(
                slot.link_cost[:, device],
                slot.sqrt_cycles[:, device, None],
                slot.server_hz,
                slot.sqrt_load,
            )
        )

    return assign_all(instance, lambda state: _least_free(state, rise(state)))


def _least_free(state: State, cost: FloatArray) -> IntArray:
    """Return the open server of the least cost, (B,), of costs (B, A)."""
    return np.asarray(np.where(state.free, cost, np.inf).argmin(axis=-1))
