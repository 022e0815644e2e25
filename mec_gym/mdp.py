"""The MDP of Sec. III-A: a partly assigned slot, and its transition.

A `Slot` is the same for a slot in plain Python numbers, for rows of arrays in compiled loops, and
with a leading dimension for a batch.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, links, system
from mec_gym.instance import Instance
from mec_gym.kernels import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Index = Any
"""A device or a server: an int for one slot, (B,) ints for a batch."""


class Slot(NamedTuple):
    """A partly assigned slot of M devices and N servers: lists of numbers, or arrays.

    Links are indexed `tx_delay[device][server]`, which both understand. A batch has arrays with a
    leading dimension, see `slot_at`. Columns beside the servers, see `mec_gym.links`, count as
    servers here, whose F is inf.

    Attributes:
        tx_delay: delay of each link by itself, (M, N), seconds: transmission, Eq. (2).
        task_cycles: work C_m, (M,), cycles.
        sqrt_cycles: its square root, or q_m = sqrt(w^T C_m) where delays are weighted, (M,).
        server_hz: CPU frequency F_n, (N,), cycles/s.
        capacity: places M_n^max, (N,).
        link_cost: a_mn, what each link costs by itself, (M, N), seconds: its delay, unless the
            scenario weights delays or energy.
        allowed: whether a task may be given to a server, places left aside, (M, N); of length 0
            where all may.
        wait: W_n / F_n, how long work left over from earlier slots keeps a server, (N,), seconds,
            which the links' delays include; of length 0 where slots do not follow one another.
        last_server: the server that ran each device's task last, (M,), -1 where none did; of length
            0 where services stay nowhere.
        slots_left: how many slots of the episode follow.
        slot_s: length of the slot tau, seconds; 0 where slots do not follow one another.
        for_reward: what the reward has worked out of it, (K...), see `Prepare`.
        load: tasks on each server u_n so far, (N,).
        sqrt_load: sum of `sqrt_cycles` over them, (N,); what Eq. (20) needs.
    """

    tx_delay: Any
    task_cycles: Any
    sqrt_cycles: Any
    server_hz: Any
    capacity: Any
    link_cost: Any
    allowed: Any
    wait: Any
    last_server: Any
    slots_left: Any
    slot_s: Any
    for_reward: Any
    load: Any
    sqrt_load: Any


Prepare = Callable[[Slot], NDArray[Any]]
"""From B slots with nothing assigned, as arrays, to what a reward knows of each, (B, K...)."""


def nothing(slots: Slot) -> NDArray[Any]:
    """Return what a reward knows that takes a slot as it is: (B, 0)."""
    return np.empty((len(slots.task_cycles), 0))


@kernel
def slot_at(slots: Slot, row: int) -> Slot:
    """Return one slot of a batch, as views of its arrays."""
    return Slot(
        slots.tx_delay[row],
        slots.task_cycles[row],
        slots.sqrt_cycles[row],
        slots.server_hz[row],
        slots.capacity[row],
        slots.link_cost[row],
        slots.allowed[row],
        slots.wait[row],
        slots.last_server[row],
        slots.slots_left[row],
        slots.slot_s[row],
        slots.for_reward[row],
        slots.load[row],
        slots.sqrt_load[row],
    )


@kernel
def assign(slot: Slot, device: Index, server: Index) -> None:
    """Give a device's task to a server: one more in its load."""
    slot.load[server] += 1
    slot.sqrt_load[server] += slot.sqrt_cycles[device]


@kernel
def is_open(slot: Slot, device: int, server: int) -> bool:
    """Return whether a device may be given to a server, which has a free place for it."""
    if slot.load[server] >= slot.capacity[server]:
        return False
    return len(slot.allowed) == 0 or bool(slot.allowed[device][server])


@kernel
def write_mask(slot: Slot, device: int, mask: Any) -> None:
    """Write 1 for each server that is open to a device, else 0, (N,).

    Where none is, it is 1 for those allowed, though they are full, and where none is allowed, for
    all. After the last device it is 1 for each server with a free place.
    """
    if len(slot.allowed) == 0 or device == len(slot.task_cycles):
        for server in range(len(slot.server_hz)):
            mask[server] = slot.load[server] < slot.capacity[server]
        return
    found = False
    for server in range(len(slot.server_hz)):
        mask[server] = is_open(slot, device, server)
        found = found or mask[server] > 0
    if found:
        return
    for server in range(len(slot.server_hz)):
        mask[server] = slot.allowed[device][server]
        found = found or mask[server] > 0
    if not found:
        for server in range(len(slot.server_hz)):
            mask[server] = 1


def copy_of(slot: Slot) -> Slot:
    """Return a copy of one slot in plain numbers."""
    return copy.deepcopy(slot)


class State:
    """One slot, or a batch of B slots, whose devices are assigned in order.

    Attributes:
        gains_change: whether their gains change within the slot.
        slot: their numbers, and what the decisions so far have put on each server: lists for one
            slot, arrays with a leading dimension for a batch.
        device: the device to decide on next, 0..M; M when all are assigned.
        assignment: server of each device so far, (..., M); -1 for those to come.
        last: the server chosen last; before the first decision there is none.
        rows: what stands before a server or device to index an array of a batch; () for one slot.
        prepared: what an observation has worked out of the slots, see `Observation.prepare`.

    Args:
        instance: the slots.
        prepare: what works out what the reward knows of them.
    """

    __slots__ = (
        "_bars",
        "_instance",
        "_mask",
        "_num_devices",
        "assignment",
        "device",
        "gains_change",
        "last",
        "prepared",
        "rows",
        "slot",
    )

    rows: tuple[Index, ...]

    def __init__(self, instance: Instance, prepare: Prepare = nothing) -> None:
        steady, batch = _steady(instance, prepare), instance.batch_shape
        if batch:
            slot = Slot._make((*map(_read_only, steady), *_unloaded(instance)))
        else:
            slot = _listed([field[None] for field in steady], 0)
        self.rows = tuple(np.arange(size) for size in batch)
        self._begin(instance, slot, *_undecided(instance))

    @classmethod
    def of_one(
        cls,
        slot: Slot,
        undecided: IntArray,
        mask: NDArray[np.int8],
        find: Callable[[], Instance],
    ) -> Self:
        """Return the state of a slot in plain numbers with nothing assigned, whose gains stay.

        Args:
            slot: its numbers.
            undecided: -1 for each device, (M,); it is written to.
            mask: see `write_mask`, (N,); it is written to.
            find: returns it as an instance, where that is asked for.
        """
        state = object.__new__(cls)
        state.rows = ()
        state._begin(find, slot, undecided, mask)
        return state

    def _begin(
        self,
        instance: "Instance | tuple[Instance, int] | Callable[[], Instance]",
        slot: Slot,
        assignment: IntArray,
        mask: NDArray[np.int8],
    ) -> None:
        self._instance = instance
        self.slot, self.assignment, self._mask = slot, assignment, mask
        made = isinstance(instance, Instance | tuple)  # else of a slot whose gains stay
        self.gains_change = made and self._batch.step_gain is not None
        self.device = 0
        self.prepared: Any = None
        self._num_devices = assignment.shape[-1]
        self._bars = len(slot.allowed) > 0 and len(slot.allowed[0]) > 0
        if self._bars:
            self._mask_anew()

    @property
    def _batch(self) -> Instance:
        """The slots, or those among which the one is, where they are at hand."""
        found = self._instance
        return found[0] if isinstance(found, tuple) else self.instance

    @property
    def instance(self) -> Instance:
        """The slots; with no or one leading dimension."""
        found = self._instance
        if isinstance(found, tuple):  # it is only taken out where it is asked for
            batch, row = found
            found = batch[row]
        elif not isinstance(found, Instance):
            found = found()
        self._instance = found
        return found

    @property
    def done(self) -> bool:
        """Whether every device is assigned."""
        return bool(self.device == self._num_devices)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Whether each server has a free place, (..., N), a copy."""
        return self._mask.astype(np.bool_)

    @property
    def mask(self) -> NDArray[np.int8]:
        """1 for each server with a free place, else 0, (..., N), a copy."""
        return self._mask.copy()

    @property
    def load(self) -> IntArray:
        """Tasks on each server u_n so far, (..., N), a copy."""
        return np.array(self.slot.load)

    @property
    def sqrt_load(self) -> FloatArray:
        """Sum of sqrt(C) over the tasks on each server so far, (..., N), a copy."""
        return np.array(self.slot.sqrt_load)

    def at(self, index: Index) -> Index:
        """Return where a device or a server stands in the lists or arrays of `slot`."""
        return (*self.rows, index) if self.rows else index

    def assign(self, server: Index) -> None:
        """Give the current device to a server and go on to the next device."""
        slot = self.slot
        device: Index = self.device
        at_server = server
        if self.rows:
            device, at_server = (*self.rows, device), (*self.rows, server)
        assign(slot, device, at_server)
        free = slot.load[at_server] < slot.capacity[at_server]
        if free is not True:  # an array, or a server that is full now
            self._mask[at_server] = free
        self.assignment[device] = server
        self.device += 1
        self.last = server
        if self._bars:
            self._mask_anew()

    def _mask_anew(self) -> None:
        """Write the mask of the current device, where links may be barred; see `write_mask`."""
        slot = self.slot
        if not self.rows:
            write_mask(slot, self.device, self._mask)
            return
        self._mask[...] = slot.load < slot.capacity
        if self.device < self._num_devices:
            allowed = slot.allowed[:, self.device]
            self._mask &= allowed
            for others in (allowed, True):
                none = ~self._mask.any(axis=-1, keepdims=True)
                self._mask[...] = np.where(none, others, self._mask)

    def allocate(self) -> tuple[FloatArray, FloatArray]:
        """Return CPU frequency, cycles/s, and delay, s, of each task so far, (..., device).

        Eqs. (20), (21).
        """
        assigned = self.assignment[..., : self.device]
        if self.rows or self.slot.server_hz[-1] == math.inf:  # with columns
            return system.allocate(self.instance, assigned, self.sqrt_load)
        slot, servers = self.slot, assigned.tolist()
        cpu_hz = [
            equations.cpu_share(slot.server_hz[server], sqrt_cycles, slot.sqrt_load[server])
            for server, sqrt_cycles in zip(servers, slot.sqrt_cycles, strict=False)
        ]
        delay = [
            equations.task_delay(links[server], cycles, hz)
            for server, links, cycles, hz in zip(
                servers, slot.tx_delay, slot.task_cycles, cpu_hz, strict=False
            )
        ]
        return np.array(cpu_hz), np.array(delay)


class States:
    """The states of a batch's slots, one by one, each as `State(instance[row], prepare)` is."""

    def __init__(self, instance: Instance, prepare: Prepare = nothing) -> None:
        self._instance = instance
        self._steady = _steady(instance, prepare)
        self._undecided = _undecided(instance)

    def __len__(self) -> int:
        return len(self._instance)

    def __getitem__(self, row: int) -> State:
        """Return the state of a slot before its first decision, a new one each time."""
        # Numbers of one slot at a time: many lists at once keep the garbage collector busy.
        slot = _listed(self._steady, row)
        assignment, mask = self._undecided
        state = object.__new__(State)
        state.rows = ()
        state._begin((self._instance, row), slot, assignment[row].copy(), mask[row].copy())
        return state


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


def _steady(instance: Instance, prepare: Prepare) -> tuple[NDArray[Any], ...]:
    """Return what a `Slot` has that no decision changes."""
    actions = links.of(instance)
    steady = (
        actions.delay,
        instance.task_cycles,
        links.size(instance),
        links.server_hz(instance),
        links.capacity(instance),
        actions.cost,
        actions.allowed,
        *_of_time(instance),
    )
    return (*steady, _prepared(steady, instance, prepare))


def _of_time(instance: Instance) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
    """Return wait, last_server, slots_left and slot_s, with the instance's leading dimensions."""
    lead, backlog = instance.batch_shape, instance.backlog_cycles
    last, left, slot_s = instance.last_server, instance.slots_left, instance.slot_s
    return (
        np.empty((*lead, 0)) if backlog is None else links.wait(instance),
        np.empty((*lead, 0), np.int64) if last is None else last,
        np.zeros(lead, np.int64) if left is None else left,
        np.zeros(lead) if slot_s is None else slot_s,
    )


def _prepared(
    steady: tuple[NDArray[Any], ...], instance: Instance, prepare: Prepare
) -> NDArray[Any]:
    """Return what the reward knows of slots, with their leading dimensions."""
    lead = instance.batch_shape
    if prepare is nothing:
        return np.empty((*lead, 0))
    fields = (*steady, np.empty((*lead, 0)), *_unloaded(instance))
    count = math.prod(lead)
    made = prepare(Slot._make(field.reshape(count, *field.shape[len(lead) :]) for field in fields))
    return made.reshape(*lead, *made.shape[1:])


def unassigned(instance: Instance, prepare: Prepare = nothing) -> Slot:
    """Return slots with nothing assigned; arrays of their own numbers, and 0 as load."""
    return Slot._make((*_steady(instance, prepare), 0, 0))


def _listed(steady: Sequence[NDArray[Any]], row: int) -> Slot:
    """Return one of the slots that `_steady` returned, in plain numbers, with nothing assigned.

    Python's own numbers are several times faster one by one than NumPy's. Links that cost their
    delay are listed once.
    """
    delay, cycles, sqrt_cycles, server_hz, capacity, cost, allowed, *of_time, known = steady
    wait, last, left, slot_s = of_time
    links, speeds = delay[row].tolist(), server_hz[row].tolist()
    return Slot(
        links,
        cycles[row].tolist(),
        sqrt_cycles[row].tolist(),
        speeds,
        capacity[row].tolist(),
        links if cost is delay else cost[row].tolist(),
        allowed[row].tolist() if allowed.size else [],
        wait[row].tolist() if wait.size else [],
        last[row].tolist() if last.size else [],
        int(left[row]),
        float(slot_s[row]),
        known[row].tolist() if known.size else [],
        [0] * len(speeds),
        [0.0] * len(speeds),
    )


def plain(slots: Slot, row: int, tasks: int, earned: int) -> Slot:
    """Return the slot in a row of arrays in plain numbers, with nothing assigned.

    Args:
        slots: in rows of M devices.
        row: of the slot.
        tasks: how many devices it has; they stand first.
        earned: how many entries of `for_reward` count, along its first axis.
    """
    links, cost = slots.tx_delay[row, :tasks].tolist(), slots.link_cost
    speeds = slots.server_hz[row].tolist()
    return Slot(
        links,
        slots.task_cycles[row, :tasks].tolist(),
        slots.sqrt_cycles[row, :tasks].tolist(),
        speeds,
        slots.capacity[row].tolist(),
        links if cost is slots.tx_delay else cost[row, :tasks].tolist(),
        slots.allowed[row, :tasks].tolist() if slots.allowed.size else [],
        slots.wait[row].tolist(),
        slots.last_server[row, :tasks].tolist() if slots.last_server.size else [],
        slots.slots_left[row].item(),
        slots.slot_s[row].item(),
        slots.for_reward[row, :earned].tolist() if slots.for_reward.size else [],
        [0] * len(speeds),
        [0.0] * len(speeds),
    )


def _unloaded(instance: Instance) -> tuple[IntArray, FloatArray]:
    """Return load and sqrt_load before the first decision."""
    shape = (*instance.batch_shape, instance.num_actions)
    return np.zeros(shape, np.int64), np.zeros(shape)


def _undecided(instance: Instance) -> tuple[IntArray, NDArray[np.int8]]:
    """Return assignment and mask before the first decision."""
    assignment = np.full(instance.task_cycles.shape, -1, dtype=np.int64)
    return assignment, (links.capacity(instance) > 0).astype(np.int8)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in C order; always read-only, as loops are compiled for each of the two."""
    kept = np.ascontiguousarray(array).view()
    kept.flags.writeable = False
    return kept
