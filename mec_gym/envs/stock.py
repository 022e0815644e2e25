"""The slots that the copies of a batch have drawn ahead, each from a generator of its own."""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import links, mdp, options
from mec_gym.envs import loops, pcg64
from mec_gym.envs.filling import Filling
from mec_gym.envs.option_loops import Kept
from mec_gym.instance import Instance
from mec_gym.mdp import Prepare, Slot, State
from mec_gym.observations import Observation
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


GAINS_KEPT = 1 << 16
"""Slots are drawn ahead, about so many gains in all, to stay within the cache."""

_GAINS_AT_ONCE = 1 << 15
"""They are worked out about so many gains at a time."""

FOR_GAIN = 3
"""Where a scenario has options, an action takes about so many times the room of a gain."""


class Stock:
    """Slots in rows, `layers` of one for each copy, and one more layer for slots that are given.

    A copy's layers are filled a part at a time: with a part to play and a part to fill, other
    threads fill while the batch plays. Each copy's numbers come from its own generator in order,
    so its slots do not depend on when they are drawn, or by which thread.

    Args:
        scenario: what slots are drawn from.
        observer: what shows them.
        num_envs: how many copies, B.
        num_threads: how many threads draw, the one that plays among them.
        prepare: what works out what the reward knows of them.

    Attributes:
        slots: a `Slot` with a row for each slot.
        kept: what else their outcomes take, rows as well.
        prepared: what the observation has worked out of each, see `Observation.prepare`.
        layers: how many slots of a copy there is room for.
        seeded: whether the copies have generators.
    """

    def __init__(
        self,
        scenario: Scenario,
        observer: Observation,
        num_envs: int,
        num_threads: int,
        prepare: Prepare = mdp.nothing,
    ) -> None:
        self._scenario, self._observer, self._num_envs = scenario, observer, num_envs
        self._prepare = prepare
        self._threads = num_threads
        self._size, self._gains = self._takes()
        self._gains_at_once = scenario.num_gains * scenario.slots
        kept = min(max(1, GAINS_KEPT // (num_envs * self._gains)), 64)
        self._parts = 1 if kept == num_threads == 1 else 2
        self._depth = max(1, kept // self._parts)  # slots in a part
        self.layers = self._parts * self._depth
        self._make_room(num_envs * (self.layers + 1))
        self.seeded = False
        self._generators = np.zeros((num_envs, 4), dtype=np.uint64)  # states, see `pcg64`
        self._uniforms, self._begin = pcg64.uniforms(), loops.begin()
        self._drawn = np.zeros(num_envs, dtype=np.int64)  # parts of each copy, drawn so far
        self._begun = np.zeros(num_envs, dtype=np.int64)  # slots of each copy
        self._pending: list[tuple[Future[None], IntArray]] = []
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def _takes(self) -> tuple[int, int]:
        """Return how many uniform numbers a slot takes, and the room of how many gains."""
        gains = self._scenario.num_gains
        if not options.is_plain(self._scenario):
            gains += FOR_GAIN * self._scenario.num_devices * self._scenario.num_actions
        return self._scenario.num_uniforms, gains

    def _make_room(self, rows: int) -> None:
        """Make room for slots in so many rows."""
        scenario, observer = self._scenario, self._observer
        sample = scenario.sample(1, 0)
        self.slots = room(scenario, rows, State(sample, self._prepare).slot.for_reward)
        self.kept = room_beside(scenario, rows)
        prepared = observer.prepare(sample)
        self.prepared = np.empty((rows, *prepared.shape[1:]), prepared.dtype)
        self._filling = Filling.of(scenario, observer)

    @property
    def first_given(self) -> int:
        """The row of the first copy's slot among those that are given."""
        return self.layers * self._num_envs

    def seed(self, made: dict[int, np.random.Generator]) -> None:
        """Let some copies draw from other generators; what they have drawn ahead is void."""
        self._wait()
        for row, generator in made.items():
            self._generators[row] = pcg64.packed(generator)
            self._drawn[row] = self._begun[row] = 0
            self.seeded = True

    def generators(self) -> list[np.random.Generator]:
        """Return what each copy drew the slot from that it began last, at its beginning."""
        self._wait()
        beyond = (self._drawn * self._depth - self._begun + 1) * self._size
        made = [pcg64.unpacked(state) for state in self._generators]
        for generator, numbers in zip(made, beyond.tolist(), strict=True):
            generator.bit_generator.advance(-numbers)  # type: ignore[attr-defined]  # PCG64 has it
        return made

    def begin_next(self, copies: IntArray) -> IntArray:
        """Return the rows of the next slots of some copies, whose present slots are over."""
        rows = np.empty(len(copies), dtype=np.int64)
        counts = copies, self._begun, self._drawn, self._depth, self.layers, rows
        if not self._begin(*counts):
            self._wait()
            if not self._begin(*counts):
                room = self._with_room()
                room[copies] |= self._begun[copies] == self._drawn[copies] * self._depth
                due = np.flatnonzero(room)
                self._fill(due)
                self._drawn[due] += 1
                self._begin(*counts)
        if self._threads > 1 and not self._pending:
            due = np.flatnonzero(self._with_room())
            if 2 * len(due) >= self._num_envs:  # fewer are not worth a thread
                for some in np.array_split(due, min(self._threads - 1, len(due))):
                    self._pending.append((self.pool.submit(self._fill, some), some))
        return rows

    def keep(self, slots: Instance, rows: IntArray) -> None:
        """Put slots, unassigned, into some rows."""
        for kept, values in zip(self.slots, mdp.unassigned(slots, self._prepare), strict=True):
            kept[rows] = values
        self.prepared[rows] = self._observer.prepare(slots)
        energy, own_hz, deadline_s = self.kept
        actions = links.of(slots)
        if energy.size:
            energy[rows] = actions.energy
        if own_hz.size:
            own_hz[rows] = actions.own_hz
        if deadline_s.size:
            deadline_s[rows] = slots.deadline_s

    def _prepare_for_reward(self, rows: IntArray) -> None:
        """Work out what the reward knows of the slots in some rows."""
        if self.slots.for_reward.size:
            self.slots.for_reward[rows] = self._prepare(
                Slot(*(field[rows] for field in self.slots))
            )

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The other threads, begun when first asked for, also after a fork."""
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(self._threads - 1)
        return self._pool[1]

    def close(self) -> None:
        """End the other threads; they begin anew where they are needed."""
        self._wait()
        if self._pool is not None:
            self._pool[1].shutdown()
            self._pool = None

    def __getstate__(self) -> dict[str, Any]:
        self._wait()
        return self.__dict__ | {"_pool": None}

    def _with_room(self) -> NDArray[np.bool_]:
        """Return which copies have left the part that is to be filled next, (B,)."""
        return np.asarray(self._begun > (self._drawn - self._parts + 1) * self._depth)

    def _wait(self) -> None:
        """Wait for the parts that other threads fill."""
        pending, self._pending = self._pending, []
        for future, copies in pending:
            future.result()
            self._drawn[copies] += 1

    def _fill(self, copies: IntArray) -> None:
        """Draw the next part of some copies."""
        depth, size = self._depth, self._size
        first = self._drawn % self._parts * depth * self._num_envs
        layers = np.arange(depth) * self._num_envs
        at_once = max(1, _GAINS_AT_ONCE // (self._gains_at_once * depth))
        unit = np.empty((min(at_once, len(copies)), depth * size))
        for some in _blocks(copies, at_once):
            drawn = unit[: len(some)]
            self._uniforms(self._generators, some, drawn)
            rows = ((first[some] + some)[:, None] + layers).ravel()
            self._write(drawn.reshape(-1, size), rows)

    def _write(self, unit: FloatArray, rows: IntArray) -> None:
        """Write the slots that uniform numbers make, (n, ...), into n rows."""
        if self._filling is None:
            self.keep(self._scenario.from_uniforms(unit), rows)
        else:
            self._filling.fill(unit, rows, self.slots, self.kept, self.prepared)
            self._prepare_for_reward(rows)


def room(scenario: Scenario, rows: int, for_reward: NDArray[Any]) -> Slot:
    """Return a `Slot` with room for so many slots of a scenario, in which nothing is assigned.

    Args:
        scenario: whose slots they are.
        rows: how many.
        for_reward: what the reward knows of some slots, (B, K...).
    """
    num_devices, num_actions = scenario.num_devices, scenario.num_actions
    each = (rows, num_devices, num_actions)
    delay = np.empty(each)
    weights = ("delay_weight", "energy_weight")
    weighted = any(options.given(scenario, name) is not None for name in weights)
    return Slot(
        tx_delay=delay,
        task_cycles=np.empty((rows, num_devices)),
        sqrt_cycles=np.empty((rows, num_devices)),
        server_hz=np.empty((rows, num_actions)),
        capacity=np.tile(scenario.places, (rows, 1)),
        link_cost=np.empty(each) if weighted else delay,
        allowed=np.empty(each if options.bars(scenario) else (rows, 0, 0), dtype=np.bool_),
        wait=np.empty((rows, 0)),
        last_server=np.empty((rows, 0), dtype=np.int64),
        slots_left=np.zeros(rows, dtype=np.int64),
        slot_s=np.zeros(rows),
        for_reward=np.empty((rows, *for_reward.shape[1:]), for_reward.dtype),
        load=np.zeros((rows, num_actions), dtype=np.int64),
        sqrt_load=np.zeros((rows, num_actions)),
    )


def room_beside(scenario: Scenario, rows: int) -> Kept:
    """Return room for what outcomes of a scenario's slots take, as far as it has options."""
    size, columns = scenario.num_devices, len(scenario.columns)
    takes_energy = scenario.energy_weight is not None or scenario.local_hz is not None
    deadline = options.given(scenario, "deadline_s")
    return Kept(
        energy=np.empty((rows, size, scenario.num_actions) if takes_energy else (rows, 0, 0)),
        own_hz=np.empty((rows, size, columns) if columns else (rows, 0, 0)),
        deadline_s=np.empty((rows, 0 if deadline is None else size)),
    )


def _blocks(copies: IntArray, size: int) -> Iterable[IntArray]:
    return (copies[start : start + size] for start in range(0, len(copies), size))
