"""Devices whose velocity remembers what it was."""

import math

import numpy as np
from pydantic import Field

from mec_gym.io.settings import NotNegative, Positive
from mec_gym.mobility.base import Area, FloatArray, Mobility
from mec_gym.ranges import normal


class GaussMarkov(Mobility):
    """Each device's velocity v(k) is Gauss-Markov about a mean of its own.

    v(k + 1) = alpha v(k) + (1 - alpha) v_mean + sqrt(1 - alpha^2) w(k + 1) in x and in y, with w
    normal of `std_mps`: Liang and Haas, IEEE/ACM Trans. Netw. 11(5), 2003. So in each slot v is
    normal about v_mean, which has `mean_mps` in a direction drawn for each device, and the
    correlation of v over k slots is alpha^k. A device moves by v(k) slot_s from slot k to the next.
    At a border of the square it is reflected, and with it its velocity and the mean of that.
    """

    mean_mps: NotNegative = Field(1.0, description="Speed of the mean velocity, m/s.")
    alpha: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Memory: correlation of a device's velocity from one slot to the next; 0:"
        " drawn anew in each, 1: constant.",
    )
    std_mps: Positive = Field(
        0.3, description="Standard deviation of the velocity about its mean, in x and in y, m/s."
    )

    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return how many uniform numbers an episode takes: a direction, and two a step."""
        return num_devices * (1 + 2 * (num_slots - 1))

    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, area: Area
    ) -> FloatArray:
        """Return where devices are in each slot, (..., K, M, 2), m."""
        lead, num_devices = start.shape[:-2], start.shape[-2]
        angle = 2 * np.pi * unit[..., :num_devices]
        mean = self.mean_mps * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        fresh = self.std_mps * normal(unit[..., num_devices:])
        fresh = fresh.reshape(*lead, num_slots - 1, num_devices, 2)
        velocity = mean[..., None, :, :] + fresh  # right in the first slot
        for slot in range(1, num_slots - 1):
            kept = self.alpha * velocity[..., slot - 1, :, :] + (1 - self.alpha) * mean
            new = fresh[..., slot, :, :]
            velocity[..., slot, :, :] = kept + math.sqrt(1 - self.alpha**2) * new
        corner = np.asarray(area.corner_m)
        begin = (start - corner)[..., None, :, :]
        free = begin + np.cumsum(velocity * slot_s, axis=-3)
        at = np.concatenate([begin, _folded(free, area.side_m)], axis=-3)
        return np.asarray(at + corner)

    def fastest_mps(self, slot_s: float, area: Area) -> float:
        """Return the mean speed and three standard deviations, m/s."""
        return self.mean_mps + 3 * self.std_mps


def _folded(at: FloatArray, side_m: float) -> FloatArray:
    """Return coordinates reflected at 0 and at `side_m`, however often."""
    beyond = at % (2 * side_m)
    return np.minimum(beyond, 2 * side_m - beyond)
