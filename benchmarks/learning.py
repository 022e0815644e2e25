"""How near the optimum the preset `regret` comes: `python -m benchmarks.learning [SCENARIO ...]`.

Trains five seeds for each scenario and plays the frozen benchmarks, which nothing is trained or
tuned on. Prints the mean gap to the proven optimum, in percent, and the seconds of a training.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Played:
    """How the trained seeds of one configuration do on a frozen benchmark.

    Attributes:
        gaps: of each seed, its mean over slots, percent.
        feasible: the share of slots within capacity, of the worst seed.
        seconds: of each training.
    """

    gaps: tuple[float, ...]
    feasible: float
    seconds: tuple[float, ...]

    @property
    def estimate(self) -> Estimate:
        """The mean gap over seeds, percent."""
        return Estimate.of(self.gaps)

    def figures(self) -> dict[str, object]:
        """Return what is printed of it."""
        return {
            "gap of each seed, %": [round(gap, 3) for gap in self.gaps],
            "mean gap, %": round(self.estimate.mean, 3),
            "half its 95% interval": round(self.estimate.ci95, 3),
            "worst seed, %": round(max(self.gaps), 3),
            "slots feasible": self.feasible,
            "seconds of a training": [round(each) for each in self.seconds],
        }


def play_seeds(preset: str, changes: Mapping[str, Any], seeds: Sequence[int]) -> Played:
    """Train every seed of a preset with some fields changed, and play its frozen benchmark.

    Args:
        preset: of `TrainConfig`.
        changes: of its fields; the scenario, by its name, is one of them.
        seeds: at least two.
    """
    benchmark = frozen.load(changes["scenario"])
    gaps, seconds, feasible = [], [], []
    for seed in seeds:
        config = TrainConfig.preset(
            preset, seed=seed, heldout_slots=50, heldout_episodes=4000, **changes
        )
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            policy = train(config, Path(scratch) / "run", progress=False).policy
            seconds.append(time.perf_counter() - start)
        assignment = policy(benchmark.slots)
        delay = system.average_delay(benchmark.slots, assignment)
        gaps.append(100 * float((delay / benchmark.reference.delay - 1).mean()))
        feasible.append(float(is_feasible(benchmark.slots, assignment).mean()))
    return Played(tuple(gaps), min(feasible), tuple(seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", default=list(CHANGES), help=", ".join(CHANGES))
    for each in parser.parse_args().scenario:
        played = play_seeds("regret", CHANGES[each] | {"scenario": each}, SEEDS)
        print(each, json.dumps(played.figures()), flush=True)
