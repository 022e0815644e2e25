"""Tables of moves: where devices are, time by time; of CSV files, columns, or SUMO's FCD."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym.networks import sumo
from mec_gym.networks.columns import Column
from mec_gym.networks.places import DEGREES, METRES, FloatArray, Places, wrong_places
from mec_gym.networks.projection import Projection
from mec_gym.networks.tables import Rules, Table
from mec_gym.networks.times import twice

_LATEST = 1e9


def _wrong_moves(table: Table, numbers: NDArray[np.int64], where: str) -> Iterator[tuple[int, str]]:
    """Return the rows that say twice where a device is, or places far from all others."""
    said = dict(wrong_places(table, numbers, where))
    name = "slot" if "slot" in table else "time_s"
    times = table[name]
    for before, row in twice(times, table["device"]):
        said.setdefault(
            int(numbers[row]),
            f"device: {where} {numbers[before]} says where {str(table['device'][row])!r} is at"
            f" {name} {times[row]:g}; take one out",
        )
    yield from sorted(said.items())


@dataclass(frozen=True, eq=False, repr=False)
class Moves(Places):
    """Where devices are at some times, R rows, in metres or in degrees.

    Attributes:
        slot: the slot in which it is there, (R,).
        time_s: in place of it the time, (R,), s.
        device: what the device is called, (R,), texts.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("slot", kind="whole", high=_LATEST, closed=True, needed=True, without="time_s"),
        Column("time_s", "s", ("time", "timestep_time"), high=_LATEST, closed=True),
        Column(
            "device",
            kind="name",
            also=("device_id", "id", "vehicle", "vehicle_id", "user", "user_id"),
            needed=True,
        ),
        *(replace(axis, also=(*axis.also, f"vehicle_{axis.name}")) for axis in METRES),
        *DEGREES,
    )
    RULES: ClassVar[Rules] = Rules(others=True, wrong=_wrong_moves)

    slot: NDArray[np.int64] | None = None
    time_s: FloatArray | None = None
    device: NDArray[np.str_] | None = None

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return what is given in any way: as a path, rows, columns, or as itself.

        A path that ends in .xml is SUMO's FCD (`sumo.read_fcd`), any other a CSV file.

        Raises:
            ValueError: it is none of these, or some rows are wrong; see `tables.read_csv`.
        """
        if isinstance(given, str | PathLike) and os.fspath(given).lower().endswith(".xml"):
            return cls.read_fcd(given)
        return super().of(given)

    @classmethod
    def read_fcd(
        cls, path: str | PathLike[str], begin: float | None = None, until: float | None = None
    ) -> Self:
        """Return the moves of SUMO's FCD from one time to another; see `sumo.read_fcd`.

        Raises:
            ValueError: it cannot be read, or holds what is no move.
        """
        columns = sumo.read_fcd(os.fspath(path), begin, until)
        try:
            return super().of(columns)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: of its vehicles, {error}") from None

    @property
    def times(self) -> FloatArray:
        """The slot or the time of each row, (R,), as the table has it."""
        times = self.slot if self.time_s is None else self.time_s
        assert times is not None  # one of the two is there
        return times.astype(np.float64)

    def between(self, begin: float | None, until: float | None) -> Self:
        """Return the rows from one time to another, both included.

        Raises:
            ValueError: there are none.
        """
        times = self.times
        kept = np.ones(len(times), np.bool_)
        if begin is not None:
            kept &= times >= begin
        if until is not None:
            kept &= times <= until
        if not kept.any():
            raise ValueError(
                f"no row is from begin {begin} to until {until}; the table is from"
                f" {times.min():g} to {times.max():g}"
            )
        return self if kept.all() else self[kept]

    def tracks(self, plane: Projection | None) -> "dict[str, tuple[FloatArray, FloatArray]]":
        """Return the times, rising, and the places (R_m, 2), m, of each device, by its name.

        Devices come in the order in which they are named first.
        """
        return dict(_tracks(self, plane))


@lru_cache(maxsize=8)
def _tracks(moves: Moves, plane: Projection | None) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    assert moves.device is not None  # a column that is needed
    names, first, which = np.unique(moves.device, return_index=True, return_inverse=True)
    order = np.lexsort((moves.times, which))
    ends = np.cumsum(np.bincount(which))
    times, places = moves.times[order], moves.metres(plane)[order]
    rows = [slice(end - count, end) for end, count in zip(ends, np.bincount(which), strict=True)]
    return {
        str(names[device]): (times[rows[device]], places[rows[device]])
        for device in np.argsort(first)
    }
