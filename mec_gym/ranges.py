"""Uniform ranges: their ends, maps from and to [0, 1], moments and quantiles; normal numbers.

A `Range` is one number, which is a constant, or a pair (low, high).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Range = float | tuple[float, float]
Real = Any
"""A number, or an array of any shape."""


def low_high(limits: Range) -> tuple[float, float]:
    """Return the low and the high end."""
    return limits if isinstance(limits, tuple) else (limits, limits)


def from_unit(unit: FloatArray, limits: Range) -> FloatArray:
    """Map numbers uniform on [0, 1) to numbers uniform between `limits`, of the same shape."""
    low, high = low_high(limits)
    placed: FloatArray = between(unit, low, high)
    return placed


def to_unit(value: FloatArray, limits: Range) -> FloatArray:
    """Map `limits` to [0, 1], the inverse of `from_unit`; a constant maps to 0."""
    low, high = low_high(limits)
    shares: FloatArray = share(value, low, high)
    return shares


def between(unit: Real, low: float, high: float) -> Real:
    """Return the number that stands at a share of the way; also in compiled loops."""
    return low + (high - low) * unit


def share(value: Real, low: float, high: float) -> Real:
    """Return at what share of the way a number stands; also in compiled loops."""
    return (value - low) / (high - low or 1.0)


def rows(unit: FloatArray, count: int) -> NDArray[np.int64]:
    """Return rows of `count`, each equally likely, for numbers uniform on [0, 1)."""
    return np.minimum((unit * count).astype(np.int64), count - 1)


def normal(unit: FloatArray) -> FloatArray:
    """Return standard normal numbers made of numbers uniform on [0, 1), of the same shape."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.maximum(unit, 2.0**-54)))  # 0 would be at minus infinity


def mean_sqrt(limits: Range) -> float:
    """Return the mean square root of a number drawn uniformly between `limits`."""
    low, high = (math.sqrt(end) for end in low_high(limits))
    return 2 / 3 * (low * low + low * high + high * high) / (low + high)


def quantiles(count: int, *factors: Range) -> FloatArray:
    """Return so many equally likely values of a product of independent uniform draws, rising.

    Args:
        count: how many.
        *factors: the ranges, one or two; of two, count^2 products are sorted.
    """
    middles = (np.arange(count) + 0.5) / count
    first, *others = (from_unit(middles, limits) for limits in factors)
    if not others:
        return first
    (second,) = others
    return np.sort(np.outer(first, second), axis=None)[count // 2 :: count]
