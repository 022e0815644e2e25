"""What the paper leaves open, and which readings of it come nearest to the paper's numbers."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from evaluate.paper import stated
from evaluate.paper.measurements import Row, measure
from evaluate.paper.stated import DQN_RAO
from evaluate.paper.study import Point
from mec_gym.io.settings import Settings
from mec_gym.scenario import Scenario

NOISE: dict[str, dict[str, Any]] = {
    "density, W/Hz": {},
    "power, W": {"noise_w": Scenario().noise_psd},
}
BANDWIDTH: dict[str, dict[str, Any]] = {"B each": {}, "B/M each": {"bandwidth_sharing": "equal"}}
SERVERS: dict[str, dict[str, Any]] = {
    "one deployment": {},
    "drawn each slot": {"servers": "per-slot"},
}
SHARES = {"Eq. (20)": "delay_s", "equal": "equal_shares_delay_s"}
GOA = {"as it is": "goa", "within capacity": "goa-capacity"}
"""The readings of each open point, the default first, with what each changes."""


class Reading(Settings):
    """The paper's numbers under one reading; average delays in seconds.

    Attributes:
        noise: what sigma^2 = 1e-9 is.
        bandwidth: what a device transmits in.
        servers: how Fig. 5's heterogeneous servers arise.
        shares: how ROA's and GOA's servers split their CPU.
        goa: whether GOA keeps to capacity.
        optimum_5ghz: the least that DQN-RAO could reach at 5 GHz; the others likewise.
        distance: root mean square of the relative differences to the numbers that the paper
            states, the optimum standing in for DQN-RAO; of each figure, and of both together.
    """

    noise: str
    bandwidth: str
    servers: str
    shares: str
    goa: str
    optimum_5ghz: float
    goa_5ghz: float
    roa_5ghz: float
    optimum_500: float
    roa_500: float
    optimum_1000: float
    roa_1000: float
    distance_figure_4: float
    distance_figure_5: float
    distance: float


def read_all(slots: int, seed: int) -> list[Reading]:
    """Return every combination of the readings, the nearest to the paper first."""
    readings = [
        reading
        for noise, bandwidth in product(NOISE, BANDWIDTH)
        for reading in _radio_readings(noise, bandwidth, slots, seed)
    ]
    return sorted(readings, key=lambda reading: reading.distance)


def _radio_readings(noise: str, bandwidth: str, slots: int, seed: int) -> Iterable[Reading]:
    radio = NOISE[noise] | BANDWIDTH[bandwidth]
    homogeneous = Scenario.preset("paper-frequency", server_hz=stated.FREQUENCY_GHZ * 1e9, **radio)
    points = [Point("homogeneous", stated.FREQUENCY_GHZ, homogeneous)]
    for servers, x in product(SERVERS, stated.COMPLEXITIES):
        changes = radio | SERVERS[servers]
        scenario = Scenario.preset("paper-complexity", cycles_per_bit=x, **changes)
        points.append(Point(servers, x, scenario))
    rows, _ = measure(points, {}, slots, seed)
    for servers, shares, goa in product(SERVERS, SHARES, GOA):
        yield _reading(rows, (noise, bandwidth, servers, shares, goa))


def _reading(rows: Sequence[Row], choices: tuple[str, str, str, str, str]) -> Reading:
    noise, bandwidth, servers, shares, goa = choices

    def delay(scenario: str, x: float, policy: str) -> float:
        row = next(r for r in rows if (r.scenario, r.x, r.policy) == (scenario, x, policy))
        # DQN-RAO, and so the optimum, splits by Eq. (20) in every reading.
        return row.delay_s if policy == "optimal" else float(getattr(row, SHARES[shares]))

    at_5ghz = {
        DQN_RAO: delay("homogeneous", stated.FREQUENCY_GHZ, "optimal"),
        "goa": delay("homogeneous", stated.FREQUENCY_GHZ, GOA[goa]),
        "roa": delay("homogeneous", stated.FREQUENCY_GHZ, "roa"),
    }
    by_complexity = {
        DQN_RAO: [delay(servers, x, "optimal") for x in stated.COMPLEXITIES],
        "roa": [delay(servers, x, "roa") for x in stated.COMPLEXITIES],
    }
    errors = {
        "figure_4": [
            at_5ghz[name] / value - 1
            for name, at in stated.FIGURE_4.items()
            for value in at.values()
        ],
        "figure_5": [
            got / value - 1
            for name, at in stated.FIGURE_5.items()
            for got, value in zip(by_complexity[name], at.values(), strict=True)
        ],
    }
    return Reading(
        noise=noise,
        bandwidth=bandwidth,
        servers=servers,
        shares=shares,
        goa=goa,
        optimum_5ghz=at_5ghz[DQN_RAO],
        goa_5ghz=at_5ghz["goa"],
        roa_5ghz=at_5ghz["roa"],
        optimum_500=by_complexity[DQN_RAO][0],
        roa_500=by_complexity["roa"][0],
        optimum_1000=by_complexity[DQN_RAO][1],
        roa_1000=by_complexity["roa"][1],
        distance_figure_4=_root_mean_square(errors["figure_4"]),
        distance_figure_5=_root_mean_square(errors["figure_5"]),
        distance=_root_mean_square(errors["figure_4"] + errors["figure_5"]),
    )


def _root_mean_square(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
