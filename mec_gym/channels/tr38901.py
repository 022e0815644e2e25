"""3GPP TR 38.901 (V16.1): path loss, line of sight and walls of UMa and UMi, elementwise.

Carrier frequencies are in GHz, lengths in m, losses in dB. The TR's formulas are for 10 m to 5 km;
beyond 5 km they go on as they are.
"""

from dataclasses import dataclass

import numpy as np

from mec_gym.channels.fading import FloatArray

SHORTEST_M = 10.0
"""The horizontal distance from which the formulas of Table 7.4.1-1 hold."""

ALWAYS_SEEN_M = 18.0
"""The horizontal distance up to which the line of sight is always free: Table 7.4.2-1."""

SIGHT_CORRELATION_M = 50.0
"""The correlation distance of the line of sight, UMa and UMi: Table 7.6.3.1-2."""

MOST_INDOOR_M = 25.0
"""Devices indoors are at most so far behind the wall: Sec. 7.4.3.1."""

INDOOR_DB_PER_M = 0.5
"""Loss of a metre indoors, PL_in: Table 7.4.3-2."""

WALL_SPREAD_DB = 4.4
"""Standard deviation sigma_P of the loss into a building, low-loss model: Table 7.4.3-2."""

_LIGHT_M_PER_S = 3.0e8
"""As Table 7.4.1-1, note 1, has it."""

_ENVIRONMENT_M = 1.0
"""Effective environment height h_E: UMi, and UMa with devices of up to 13 m."""


@dataclass(frozen=True)
class Environment:
    """What TR 38.901 says of one kind of environment; without shadowing and antennas.

    Attributes:
        near: A, B of the line of sight's loss up to the breakpoint, A + B lg d_3D + 20 lg f.
        bend: C beyond it: A + 40 lg d_3D + 20 lg f - C lg(d_BP^2 + (h_BS - h_UT)^2).
        blocked: A, B, C, D of A + B lg d_3D + C lg f - D (h_UT - 1.5), where it is not free; there
            the loss is never below that with line of sight.
        sight_m: decay of the probability of line of sight with the distance.
        shadowing_db: standard deviations with line of sight, without it, indoors.
        correlation_m: correlation distances of the shadowing, likewise.
    """

    near: tuple[float, float]
    bend: float
    blocked: tuple[float, float, float, float]
    sight_m: float
    shadowing_db: tuple[float, float, float]
    correlation_m: tuple[float, float, float]

    def losses_db(
        self, distance_m: FloatArray, carrier_ghz: float, site_m: float, device_m: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the path losses with and without line of sight: Table 7.4.1-1.

        Args:
            distance_m: horizontal distances, of any shape.
            carrier_ghz: the carrier's frequency.
            site_m: height of the site's antenna.
            device_m: height of the device's.
        """
        above_m = site_m - device_m
        decades = np.log10(np.hypot(distance_m, above_m))
        constant, slope = self.near
        constant += 20 * np.log10(carrier_ghz)
        bend_m = breakpoint_m(carrier_ghz, site_m, device_m)
        beyond = constant - self.bend * np.log10(bend_m**2 + above_m**2)
        near = distance_m <= bend_m
        seen = np.where(near, constant, beyond) + np.where(near, slope, 40.0) * decades
        constant, slope, of_carrier, of_height = self.blocked
        constant += of_carrier * np.log10(carrier_ghz) - of_height * (device_m - 1.5)
        return seen, np.maximum(seen, constant + slope * decades)

    def sight(self, outdoor_m: FloatArray) -> FloatArray:
        """Return the probability of line of sight by horizontal distances outdoors: Table 7.4.2-1.

        That of UMa is for devices of up to 13 m.
        """
        far = np.maximum(outdoor_m, ALWAYS_SEEN_M)  # where it is 1
        near = ALWAYS_SEEN_M / far
        return np.asarray(near + np.exp(-far / self.sight_m) * (1 - near))


UMA = Environment(
    near=(28.0, 22.0),
    bend=9.0,
    blocked=(13.54, 39.08, 20.0, 0.6),
    sight_m=63.0,
    shadowing_db=(4.0, 6.0, 7.0),
    correlation_m=(37.0, 50.0, 7.0),
)
"""Urban macro cells, sites above the roofs. Deviations and correlation: Table 7.5-6."""

UMI = Environment(
    near=(32.4, 21.0),
    bend=9.5,
    blocked=(22.4, 35.3, 21.3, 0.3),
    sight_m=36.0,
    shadowing_db=(4.0, 7.82, 7.0),
    correlation_m=(10.0, 13.0, 7.0),
)
"""Urban micro cells in street canyons, sites below the roofs."""


def breakpoint_m(carrier_ghz: float, site_m: float, device_m: float) -> float:
    """Return the breakpoint distance d'_BP, m, of two antennas' heights: Table 7.4.1-1, note 1."""
    above = (site_m - _ENVIRONMENT_M) * (device_m - _ENVIRONMENT_M)
    return 4 * above * carrier_ghz * 1e9 / _LIGHT_M_PER_S


def wall_db(carrier_ghz: float) -> float:
    """Return the loss PL_tw through a wall of glass and concrete, low-loss model: Table 7.4.3-2."""
    glass, concrete = 2 + 0.2 * carrier_ghz, 5 + 4 * carrier_ghz
    through = 0.3 * 10 ** (-glass / 10) + 0.7 * 10 ** (-concrete / 10)
    return float(5 - 10 * np.log10(through))
