"""Devices that go from one random place to the next."""

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from mec_gym.io.messages import quoted
from mec_gym.io.settings import NotNegative, RangeField, not_negative
from mec_gym.mobility.base import Area, FloatArray, Mobility
from mec_gym.ranges import from_unit, low_high

_MOST_SIDES = 100
"""How many sides of the square a device may go in a slot: each may take a leg."""

_SHORTEST_LEG = 1e-3
"""Share of a slot that each leg takes at least, so that a slot has an end."""

_NUMBERS = 4
"""Of each leg: where it leads, x and y; its speed, and the pause at its end."""


def _pause(value: Any) -> float | tuple[float, float]:
    if not isinstance(value, list | tuple):
        return not_negative(value)
    ends = tuple(not_negative(end) for end in value)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{quoted(value)} must be one number or a range [low, high]")
    return ends


Pause = Annotated[float | tuple[NotNegative, NotNegative], BeforeValidator(_pause)]


class RandomWaypoint(Mobility):
    """Each device goes straight to a place of the square, pauses, and goes on to another.

    Places are uniform over the square, the speed and the pause are drawn for each leg. Devices set
    out in the first slot from where the channel puts them: that is no stationary start, as after
    a while more of them are about the middle of the square, and slow legs last longer. An episode
    of K slots has K + 8 legs a device, after which they come again.
    """

    speed_mps: RangeField = Field(
        (0.5, 1.5), description="Speed of a leg, m/s: a number, or a range [low, high]."
    )
    pause_s: Pause = Field(
        0.0, description="Pause at the end of a leg, s: a number, or a range [low, high]."
    )

    @staticmethod
    def _num_legs(num_slots: int) -> int:
        return num_slots + 8

    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return how many uniform numbers an episode takes: four a device and leg."""
        return _NUMBERS * self._num_legs(num_slots) * num_devices

    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, area: Area
    ) -> FloatArray:
        """Return where devices are in each slot, (..., K, M, 2), m."""
        lead, num_devices = start.shape[:-2], start.shape[-2]
        # A row a device, of all episodes.
        numbers = unit.reshape(-1, self._num_legs(num_slots), num_devices, _NUMBERS)
        legs = numbers.swapaxes(1, 2).reshape(-1, self._num_legs(num_slots), _NUMBERS)
        corner = np.asarray(area.corner_m)
        goals = corner + from_unit(legs[..., :2], (0.0, area.side_m))
        speeds = from_unit(legs[..., 2], self.speed_mps)
        pauses = from_unit(legs[..., 3], self.pause_s)
        at = start.reshape(-1, 2).copy()
        leg, row = np.zeros(len(at), np.int64), np.arange(len(at))
        pause = np.zeros(len(at))  # what is left of it
        found = np.empty((num_slots, *at.shape))
        for slot in range(num_slots):
            found[slot] = at
            left = np.full(len(at), slot_s if slot + 1 < num_slots else 0.0)
            while left.any():
                pausing = np.minimum(pause, left)
                pause -= pausing
                left -= pausing
                goal, speed = goals[row, leg], speeds[row, leg]
                away = goal - at
                far = np.sqrt(away[:, 0] ** 2 + away[:, 1] ** 2)
                there = (left > 0) & (far <= speed * left)
                share = np.where(there, 1.0, speed * left / np.maximum(far, 1e-300))
                at = np.where(there[:, None], goal, at + away * share[:, None])
                took = np.maximum(far / speed, _SHORTEST_LEG * slot_s)
                left = np.where(there, np.maximum(left - took, 0.0), 0.0)
                pause = np.where(there, pauses[row, leg], pause)
                leg = (leg + there) % self._num_legs(num_slots)
        # A rounded step may end beside its line by the last bit.
        found = found.clip(corner, corner + area.side_m)
        return np.moveaxis(found.reshape(num_slots, *lead, num_devices, 2), 0, -3)

    def fastest_mps(self, slot_s: float, area: Area) -> float:
        """Return the greatest speed of a leg, m/s."""
        return low_high(self.speed_mps)[1]

    def check(self, num_slots: int, num_devices: int, slot_s: float, area: Area) -> None:
        """Check that devices do not cross the square too often within a slot.

        Raises:
            ValueError: they do.
        """
        fastest = self.fastest_mps(slot_s, area)
        if fastest * slot_s > _MOST_SIDES * area.side_m:
            raise ValueError(
                f"speed_mps: {fastest:g} m/s are {fastest * slot_s:g} m in a slot of {slot_s:g} s,"
                f" more than {_MOST_SIDES} sides of the square of {area.side_m:g} m; lower it or"
                " slot_s, or raise channel.side_m"
            )
