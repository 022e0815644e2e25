"""Networks that no training draws: other sites, users, tasks, radio and options than its family.

`mec_gym.families.ScenarioFamily` has servers on a regular grid, users anywhere, one path loss or
uniform gains, and the tasks of Sec. IV-A. Here each of these is drawn from other laws.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import plausibility
from mec_gym.channels import (
    Channel,
    PathLossChannel,
    UniformChannel,
    UrbanMacroChannel,
    UrbanMicroChannel,
)
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

_STREAM = 6  # of random numbers; that of a seed alone may have drawn slots

MOST_DEVICES, MOST_SERVERS = 816, 125
"""Of the real city's size, as are the largest networks drawn."""

SITES = ("anywhere", "hot spots", "street", "hexagonal")
USERS = ("anywhere", "hot spots", "street", "at the sites")
RADIO = ("umi", "uma", "path loss", "uniform gains")
TASKS = ("uniform", "lognormal", "two kinds", "by the bit")
OPTIONS = ("none", "energy", "cloud", "energy and cloud", "deadlines", "weights")

_ROWS = 500
"""Of a table of tasks, or of places that users are drawn from."""


@dataclass(frozen=True)
class Network:
    """A drawn network.

    Attributes:
        scenario: its slots are drawn from.
        kinds: what was drawn of sites, users, radio, tasks, options and places.
    """

    scenario: Scenario
    kinds: tuple[str, ...]

    @property
    def label(self) -> str:
        """What tables call it: its size and its kinds."""
        size = f"{self.scenario.num_devices} x {self.scenario.num_servers}"
        return ", ".join((size, *self.kinds))


def networks(count: int, seed: int) -> list[Network]:
    """Return so many networks; the first k of them are those of `networks(k, seed)`."""
    return [draw(np.random.default_rng((seed, _STREAM, number))) for number in range(count)]


def draw(rng: np.random.Generator) -> Network:
    """Return a network made of the next numbers of a generator."""
    servers = round(_between(rng, 2, MOST_SERVERS))
    devices = min(max(2, round(servers * _between(rng, 1.5, 12))), MOST_DEVICES)
    spacing_m = _between(rng, 60, 600)
    side_m = spacing_m * math.sqrt(servers)
    radio, users = str(rng.choice(RADIO)), str(rng.choice(USERS))
    sites = str(rng.choice(SITES))
    tasks, option = str(rng.choice(TASKS)), str(rng.choice(OPTIONS))
    fields, mean_cycles, mean_bits = _tasks(rng, tasks)
    # A server alone does a task in 0.02 to 0.5 s, a band as wide as it carries 2 bit/s/Hz sends
    # one in 0.02 to 1 s.
    hz = mean_cycles / _between(rng, 0.02, 0.5)
    fields |= {
        "num_servers": servers,
        "num_devices": devices,
        "servers": "listed",
        "server_hz": tuple((hz * _unequal(rng, servers)).tolist()),
        "bandwidth_hz": mean_bits / 2 / _between(rng, 0.02, 1.0),
    }
    fields |= _options(rng, option, mean_cycles / hz)
    places, tight = _places(rng, devices, servers)
    fields["capacity"] = places
    if radio == "uniform gains":
        sites = users = "nowhere"
    else:
        spots = rng.random((int(rng.integers(2, 7)), 2)) * side_m
        fields |= {"tx_power_w": _between(rng, 0.05, 0.4)}
        at = _sites(rng, sites, servers, side_m, spots)
        around = _users(rng, users, side_m, spots, at)
        placed = {
            "side_m": side_m,
            "server_positions_m": tuple(map(tuple, at.tolist())),
            "device_positions_m": tuple(map(tuple, around.tolist())),
        }
        fields["channel"] = _radio(rng, radio, placed)
    if radio == "uniform gains":
        low = _between(rng, 0.05, 2.0)
        fields["channel"] = UniformChannel(gain=(low, low * _between(rng, 1.5, 30)))
    with plausibility.quiet():
        return Network(Scenario(**fields), (sites, users, radio, tasks, option, tight))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform."""
    return low * math.exp(math.log(high / low) * rng.random())


def _unequal(rng: np.random.Generator, count: int) -> FloatArray:
    """Return how fast servers are: alike, of two kinds, or a wide spread, about 1."""
    kind = rng.integers(3)
    if kind == 0:
        return np.exp(rng.normal(0, 0.02, count))
    if kind == 1:
        return np.where(rng.random(count) < 0.3, _between(rng, 2, 6), 1.0)
    return np.exp(rng.normal(0, 0.6, count).clip(-1.5, 1.5))


def _places(rng: np.random.Generator, devices: int, servers: int) -> tuple[tuple[int, ...], str]:
    """Return the places of each server, tight or with room to spare, the same or not."""
    tight = rng.random() < 0.5
    total = math.ceil(devices * (1.0 if tight else _between(rng, 1.1, 3.0)))
    share = np.ones(servers) if rng.random() < 0.5 else rng.uniform(0.3, 1.7, servers)
    places = np.maximum(1, np.floor(total * share / share.sum())).astype(np.int64)
    while places.sum() < total:
        places[rng.integers(servers)] += 1
    return tuple(places.tolist()), "tight" if tight else "slack"


def _tasks(rng: np.random.Generator, kind: str) -> tuple[dict[str, Any], float, float]:
    """Return fields that say the tasks, their mean work and their mean input size."""
    bits, cycles = _between(rng, 2e5, 5e6), _between(rng, 3e8, 8e9)
    if kind == "uniform":
        wide = rng.uniform(0.1, 0.95, 2)
        low, high = (1 - wide) * (bits, cycles), (1 + wide) * (bits, cycles)
        pairs = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
        return {"task_bits": pairs[0], "task_cycles": pairs[1]}, cycles, bits
    if kind == "by the bit":
        wide = rng.uniform(0.1, 0.95)
        sizes = (bits * (1 - wide), bits * (1 + wide))
        return {"task_bits": sizes, "cycles_per_bit": cycles / bits}, cycles, bits
    if kind == "lognormal":
        spread = rng.uniform(0.3, 1.2, 2)
        scale = np.exp(spread * rng.normal(size=(_ROWS, 2)).clip(-3, 3))
    else:  # many small ones, and some that are much larger
        large = (rng.random(_ROWS) < _between(rng, 0.05, 0.5))[:, None]
        factors = np.array([_between(rng, 1, 10), _between(rng, 3, 20)])
        scale = np.where(large, factors, 1.0) * rng.uniform(0.8, 1.2, (_ROWS, 2))
    rows = scale / scale.mean(axis=0) * (bits, cycles)
    table = {"bits": rows[:, 0].tolist(), "cycles": rows[:, 1].tolist()}
    return {"tasks": table}, cycles, bits


def _options(rng: np.random.Generator, kind: str, seconds: float) -> dict[str, Any]:
    """Return fields of what networks have beside the paper's; `seconds`: a task on its server."""
    fields: dict[str, Any] = {}
    if "energy" in kind:
        fields["local_hz"] = (7e8, 1e9 * _between(rng, 1, 3))
        fields["energy_weight"] = (0.0, _between(rng, 0.05, 1.0))
    if "cloud" in kind:
        fields["cloud_delay_s"] = seconds * _between(rng, 1, 10)
        fields["cloud_hz"] = 3e10
    if kind == "deadlines":
        shortest = seconds * _between(rng, 1, 8)
        fields["deadline_s"] = (shortest, shortest * _between(rng, 1.5, 6))
        fields["drop_penalty_s"] = seconds * _between(rng, 8, 60)
    if kind == "weights":
        fields["delay_weight"] = (1.0, _between(rng, 1.5, 8))
    return fields


def _sites(
    rng: np.random.Generator, kind: str, count: int, side_m: float, spots: FloatArray
) -> FloatArray:
    """Return the places of servers, (N, 2), m."""
    if kind == "anywhere":
        places = rng.random((count, 2)) * side_m
    elif kind == "hot spots":
        places = _about(rng, spots, count, side_m / 8)
    elif kind == "street":
        along = (np.arange(count) + 0.5) / count * side_m
        places = np.stack([along, side_m / 2 + rng.normal(0, side_m / 50, count)], axis=-1)
    else:  # rows of which every other is half a site further
        across = math.ceil(math.sqrt(count))
        row, column = np.divmod(np.arange(count), across)
        places = np.stack([column + 0.5 * (row % 2) + 0.25, row + 0.5], axis=-1) * side_m / across
    return np.asarray(places.clip(0, side_m))


def _users(
    rng: np.random.Generator, kind: str, side_m: float, spots: FloatArray, sites: FloatArray
) -> FloatArray:
    """Return places that users are drawn from, (R, 2), m."""
    if kind == "anywhere":
        places = rng.random((_ROWS, 2)) * side_m
    elif kind == "hot spots":
        places = _about(rng, spots, _ROWS, side_m * _between(rng, 0.02, 0.15))
    elif kind == "street":
        across = side_m / 2 + rng.normal(0, side_m / 25, _ROWS)
        places = np.stack([rng.random(_ROWS) * side_m, across], axis=-1)
    else:  # most of them at few of the sites
        crowded = sites[rng.zipf(1.6, 4 * len(sites)) % len(sites)]
        places = _about(rng, crowded, _ROWS, side_m / math.sqrt(len(sites)) / 3)
    return np.asarray(places.clip(0, side_m))


def _about(rng: np.random.Generator, spots: FloatArray, count: int, radius_m: float) -> FloatArray:
    chosen = spots[rng.integers(len(spots), size=count)]
    return np.asarray(chosen + rng.normal(0, radius_m, (count, 2)))


def _radio(rng: np.random.Generator, kind: str, placed: dict[str, Any]) -> Channel:
    """Return a channel of placed servers and devices."""
    if kind == "path loss":
        return PathLossChannel(
            exponent=rng.uniform(2.2, 4.5),
            loss_at_1m_db=rng.uniform(25, 40),
            shadowing_db=rng.uniform(0, 10),
            fading="rayleigh" if rng.random() < 0.5 else "none",
            **placed,
        )
    urban: dict[str, Any] = {
        "indoor_share": float(rng.choice([0.0, 0.3, 0.8])),
        "carrier_ghz": float(rng.choice([0.7, 2.1, 3.5, 26.0])),
        "site_gain_db": rng.uniform(0, 15),
    }
    made = UrbanMicroChannel if kind == "umi" else UrbanMacroChannel
    return made(**urban, **placed)
