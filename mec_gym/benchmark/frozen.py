"""The frozen benchmark: fixed slots of each scenario with their optima or bounds, as data.

`python -m mec_gym.benchmark.frozen NAME ...` makes the files anew from their recipes; with
--processes or --ray shard by shard.
"""

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import jobs
from mec_gym.benchmark import shards
from mec_gym.benchmark.comparison import Reference, find_reference
from mec_gym.instance import Instance
from mec_gym.io import digests
from mec_gym.io.files import read_npz, replace_file
from mec_gym.io.messages import one_line
from mec_gym.io.names import lookup
from mec_gym.scenario import Scenario

DATA = Path(__file__).with_name("data")

_MODULE = "mec_gym.benchmark.frozen"  # `__name__`, but where it is run


@dataclass(frozen=True)
class Recipe:
    """How a benchmark is made.

    Attributes:
        scenario: whose slots they are.
        slots: how many.
        seed: of `Scenario.sample`; nothing is trained or tuned on it.
        time_limit: for the optimum of each slot, seconds.
    """

    scenario: Scenario
    slots: int = 1000
    seed: int = 20_260_000
    time_limit: float = 60.0


RECIPES: dict[str, Recipe] = {
    "paper": Recipe(Scenario.preset("paper")),
    "paper-varied": Recipe(Scenario.preset("paper-varied")),
    "paper-frequency": Recipe(Scenario.preset("paper-frequency")),
    "paper-complexity": Recipe(Scenario.preset("paper-complexity")),
    "slack": Recipe(Scenario.preset("slack")),
    "online": Recipe(Scenario.preset("online")),
    "online-slack": Recipe(Scenario.preset("online-slack")),
    "fast-fading": Recipe(Scenario.preset("fast-fading")),
    "energy": Recipe(Scenario.preset("energy")),
    "tiers": Recipe(Scenario.preset("tiers")),
    "deadlines": Recipe(Scenario.preset("deadlines")),
    "energy-large": Recipe(Scenario.preset("energy-large"), slots=100),
    "tiers-large": Recipe(Scenario.preset("tiers-large"), slots=100),
    "deadlines-large": Recipe(Scenario.preset("deadlines-large"), slots=100),
    "large": Recipe(Scenario.preset("large"), slots=100),
    "suburb": Recipe(Scenario.preset("suburb"), slots=300),
    "downtown": Recipe(Scenario.preset("downtown"), slots=20, time_limit=10.0),
    "metro": Recipe(Scenario.preset("metro"), slots=3, time_limit=10.0),
    "city": Recipe(Scenario.preset("city"), slots=5, time_limit=1.0),  # the bound is close enough
}
"""The benchmarks by name; a new one is an entry here, and its file made by this module."""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Frozen slots, with what no assignment can undercut on them."""

    name: str
    slots: Instance
    reference: Reference


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
        cost, proven = arrays.pop("reference_delay"), arrays.pop("reference_proven")
        slots = Instance(**arrays)
        if not cost.shape == proven.shape == slots.batch_shape or proven.dtype != np.bool_:
            raise ValueError(
                f"its reference is not a number and a flag for each of {slots.batch_shape} slots"
            )
        return Benchmark(name, slots, Reference(cost, proven))


@contextmanager
def usable(path: Path, maker: str) -> Iterator[None]:
    """Say within the block of what is wrong with a benchmark's file that it cannot be used.

    Args:
        path: of the file.
        maker: module that makes it anew.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path}: cannot be used: {one_line(error)}; make it anew with"
            f" `python -m {maker} {path.stem}`, or install mec_gym again"
        ) from None


def checked_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a benchmark's file, if it is the one that the manifest beside it means.

    Raises:
        ValueError: it is another one, or damaged.
        OSError: it cannot be read.
    """
    digests.check(path, digests.read_manifest_alone(path.parent)["files"].get(path.name))
    return read_npz(path)


def write(path: Path, arrays: dict[str, NDArray[Any]], recipe: dict[str, Any]) -> None:
    """Write a benchmark's file, and its recipe into the manifest beside it."""
    data, buffer = path.parent, io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    recipes: dict[str, Any] = {}
    if (data / digests.MANIFEST_FILE).exists():
        recipes = digests.read_manifest_alone(data)["recipes"]
    recipes[path.stem] = recipe
    data.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())
    files = [f"{each}.npz" for each in sorted(recipes)]
    digests.write_manifest(data, files, recipes=dict(sorted(recipes.items())))


def make(name: str, data: Path = DATA, place: shards.Place | None = None) -> Benchmark:
    """Make a benchmark's file and its entry in the manifest from the recipe.

    Args:
        name: of the benchmark.
        data: directory of the files.
        place: where the optima are found in shards; None: in this process.

    Raises:
        ValueError: there is no such benchmark.
    """
    recipe = lookup(RECIPES, name, "benchmark")
    slots = recipe.scenario.sample(recipe.slots, recipe.seed)
    if place is None:
        reference = find_reference(slots, recipe.time_limit)
    else:
        pieces = shards.reference_pieces(slots, recipe.time_limit, name)
        reference = shards.put_reference_together(shards.do(pieces, place), pieces)
    arrays = {"reference_delay": reference.cost, "reference_proven": reference.proven}
    said = {
        "scenario": recipe.scenario.model_dump(mode="json", exclude_none=True),
        "slots": recipe.slots,
        "seed": recipe.seed,
        "time_limit": recipe.time_limit,
        "proven": int(reference.proven.sum()),
    }
    write(data / f"{name}.npz", slots.arrays() | arrays, said)
    return Benchmark(name, slots, reference)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m mec_gym.benchmark.frozen", description=__doc__)
    parser.add_argument(
        "name", nargs="+", choices=names(), metavar="NAME", help=f"one or more of {names()}"
    )
    parser.add_argument("--processes", type=int, metavar="K", help="how many shards at a time")
    parser.add_argument("--ray", metavar="auto|HOST:PORT", help="the Ray cluster to do them on")
    parser.add_argument("--keep", type=Path, default=Path("results/frozen"), metavar="DIR")
    given = parser.parse_args()
    where: shards.Place | None = None
    if given.ray or given.processes:
        from mec_gym.jobs.on_ray import OnRay

        workers = OnRay(given.ray) if given.ray else jobs.Processes(given.processes)
        where = shards.Place(given.keep, workers)
    for each in given.name:
        made = make(each, place=where)
        print(f"{each}: {len(made.slots)} slots, {made.reference.proven.sum()} proven optimal")
