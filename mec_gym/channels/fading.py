"""Fading of links from one decision step, or one slot, to the next, as quantiles."""

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FADING_LIMITS = (0.001, 0.999)
"""Rayleigh fading is an exponential draw of the power, cut off at these quantiles."""


LIGHT_M_PER_S = 299_792_458.0

STIRRED_MPS = 1.2 / 3.6
"""Devices that are slower fade as at this speed, as what is about them moves: the 1.2 km/h of the
environment in the channel models of IEEE 802.11n (doc. 11-03/940r4)."""


def fading(unit: FloatArray, num_devices: int, num_servers: int, correlation: float) -> FloatArray:
    """Return the quantile of each link's fading at each decision step, (..., T, M, N), in [0, 1].

    T is 1 where `correlation` is 1, else M. A link's complex amplitude g is Gauss-Markov: normal of
    mean power 1 at the first step, then g(t) = rho g(t - 1) + sqrt(1 - rho^2) w(t) with w of the
    same distribution. The power |g|^2 is exponential, so its quantile 1 - exp(-|g|^2) is uniform
    at each step, whatever rho.

    Args:
        unit: numbers uniform on [0, 1), (..., `num_fading_uniforms`).
        num_devices: M.
        num_servers: N.
        correlation: rho.
    """
    lead, links = unit.shape[:-1], (num_devices, num_servers)
    if correlation == 1:
        return unit.reshape(*lead, 1, *links)
    numbers = unit.reshape(*lead, 2, num_devices, *links)
    if correlation == 0:
        return numbers[..., 0, :, :, :]  # the quantile of each |w|^2 is what it is made of
    size = np.sqrt(exponential(numbers[..., 0, :, :, :]))
    angle = 2 * np.pi * numbers[..., 1, :, :, :]
    real, imaginary = size * np.cos(angle), size * np.sin(angle)
    fresh = math.sqrt(1 - correlation**2)
    for part in (real, imaginary):
        for step in range(1, num_devices):
            before, now = part[..., step - 1, :, :], part[..., step, :, :]
            now[...] = correlation * before + fresh * now
    return np.asarray(-np.expm1(-(real**2 + imaginary**2)))


def jakes(speed_mps: FloatArray, carrier_hz: float, apart_s: float) -> FloatArray:
    """Return the correlation of the complex amplitude over a time, of the speeds' shape.

    J0(2 pi f_d t) with the Doppler frequency f_d = v f / c: Clarke's and Jakes' model, of waves
    from all directions.

    Args:
        speed_mps: v, m/s.
        carrier_hz: f, Hz.
        apart_s: t, s.
    """
    from scipy.special import j0

    doppler_hz = speed_mps * (carrier_hz / LIGHT_M_PER_S)
    return np.asarray(j0(2 * np.pi * doppler_hz * apart_s))


def over_slots(sizes: FloatArray, phases: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return the quantile of each link's fading in each slot, (..., K, M, N), in [0, 1].

    Args:
        sizes: numbers uniform on [0, 1), (..., K, M, N).
        phases: others.
        correlation: rho of each device from a slot to the next, (..., K - 1, M).
    """
    real, imaginary = amplitudes_over_slots(sizes, phases, correlation)
    return np.asarray(-np.expm1(-(real**2 + imaginary**2)))


def amplitudes_over_slots(
    sizes: FloatArray, phases: FloatArray, correlation: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the complex amplitude of each link in each slot, real and imaginary, (..., K, M, N).

    It is Gauss-Markov, as in `fading`, with a rho of each device and slot: correlated by rho from
    one slot to the next, and by the product of them over several, where Jakes' model has J0 of the
    whole time. Args as of `over_slots`.
    """
    size, angle = np.sqrt(exponential(sizes)), 2 * np.pi * phases
    real, imaginary = size * np.cos(angle), size * np.sin(angle)
    rho = correlation[..., None]
    fresh = np.sqrt(1 - rho**2)
    for part in (real, imaginary):
        for slot in range(1, part.shape[-3]):
            before, now = part[..., slot - 1, :, :], part[..., slot, :, :]
            now[...] = rho[..., slot - 1, :, :] * before + fresh[..., slot - 1, :, :] * now
    return real, imaginary


def num_fading_uniforms(num_devices: int, num_servers: int, correlation: float) -> int:
    """Return how many uniform numbers `fading` takes: one a link, or two a link and step."""
    links = num_devices * num_servers
    return links if correlation == 1 else 2 * num_devices * links


def exponential(quantile: FloatArray) -> FloatArray:
    """Return the value of an exponential variable of mean 1 at each quantile."""
    return -np.log1p(-quantile)
