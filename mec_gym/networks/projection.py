"""Places on the earth as metres on the plane that touches it near them.

On the ellipsoid of WGS 84. The plane keeps all directions about the place where it touches:
lengths d away from it are short by (d / 6400 km)^2 / 2 at most, 1.5e-5 in 35 km, at any latitude.
One scale for degrees of longitude, as the simplest projection has it, is off by 0.7% there at 60
degrees north.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_EQUATOR_M = 6378137.0
_FLATTENING = 1 / 298.257223563
_ECCENTRICITY_2 = _FLATTENING * (2 - _FLATTENING)


def on_earth(lat: FloatArray | float, lon: FloatArray | float) -> FloatArray:
    """Return places in degrees as points (..., 3), m, from the middle of the earth."""
    up, along = np.deg2rad(lat), np.deg2rad(lon)
    across = _EQUATOR_M / np.sqrt(1 - _ECCENTRICITY_2 * np.sin(up) ** 2)
    points = (
        across * np.cos(up) * np.cos(along),
        across * np.cos(up) * np.sin(along),
        across * (1 - _ECCENTRICITY_2) * np.sin(up),
    )
    return np.stack(points, axis=-1)


@dataclass(frozen=True)
class Projection:
    """The plane that touches the earth at one place.

    Attributes:
        lat: of the place, degrees.
        lon: of the place, degrees.
    """

    lat: float
    lon: float

    @classmethod
    def about(cls, lat: FloatArray, lon: FloatArray) -> Self:
        """Return that of the middle of some places (R,), degrees; also across 180 degrees."""
        east = (lon - lon[0] + 180) % 360 - 180
        middle = lon[0] + (east.min() + east.max()) / 2
        return cls(float((lat.min() + lat.max()) / 2), float((middle + 180) % 360 - 180))

    def distance(self, lat: FloatArray, lon: FloatArray) -> FloatArray:
        """Return how far places (R,) in degrees are away, (R,), m, through the earth."""
        return np.asarray(
            np.linalg.norm(on_earth(lat, lon) - on_earth(self.lat, self.lon), axis=-1)
        )

    def metres(self, lat: FloatArray, lon: FloatArray) -> FloatArray:
        """Return how far to the east and to the north places (R,) in degrees are, (R, 2), m."""
        up, along = np.deg2rad(self.lat), np.deg2rad(self.lon)
        away = on_earth(lat, lon) - on_earth(self.lat, self.lon)
        east = np.array([-np.sin(along), np.cos(along), 0])
        north = np.array([-np.sin(up) * np.cos(along), -np.sin(up) * np.sin(along), np.cos(up)])
        return np.asarray(away @ np.stack([east, north], axis=-1))
