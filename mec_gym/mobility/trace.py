"""Devices whose ways a table says."""

import os
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo

from mec_gym.io.files import located
from mec_gym.io.messages import quoted
from mec_gym.io.settings import NotNegative
from mec_gym.mobility.base import Area, FloatArray, Mobility
from mec_gym.networks.moves import Moves
from mec_gym.networks.projection import Projection

MOST_MOVES = 100_000
"""Rows of a table that a scenario holds: its files have them all."""

_SLACK = 1e-6
"""Share of a slot by which a time may be off, as sums of slot lengths are."""

_MOST_TOLD = 3


def _moves(value: Any, info: ValidationInfo) -> Moves:
    begin, until = info.data.get("begin"), info.data.get("until")
    if isinstance(value, str | os.PathLike):
        value = located(value)
        if value.suffix.lower() == ".xml":
            value = Moves.read_fcd(value, begin, until)
    moves = Moves.of(value).between(begin, until)
    if len(moves) > MOST_MOVES:
        raise ValueError(
            f"{len(moves):,} rows; a scenario holds {MOST_MOVES:,} at most, so give begin and"
            " until, or a part of the table"
        )
    return moves


MoveTable = Annotated[Moves, PlainValidator(_moves), PlainSerializer(lambda moves: moves.columns())]
"""Moves as `Moves.of` takes them, a path of FCD among it; files hold their columns."""


class Trace(Mobility):
    """Devices are where a table says, the same in all episodes.

    Slot k is at `begin` + k where the table has slots, at `begin` + k slot_s where it has times.
    Between the known times of a device it moves straight and evenly; before the first of them and
    after the last it is not there. The devices are the first M of the table that are there in all
    slots of the episode, in the order in which they are named first; the channel places none.
    """

    begin: NotNegative | None = Field(
        None, description="Slot, or time in s, of the table in the first slot; none: its first."
    )
    until: NotNegative | None = Field(
        None, description="Slot, or time in s, after which rows are left out; none: all stay."
    )
    table: MoveTable = Field(
        description="Table of where devices are: a CSV file, beside the TOML file that names it, or"
        " columns slot or time_s, device, and x and y or lat and lon; or SUMO's FCD, called *.xml."
    )

    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return 0: nothing is drawn."""
        return 0

    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, area: Area
    ) -> FloatArray:
        """Return where devices are in each slot, (..., K, M, 2), m, wherever they start."""
        lead, num_devices = start.shape[:-2], start.shape[-2]
        names, places = self._there(num_slots, slot_s, area)
        assert len(names) >= num_devices  # else the scenario is refused
        return np.broadcast_to(places[:, :num_devices], (*lead, num_slots, num_devices, 2))

    def fastest_mps(self, slot_s: float, area: Area) -> float:
        """Return the greatest speed between two known places, m/s."""
        fastest = 0.0
        unit_s = slot_s if self.table.time_s is None else 1.0
        for times, places in self.table.tracks(self._plane(area)).values():
            if len(times) > 1:
                moved = np.linalg.norm(np.diff(places, axis=0), axis=-1)
                fastest = max(fastest, float((moved / np.diff(times)).max()))
        return fastest / unit_s

    def reach(self, area: Area) -> FloatArray:
        """Return the corners of the rectangle that holds all places of the table, (4, 2), m."""
        places = self.places_m(area)
        (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
        return np.array([(x0, y0), (x0, y1), (x1, y0), (x1, y1)], np.float64)

    def places_m(self, area: Area) -> FloatArray:
        """Return the places of the table, (R, 2), m."""
        return np.asarray(self.table.metres(self._plane(area)) + self._middle_m(area))

    def check(self, num_slots: int, num_devices: int, slot_s: float, area: Area) -> None:
        """Check that so many devices are there in all slots.

        Raises:
            ValueError: they are not.
        """
        found, _ = self._there(num_slots, slot_s, area)
        if len(found) >= num_devices:
            return
        tracks = self.table.tracks(self._plane(area))
        times = self._times(num_slots, slot_s)
        wanted = [name for name in tracks if name not in set(found)][:_MOST_TOLD]
        missing = "; ".join(_missing(name, tracks[name][0], times) for name in wanted)
        raise ValueError(
            f"table: {len(found)} of its {len(tracks)} devices are there in all {num_slots} slots,"
            f" from {times[0]:g} to {times[-1]:g}; num_devices is {num_devices}"
            f"{': ' if missing else ''}{missing}; lower num_devices or slots, or change begin"
        )

    def names(self, num_slots: int, slot_s: float, area: Area) -> tuple[str, ...]:
        """Return what the devices are called that are there in all slots, in their order."""
        return self._there(num_slots, slot_s, area)[0]

    @property
    def first(self) -> float:
        """The slot or the time of the table in the first slot of an episode."""
        return float(self.table.times.min()) if self.begin is None else self.begin

    def _plane(self, area: Area) -> Projection | None:
        if not self.table.in_degrees:
            return None
        return area.plane or self.table.middle

    def _middle_m(self, area: Area) -> float:
        return area.middle_m if self.table.in_degrees else 0.0

    def _times(self, num_slots: int, slot_s: float) -> FloatArray:
        step = 1.0 if self.table.time_s is None else slot_s
        return self.first + step * np.arange(num_slots, dtype=np.float64)

    def _there(
        self, num_slots: int, slot_s: float, area: Area
    ) -> tuple[tuple[str, ...], FloatArray]:
        """Return the names of devices that are there in all slots, and their places (K, D, 2)."""
        times = tuple(self._times(num_slots, slot_s).tolist())
        names, places = _sampled(self.table, self._plane(area), times)
        return names, places + self._middle_m(area)


@lru_cache(maxsize=8)
def _sampled(
    moves: Moves, plane: Projection | None, times: tuple[float, ...]
) -> tuple[tuple[str, ...], FloatArray]:
    found, at = {}, np.array(times)
    for name, (known, places) in moves.tracks(plane).items():
        if _is_there(known, at).all():
            x, y = (np.interp(at, known, places[:, axis]) for axis in (0, 1))
            found[name] = np.stack([x, y], axis=-1)
    if not found:
        return (), np.empty((len(times), 0, 2))
    return tuple(found), np.stack(list(found.values()), axis=1)


def _is_there(known: FloatArray, times: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return at which times a device is there of which these are known, rising."""
    slack = _SLACK * (times[-1] - times[0]) / max(1, len(times) - 1)
    return np.asarray((known[0] <= times + slack) & (times - slack <= known[-1]))


def _missing(name: str, known: FloatArray, times: FloatArray) -> str:
    slots = np.flatnonzero(~_is_there(known, times))
    shown = ", ".join(map(str, slots[:_MOST_TOLD]))
    more = f" and {len(slots) - _MOST_TOLD} more" if len(slots) > _MOST_TOLD else ""
    return f"{quoted(name, 40)} is missing in slots {shown}{more}"
