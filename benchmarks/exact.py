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
from mec_gym.channels import PathLossChannel
from mec_gym.solvers.exact import solve
from mec_gym.solvers.local_search import local_search
from mec_gym.solvers.prices import prices

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


def sites() -> dict[str, float]:
    """816 x 125 with path loss over 3 km: three slots, one call each."""
    noise = 4e-21  # W/Hz, -174 dBm/Hz
    channel = PathLossChannel(side_m=3000)
    scenario = Scenario(
        num_devices=816, num_servers=125, capacity=8, channel=channel, noise_psd=noise
    )
    slots = scenario.sample(3, SEED)
    _ = slots.tx_delay
    bounded = [timed(lower_bound, slot) for slot in slots]
    planned = [timed(prices, slot) for slot in slots]
    bound = np.array([value for value, _ in bounded])
    gap = average_delay(slots, np.array([found for found, _ in planned])) / bound - 1
    return {
        "816 x 125: lower bound, median ms": 1e3 * np.median([taken for _, taken in bounded]),
        "816 x 125: bound and prices, median ms": 1e3 * np.median([taken for _, taken in planned]),
        "816 x 125: prices above the bound, mean %": 100 * gap.mean(),
    }


def figures() -> dict[str, float]:
    """Return every figure by name."""
    solve(sample("paper", 20))  # compiles, or loads what was compiled
    prices(sample("paper", 20))
    measured = small()
    for num_devices, capacity in ((30, 6), (30, 10), (50, 10), (50, 15)):
        measured |= medium(num_devices, capacity)
    return measured | city() | sites()


if __name__ == "__main__":
    common.main(__doc__, {"Bound, local search, optimum": figures})
