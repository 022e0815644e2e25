"""Path loss by the logarithm of the distance, with shadowing and fading."""

import math
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from mec_gym.channels.fading import (
    FADING_LIMITS,
    FloatArray,
    exponential,
    fading,
    num_fading_uniforms,
)
from mec_gym.channels.placed import PlacedChannel
from mec_gym.io.settings import Positive
from mec_gym.ranges import from_unit

SHADOWING_LIMIT = 3.0
"""Shadowing is a normal draw (in dB) cut off at so many standard deviations."""


class PathLossChannel(PlacedChannel):
    """Gains from distance, log-normal shadowing and Rayleigh fading.

    The loss in dB is `loss_at_1m_db + 10 exponent log10(distance / 1 m) + shadowing`. The defaults
    are 128.1 + 37.6 log10(distance / 1 km) with 8 dB of shadowing: 3GPP TR 36.814, macro cell,
    2 GHz. Devices are placed uniformly over a square, or at positions drawn from
    `device_positions_m`. Positions and shadowing are constant within a slot.
    """

    loss_at_1m_db: float = Field(15.3, ge=-100, le=200, description="Loss at 1 m, dB.")
    exponent: Positive = Field(3.76, description="Exponent of the distance in the loss.")
    min_distance_m: Positive = Field(10.0, description="Distance as which shorter ones count, m.")
    shadowing_db: float = Field(
        8.0, ge=0, le=30, description="Standard deviation of the shadowing, dB; 0: none."
    )
    fading: Literal["rayleigh", "none"] = Field(
        "rayleigh", description="Fading of each link, or none."
    )

    @model_validator(mode="after")
    def _gains_are_numbers(self) -> "PathLossChannel":
        if self.fading == "none" and self.correlation < 1:
            raise ValueError(
                f"correlation: {self.correlation:g}, but without fading no gain changes; set it to"
                " 1, or fading to 'rayleigh'"
            )
        with np.errstate(all="ignore"):  # refused in what follows
            low, high = self.gain_range
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"exponent: gains from {low:g} to {high:g} are not numbers above 0; lower the"
                " exponent, the distances or the loss"
            )
        return self

    @property
    def shortest_m(self) -> float:
        """The distance as which shorter ones count, m."""
        return self.min_distance_m

    @property
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur."""
        shadow = SHADOWING_LIMIT * self.shadowing_db
        fade_low, fade_high = exponential(np.array(FADING_LIMITS))
        if self.fading == "none":
            fade_low = fade_high = 1.0
        return (
            float(self._gain(self.longest_m, shadow) * fade_low),
            float(self._gain(self.min_distance_m, -shadow) * fade_high),
        )

    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes: positions, shadowing, fading."""
        steady = 2 * num_devices + num_devices * num_servers
        return steady + num_fading_uniforms(num_devices, num_servers, self.correlation)

    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers; see `Channel.draw`."""
        from scipy.special import ndtr, ndtri

        lead, links = unit.shape[:-1], num_devices * num_servers
        _, shadow, faded = np.split(unit, [2 * num_devices, 2 * num_devices + links], axis=-1)
        distance = self.distances(unit, num_devices, num_servers)
        tails = (ndtr(-SHADOWING_LIMIT), ndtr(SHADOWING_LIMIT))
        shadow_db = self.shadowing_db * ndtri(from_unit(shadow, tails))
        gain = self._gain(distance, shadow_db.reshape(*lead, num_devices, num_servers))
        gain = gain[..., None, :, :]  # at each step
        if self.fading == "rayleigh":
            quantile = fading(faded, num_devices, num_servers, self.correlation)
            gain = gain * exponential(from_unit(quantile, FADING_LIMITS))
        return np.asarray(gain)

    def _gain(self, distance: FloatArray | float, shadow_db: FloatArray | float) -> FloatArray:
        loss_db = self.loss_at_1m_db + 10 * self.exponent * np.log10(distance) + shadow_db
        with np.errstate(over="ignore"):  # refused when the channel is made
            return np.asarray(10 ** (-loss_db / 10))
