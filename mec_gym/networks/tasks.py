"""Tasks of a table: what a scenario draws its tasks from, or a slot is made of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym.io.messages import quoted
from mec_gym.networks import tables
from mec_gym.networks.columns import Column, placed

FloatArray = NDArray[np.float64]

COLUMNS = (
    Column("bits", "bits", also=("task_bits",), needed=True),
    Column("cycles", "CPU cycles", also=("task_cycles",), needed=True),
    Column("weight", also=("delay_weight",)),
    Column("deadline", "s", also=("deadline_s",)),
    Column("service", kind="name"),
    Column("x", "m", also=("x_m",), low=-1e7, high=1e7, closed=True, beside="y"),
    Column("y", "m", also=("y_m",), low=-1e7, high=1e7, closed=True, beside="x"),
    Column(
        "lat", "degrees", ("latitude",), low=-90, high=90, closed=True, beside="lon", without="x"
    ),
    Column("lon", "degrees", ("longitude",), low=-180, high=180, closed=True, beside="lat"),
    Column("slot", kind="whole", high=2**53, closed=True),
)
"""What a table of tasks may have; bits and cycles it must."""


@dataclass(frozen=True, eq=False)
class Tasks:
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

    Raises:
        ValueError: an array is not as said.
    """

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

    def __post_init__(self) -> None:
        arrays = {name: np.asarray(array) for name, array in self.arrays().items()}
        placed(list(arrays), COLUMNS, ())
        kinds = {column.name: column for column in COLUMNS}
        shapes = {array.shape for array in arrays.values()}
        if (
            shapes != {(np.size(self.bits),)}
            or (0,) in shapes
            or not all(kinds[name].holds(array) for name, array in arrays.items())
        ):
            arrays = tables.from_columns(arrays, COLUMNS)  # which says what is wrong
        self.__setstate__(
            {name: np.array(array, kinds[name].dtype) for name, array in arrays.items()}
        )

    def __setstate__(self, arrays: dict[str, Any]) -> None:
        for array in arrays.values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        self.__dict__.update(arrays)

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return the tasks that are given in any way: a CSV file's path, rows, columns, themselves.

        Raises:
            ValueError: they are none of these, or some are wrong; see `tables.read_csv`.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str | PathLike):
            return cls(**tables.read_csv(fspath(given), COLUMNS))
        if isinstance(given, Mapping):
            return cls(**tables.from_columns(given, COLUMNS))
        if isinstance(given, list | tuple):
            return cls(**tables.from_rows(given, COLUMNS))
        raise ValueError(
            f"{quoted(given)} is neither a CSV file's path nor a table of columns nor a list of"
            " rows"
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns that there are, by name."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in columns.items() if array is not None}

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that there are as lists; `of` makes the same tasks of them."""
        return {name: array.tolist() for name, array in self.arrays().items()}

    def __len__(self) -> int:
        return len(self.bits)

    def __getitem__(self, rows: Any) -> Self:
        """Return the tasks of some rows (a slice, mask or array of numbers)."""
        return type(self)(**{name: array[rows] for name, array in self.arrays().items()})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tasks) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Tasks({len(self)} rows of {', '.join(self.arrays())})"

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that they are, in hexadecimal."""
        found = hashlib.sha256()
        for name, array in self.arrays().items():
            content = "\n".join(array) if name == "service" else array.tobytes()
            part = content.encode() if isinstance(content, str) else content
            found.update(f"{name} {len(part)} ".encode() + part)
        return found.hexdigest()

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
        return np.minimum((unit * len(self)).astype(np.int64), len(self) - 1)

    @cached_property
    def places_m(self) -> FloatArray | None:
        """Where each device is, (R, 2), m; None: the table does not say."""
        return None if self.x is None or self.y is None else np.stack([self.x, self.y], axis=-1)

    def by_slot(self) -> dict[int, Self]:
        """Return the tasks of each arrival slot, in the order of the slots; one slot, 0, if none.

        Within a slot they stay in their order.
        """
        if self.slot is None:
            return {0: self}
        order = np.argsort(self.slot, kind="stable")
        slots, begins = np.unique(self.slot[order], return_index=True)
        parts = np.split(order, begins[1:])
        return {int(slot): self[part] for slot, part in zip(slots, parts, strict=True)}
