"""Gains of a slot too large to draw at once: those of some devices, the same whichever these are.

They have places, stay as they are within the slot, and do not fade.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mec_gym.channels.fading import FloatArray
from mec_gym.channels.path_loss import macro_gain
from mec_gym.channels.placed import THERMAL_NOISE_PSD
from mec_gym.channels.urban import NUMBERS_OF_DEVICE, UrbanChannel, UrbanMacroChannel

IntArray = NDArray[np.int64]

Gains = Callable[[FloatArray, IntArray], FloatArray]
"""From the distances, (D, N), m, of devices, (D,), to all sites to the gains, (D, N)."""

_SHORTEST_M = 35.0
"""Of a macro cell's sites and devices: TR 36.814."""

_STREAM = 6


def path_loss(seed: int) -> tuple[Gains, float]:
    """Return gains by the path loss of a macro cell alone, and the noise density, W/Hz."""
    return lambda distance, _: macro_gain(np.maximum(distance, _SHORTEST_M)), THERMAL_NOISE_PSD


def uma(seed: int) -> tuple[Gains, float]:
    """Return gains of `UrbanMacroChannel` at its defaults, and the noise density, W/Hz."""
    channel = UrbanMacroChannel(fading="none")
    return urban(channel, seed), channel.default_noise_psd


LARGE: dict[str, Callable[[int], tuple[Gains, float]]] = {"path-loss": path_loss, "uma": uma}
"""From a seed to gains and the noise density, W/Hz; a new one is a function and an entry here."""


def urban(channel: UrbanChannel, seed: int) -> Gains:
    """Return the gains without fading of a channel of TR 38.901, each link drawn by itself.

    A device's numbers are a stream of their own of a counter-based generator (Philox), so that
    nothing of others is drawn or held. What devices near each other have in common in
    `UrbanChannel`, line of sight and shadowing, they do not have in common here.
    """
    key = np.random.SeedSequence((seed, _STREAM)).generate_state(2, np.uint64)

    def gains(distance: FloatArray, devices: IntArray) -> FloatArray:
        count = NUMBERS_OF_DEVICE - 2  # but for its place
        unit = np.empty((len(devices), count + 2 * distance.shape[1]))
        for device, numbers in zip(devices.tolist(), unit, strict=True):
            own = np.random.Philox(key=key, counter=device << 128)
            np.random.Generator(own).random(out=numbers)
        of_devices, sight, shadow = np.split(unit, [count, count + distance.shape[1]], axis=1)
        return channel.of_links(of_devices.T.ravel(), distance, sight, shadow)

    return gains
