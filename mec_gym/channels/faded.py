"""Channels of places whose links fade: gains that are steady within a slot, times fading."""

import math
from abc import abstractmethod
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mec_gym.channels.fading import (
    FADING_LIMITS,
    STIRRED_MPS,
    FloatArray,
    exponential,
    fading,
    jakes,
    num_fading_uniforms,
    over_slots,
)
from mec_gym.channels.placed import PlacedChannel
from mec_gym.ranges import from_unit

SHADOWING_LIMIT = 3.0
"""Shadowing is a normal draw (in dB) cut off at so many standard deviations."""


class FadedChannel(PlacedChannel):
    """Gains of places, steady within a slot, times Rayleigh fading.

    A new one needs `shortest_m`, `steady_range`, `num_steady_uniforms` and `steady`; and where
    devices move, `steady_along`. The numbers of the fading are the last ones of a slot.
    """

    fading: Literal["rayleigh", "none"] = Field(
        "rayleigh", description="Fading of each link, or none."
    )

    _strength: ClassVar[str] = "side_m"
    """The field that an error names where gains are no numbers."""

    @model_validator(mode="after")
    def _gains_are_numbers(self) -> Self:
        if self.fading == "none" and self.correlation < 1:
            raise ValueError(
                f"correlation: {self.correlation:g}, but without fading no gain changes; set it to"
                " 1, or fading to 'rayleigh'"
            )
        with np.errstate(all="ignore"):  # refused in what follows
            low, high = self.gain_range
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"{self._strength}: gains from {low:g} to {high:g} are not numbers above 0; lower"
                f" {self._lower}"
            )
        return self

    _lower: ClassVar[str] = "the distances"

    @property
    @abstractmethod
    def steady_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur without fading."""

    @abstractmethod
    def num_steady_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers `steady` takes of a slot, those of the places first."""

    @abstractmethod
    def steady(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains without fading (..., M, N) made of uniform numbers."""

    @property
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur."""
        low, high = self.steady_range
        if self.fading == "none":
            return low, high
        fade_low, fade_high = exponential(np.array(FADING_LIMITS))
        return float(low * fade_low), float(high * fade_high)

    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes: those of `steady`, and of the fading."""
        steady = self.num_steady_uniforms(num_devices, num_servers)
        return steady + num_fading_uniforms(num_devices, num_servers, self.correlation)

    @property
    def carrier_hz(self) -> float | None:
        """The carrier's frequency, Hz; None: it is not known."""
        return None

    @property
    def knows_moving(self) -> bool:
        """Whether it says what gains are where devices move: it has a `steady_along`."""
        return type(self).steady_along is not FadedChannel.steady_along

    def num_steady_along(self, num_servers: int) -> int:
        """Return how many uniform numbers of an episode `steady_along` takes as `more`."""
        return 0

    def steady_along(
        self, unit: FloatArray, more: FloatArray, places: FloatArray, num_servers: int
    ) -> FloatArray:
        """Return gains without fading (..., K, M, N) of slots whose devices are at some places.

        Args:
            unit: numbers as `steady` takes them, for each slot, (..., K, `num_steady_uniforms`).
            more: others, of the whole episode, (..., `num_steady_along`).
            places: of the devices in each slot, (..., K, M, 2), m.
            num_servers: N.
        """
        raise NotImplementedError  # `knows_moving` is False

    def num_uniforms_along(self, num_slots: int, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers `gains_along` takes beside those of the slots."""
        fades = self.carrier_hz is not None and self.fading == "rayleigh"
        phases = num_slots * num_devices * num_servers if fades else 0
        return self.num_steady_along(num_servers) + phases

    def gains_along(
        self,
        unit: FloatArray,
        more: FloatArray,
        places: FloatArray,
        slot_s: float,
        num_servers: int,
    ) -> FloatArray:
        """Return the gains (..., K, M, N) of slots whose devices are at some places.

        Fading is constant within a slot. From one to the next its complex amplitude keeps `jakes`'
        correlation at the speed of each device between the two (at `STIRRED_MPS` where that is
        less), over several slots the product of these; without a carrier it is drawn anew in each.
        """
        num_devices = places.shape[-2]
        first = self.num_steady_uniforms(num_devices, num_servers)
        own = self.num_steady_along(num_servers)
        gain = self.steady_along(unit[..., :first], more[..., :own], places, num_servers)
        if self.fading == "none":
            return gain
        quantile = unit[..., first:].reshape(gain.shape)
        if self.carrier_hz is not None:
            steps = np.diff(places, axis=-3)
            speed = np.sqrt(steps[..., 0] ** 2 + steps[..., 1] ** 2) / slot_s
            rho = jakes(np.maximum(speed, STIRRED_MPS), self.carrier_hz, slot_s)
            quantile = over_slots(quantile, more[..., own:].reshape(gain.shape), rho)
        return np.asarray(gain * exponential(from_unit(quantile, FADING_LIMITS)))

    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers; see `Channel.draw`."""
        first = self.num_steady_uniforms(num_devices, num_servers)
        gain = self.steady(unit[..., :first], num_devices, num_servers)
        gain = gain[..., None, :, :]  # at each step
        if self.fading == "rayleigh":
            quantile = fading(unit[..., first:], num_devices, num_servers, self.correlation)
            gain = gain * exponential(from_unit(quantile, FADING_LIMITS))
        return np.asarray(gain)


def cut_normal(quantile: FloatArray) -> FloatArray:
    """Return the value of a normal variable, cut off at `SHADOWING_LIMIT`, at each quantile."""
    from scipy.special import ndtr, ndtri

    return np.asarray(ndtri(from_unit(quantile, (ndtr(-SHADOWING_LIMIT), ndtr(SHADOWING_LIMIT)))))
