"""How near the optimum the preset `regret` comes: `python -m benchmarks.learning [SCENARIO ...]`.

Trains five seeds for each scenario and plays the frozen benchmarks, which nothing is trained or
tuned on. Prints the mean gap to the proven optimum, in percent, and the seconds of a training.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from mec_gym import is_feasible, system
from mec_gym.benchmark import frozen
from mec_gym.benchmark.comparison import Estimate
from mec_gym.sb3.config import TrainConfig
from mec_gym.sb3.training import train

SEEDS = (0, 1, 2, 3, 4)
LONG = {
    "episodes": 20_000, "epsilon_episodes": 4000, "update_every_steps": 3, "num_envs": 48,
}  # fmt: skip
CHANGES = {"paper-varied": {}, "slack": LONG, "online": LONG, "online-slack": LONG}
"""The scenarios, and what a training on each changes of the preset."""


def figures(name: str) -> dict[str, object]:
    """Train every seed on a scenario, and return how they do on its frozen benchmark."""
    benchmark = frozen.load(name)
    gaps, seconds, feasible = [], [], []
    for seed in SEEDS:
        config = TrainConfig.preset(
            "regret", scenario=name, seed=seed, heldout_slots=50, heldout_episodes=4000
        ).replace(**CHANGES[name])
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            policy = train(config, Path(scratch) / "run", progress=False).policy
            seconds.append(time.perf_counter() - start)
        assignment = policy(benchmark.slots)
        delay = system.average_delay(benchmark.slots, assignment)
        gaps.append(100 * float((delay / benchmark.reference.delay - 1).mean()))
        feasible.append(float(is_feasible(benchmark.slots, assignment).mean()))
    estimate = Estimate.of(gaps)
    return {
        "gap of each seed, %": [round(gap, 3) for gap in gaps],
        "mean gap, %": round(estimate.mean, 3),
        "half its 95% interval": round(estimate.ci95, 3),
        "worst seed, %": round(max(gaps), 3),
        "slots feasible": min(feasible),
        "seconds of a training": [round(each) for each in seconds],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", default=list(CHANGES), help=", ".join(CHANGES))
    for each in parser.parse_args().scenario:
        print(each, json.dumps(figures(each)), flush=True)
