"""A family of scenarios: networks drawn anew, so that what is learned on them holds for others."""

import math
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from mec_gym.channels import PathLossChannel
from mec_gym.io.settings import Settings
from mec_gym.scenario import Scenario

_STREAM = 4  # of random numbers; that of a seed alone may have drawn slots

_COLUMNS: tuple[dict[str, Any], ...] = (
    {"local_hz": (1e9, 2e9), "energy_weight": 0.05},
    {"local_hz": (1e9, 2e9), "energy_weight": (0.0, 0.3)},
    {"local_hz": (1e9, 2e9), "cloud_delay_s": 0.7, "cloud_hz": 3e10},
    {"deadline_s": (0.2, 1.2), "drop_penalty_s": 1.5},
)
"""What a scenario that has columns beside its servers may have."""


class ScenarioFamily(Settings):
    """Ranges that whole scenarios are drawn from; tasks are those of Sec. IV-A.

    Raises:
        ValueError: one line that names each wrong field, its value and the remedy.
    """

    num_servers: tuple[int, int] = Field((2, 8), description="Least and most servers N.")
    devices_per_server: tuple[float, float] = Field(
        (2.0, 8.0), description="Least and most devices for each server, M / N."
    )
    tight: float = Field(
        0.5, ge=0, le=1, description="Share of the scenarios in which every place is needed."
    )
    spare: tuple[float, float] = Field(
        (1.2, 2.0), description="Least and most places for each device in the others."
    )
    path_loss: float = Field(
        0.5, ge=0, le=1, description="Share of the scenarios of channel path-loss, else uniform."
    )
    side_m: tuple[float, float] = Field(
        (200.0, 2000.0), description="Shortest and longest side of a square with path loss, m."
    )
    unequal: float = Field(
        0.0, ge=0, le=1, description="Share of the scenarios whose servers have unequal places."
    )
    crowded: float = Field(
        0.0, ge=0, le=1, description="Share of those with path loss whose users crowd at few spots."
    )
    columns: float = Field(
        0.25, ge=0, le=1, description="Share of the scenarios with columns beside the servers."
    )
    slowest_hz: tuple[float, float] = Field(
        (2e9, 8e9),
        description="Between which the least CPU frequency of a scenario lies, cycles/s.",
    )
    fastest: tuple[float, float] = Field(
        (1.0, 3.0), description="Between which the most CPU frequency over the least lies."
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        lowest = {"num_servers": 1, "devices_per_server": 0, "spare": 1, "fastest": 1}
        for name in (
            "num_servers",
            "devices_per_server",
            "spare",
            "side_m",
            "slowest_hz",
            "fastest",
        ):
            low, high = getattr(self, name)
            least = lowest.get(name, 0)
            if not (least <= low <= high < math.inf) or low == 0:
                raise ValueError(
                    f"{name}: [{low:g}, {high:g}] is not a range [low, high] of numbers of at least"
                    f" {least} and above 0"
                )
        return self

    def draw(self, rng: np.random.Generator, lookahead: int | None = None) -> Scenario:
        """Return the next scenario of a generator.

        Args:
            rng: the generator.
            lookahead: of the scenario.
        """
        unit = iter(rng.random(12).tolist())

        def between(limits: tuple[float, float]) -> float:
            low, high = limits
            return low * math.exp(math.log(high / low) * next(unit))

        servers = round(between((self.num_servers[0], self.num_servers[1])))
        devices = max(1, round(servers * between(self.devices_per_server)))
        spare = between(self.spare)
        per_device = 1.0 if next(unit) < self.tight else spare
        slowest = between(self.slowest_hz)
        fields: dict[str, Any] = {
            "num_servers": servers,
            "num_devices": devices,
            "capacity": math.ceil(devices / servers * per_device),
            "servers": "per-slot",
            "server_hz": (slowest, slowest * max(between(self.fastest), 1.001)),
            "lookahead": lookahead,
        }
        side, power = between(self.side_m), between((0.1, 0.3))
        placed = next(unit) < self.path_loss
        if placed:
            fields |= {
                "channel": PathLossChannel(side_m=side),
                "noise_psd": 4e-21,  # W/Hz, thermal
                "tx_power_w": power,
            }
        which = int(next(unit) * len(_COLUMNS))
        if next(unit) < self.columns:
            fields |= _COLUMNS[which]
        # Numbers that only wider families take: the scenarios of the others stay what they were.
        if self.unequal and rng.random() < self.unequal:
            fields["capacity"] = _unequal_places(rng, math.ceil(devices * per_device), servers)
        if self.crowded and placed and rng.random() < self.crowded:
            fields["channel"] = PathLossChannel(
                side_m=side,
                clusters=int(rng.integers(1, max(servers // 2, 1) + 1)),
                cluster_radius_m=side / rng.uniform(10, 30),
                cluster_seed=int(rng.integers(2**31)),
            )
        return Scenario(**fields)

    def scenarios(
        self, count: int, seed: int, lookahead: int | None = None
    ) -> tuple[Scenario, ...]:
        """Return so many scenarios; the first k of them are those of `scenarios(k, seed)`."""
        rng = np.random.default_rng((seed, _STREAM))
        return tuple(self.draw(rng, lookahead) for _ in range(count))


def _unequal_places(rng: np.random.Generator, total: int, servers: int) -> tuple[int, ...]:
    """Return the places of each server, at least one, about `total` in all and never fewer."""
    share = rng.uniform(0.3, 1.7, servers)
    places = np.maximum(1, np.floor(total * share / share.sum())).astype(np.int64)
    np.add.at(places, rng.integers(servers, size=max(0, total - int(places.sum()))), 1)
    return tuple(places.tolist())


WIDE = ScenarioFamily(
    num_servers=(2, 25),
    devices_per_server=(1.5, 10.0),
    columns=0.4,
    unequal=0.5,
    crowded=0.4,
)

FAMILIES: dict[str, tuple[ScenarioFamily, ...]] = {
    "small": (ScenarioFamily(),),
    "wide": (WIDE,),
    "both": (ScenarioFamily(), WIDE),
}
"""What training draws its scenarios from, in turn, by the names that its `family_of` may have."""


def scenarios_of(
    name: str, count: int, seed: int, lookahead: int | None = None
) -> tuple[Scenario, ...]:
    """Return so many scenarios of `FAMILIES`, as `ScenarioFamily.scenarios` draws them."""
    families = FAMILIES[name]
    shares = [len(range(each, count, len(families))) for each in range(len(families))]
    drawn = [
        iter(family.scenarios(share, seed, lookahead))
        for family, share in zip(families, shares, strict=True)
    ]
    return tuple(next(drawn[number % len(drawn)]) for number in range(count))
