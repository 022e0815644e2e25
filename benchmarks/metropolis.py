"""Bound, assignment and local search of large cities: time, memory and gap against their size.

`python -m benchmarks.metropolis [devices ...]` prints a table and draws
docs/figures/metropolis.png where there are several sizes. Each size is a process of its own, so
that its peak memory is its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "metropolis.png"
STEPS = ("draw", "bound", "assignment", "search")
ONE_THREAD = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
"""LAPACK's threads gain little on two cores and lose much where others use them too."""


def measure(num_devices: int) -> dict[str, Any]:
    """Return what a city takes, seconds of each step and GiB, and its gaps, in percent."""
    from mec_gym.bounds.candidates import relax_candidates
    from mec_gym.candidates import Metropolis
    from mec_gym.solvers.candidates import assign_at_prices, polish_candidates

    for size in (1_000, num_devices):  # the first compiles
        city = Metropolis.sized(size)
        clock = [time.perf_counter()]
        slot = city.draw(min(16, city.num_servers))
        clock.append(time.perf_counter())
        relaxed = relax_candidates(slot)
        clock.append(time.perf_counter())
        start, slot = assign_at_prices(relaxed)
        clock.append(time.perf_counter())
        polished = polish_candidates(slot, start)
        clock.append(time.perf_counter())
    costs = [slot.cost(assignment) for assignment in (start, polished)]
    return {
        "devices": num_devices,
        **dict(zip(STEPS, np.diff(clock).tolist(), strict=True)),
        "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "proven": relaxed.total_cost,
        "cost": costs[1],
        "gaps": [100 * (cost / relaxed.total_cost - 1) for cost in costs],
    }


def draw_figure(rows: list[dict[str, Any]]) -> None:
    """Draw seconds against devices, with the slope of each step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    devices = np.array([row["devices"] for row in rows])
    for step in (*STEPS, "all"):
        seconds = np.array([row[step] if step != "all" else total(row) for row in rows])
        slope = np.polyfit(np.log(devices), np.log(seconds), 1)[0]
        print(f"{step}: seconds grow as devices to the power of {slope:.2f}")
        axes.loglog(devices, seconds, marker="o", label=f"{step}: slope {slope:.2f}")
    axes.set(xlabel="devices M, with M / 100 servers", ylabel="seconds")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    figure.savefig(FIGURE, dpi=120)


def total(row: dict[str, Any]) -> float:
    """Return the seconds of all steps."""
    return float(sum(row[step] for step in STEPS))


def main() -> None:
    """Measure the sizes given, or all."""
    parser = argparse.ArgumentParser("python -m benchmarks.metropolis", description=__doc__)
    parser.add_argument("devices", nargs="*", type=int, default=SIZES, help=f"by default {SIZES}")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(measure(given.one)))
        return
    rows = []
    print("| devices | draw s | bound s | assignment s | search s | peak GiB | gap before | gap |")
    print("|---|---|---|---|---|---|---|---|")
    for size in given.devices:
        command = [sys.executable, "-m", "benchmarks.metropolis", "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ONE_THREAD)
        if done.returncode:
            raise SystemExit(f"{size} devices: {done.stderr}")
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        seconds = " | ".join(f"{row[step]:.2f}" for step in STEPS)
        gaps = " | ".join(f"{gap:.4f}%" for gap in row["gaps"])
        print(f"| {size} | {seconds} | {row['GiB']:.2f} | {gaps} |", flush=True)
        print(f"{size}: bound {row['proven']!r}, cost {row['cost']!r}", file=sys.stderr)
    if len(rows) > 1:
        draw_figure(rows)


if __name__ == "__main__":
    main()
