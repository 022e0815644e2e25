"""Episodes: slots that follow one another, and what each leaves to the next.

Nothing of an episode depends on decisions but what is carried from slot to slot: the work left over
on each server, and the server that has each device's service. With it each slot is an `Instance` of
its own, so that every bound and policy for slots knows it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, system
from mec_gym.instance import Instance
from mec_gym.io.files import ARRAYS_LIMIT, read_npz
from mec_gym.io.messages import one_line

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ABSENT = -1
"""The server of a device that has no task in a slot."""


class Carried(NamedTuple):
    """What one slot leaves to the next.

    Attributes:
        backlog_cycles: work W_n not finished on each server, (..., N), cycles.
        last_server: server that ran each device's task last, (..., M); -1: none did.
    """

    backlog_cycles: FloatArray
    last_server: IntArray


@dataclass(frozen=True, eq=False)
class Episodes:
    """Episodes of K slots, along leading dimensions, but for what decisions carry on.

    Attributes:
        slots: every slot with all devices, as it would be if nothing came before, (..., K).
        present: which devices have a task in a slot, (..., K, M); the others decide nothing.
        waits: whether work left over waits for the next slot, or is forgotten.
    """

    slots: Instance
    present: NDArray[np.bool_]
    waits: bool

    def __post_init__(self) -> None:
        shape = (*self.slots.batch_shape, self.slots.num_devices)
        if not self.slots.batch_shape:
            raise ValueError("slots: one slot is no episode; give (..., K) of them")
        if self.present.dtype != np.bool_ or self.present.shape != shape:
            raise ValueError(
                f"present: {self.present.dtype} of shape {self.present.shape}; must be booleans"
                f" {shape}: slot, device"
            )
        of_time, lengths = ("backlog_cycles", "slots_left", "slot_s"), self.slots.slot_s
        if lengths is None or self.slots.backlog_cycles is None:
            raise ValueError(f"slots: they follow no others; give {', '.join(of_time)}")
        if (lengths != lengths.flat[0]).any():
            raise ValueError("slot_s: slots of an episode are of one length")

    @property
    def slot_s(self) -> float:
        """Length of a slot tau, s."""
        assert self.slots.slot_s is not None  # else they are refused
        return float(self.slots.slot_s.flat[0])

    @property
    def num_slots(self) -> int:
        """How many slots an episode has, K."""
        return self.slots.batch_shape[-1]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading dimensions; empty for one episode."""
        return self.slots.batch_shape[:-1]

    def __len__(self) -> int:
        if not self.batch_shape:
            raise TypeError("this is one episode and has no length; num_slots are its slots")
        return self.batch_shape[0]

    def __getitem__(self, index: Any) -> Self:
        """Return the episodes at `index` of the leading dimensions."""
        if not self.batch_shape:
            raise TypeError("this is one episode and cannot be indexed; slot(k, ...) is a slot")
        return replace(self, slots=self.slots[index], present=self.present[index])

    def __iter__(self) -> Iterator[Self]:
        return (self[row] for row in range(len(self)))

    def begin(self) -> Carried:
        """Return what the first slot begins with: no work left over, no service anywhere."""
        lead = self.batch_shape
        return Carried(
            np.zeros((*lead, self.slots.num_servers)),
            np.full((*lead, self.slots.num_devices), -1, np.int64),
        )

    def slot(self, number: int, carried: Carried) -> Instance:
        """Return a slot as it is after those before it, all devices in it, (...)."""
        found = self.slots[(..., number)] if self.batch_shape else self.slots[number]
        made: dict[str, NDArray[Any]] = {"backlog_cycles": carried.backlog_cycles}
        if found.last_server is not None:
            made["last_server"] = carried.last_server
        return Instance.trusted(**found.arrays() | made)

    def after(self, number: int, carried: Carried, assignment: IntArray) -> Carried:
        """Return what a slot leaves to the next.

        Args:
            number: of the slot.
            carried: what it began with.
            assignment: action of each device, (..., M); -1 of those that have no task.
        """
        found = self.slots[(..., number)] if self.batch_shape else self.slots[number]
        num_servers = found.num_servers
        served = (assignment >= 0) & (assignment < num_servers)
        backlog = carried.backlog_cycles
        if self.waits:
            at = np.where(served, assignment, 0)
            work = system.server_sums(np.where(served, found.task_cycles, 0.0), at, num_servers)
            backlog = equations.backlog_after(backlog, work, found.server_hz, self.slot_s)
        return Carried(backlog, np.where(served, assignment, carried.last_server))

    def save(self, path: str | Path) -> None:
        """Write the episodes to an npz file at exactly `path`."""
        arrays = self.slots.arrays() | {"present": self.present}
        with open(path, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays, waits=np.array(self.waits))

    @classmethod
    def load(cls, path: str | Path, limit: int = ARRAYS_LIMIT) -> Self:
        """Read episodes from an npz file; nothing in it is unpickled.

        Raises:
            ValueError: the file is missing, or holds no episodes; the message says why.
        """
        try:
            arrays = read_npz(path, limit)
            missing = [name for name in ("present", "waits") if name not in arrays]
            if missing:
                raise ValueError(f"it holds no {missing[0]}, so slots that follow no others")
            present, waits = arrays.pop("present"), arrays.pop("waits")
            return cls(Instance(**arrays), present, bool(waits))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a file of episodes: {one_line(error)}") from None


class Played(NamedTuple):
    """What a policy made of episodes.

    Attributes:
        assignment: action of each device, (..., K, M); -1 of those that have no task.
        cost: of each task, (..., K, M), seconds; 0 of those that have none.
        delay: of each task, (..., K, M), seconds; 0 of those that have none.
        backlog_cycles: work left over when each slot ends, (..., K, N), cycles.
    """

    assignment: IntArray
    cost: FloatArray
    delay: FloatArray
    backlog_cycles: FloatArray


class Decided(NamedTuple):
    """A slot of an episode, and what was decided in it.

    Attributes:
        number: of the slot, from 0.
        slot: of the devices that have a task, after the slots before it.
        devices: which these are, (m,).
        assignment: their actions, (m,).
        backlog_s: work left over on each server as it ends, W_n / F_n, (N,), seconds.
    """

    number: int
    slot: Instance
    devices: IntArray
    assignment: IntArray
    backlog_s: FloatArray


def follow(episode: Episodes, assignment: IntArray) -> Iterator[Decided]:
    """Yield the slots of one episode as an assignment decides them; those without a task are not.

    Args:
        episode: without leading dimensions.
        assignment: action of each device, (K, M); -1 of those that have no task.
    """
    carried = episode.begin()
    for number in range(episode.num_slots):
        slot, present = episode.slot(number, carried), episode.present[number]
        carried = episode.after(number, carried, assignment[number])
        if present.any():
            devices = np.flatnonzero(present)
            left = carried.backlog_cycles / slot.server_hz
            chosen = assignment[number, devices]
            yield Decided(number, slot.of_devices(devices), devices, chosen, left)


Choose = Callable[[Instance, int], NDArray[Any]]
"""From slots (B,) of devices that all have tasks, and the slot's number, to actions (B, m)."""


Watch = Callable[[IntArray, Instance, IntArray], None]
"""What is told, of slots that have been decided, which episodes' they are, and their actions."""


def play(episodes: Episodes, choose: Choose, watch: Watch | None = None) -> Played:
    """Play episodes (B,) slot by slot; in each, `choose` sees those that are of the same size."""
    count, num_slots = len(episodes), episodes.num_slots
    size = (count, num_slots, episodes.slots.num_devices)
    assignment = np.full(size, ABSENT, np.int64)
    cost, delay = np.zeros(size), np.zeros(size)
    backlog = np.empty((count, num_slots, episodes.slots.num_servers))
    carried = episodes.begin()
    for number in range(num_slots):
        slots, present = episodes.slot(number, carried), episodes.present[:, number]
        for rows, some, devices in of_equal_size(slots, present):
            chosen = np.asarray(choose(some, number))
            at = rows[:, None], number, devices
            assignment[at] = chosen
            cost[at] = system.task_costs(some, chosen)
            delay[at] = system.task_delays(some, chosen)
            if watch is not None:
                watch(rows, some, chosen)
        carried = episodes.after(number, carried, assignment[:, number])
        backlog[:, number] = carried.backlog_cycles
    return Played(assignment, cost, delay, backlog)


def of_equal_size(
    slots: Instance, present: NDArray[np.bool_]
) -> Iterator[tuple[IntArray, Instance, IntArray]]:
    """Yield slots (B,) in groups with as many tasks, without the devices that have none.

    Args:
        slots: with all devices.
        present: which of them have a task, (B, M).

    Yields:
        the rows of a group, (G,), its slots with m devices, and which these are, (G, m).
    """
    tasks = present.sum(axis=-1)
    for size in np.unique(tasks[tasks > 0]):
        rows = np.flatnonzero(tasks == size)
        devices = np.nonzero(present[rows])[1].reshape(len(rows), size)
        yield rows, slots[rows].of_devices(devices), devices
