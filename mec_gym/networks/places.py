"""Tables of places, in metres or in degrees: what sites and users have in common; users."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym.networks.columns import Column
from mec_gym.networks.projection import Projection, on_earth
from mec_gym.networks.rows import Rows
from mec_gym.networks.tables import Rules, Table

FloatArray = NDArray[np.float64]

FARTHEST_M = 500e3
"""Places of one network are no further than this from their middle."""

_SWAPPED = "lat and lon may be swapped"

METRES = (
    Column("x", "m", ("x_m", "easting", "eastings"), low=-1e7, high=1e7, closed=True, beside="y"),
    Column("y", "m", ("y_m", "northing", "northings"), low=-1e7, high=1e7, closed=True, beside="x"),
)
"""The columns of a place in metres."""

DEGREES = (
    Column(
        "lat",
        "degrees",
        ("latitude",),
        low=-90,
        high=90,
        closed=True,
        beside="lon",
        without="x",
        needed=True,
        aside=_SWAPPED,
    ),
    Column(
        "lon",
        "degrees",
        ("longitude", "lng", "long"),
        low=-180,
        high=180,
        closed=True,
        beside="lat",
    ),
)
"""The columns of a place in degrees, WGS 84, of which a table of places has these or `METRES`."""


def wrong_places(table: Table, numbers: NDArray[np.int64], where: str) -> Iterator[tuple[int, str]]:
    """Return the rows that are too far from the others to be of one network; see `Rules.wrong`."""
    if "lat" in table:
        points = on_earth(table["lat"], table["lon"])
    else:
        points = np.stack([table["x"], table["y"]], axis=-1)
    distance = np.linalg.norm(points - np.median(points, axis=0), axis=-1)
    for row in np.flatnonzero(distance > FARTHEST_M):
        what = f"lat, lon: ({table['lat'][row]:g}, {table['lon'][row]:g})" if "lat" in table else ""
        what = what or f"x, y: ({table['x'][row]:g}, {table['y'][row]:g})"
        aside = f"; {_SWAPPED}" if "lat" in table else ""
        yield (
            int(numbers[row]),
            f"{what} is {distance[row] / 1e3:,.0f} km from the middle of the others; correct it or"
            f" take it out{aside}",
        )


@dataclass(frozen=True, eq=False, repr=False)
class Places(Rows):
    """Places, R of them, in metres or in degrees.

    Attributes:
        x: to the east, (R,), m, with `y`.
        y: to the north, (R,), m.
        lat: the same in degrees, (R,), with `lon`.
        lon: see `lat`.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (*METRES, *DEGREES)
    RULES: ClassVar[Rules] = Rules(others=True, wrong=wrong_places)

    x: FloatArray | None = None
    y: FloatArray | None = None
    lat: FloatArray | None = None
    lon: FloatArray | None = None

    @property
    def in_degrees(self) -> bool:
        """Whether they are degrees."""
        return self.lat is not None

    @cached_property
    def middle(self) -> Projection | None:
        """The plane that touches the earth in the middle of them; None: they are metres."""
        if self.lat is None or self.lon is None:
            return None
        return Projection.about(self.lat, self.lon)

    def metres(self, plane: Projection | None) -> FloatArray:
        """Return them in metres, (R, 2), as they are or on a plane."""
        if self.lat is not None and self.lon is not None:
            assert plane is not None  # who has degrees has a plane
            return plane.metres(self.lat, self.lon)
        assert self.x is not None  # one of the two is there
        assert self.y is not None
        return np.stack([self.x, self.y], axis=-1)

    def at(self, places_m: FloatArray) -> Self:
        """Return the same rows at places in metres, (R, 2), in place of their own."""
        return replace(self, lat=None, lon=None, x=places_m[:, 0], y=places_m[:, 1])


class Users(Places):
    """Where users are, R of them, in metres or in degrees; see `Places`."""
