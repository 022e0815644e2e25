"""A large city bounded and assigned by its regions, in this process or on Ray: time and gap.

`python -m benchmarks.metropolis_regions DEVICES ROWS [--ray]` prints one row, for ROWS x ROWS
regions; `--ray` starts Ray on this machine with two CPUs.
"""

import argparse
import logging
import os
from contextlib import ExitStack

from benchmarks.metropolis import ONE_THREAD


def main() -> None:
    """Measure one city."""
    parser = argparse.ArgumentParser("python -m benchmarks.metropolis_regions", description=__doc__)
    parser.add_argument("devices", type=int)
    parser.add_argument("rows", type=int)
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    os.environ.update(ONE_THREAD)  # before NumPy is loaded by what follows

    from mec_gym.candidates import Metropolis
    from mec_gym.jobs.holders import Here, OnActors
    from mec_gym.solvers.regions import Region, solve_regions, split

    with ExitStack() as stack:
        if given.ray:
            import ray

            stack.callback(ray.shutdown)
            ray.init(
                num_cpus=2,
                _node_ip_address="127.0.0.2",
                include_dashboard=False,
                object_store_memory=200 * 2**20,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        for devices in (1_000, given.devices):  # the first compiles
            city = Metropolis.sized(devices)
            slot, region = city.draw(min(16, city.num_servers)), city.regions(given.rows)
            parts = split(slot, region)
            if given.ray:
                with OnActors(Region, parts, cpus=min(1.0, 2 / len(parts))) as regions:
                    found = solve_regions(regions, slot, region)
            else:
                found = solve_regions(Here(Region, parts), slot, region)
    print("| devices | regions | bound s | assignment s | search s | gap before | gap |")
    seconds = " | ".join(f"{each:.2f}" for each in found.seconds)
    gaps = " | ".join(
        f"{100 * (cost / found.bound - 1):.4f}%" for cost in (found.start, found.cost)
    )
    print(f"| {given.devices} | {len(parts)} | {seconds} | {gaps} |")
    print(f"bound {found.bound!r}, cost {found.cost!r}")


if __name__ == "__main__":
    main()
