"""The paper's baselines ROA and GOA (Sec. IV-B), a GOA that keeps to capacity, and least delay."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.equations import delay_rise
from mec_gym.instance import Instance
from mec_gym.mdp import State, assign_all

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROA_STREAM = 1


def roa(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn a server drawn uniformly from those with a free place; Sec. IV-B.

    Drawing from all servers until one is free, as the paper words it, is the same distribution.
    The first k slots of a batch get what they would get in a batch of k.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    instance.require_feasible()
    slots = instance.flatten()
    # The greatest of independent uniform keys is at each free server equally often. The stream is
    # ROA's own: that of `seed` alone may have drawn the slots.
    keys = np.random.default_rng((seed, _ROA_STREAM)).random(slots.gain.shape)
    return assign_all(instance, lambda state: _least_free(state, -keys[:, state.device]))


def goa(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device the server of its highest channel gain, whatever its load; Sec. IV-B."""
    return np.asarray(instance.gain.argmax(axis=-1))


def goa_capacity(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn the free server of its highest channel gain.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    instance.require_feasible()
    return assign_all(
        instance, lambda state: _least_free(state, -state.instance.gain[:, state.device])
    )


def least_delay(instance: Instance, seed: int = 0) -> IntArray:
    """Give each device in turn the free server where the total delay under Eq. (20) rises least.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    instance.require_feasible()

    def rise(state: State) -> FloatArray:
        slot, device = state.slot, state.device
        return np.asarray(
            delay_rise(
                slot.tx_delay[:, device],
                slot.sqrt_cycles[:, device, None],
                slot.server_hz,
                slot.sqrt_load,
            )
        )

    return assign_all(instance, lambda state: _least_free(state, rise(state)))


def _least_free(state: State, cost: FloatArray) -> IntArray:
    """Return the free server of the least cost, (B,), of costs (B, N)."""
    return np.asarray(np.where(state.free, cost, np.inf).argmin(axis=-1))
