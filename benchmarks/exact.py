"""What the bound, local search and the exact solver reach: speed and gap, on one core.

`python -m benchmarks.exact [--json FILE]`.
"""

# ruff: noqa: E402  # the number of threads is read when NumPy is imported
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from benchmarks import common
from mec_gym import Instance, Scenario, average_delay
from mec_gym.bounds import lower_bound
from mec_gym.solvers.exact import solve
from mec_gym.solvers.local_search import local_search

T = TypeVar("T")
SEED = 2024


def sample(preset: str, count: int, **changes: int) -> Instance:
    slots = Scenario.preset(preset, **changes).sample(count, SEED)
    _ = slots.tx_delay  # derived once, and no policy's own work
    return slots


def timed(function: Callable[[Instance], T], slots: Instance) -> tuple[T, float]:
    start = time.perf_counter()
    result = function(slots)
    return result, time.perf_counter() - start


def small() -> dict[str, float]:
    """9 x 3, M_max = 3 and 5: all slots in one call."""
    figures: dict[str, float] = {}
    for preset in ("paper-varied", "slack"):
        slots = sample(preset, 2000)
        solution, seconds = timed(solve, slots)
        searched, search_seconds = timed(local_search, slots)
        bound, bound_seconds = timed(lower_bound, slots)
        gap = 1 - bound / solution.average_cost
        figures |= {
            f"9 x 3 {preset}: optimal, slots/s": len(slots) / seconds,
            f"9 x 3 {preset}: proven share": float(solution.proven.mean()),
            f"9 x 3 {preset}: local search, us a slot": 1e6 * search_seconds / len(slots),
            f"9 x 3 {preset}: local search above the optimum, %": 100
            * (average_delay(slots, searched) / solution.average_cost - 1).mean(),
            f"9 x 3 {preset}: lower bound, us a slot": 1e6 * bound_seconds / len(slots),
            f"9 x 3 {preset}: lower bound below the optimum, mean %": 100 * gap.mean(),
        }
    return figures


def medium(num_devices: int, capacity: int) -> dict[str, float]:
    """M x 5: twenty slots, one call each."""
    slots = sample("large", 20, num_devices=num_devices, capacity=capacity)
    answers = [timed(solve, slot) for slot in slots]
    seconds = [taken for _, taken in answers]
    least = np.array([solution.average_cost for solution, _ in answers])
    case = f"{num_devices} x 5, M_max {capacity}"
    return {
        f"{case}: optimal, median s": float(np.median(seconds)),
        f"{case}: optimal, max s": max(seconds),
        f"{case}: proven share": float(np.mean([solution.proven for solution, _ in answers])),
        f"{case}: local search above the optimum, %": 100
        * (average_delay(slots, local_search(slots)) / least - 1).mean(),
        f"{case}: lower bound below the optimum, mean %": 100
        * (1 - lower_bound(slots) / least).mean(),
    }


def city() -> dict[str, float]:
    """1000 x 50: five slots, one call each."""
    slots = sample("city", 5)
    searches = [timed(local_search, slot) for slot in slots]
    bounded = [timed(lower_bound, slot) for slot in slots]
    reached = average_delay(slots, np.array([found for found, _ in searches]))
    gap = 1 - np.array([bound for bound, _ in bounded]) / reached
    return {
        "1000 x 50: local search, median ms": 1e3 * np.median([taken for _, taken in searches]),
        "1000 x 50: lower bound, median s": np.median([taken for _, taken in bounded]),
        "1000 x 50: lower bound below local search, max %": 100 * gap.max(),
    }


def figures() -> dict[str, float]:
    """Return every figure by name."""
    solve(sample("paper", 20))  # compiles, or loads what was compiled
    measured = small()
    for num_devices, capacity in ((30, 6), (30, 10), (50, 10), (50, 15)):
        measured |= medium(num_devices, capacity)
    return measured | city()


if __name__ == "__main__":
    common.main(__doc__, {"Bound, local search, optimum": figures})
