"""Channels whose devices and servers have places."""

import math
from abc import abstractmethod

import numpy as np
from pydantic import Field, model_validator

from mec_gym.channels.base import Channel
from mec_gym.channels.fading import FloatArray
from mec_gym.io.settings import Positive
from mec_gym.ranges import from_unit, to_unit

THERMAL_NOISE_PSD = 10 ** (-174 / 10) / 1000
"""Of a receiver that adds none, W/Hz: -174 dBm/Hz."""

_MOST_LINKS = 10**7
"""Distances are worked out at once, so that lists of positions may not be of any length."""


class PlacedChannel(Channel):
    """A channel that knows where devices and servers are; places are constant within a slot.

    Devices are placed uniformly over a square, or at positions drawn from `device_positions_m`.
    The first 2 M of a slot's uniform numbers place the devices.
    """

    side_m: Positive = Field(500.0, description="Side of the square that holds the devices, m.")
    server_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None, description="Place x, y of each server, m; none: a regular grid over the square."
    )
    device_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None,
        description="Places x, y that devices are drawn from, m; none: anywhere in the square.",
    )
    noise_figure_db: float = Field(
        0.0,
        ge=0,
        le=50,
        description="Noise figure of the sites' receivers, dB, of the noise where none is given.",
    )

    @model_validator(mode="after")
    def _positions_are_numbers(self) -> "PlacedChannel":
        for field in ("server_positions_m", "device_positions_m"):
            positions = getattr(self, field)
            if positions is not None and not (len(positions) and np.isfinite(positions).all()):
                raise ValueError(f"{field}: needs at least one x, y pair, all finite")
        links = len(self.device_positions_m or ()) * len(self.server_positions_m or ())
        if links > _MOST_LINKS:
            raise ValueError(
                f"device_positions_m: {links} pairs with server_positions_m are too many; give"
                f" fewer, {_MOST_LINKS} pairs at most"
            )
        return self

    @property
    @abstractmethod
    def shortest_m(self) -> float:
        """The distance as which shorter ones count, m."""

    @property
    def longest_m(self) -> float:
        """A distance that no link is longer than, m."""
        corners = [(0.0, 0.0), (0.0, self.side_m), (self.side_m, 0.0), (self.side_m, self.side_m)]
        devices = np.array(self.device_positions_m or corners)
        # Without given positions servers stand inside the square: no further than its diagonal.
        servers = np.array(self.server_positions_m or corners)
        return float(max(self._distance(devices, servers).max(), self.shortest_m))

    @property
    def default_noise_psd(self) -> float:
        """The noise density of a scenario that gives none, W/Hz: thermal, and the noise figure."""
        return THERMAL_NOISE_PSD * 10 ** (self.noise_figure_db / 10)

    def places(
        self, unit: FloatArray, num_devices: int, num_servers: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the places x, y of devices (..., M, 2) and servers (N, 2), m."""
        positions = unit[..., : 2 * num_devices].reshape(*unit.shape[:-1], num_devices, 2)
        return self._devices(positions), self._servers(num_servers)

    def distances(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return the distance of each link (..., M, N), m; see `Channel.distances`."""
        return self._distance(*self.places(unit, num_devices, num_servers))

    def at_places(self, unit: FloatArray, drawn: FloatArray) -> FloatArray:
        """Return uniform numbers with which `drawn`, (..., M), draw from `device_positions_m`.

        Args:
            unit: as `draw` takes them.
            drawn: numbers uniform on [0, 1), one a device.
        """
        placed = unit.copy()
        placed[..., : 2 * drawn.shape[-1] : 2] = drawn
        return placed

    def to_unit(self, gain: FloatArray) -> FloatArray:
        """Map gains to [0, 1], linearly in dB."""
        low, high = self.gain_range
        return to_unit(np.log(gain), (math.log(low), math.log(high)))

    def _devices(self, unit: FloatArray) -> FloatArray:
        if self.device_positions_m is None:
            return from_unit(unit, (0.0, self.side_m))
        row = (unit[..., 0] * len(self.device_positions_m)).astype(int)
        return np.take(np.array(self.device_positions_m), row, axis=0)

    def _servers(self, num_servers: int) -> FloatArray:
        if self.server_positions_m is not None:
            return np.array(self.server_positions_m)
        columns = math.ceil(math.sqrt(num_servers))
        rows = math.ceil(num_servers / columns)
        row, column = np.divmod(np.arange(num_servers), columns)
        return self.side_m * np.stack([(column + 0.5) / columns, (row + 0.5) / rows], axis=-1)

    def _distance(self, devices: FloatArray, servers: FloatArray) -> FloatArray:
        distance = np.linalg.norm(devices[..., :, None, :] - servers, axis=-1)
        return np.asarray(np.maximum(distance, self.shortest_m))
