"""Train every seed of a configuration and play frozen benchmarks with them."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mec_gym.benchmark import frozen
from mec_gym.benchmark.comparison import Estimate, Result, play
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train


@dataclass(frozen=True)
class Trained:
    """How the trained seeds of a configuration do on a frozen benchmark, at least two seeds.

    Attributes:
        result: of the benchmark.
        seconds: of each training.
    """

    result: Result
    seconds: Sequence[float]

    @property
    def gap(self) -> Estimate:
        """The mean gap over seeds, percent."""
        return Estimate.of(100 * self.result.gap.by_seed)

    @property
    def feasible(self) -> float:
        """The share of slots within capacity, of the worst seed."""
        return float((self.result.overloads == 0).mean(axis=1).min())

    def figures(self) -> dict[str, object]:
        """Return what is printed of it."""
        return {
            "gap of each seed, %": [
                round(100 * gap, 3) for gap in self.result.gap.by_seed.tolist()
            ],
            "mean gap, %": round(self.gap.mean, 3),
            "half its 95% interval": round(self.gap.ci95, 3),
            "worst seed, %": round(100 * self.result.gap.worst_seed, 3),
            "slots feasible": self.feasible,
            "seconds of a training": [round(each) for each in self.seconds],
        }


def train_and_play(
    preset: str, changes: Mapping[str, Any], seeds: Sequence[int], benchmarks: Sequence[str]
) -> dict[str, Trained]:
    """Train every seed of a preset with some fields changed, and play frozen benchmarks.

    Args:
        preset: of `TrainConfig`.
        changes: of its fields.
        seeds: at least two.
        benchmarks: their names.
    """
    loaded = [frozen.load(name) for name in benchmarks]
    policies, seconds = [], []
    for seed in seeds:
        config = TrainConfig.preset(
            preset, seed=seed, heldout_slots=50, heldout_episodes=4000, **changes
        )
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            policies.append(train(config, Path(scratch) / "run", progress=False).policy)
            seconds.append(time.perf_counter() - start)
    found = {}
    for benchmark in loaded:
        scenario = frozen.RECIPES[benchmark.name].scenario
        players = {preset: [policy.for_scenario(scenario) for policy in policies]}
        (result,) = play(players, benchmark.slots, reference=benchmark.reference)
        found[benchmark.name] = Trained(result, seconds)
    return found
