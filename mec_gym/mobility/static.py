"""Devices that stay where they are."""

import numpy as np

from mec_gym.mobility.base import Area, FloatArray, Mobility


class Static(Mobility):
    """Each device stays for the whole episode where its first slot has it."""

    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return 0: nothing is drawn."""
        return 0

    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, area: Area
    ) -> FloatArray:
        """Return the first slot's places for each slot."""
        lead, place = start.shape[:-2], start.shape[-2:]
        return np.broadcast_to(start[..., None, :, :], (*lead, num_slots, *place))

    def fastest_mps(self, slot_s: float, area: Area) -> float:
        """Return 0."""
        return 0.0

    def reach(self, area: Area) -> None:
        """Return None: they stay where they begin."""
        return
