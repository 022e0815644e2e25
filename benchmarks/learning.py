"""How near the optimum the presets come: `python -m benchmarks.learning [TRAINING ...]`.

Trains five seeds of each and plays the frozen benchmarks, which nothing is trained or tuned on: the
preset `regret` on one scenario each, and the presets that are for any size. Prints, for each
benchmark, the mean gap to its proven optimum or lower bound, in percent, and the seconds of a
training.
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
from mec_gym.io.settings import pick
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

SEEDS = (0, 1, 2, 3, 4)
LONG = {
    "episodes": 20_000, "epsilon_episodes": 1000, "update_every_steps": 3, "num_envs": 48,
}  # fmt: skip
TRAININGS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "paper-varied": ("regret", {}, ("paper-varied",)),
    "slack": ("regret", LONG | {"scenario": "slack"}, ("slack",)),
    "online": ("regret", LONG | {"scenario": "online"}, ("online",)),
    "online-slack": ("regret", LONG | {"scenario": "online-slack"}, ("online-slack",)),
    "regret-mix": (
        "regret-mix", {}, ("paper-varied", "slack", "large", "city", "paper-complexity"),
    ),
    "regret-online": ("regret-online", {}, ("online", "online-slack", "large", "city")),
}  # fmt: skip
"""By training: the preset, what is changed of it, and the benchmarks that it plays."""


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


def play_seeds(
    preset: str, changes: Mapping[str, Any], seeds: Sequence[int], benchmarks: Sequence[str]
) -> dict[str, Played]:
    """Train every seed of a preset with some fields changed, and play frozen benchmarks.

    Args:
        preset: of `TrainConfig`.
        changes: of its fields.
        seeds: at least two.
        benchmarks: their names.
    """
    loaded = {name: frozen.load(name) for name in benchmarks}
    gaps: dict[str, list[float]] = {name: [] for name in benchmarks}
    feasible: dict[str, list[float]] = {name: [] for name in benchmarks}
    seconds = []
    for seed in seeds:
        config = TrainConfig.preset(
            preset, seed=seed, heldout_slots=50, heldout_episodes=4000, **changes
        )
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            policy = train(config, Path(scratch) / "run", progress=False).policy
            seconds.append(time.perf_counter() - start)
        for name, benchmark in loaded.items():
            assignment = policy.for_scenario(frozen.RECIPES[name].scenario)(benchmark.slots)
            delay = system.average_delay(benchmark.slots, assignment)
            gaps[name].append(100 * float((delay / benchmark.reference.delay - 1).mean()))
            feasible[name].append(float(is_feasible(benchmark.slots, assignment).mean()))
    return {
        name: Played(tuple(gaps[name]), min(feasible[name]), tuple(seconds)) for name in benchmarks
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("training", nargs="*", help=", ".join(TRAININGS))
    asked = parser.parse_args().training or list(TRAININGS)
    chosen = {name: pick(TRAININGS, name, "training") for name in asked}
    for each, (preset, changes, benchmarks) in chosen.items():
        for name, played in play_seeds(preset, changes, SEEDS, benchmarks).items():
            print(each, "on", name, json.dumps(played.figures()), flush=True)
