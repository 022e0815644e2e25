"""Train every seed of some configurations, side by side, and play frozen benchmarks with them.

What is trained is kept in results/learning, by the digests of its settings and of the package's
sources, and not trained again.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mec_gym import jobs
from mec_gym.benchmark import frozen
from mec_gym.benchmark.comparison import Result, play
from mec_gym.commands.workers import Sharing
from mec_gym.estimates import Estimate
from mec_gym.jobs.on_ray import code_digest
from mec_gym.jobs.pieces import Piece
from mec_gym.jobs.results import entries
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.pieces import training

FOLDER = Path("results/learning")


@dataclass(frozen=True)
class Trained:
    """How the trained seeds of a configuration do on a frozen benchmark, at least two seeds.

    Attributes:
        result: of the benchmark.
        seconds: of each training, beside others on the same machine.
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


def trainings(preset: str, changes: Mapping[str, Any], seeds: Sequence[int]) -> list[Piece]:
    """Return a piece for each seed of a preset with some fields changed."""
    configs = [
        TrainConfig.preset(preset, seed=seed, heldout_slots=50, heldout_episodes=4000, **changes)
        for seed in seeds
    ]
    return [_named(f"{preset}-seed{config.seed}", training("", config)) for config in configs]


def _named(label: str, piece: Piece) -> Piece:
    return replace(piece, name=f"{label}-{piece.digest[:8]}-{code_digest()[:8]}")


def train_all(pieces: Sequence[Piece], sharing: Sharing, folder: Path = FOLDER) -> jobs.Directories:
    """Train what is not trained yet, and return where the runs are.

    Raises:
        SystemExit: a run failed; or it was only asked what all would cost, which is printed.
    """
    store = jobs.Directories(folder)
    if sharing.dry_run:
        print(jobs.estimate(pieces, store, sharing.workers(), unit="run"))
        sys.exit()
    failed = jobs.run(pieces, store, sharing.workers(), unit="run")
    if failed:
        sys.exit("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
    return store


def play_all(
    name: str, pieces: Sequence[Piece], store: jobs.Directories, benchmarks: Sequence[str]
) -> dict[str, Trained]:
    """Play frozen benchmarks with trained runs that differ in nothing but the seed.

    Args:
        name: of the runs.
        pieces: that trained them, at least two.
        store: where they are.
        benchmarks: their names.
    """
    policies = [load_policy(store.path(piece)) for piece in pieces]
    noted = entries(store.folder)
    seconds = [noted.get(piece.name, {}).get("seconds", float("nan")) for piece in pieces]
    found = {}
    for benchmark in map(frozen.load, benchmarks):
        scenario = frozen.RECIPES[benchmark.name].scenario
        players = {name: [policy.for_scenario(scenario) for policy in policies]}
        (result,) = play(players, benchmark.slots, reference=benchmark.reference)
        found[benchmark.name] = Trained(result, seconds)
    return found
