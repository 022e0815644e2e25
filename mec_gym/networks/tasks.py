"""Tasks of a table: what a scenario draws its tasks from, or a slot is made of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import ranges
from mec_gym.networks.columns import Column
from mec_gym.networks.places import DEGREES, METRES
from mec_gym.networks.rows import Rows
from mec_gym.networks.tables import Rules, Table
from mec_gym.networks.times import twice

FloatArray = NDArray[np.float64]

COLUMNS = (
    Column("bits", "bits", also=("task_bits",), needed=True),
    Column("cycles", "CPU cycles", also=("task_cycles",), needed=True),
    Column("weight", also=("delay_weight",)),
    Column("deadline", "s", also=("deadline_s",)),
    Column("service", kind="name"),
    *METRES,
    *(replace(column, needed=False) for column in DEGREES),
    Column("slot", kind="whole", high=2**53, closed=True, without="time_s"),
    Column("time_s", "s", also=("time",), high=1e11, closed=True),
    Column(
        "device",
        kind="name",
        also=("device_id", "vehicle", "vehicle_id", "user", "user_id"),
    ),
)
"""What a table of tasks may have; bits and cycles it must."""


def _wrong_tasks(table: Table, numbers: NDArray[np.int64], where: str) -> Iterator[tuple[int, str]]:
    """Return the rows by which a device has two tasks at once; see `Rules.wrong`."""
    name = "slot" if "slot" in table else "time_s"
    if not {name, "device"} <= table.keys():
        return
    found = {row: before for before, row in twice(table[name], table["device"])}
    for row, before in sorted(found.items()):
        yield (
            int(numbers[row]),
            f"device: {where} {numbers[before]} has a task of {str(table['device'][row])!r} at"
            f" {name} {table[name][row]:.15g} already, and a device has one at most; take one out",
        )


@dataclass(frozen=True, eq=False, repr=False)
class Tasks(Rows):
    """Tasks, R of them; arrays are read-only. `of` makes them of files, rows and columns.

    Attributes:
        bits: input size S_m, (R,), bits.
        cycles: work C_m, (R,), CPU cycles.
        weight: w^T, what a second of the task's delay costs, (R,).
        deadline: the delay that it should keep to, (R,), seconds.
        service: the name of the service that it needs, (R,), texts.
        x: where its device is, (R,), m, with `y`.
        y: see `x`.
        lat: the same in degrees, (R,), with `lon`.
        lon: see `lat`.
        slot: the slot in which it arrives, (R,).
        time_s: in place of it the time, (R,), s.
        device: what its device is called, (R,), texts.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS
    RULES: ClassVar[Rules] = Rules(wrong=_wrong_tasks)

    bits: FloatArray
    cycles: FloatArray
    weight: FloatArray | None = None
    deadline: FloatArray | None = None
    service: NDArray[np.str_] | None = None
    x: FloatArray | None = None
    y: FloatArray | None = None
    lat: FloatArray | None = None
    lon: FloatArray | None = None
    slot: NDArray[np.int64] | None = None
    time_s: FloatArray | None = None
    device: NDArray[np.str_] | None = None

    @property
    def bits_range(self) -> tuple[float, float]:
        """The least and the greatest input size, bits."""
        return float(self.bits.min()), float(self.bits.max())

    @property
    def cycles_range(self) -> tuple[float, float]:
        """The least and the most work, cycles."""
        return float(self.cycles.min()), float(self.cycles.max())

    @property
    def weighted_cycles(self) -> FloatArray:
        """w^T C_m, (R,), cycles; C_m itself without weights."""
        return self.cycles if self.weight is None else self.weight * self.cycles

    @cached_property
    def mean_sqrt_cycles(self) -> float:
        """The mean of sqrt(w^T C_m) over the rows, sqrt(cycles)."""
        return float(np.sqrt(self.weighted_cycles).mean())

    def cycles_quantiles(self, count: int) -> FloatArray:
        """Return so many equally likely values of w^T C_m, rising, (count,), cycles."""
        middles = (np.arange(count) + 0.5) / count
        return np.sort(self.weighted_cycles)[self.rows(middles)]

    def rows(self, unit: FloatArray) -> NDArray[np.int64]:
        """Return the rows that numbers uniform on [0, 1) draw, each equally likely."""
        return ranges.rows(unit, len(self))

    @cached_property
    def places_m(self) -> FloatArray | None:
        """Where each device is, (R, 2), m; None: the table does not say."""
        return None if self.x is None or self.y is None else np.stack([self.x, self.y], axis=-1)

    def by_slot(self) -> dict[int, Self]:
        """Return the tasks of each arrival slot, in the order of the slots; one slot, 0, if none.

        Within a slot they stay in their order.

        Raises:
            ValueError: they have times, of which nobody says how long a slot is.
        """
        if self.time_s is not None:
            raise ValueError(
                "column 'time_s': how long a slot is is not said here; give a column 'slot' in its"
                " place"
            )
        if self.slot is None:
            return {0: self}
        order = np.argsort(self.slot, kind="stable")
        slots, begins = np.unique(self.slot[order], return_index=True)
        parts = np.split(order, begins[1:])
        return {int(slot): self[part] for slot, part in zip(slots, parts, strict=True)}
