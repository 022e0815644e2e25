"""State of partly assigned slots and its transition: the MDP of Sec. III-A, batch-first."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.channels import FloatArray
from mec_gym.instance import Instance

Server = Any
"""The server chosen for the current device: an int for one slot, (B,) ints for a batch."""


class State:
    """One slot, or a batch of B slots, whose devices are assigned in order.

    Attributes:
        instance: the slots; with no or one leading dimension.
        device: the device to decide on next, 0..M; M when all are assigned.
        load: tasks on each server u_n, (..., N).
        sqrt_load: sum of sqrt(C) over the tasks on each server, (..., N); what Eq. (20) needs.
        assignment: server of each device so far, (..., M); -1 for those to come.
        sqrt_cycles: sqrt(C) of each device, (..., M).
        last: the server chosen last; before the first decision there is none.
    """

    __slots__ = (
        "_num_devices",
        "_rows",
        "assignment",
        "device",
        "instance",
        "last",
        "load",
        "sqrt_cycles",
        "sqrt_load",
    )

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.device = 0
        self.load = np.zeros(instance.server_hz.shape, dtype=np.int64)
        self.sqrt_load = np.zeros(instance.server_hz.shape)
        self.assignment = np.full(instance.task_cycles.shape, -1, dtype=np.int64)
        self.sqrt_cycles = np.sqrt(instance.task_cycles)
        self._num_devices = instance.num_devices
        # With these in front one index picks the entry of every slot, of a batch or of one.
        self._rows = tuple(np.arange(size) for size in instance.batch_shape)

    @property
    def done(self) -> bool:
        """Whether every device is assigned."""
        return self.device == self._num_devices

    @property
    def free(self) -> NDArray[np.bool_]:
        """Whether each server has a free place, (..., N)."""
        return self.load < self.instance.capacity

    def place(self, server: Server) -> tuple[Any, ...]:
        """Return the index of the chosen server in an (..., N) array."""
        return (*self._rows, server)

    def task(self) -> tuple[Any, ...]:
        """Return the index of the current device in an (..., M) array."""
        return (*self._rows, self.device)

    def link(self, server: Server) -> tuple[Any, ...]:
        """Return the index of the current device and the chosen server in an (..., M, N) array."""
        return (*self._rows, self.device, server)

    def assign(self, server: Server) -> None:
        """Give the current device to a server and go on to the next device."""
        place, task = self.place(server), self.task()
        self.assignment[task] = server
        self.load[place] += 1
        self.sqrt_load[place] += self.sqrt_cycles[task]
        self.last = server
        self.device += 1

    def finish(self) -> tuple[FloatArray, FloatArray]:
        """Return CPU frequency, cycles/s, and delay, s, of each task, (..., M); Eqs. (20), (21).

        Every device must be assigned.
        """
        slot, columns = self.instance, tuple(rows[:, None] for rows in self._rows)
        places = (*columns, self.assignment)
        links = (*columns, np.arange(self._num_devices), self.assignment)
        cpu_hz = system.cpu_share(slot.server_hz[places], self.sqrt_cycles, self.sqrt_load[places])
        return cpu_hz, slot.tx_delay[links] + system.computation_delay(slot.task_cycles, cpu_hz)


def assign_all(instance: Instance, choose: Callable[[State], Any]) -> NDArray[np.int64]:
    """Assign every device of every slot in order, and return the assignment, (..., M).

    Args:
        instance: the slots, with any leading dimensions.
        choose: from the state of all the slots along one leading dimension to a server each, (B,).
    """
    state = State(instance.flatten())
    while not state.done:
        state.assign(choose(state))
    return state.assignment.reshape(instance.task_cycles.shape)
