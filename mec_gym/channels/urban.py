"""Urban cells as 3GPP TR 38.901 has them: `uma` above the roofs, `umi` in street canyons."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mec_gym.channels import nearby, tr38901
from mec_gym.channels.faded import SHADOWING_LIMIT, FadedChannel, cut_normal
from mec_gym.channels.fading import FloatArray

NUMBERS_OF_DEVICE = 5
"""Uniform numbers of each device: place x, y; whether it is indoors, how far, behind what wall."""

_FIELDS = 4
"""What is correlated over distance: line of sight; shadowing with, without, and indoors."""


class UrbanChannel(FadedChannel):
    """Gains of 3GPP TR 38.901: path loss by line of sight, shadowing, walls, Rayleigh fading.

    What devices near each other have in common: whether they see a site (correlation distance
    50 m), and their shadowing from it (Table 7.5-6), which is cut off at three standard deviations;
    sites are independent. A device is indoors or not whatever its neighbours are; what the way
    into its building loses is the same to all sites: the low-loss model, also below 6 GHz, where
    the TR knows 20 dB as well. Horizontal distances below 10 m count as 10 m; loss goes by the
    distance of the antennas. Fading is the same with and without line of sight. All but the fading
    is constant within a slot, and drawn anew for each. Each device has a band of its own, Eq. (1):
    there is no interference.

    Where devices move, what places have in common is one field over the plane for the whole
    episode: shadowing and line of sight go by where a device is. Sight is free where the field is
    below the TR's probability at the present distance, so that it comes and goes over some 50 m
    (the TR's softer changes of Sec. 7.6.3.3 are left out). A device stays indoors or outdoors, as
    far behind its wall.
    """

    carrier_ghz: float = Field(3.5, ge=0.5, le=100, description="Carrier frequency, GHz.")
    site_height_m: float = Field(
        25.0, ge=2, le=150, description="Height of the sites' antennas, m."
    )
    device_height_m: float = Field(
        1.5, ge=1.5, le=22.5, description="Height of the devices' antennas, m."
    )
    indoor_share: float = Field(0.0, ge=0, le=1, description="Share of the devices indoors.")
    site_gain_db: float = Field(
        0.0, ge=-50, le=50, description="Gain of the sites' antennas to all directions, dB."
    )
    device_gain_db: float = Field(
        0.0, ge=-50, le=50, description="Gain of the devices' antennas to all directions, dB."
    )
    noise_figure_db: float = Field(
        5.0,
        ge=0,
        le=50,
        description="Noise figure of the sites' receivers, dB, of the noise where none is given.",
    )
    shadowing: Literal["correlated", "none"] = Field(
        "correlated", description="Shadowing, correlated over the distance of devices, or none."
    )

    environment: ClassVar[tr38901.Environment]
    """The numbers by which the two kinds differ."""

    @property
    def shortest_m(self) -> float:
        """The distance as which shorter ones count, m."""
        return tr38901.SHORTEST_M

    @property
    def steady_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur without fading."""
        seen, blocked, inside = SHADOWING_LIMIT * self._shadowing_db
        ends = np.minimum([self.shortest_m, tr38901.ALWAYS_SEEN_M, np.inf], self.longest_m)
        in_sight, in_shade = self._losses_db(ends)
        near, far = in_sight[0], in_shade[2]
        highest, lowest = [], []
        if self.indoor_share < 1:
            highest.append(far + max(seen, blocked))
            lowest += [near - seen, in_shade[1] - blocked]
        if self.indoor_share > 0:
            spread = SHADOWING_LIMIT * tr38901.WALL_SPREAD_DB
            wall, behind = tr38901.wall_db(self.carrier_ghz), tr38901.MOST_INDOOR_M
            highest.append(far + wall + tr38901.INDOOR_DB_PER_M * behind + spread + inside)
            lowest.append(near + wall - spread - inside)
        return float(self._gain(max(highest))), float(self._gain(min(lowest)))

    def num_steady_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers all but the fading takes of a slot."""
        fields = nearby.num_uniforms(num_devices, num_servers)
        return NUMBERS_OF_DEVICE * num_devices + _FIELDS * fields

    def steady(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains without fading (..., M, N) made of uniform numbers."""
        devices = unit[..., 2 * num_devices : NUMBERS_OF_DEVICE * num_devices]
        places, _ = self.places(unit, num_devices, num_servers)
        distance = self.distances(unit, num_devices, num_servers)
        shared = nearby.correlated(
            unit[..., NUMBERS_OF_DEVICE * num_devices :],
            places,
            (tr38901.SIGHT_CORRELATION_M, *self._correlation_m),
            num_servers,
        )
        return self._of_fields(devices, distance, shared)

    @property
    def carrier_hz(self) -> float:
        """The carrier's frequency, Hz."""
        return self.carrier_ghz * 1e9

    def num_steady_along(self, num_servers: int) -> int:
        """Return how many uniform numbers the fields over the plane take of an episode."""
        return _FIELDS * nearby.num_uniforms_along(num_servers)

    def steady_along(
        self, unit: FloatArray, more: FloatArray, places: FloatArray, num_servers: int
    ) -> FloatArray:
        """Return gains without fading (..., K, M, N) of slots whose devices are at some places."""
        num_devices = places.shape[-2]
        devices = unit[..., :1, 2 * num_devices : NUMBERS_OF_DEVICE * num_devices]
        distances_m = tr38901.SIGHT_CORRELATION_M, *self._correlation_m
        shared = nearby.along(more, places, distances_m, num_servers)
        return self._of_fields(devices, self.distances_at(places, num_servers), shared)

    def _of_fields(
        self, devices: FloatArray, distance: FloatArray, shared: list[FloatArray]
    ) -> FloatArray:
        """Return gains without fading (..., M, N).

        Args:
            devices: numbers of each: whether it is indoors, how far, behind what wall, (..., 3 M).
            distance: of each link, (..., M, N), m.
            shared: normal numbers of sight and of shadowing, (..., M, N) each.
        """
        from scipy.special import ndtr

        loss, seen, indoors = self._without_shadowing(devices, distance, ndtr(shared[0]))
        if self.shadowing != "none":
            normal = np.where(seen, shared[1], shared[2])
            if self.indoor_share > 0:
                normal = np.where(indoors, shared[3], normal)
            loss += self._deviation_db(seen, indoors) * cut_normal(ndtr(normal))
        return self._gain(loss)

    def of_links(
        self, devices: FloatArray, distance: FloatArray, sight: FloatArray, shadow: FloatArray
    ) -> FloatArray:
        """Return gains without fading (..., M, N) of links that have nothing in common.

        Args:
            devices: numbers of each, uniform on [0, 1): whether it is indoors, how far, behind what
                wall, (..., 3 M), one after the other.
            distance: of each link, (..., M, N), m.
            sight: a uniform number of each link, its line of sight is free where it is low.
            shadow: a uniform number of each link, the quantile of its shadowing.
        """
        far = np.maximum(distance, self.shortest_m)
        loss, seen, indoors = self._without_shadowing(devices, far, sight)
        if self.shadowing != "none":
            loss += self._deviation_db(seen, indoors) * cut_normal(shadow)
        return self._gain(loss)

    def _without_shadowing(
        self, devices: FloatArray, distance: FloatArray, quantile: FloatArray
    ) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return losses, dB, and where the line of sight is free, (..., M, N); who is indoors.

        Arguments as of `_of_fields`; `quantile` is that of each link's sight, (..., M, N).
        """
        inside, behind, wall = (each[..., None] for each in np.split(devices, 3, axis=-1))
        indoors = inside < self.indoor_share
        # The lesser of two numbers uniform up to the most: Sec. 7.4.3.1.
        behind_m = np.where(indoors, tr38901.MOST_INDOOR_M * (1 - np.sqrt(1 - behind)), 0.0)
        sight = self.environment.sight(np.maximum(distance - behind_m, 0.0))
        seen = quantile <= sight
        loss = np.where(seen, *self._losses_db(distance))
        if self.indoor_share > 0:
            spread = tr38901.WALL_SPREAD_DB * cut_normal(wall)
            walls = tr38901.wall_db(self.carrier_ghz) + spread
            loss += np.where(indoors, walls + tr38901.INDOOR_DB_PER_M * behind_m, 0.0)
        return loss, seen, indoors

    @property
    def _shadowing_db(self) -> FloatArray:
        """Standard deviations with line of sight, without it, indoors."""
        return np.array(self.environment.shadowing_db) * (self.shadowing != "none")

    @property
    def _correlation_m(self) -> tuple[float, ...]:
        """Correlation distances of the shadowing that is drawn."""
        if self.shadowing == "none":
            return ()
        return self.environment.correlation_m[: 3 if self.indoor_share > 0 else 2]

    def _deviation_db(self, seen: NDArray[np.bool_], indoors: NDArray[np.bool_]) -> FloatArray:
        """Return the standard deviation of each link's shadowing, dB."""
        with_sight, without, inside = self._shadowing_db
        return np.asarray(np.where(indoors, inside, np.where(seen, with_sight, without)))

    def _losses_db(self, distance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the path losses with and without line of sight."""
        heights = self.site_height_m, self.device_height_m
        return self.environment.losses_db(distance, self.carrier_ghz, *heights)

    def _gain(self, loss_db: FloatArray | float) -> FloatArray:
        return np.asarray(10 ** ((self.site_gain_db + self.device_gain_db - loss_db) / 10))


class UrbanMacroChannel(UrbanChannel):
    """UMa of 3GPP TR 38.901: sites above the roofs; see `UrbanChannel`.

    The effective environment height h_E is 1 m, as it is for devices of up to 13 m; the TR draws it
    for higher ones, which are refused.
    """

    device_height_m: float = Field(
        1.5, ge=1.5, le=13, description="Height of the devices' antennas, m."
    )

    environment = tr38901.UMA


class UrbanMicroChannel(UrbanChannel):
    """UMi of 3GPP TR 38.901: sites below the roofs, in street canyons; see `UrbanChannel`."""

    site_height_m: float = Field(
        10.0, ge=2, le=150, description="Height of the sites' antennas, m."
    )

    environment = tr38901.UMI
