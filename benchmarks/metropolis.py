"""Bound, assignment and local search of large cities: time, memory and gap against their size.

`python -m benchmarks.metropolis [devices ...]` prints a table, with a row for the assignment from
prices and one for a trained network's, and draws docs/figures/metropolis.png where there are
several sizes. Seconds are a processor's. Each size is a process of its own, so that its peak memory
is its own. `--channel uma` has gains by TR 38.901, and draws no figure.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mec_gym.channels.large import LARGE

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "metropolis.png"
NETWORK = "regret-family"
STEPS = ("draw", "bound", "assignment", "search")
ONE_THREAD = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
"""LAPACK's threads gain little on two cores and lose much where others use them too."""


def measure(num_devices: int, channel: str) -> dict[str, Any]:
    """Return what a city takes, seconds of each step and GiB, and its gaps, in percent."""
    from mec_gym import load_policy
    from mec_gym.bounds.candidates import relax_candidates
    from mec_gym.candidates import Metropolis
    from mec_gym.policies.candidates import assign_by_network
    from mec_gym.solvers.candidates import assign_at_prices, polish_candidates

    ways = {"prices": assign_at_prices, NETWORK: partial(assign_by_network, load_policy(NETWORK))}
    for size in (1_000, num_devices):  # the first compiles
        city = Metropolis.sized(size, channel=channel)
        clock = [time.process_time()]
        drawn = city.draw(min(16, city.num_servers))
        clock.append(time.process_time())
        relaxed = relax_candidates(drawn)
        clock.append(time.process_time())
        before, found = np.diff(clock).tolist(), {}
        for name, assign in ways.items():
            clock = [time.process_time()]
            start, slot = assign(relaxed)
            clock.append(time.process_time())
            polished = polish_candidates(slot, start)
            clock.append(time.process_time())
            found[name] = slot, start, polished, [*before, *np.diff(clock).tolist()]
    rows = []
    for name, (slot, start, polished, seconds) in found.items():
        costs = [slot.cost(assignment) for assignment in (start, polished)]
        gaps = [100 * (cost / relaxed.total_cost - 1) for cost in costs]
        steps = dict(zip(STEPS, seconds, strict=True))
        rows.append({"by": name, "cost": costs[1], "gaps": gaps, **steps})
    return {
        "devices": num_devices,
        "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "proven": relaxed.total_cost,
        "rows": rows,
    }


def draw_figure(cities: list[dict[str, Any]]) -> None:
    """Draw seconds against devices, with the slope of each step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.6), layout="constrained")
    axes = figure.subplots()
    devices = np.array([city["devices"] for city in cities])
    prices, network = ([city["rows"][which] for city in cities] for which in (0, 1))
    lines = {step: [row[step] for row in prices] for step in STEPS}
    lines["assignment by prices"] = lines.pop("assignment")
    lines[f"assignment by {NETWORK}"] = [row["assignment"] for row in network]
    lines["all, by prices"] = [sum(row[step] for step in STEPS) for row in prices]
    for name, seconds in lines.items():
        slope = np.polyfit(np.log(devices), np.log(seconds), 1)[0]
        print(f"{name}: seconds grow as devices to the power of {slope:.2f}")
        axes.loglog(devices, seconds, marker="o", label=f"{name}: as M to the {slope:.1f}")
    axes.set(
        title="One slot of a city, path loss",
        xlabel="devices M, with M / 100 servers",
        ylabel="seconds of one processor",
    )
    axes.grid(visible=True, which="both", alpha=0.2)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small", frameon=False)
    figure.savefig(FIGURE, dpi=120)


def main() -> None:
    """Measure the sizes given, or all."""
    parser = argparse.ArgumentParser("python -m benchmarks.metropolis", description=__doc__)
    parser.add_argument("devices", nargs="*", type=int, default=SIZES, help=f"by default {SIZES}")
    parser.add_argument("--channel", choices=sorted(LARGE), default="path-loss")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(measure(given.one, given.channel)))
        return
    cities = []
    print(f"| devices | by | {' s | '.join(STEPS)} s | peak GiB | gap before search | gap |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in given.devices:
        command = [sys.executable, "-m", "benchmarks.metropolis", "--one", str(size)]
        command += ["--channel", given.channel]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ONE_THREAD)
        if done.returncode:
            raise SystemExit(f"{size} devices: {done.stderr}")
        city = json.loads(done.stdout.splitlines()[-1])
        cities.append(city)
        for row in city["rows"]:
            seconds = " | ".join(f"{row[step]:.2f}" for step in STEPS)
            gaps = " | ".join(f"{gap:.4f}%" for gap in row["gaps"])
            start = f"| {size} | {row['by']} | {seconds}"
            print(f"{start} | {city['GiB']:.2f} | {gaps} |", flush=True)
            print(f"{size}: bound {city['proven']!r}, cost {row['cost']!r}", file=sys.stderr)
    if len(cities) > 1 and given.channel == "path-loss":
        draw_figure(cities)


if __name__ == "__main__":
    main()
