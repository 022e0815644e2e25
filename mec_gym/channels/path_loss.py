"""Path loss by the logarithm of the distance, with shadowing and fading."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from mec_gym.channels.faded import SHADOWING_LIMIT, FadedChannel, cut_normal
from mec_gym.channels.fading import FloatArray
from mec_gym.io.settings import Positive
from mec_gym.ranges import normal


class PathLossChannel(FadedChannel):
    """Gains from distance, log-normal shadowing and Rayleigh fading.

    The loss in dB is `loss_at_1m_db + 10 exponent log10(distance / 1 m) + shadowing`. The defaults
    are 128.1 + 37.6 log10(distance / 1 km) with 8 dB of shadowing: 3GPP TR 36.814, macro cell,
    2 GHz. Devices are placed uniformly over a square, or at positions drawn from
    `device_positions_m`. Positions and shadowing are constant within a slot.

    Where devices move, the shadowing of each link in dB is Gauss-Markov along the device's way, its
    correlation exp(-d / shadowing_distance_m) over d metres of it (Gudmundson, Electron. Lett.
    27(23), 1991): back at a place a device has another. Fading is drawn anew in each slot, as there
    is no carrier to say how fast it changes.
    """

    loss_at_1m_db: float = Field(15.3, ge=-100, le=200, description="Loss at 1 m, dB.")
    exponent: Positive = Field(3.76, description="Exponent of the distance in the loss.")
    min_distance_m: Positive = Field(10.0, description="Distance as which shorter ones count, m.")
    shadowing_db: float = Field(
        8.0, ge=0, le=30, description="Standard deviation of the shadowing, dB; 0: none."
    )

    shadowing_distance_m: Positive = Field(
        50.0,
        description="Distance over which shadowing is correlated on the way of a device, m.",
    )

    _LATER: ClassVar[tuple[str, ...]] = (*FadedChannel._LATER, "shadowing_distance_m")
    _strength: ClassVar[str] = "exponent"
    _lower: ClassVar[str] = "the exponent, the distances or the loss"

    @property
    def shortest_m(self) -> float:
        """The distance as which shorter ones count, m."""
        return self.min_distance_m

    @property
    def steady_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur without fading."""
        shadow = SHADOWING_LIMIT * self.shadowing_db
        return (
            float(self._gain(self.longest_m, shadow)),
            float(self._gain(self.min_distance_m, -shadow)),
        )

    def num_steady_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers positions and shadowing take of a slot."""
        return 2 * num_devices + num_devices * num_servers

    def steady(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains without fading (..., M, N) made of uniform numbers."""
        distance = self.distances(unit, num_devices, num_servers)
        shadow_db = self.shadowing_db * cut_normal(unit[..., 2 * num_devices :])
        return self._gain(distance, shadow_db.reshape(distance.shape))

    def steady_along(
        self, unit: FloatArray, more: FloatArray, places: FloatArray, num_servers: int
    ) -> FloatArray:
        """Return gains without fading (..., K, M, N) of slots whose devices are at some places."""
        from scipy.special import ndtr

        num_slots, num_devices, _ = places.shape[-3:]
        distance = self.distances_at(places, num_servers)
        steps = np.diff(places, axis=-3)
        moved = np.sqrt(steps[..., 0] ** 2 + steps[..., 1] ** 2) / self.shadowing_distance_m
        kept = np.exp(-moved)[..., None]
        fresh = np.sqrt(-np.expm1(-2 * moved))[..., None]
        shadow = normal(unit[..., 2 * num_devices :].reshape(distance.shape))
        for slot in range(1, num_slots):
            before, now = shadow[..., slot - 1, :, :], shadow[..., slot, :, :]
            now[...] = kept[..., slot - 1, :, :] * before + fresh[..., slot - 1, :, :] * now
        return self._gain(distance, self.shadowing_db * cut_normal(ndtr(shadow)))

    def _gain(self, distance: FloatArray | float, shadow_db: FloatArray | float) -> FloatArray:
        loss_db = self.loss_at_1m_db + 10 * self.exponent * np.log10(distance) + shadow_db
        with np.errstate(over="ignore"):  # refused when the channel is made
            return np.asarray(10 ** (-loss_db / 10))


def macro_gain(distance_m: FloatArray) -> FloatArray:
    """Return the gains of a macro cell by distances, m: 128.1 + 37.6 log10(d / 1 km) dB of loss."""
    return np.asarray(10 ** (-(128.1 + 37.6 * np.log10(distance_m / 1000)) / 10))
