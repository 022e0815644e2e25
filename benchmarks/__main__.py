"""Every benchmark in turn: `python -m benchmarks [--json FILE]`, or `make benchmark`.

What training brings, `python -m benchmarks.learning`, takes too long to be among them.
"""

from benchmarks import checkpoints, common, environments, exact, memory, starting, training

if __name__ == "__main__":
    common.main(
        __doc__,
        {
            "Environments": environments.figures,
            "Starting": starting.figures,
            "Training": training.figures,
            "Checkpoints": checkpoints.figures,
            "Memory": memory.figures,
            "Bound, local search, optimum": exact.figures,
        },
    )
