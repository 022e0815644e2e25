"""Normal numbers that places near each other share: shadowing and line of sight.

Slot by slot, or over the slots of an episode whose devices move.
"""

from collections.abc import Sequence

import numpy as np

from mec_gym.channels.fading import FloatArray
from mec_gym.ranges import normal

MOST_EXACT = 128
"""Up to so many places a slot the joint law is exact; more are served by waves."""

_WAVES = 128

_GOLDEN = (5**0.5 - 1) / 2
"""Turning on by this share of a turn spreads directions evenly, however many there are."""

_AT_ONCE = 1 << 20
"""Slots are worked out in blocks that hold about so many numbers."""

_JITTER = 1e-9
"""Added to variances, since places may coincide."""


def num_uniforms(num_places: int, num_fields: int) -> int:
    """Return how many uniform numbers `correlated` takes of a slot for one correlation distance."""
    if num_places <= MOST_EXACT:
        return num_places * num_fields
    return num_uniforms_along(num_fields)


def num_uniforms_along(num_fields: int) -> int:
    """Return how many uniform numbers `along` takes of an episode for one correlation distance."""
    return 2 + 2 * _WAVES * num_fields


def correlated(
    unit: FloatArray, places_m: FloatArray, distances_m: Sequence[float], num_fields: int
) -> list[FloatArray]:
    """Return standard normal numbers (..., M, K), correlated over the M places by exp(-d / d_corr).

    That is 3GPP TR 38.901, Eq. (7.4-5). Fields, one a site, are independent of each other, and so
    are those of each correlation distance. Up to `MOST_EXACT` places they are a Cholesky factor of
    the correlation times independent numbers. For more they are sums of plane waves with normal
    amplitudes, whose lengths and directions are spread evenly over the spectrum of exp(-d / d_corr)
    in the plane from a start drawn for each slot. Then too each number is normal, and the
    correlation exact over all slots; within one slot it is off by 0.01 to 0.04, root mean square.

    Args:
        unit: numbers uniform on [0, 1), (..., C), of which `num_uniforms` for each distance.
        places_m: x, y of the places, (..., M, 2), m.
        distances_m: the correlation distances d_corr, m; an array is returned for each.
        num_fields: K.
    """
    lead, num_places = places_m.shape[:-2], places_m.shape[-2]
    unit, places_m = unit.reshape(-1, unit.shape[-1]), places_m.reshape(-1, num_places, 2)
    waves = num_places > MOST_EXACT
    rank = 2 * _WAVES if waves else num_places
    each = num_uniforms(num_places, num_fields)
    fields = [np.empty((len(unit), num_places, num_fields)) for _ in distances_m]
    step = max(1, _AT_ONCE // (num_places * rank))
    for first in range(0, len(unit), step):
        some = slice(first, first + step)
        places = places_m[some]
        apart_m = None if waves else _apart(places)
        for number, (field, distance_m) in enumerate(zip(fields, distances_m, strict=True)):
            numbers = unit[some, number * each : (number + 1) * each]
            if apart_m is None:
                factor = _by_waves(numbers[:, :2], places / distance_m)
            else:
                factor = _exact(apart_m / distance_m)
            left = numbers[:, 2 * waves :].reshape(-1, rank, num_fields)
            field[some] = factor @ normal(left)
    return [field.reshape(*lead, num_places, num_fields) for field in fields]


def along(
    unit: FloatArray, places_m: FloatArray, distances_m: Sequence[float], num_fields: int
) -> list[FloatArray]:
    """Return normal numbers (..., K, M, F) at the places of K slots, of one field over the plane.

    By the waves of `correlated`, however few places there are, the same in all slots of an episode:
    a place has the same numbers whenever a device comes to it. They are exact to 1e-5.

    Args:
        unit: numbers uniform on [0, 1), (..., C), of which `num_uniforms_along` for each distance.
        places_m: x, y of the places in each slot, (..., K, M, 2), m.
        distances_m: as of `correlated`.
        num_fields: F.
    """
    lead, places = places_m.shape[:-3], places_m.shape[-3:]
    num_slots, num_places, _ = places
    unit, places_m = unit.reshape(-1, unit.shape[-1]), places_m.reshape(-1, *places)
    each = num_uniforms_along(num_fields)
    fields = [np.empty((len(unit), num_slots, num_places, num_fields)) for _ in distances_m]
    step = max(1, _AT_ONCE // (32 * _WAVES * num_places))  # what stays near the processor
    for first in range(0, len(unit), step):
        some = slice(first, first + step)
        for number, (field, distance_m) in enumerate(zip(fields, distances_m, strict=True)):
            numbers = unit[some, number * each : (number + 1) * each]
            amplitudes = normal(numbers[:, 2:]).reshape(-1, 2 * _WAVES, num_fields)
            amplitudes /= np.sqrt(_WAVES)
            vectors = _wave_vectors(numbers[:, :2]) / (2 * np.pi * distance_m)  # in turns a metre
            along_x, along_y = vectors[:, None, 0], vectors[:, None, 1]
            waves = np.empty((len(numbers), num_places, 2 * _WAVES))
            for slot in range(num_slots):  # so that a place is the same to the last bit in each
                now, before = places_m[some, slot], places_m[some, slot - 1]
                if slot > 0 and (now == before).all():
                    field[some, slot] = field[some, slot - 1]
                    continue
                turns = now[..., :1] * along_x
                turns += now[..., 1:] * along_y
                turns -= np.rint(turns)
                angle = (2 * np.pi * turns).astype(np.float32)  # whose cosines take a tenth
                np.cos(angle, out=waves[..., :_WAVES], dtype=np.float32)
                np.sin(angle, out=waves[..., _WAVES:], dtype=np.float32)
                np.matmul(waves, amplitudes, out=field[some, slot])
    return [field.reshape(*lead, num_slots, num_places, num_fields) for field in fields]


def _apart(places: FloatArray) -> FloatArray:
    """Return the distances (B, M, M) between places (B, M, 2)."""
    x, y = places[..., 0], places[..., 1]
    return np.sqrt((x[:, :, None] - x[:, None]) ** 2 + (y[:, :, None] - y[:, None]) ** 2)


def _exact(apart: FloatArray) -> FloatArray:
    """Return a factor (B, M, M) of the correlation over distances in correlation distances."""
    correlation = np.exp(-apart)
    correlation.reshape(len(apart), -1)[:, :: apart.shape[-1] + 1] += _JITTER  # the diagonals
    return np.asarray(np.linalg.cholesky(correlation), np.float64)


def _wave_vectors(start: FloatArray) -> FloatArray:
    """Return the wave vectors, (B, 2, waves), of starts (B, 2), per correlation distance."""
    wave = np.arange(_WAVES)
    # The share 1 - 1 / sqrt(1 + k^2) of the spectrum has wave numbers below k.
    beyond = (_WAVES - wave - start[:, :1]) / _WAVES  # above 0
    number = np.sqrt(beyond**-2 - 1)
    angle = 2 * np.pi * (wave * _GOLDEN + start[:, 1:])
    return np.stack([number * np.cos(angle), number * np.sin(angle)], axis=1)


def _by_waves(start: FloatArray, places: FloatArray) -> FloatArray:
    """Return cosines and sines of the waves at places (B, M, 2), in correlation distances.

    Args:
        start: what is drawn of the waves, (B, 2).
        places: M of them.
    """
    along = _wave_vectors(start)
    phase = places[..., :1] * along[:, None, 0] + places[..., 1:] * along[:, None, 1]
    both = np.concatenate([np.cos(phase), np.sin(phase)], axis=-1)
    return np.asarray(both / np.sqrt(_WAVES))
