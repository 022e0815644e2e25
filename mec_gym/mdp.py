"""State of partly assigned slots and its transition: the MDP of Sec. III-A, batch-first.

The numbers of one slot, or of a batch, lie in flat sequences, so that one index picks the entry of
one decision and an array of indices those of a batch. The functions on them are the same for a
slot in plain Python numbers, for a batch in NumPy, and compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations
from mec_gym.channels import FloatArray
from mec_gym.instance import Instance

IntArray = NDArray[np.int64]
Index = Any
"""An index into a flat sequence: an int for one slot, (B,) ints for a batch."""


class Slots(NamedTuple):
    """B slots of M devices and N servers in flat sequences, row by row.

    Attributes:
        tx_delay: transmission delay of each link, (B M N), seconds.
        task_cycles: work C_m, (B M), cycles.
        sqrt_cycles: its square root, (B M).
        server_hz: CPU frequency F_n, (B N), cycles/s.
        capacity: places M_n^max, (B N).
        load: tasks on each server u_n so far, (B N).
        sqrt_load: sum of sqrt(C) over them, (B N); what Eq. (20) needs.
        num_devices: M.
        num_servers: N.
    """

    tx_delay: Any
    task_cycles: Any
    sqrt_cycles: Any
    server_hz: Any
    capacity: Any
    load: Any
    sqrt_load: Any
    num_devices: int
    num_servers: int


def assign(slots: Slots, task: Index, place: Index) -> None:
    """Put a task on a server: one more in its load."""
    slots.load[place] += 1
    slots.sqrt_load[place] += slots.sqrt_cycles[task]


class State:
    """One slot, or a batch of B slots, whose devices are assigned in order.

    Attributes:
        instance: the slots; with no or one leading dimension.
        slots: their numbers, and what the decisions so far have put on each server.
        device: the device to decide on next, 0..M; M when all are assigned.
        assignment: server of each device so far, (..., M); -1 for those to come.
        last: the server chosen last; before the first decision there is none.
        last_place: where that server stands in `slots`.
        rows: what stands before a server or device to index an array of a batch; () for one slot.
    """

    __slots__ = (
        "_firsts",
        "_free",
        "_shape",
        "assignment",
        "device",
        "instance",
        "last",
        "last_place",
        "rows",
        "slots",
    )

    def __init__(self, instance: Instance) -> None:
        num_devices, num_servers = self._shape = instance.gain.shape[-2:]
        batch = instance.batch_shape
        self.rows: tuple[Index, ...] = tuple(np.arange(size) for size in batch)
        row: Index = self.rows[0] if batch else 0
        self._firsts = (row * num_devices * num_servers, row * num_devices, row * num_servers)
        # Python's own numbers are several times faster one by one than NumPy's.
        flat: Callable[[NDArray[Any]], Any] = _read_only if batch else _to_list
        changing: Callable[[NDArray[Any]], Any] = np.ravel if batch else _to_list
        self.instance = instance
        self.device = 0
        self.assignment = np.full((*batch, num_devices), -1, dtype=np.int64)
        self._free = instance.capacity > 0
        self.slots = Slots(
            flat(instance.tx_delay),
            flat(instance.task_cycles),
            flat(np.sqrt(instance.task_cycles)),
            flat(instance.server_hz),
            flat(instance.capacity),
            changing(np.zeros((*batch, num_servers), dtype=np.int64)),
            changing(np.zeros((*batch, num_servers))),
            num_devices,
            num_servers,
        )

    @property
    def done(self) -> bool:
        """Whether every device is assigned."""
        return bool(self.device == self._shape[0])

    @property
    def free(self) -> NDArray[np.bool_]:
        """Whether each server has a free place, (..., N), a copy."""
        return self._free.copy()

    @property
    def load(self) -> IntArray:
        """Tasks on each server u_n so far, (..., N), a copy."""
        return np.array(self.slots.load).reshape(self.instance.capacity.shape)

    @property
    def sqrt_load(self) -> FloatArray:
        """Sum of sqrt(C) over the tasks on each server so far, (..., N), a copy."""
        return np.array(self.slots.sqrt_load).reshape(self.instance.capacity.shape)

    def at(self, server: Index) -> tuple[Index, Index, Index]:
        """Return where a decision finds its link, its task and its place in `slots`."""
        first_link, first_task, first_place = self._firsts
        task = first_task + self.device
        return first_link + (self.device * self._shape[1] + server), task, first_place + server

    def assign(self, server: Index) -> None:
        """Give the current device to a server and go on to the next device."""
        _, task, place = self.at(server)
        assign(self.slots, task, place)
        self._free[(*self.rows, server)] = self.slots.load[place] < self.slots.capacity[place]
        self.assignment[(*self.rows, self.device)] = server
        self.device += 1
        self.last, self.last_place = server, place

    def finish(self) -> tuple[FloatArray, FloatArray]:
        """Return CPU frequency, cycles/s, and delay, s, of each task, (..., M); Eqs. (20), (21).

        Every device must be assigned.
        """
        slot, assignment = self.instance, self.assignment
        rows: tuple[Index, ...] = tuple(row[:, None] for row in self.rows)
        places = (*rows, assignment)
        cpu_hz = equations.cpu_share(
            slot.server_hz[places], np.sqrt(slot.task_cycles), self.sqrt_load[places]
        )
        tx_delay = slot.tx_delay[(*rows, np.arange(self._shape[0]), assignment)]
        return cpu_hz, tx_delay + equations.computation_delay(slot.task_cycles, cpu_hz)


def assign_all(instance: Instance, choose: Callable[[State], Any]) -> IntArray:
    """Assign every device of every slot in order, and return the assignment, (..., M).

    Args:
        instance: the slots, with any leading dimensions.
        choose: from the state of all the slots along one leading dimension to a server each, (B,).
    """
    state = State(instance.flatten())
    while not state.done:
        state.assign(choose(state))
    return state.assignment.reshape(instance.task_cycles.shape)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array flat; always read-only, as loops are compiled for each of the two kinds."""
    flat = array.ravel().view()
    flat.flags.writeable = False
    return flat


def _to_list(array: NDArray[Any]) -> list[Any]:
    flat: list[Any] = array.ravel().tolist()
    return flat
