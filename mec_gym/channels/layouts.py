"""Where devices and servers stand that no table places: grids, hexagons, hot spots, draws of rows.

All in metres, within a square from (0, 0) to (side, side).
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from mec_gym import ranges
from mec_gym.channels.fading import FloatArray

_CLUSTER_STREAM = 5

_MOST_ROWS_AT_ONCE = 10**7


def grid(count: int, side_m: float) -> FloatArray:
    """Return the places of so many servers on a regular grid over the square, (count, 2)."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    row, column = np.divmod(np.arange(count), columns)
    return side_m * np.stack([(column + 0.5) / columns, (row + 0.5) / rows], axis=-1)


def hexagonal(count: int, side_m: float, inter_site_m: float | None) -> FloatArray:
    """Return the places of so many servers in rings about the middle of the square, (count, 2).

    One in the middle, six about it, twelve about these and so on, each `inter_site_m` from its
    neighbours; a last ring that is not full is filled counterclockwise from the east.

    Args:
        count: how many.
        side_m: of the square.
        inter_site_m: None: as far apart as the square holds them with half of it around.

    Raises:
        ValueError: the square does not hold them.
    """
    lattice = _rings(count)
    reach = float(abs(lattice).max())
    if inter_site_m is None:
        inter_site_m = side_m / (2 * reach + 1)
    if 2 * reach * inter_site_m > side_m * (1 + 1e-9):
        raise ValueError(
            f"inter_site_m: {count} sites {inter_site_m:g} m apart reach over"
            f" {2 * reach * inter_site_m:g} m, the square has a side_m of {side_m:g}; raise side_m,"
            " or lower inter_site_m or leave it out"
        )
    return np.asarray((side_m / 2 + inter_site_m * lattice).clip(0, side_m))


def _rings(count: int) -> FloatArray:
    """Return the first points of a triangular lattice of spacing 1, ring by ring, (count, 2)."""
    corner = np.exp(1j * np.pi / 3 * np.arange(7))
    points, ring = [np.zeros(1, complex)], 0
    while sum(map(len, points)) < count:
        ring += 1
        steps = np.arange(ring) / ring
        edges = [ring * (a + (b - a) * steps) for a, b in itertools.pairwise(corner)]
        points += edges
    lattice = np.concatenate(points)[:count]
    return np.stack([lattice.real, lattice.imag], axis=-1)


def hot_spots(count: int, side_m: float, seed: int) -> FloatArray:
    """Return the middles of so many hot spots, uniform over the square, (count, 2)."""
    return side_m * np.random.default_rng((seed, _CLUSTER_STREAM)).random((count, 2))


def clustered(unit: FloatArray, spots: FloatArray, radius_m: float, side_m: float) -> FloatArray:
    """Return places about hot spots, (..., 2), made of two uniform numbers each.

    Each spot is as likely as any other; about it a place is normal in x and in y, cut off at the
    edges of the square. The first number chooses the spot, and what is left of it makes x.

    Args:
        unit: uniform on [0, 1), (..., 2).
        spots: their middles, (K, 2).
        radius_m: the standard deviation in x and in y.
        side_m: of the square.
    """
    from scipy.special import ndtr, ndtri

    chosen = unit[..., 0] * len(spots)
    spot = np.minimum(chosen.astype(np.int64), len(spots) - 1)
    number = np.stack([chosen - spot, unit[..., 1]], axis=-1)
    middle = spots[spot]
    low, high = ndtr(-middle / radius_m), ndtr((side_m - middle) / radius_m)
    away = ndtri(low + (high - low) * number)
    return np.asarray((middle + radius_m * away).clip(0, side_m))


def repeated(unit: FloatArray, count: int) -> NDArray[np.int64]:
    """Return rows drawn with replacement, of `count`, for numbers uniform on [0, 1)."""
    return ranges.rows(unit, count)


def drawn(unit: FloatArray, count: int) -> NDArray[np.int64]:
    """Return rows drawn without replacement, (..., M), of `count`, M at most.

    A slot's are those of a shuffle by Fisher and Yates, whose m-th exchange is made of number m.

    Args:
        unit: numbers uniform on [0, 1), (..., M).
        count: how many rows there are.
    """
    numbers = unit.reshape(-1, unit.shape[-1])
    rows = np.empty(numbers.shape, np.int64)
    at_once = max(1, _MOST_ROWS_AT_ONCE // count)
    for start in range(0, len(numbers), at_once):
        part = numbers[start : start + at_once]
        order = np.tile(np.arange(count, dtype=np.int32), (len(part), 1))
        slot = np.arange(len(part))
        for device in range(part.shape[-1]):
            with_row = device + repeated(part[:, device], count - device)
            rows[start + slot, device] = order[slot, with_row]
            order[slot, with_row] = order[:, device]
    return rows.reshape(unit.shape)
