"""The frozen benchmark over time: fixed episodes of each scenario with their yardsticks, as data.

`python -m mec_gym.benchmark.frozen_episodes NAME ...` makes the files anew from their recipes.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mec_gym.benchmark.frozen import checked_arrays, usable, write
from mec_gym.benchmark.over_time import Yardsticks, find_yardsticks
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.io.names import lookup
from mec_gym.scenario import Scenario

DATA = Path(__file__).with_name("data") / "episodes"

_TIMES = 2
"""Their best known is searched for so many times as long as that of other episodes."""

_MODULE = "mec_gym.benchmark.frozen_episodes"  # `__name__`, but where it is run


@dataclass(frozen=True)
class Recipe:
    """How a benchmark is made.

    Attributes:
        scenario: name of the preset whose episodes they are.
        episodes: how many.
        seed: of `Scenario.sample_episodes`; nothing is trained or tuned on it.
    """

    scenario: str
    episodes: int = 20
    seed: int = 20_260_000


RECIPES: dict[str, Recipe] = {
    "queues": Recipe("queues"),
    "rush-hour": Recipe("rush-hour"),
    "walk": Recipe("walk", episodes=5),
    "drive": Recipe("drive", episodes=10),
}
"""The benchmarks by name; a new one is an entry here, and its file made by this module."""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Frozen episodes, with what they are held against."""

    name: str
    episodes: Episodes
    yardsticks: Yardsticks


def names() -> tuple[str, ...]:
    """Return the names of the benchmarks."""
    return tuple(RECIPES)


def load(name: str, data: Path = DATA) -> Benchmark:
    """Read a benchmark, and check that it is the one its manifest describes.

    Args:
        name: of the benchmark.
        data: directory of the files.

    Raises:
        ValueError: there is no such benchmark, or its file is missing, damaged or another one.
    """
    lookup(RECIPES, name, "benchmark")
    path = data / f"{name}.npz"
    with usable(path, _MODULE):
        arrays = checked_arrays(path)
        found = Yardsticks(arrays.pop("bound"), arrays.pop("best_known"))
        present, waits = arrays.pop("present"), bool(arrays.pop("waits"))
        drawn = Episodes(Instance(**arrays), present, waits)
        if not found.bound.shape == found.best_known.shape == drawn.batch_shape:
            raise ValueError(f"its yardsticks are not a number for each of {drawn.batch_shape}")
        return Benchmark(name, drawn, found)


def make(name: str, data: Path = DATA) -> Benchmark:
    """Make a benchmark's file and its entry in the manifest from the recipe.

    Raises:
        ValueError: there is no such benchmark.
    """
    recipe = lookup(RECIPES, name, "benchmark")
    scenario = Scenario.preset(recipe.scenario)
    drawn = scenario.sample_episodes(recipe.episodes, recipe.seed)
    found = find_yardsticks(drawn, _TIMES)
    arrays = drawn.slots.arrays() | {
        "present": drawn.present,
        "waits": np.array(drawn.waits),
        "bound": found.bound,
        "best_known": found.best_known,
    }
    said = {
        "scenario": scenario.model_dump(mode="json", exclude_none=True),
        "episodes": recipe.episodes,
        "seed": recipe.seed,
    }
    write(data / f"{name}.npz", arrays, said)
    return Benchmark(name, drawn, found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        "python -m mec_gym.benchmark.frozen_episodes", description=__doc__
    )
    parser.add_argument(
        "name", nargs="+", choices=names(), metavar="NAME", help=f"one or more of {names()}"
    )
    for each in parser.parse_args().name:
        made = make(each)
        above = (made.yardsticks.best_known / made.yardsticks.bound - 1).mean()
        print(f"{each}: {len(made.episodes)} episodes, best known {above:.2%} above the bound")
