"""How near the optimum the presets come: `python -m benchmarks.learning [TRAINING ...]`.

Trains five seeds of each, side by side, and plays the frozen benchmarks, which nothing is trained
or tuned on: the presets `regret` and `regret-prices` on one scenario each, and those that are for
any size.
Prints, for each benchmark, the mean gap to its proven optimum or lower bound, in percent, and the
seconds of a training, beside others. `--processes`, `--ray` and `--dry-run` are as for
`python -m train`.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import tyro

from benchmarks import common
from benchmarks.learning.seeds import play_all, train_all, trainings
from mec_gym.commands.workers import Sharing
from mec_gym.io.names import lookup

SEEDS = (0, 1, 2, 3, 4)
LONG = {
    "episodes": 20_000, "epsilon_episodes": 1000, "update_every_steps": 3, "num_envs": 48,
}  # fmt: skip
TRAININGS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "paper-varied": ("regret", {}, ("paper-varied",)),
    "slack": ("regret", LONG | {"scenario": "slack"}, ("slack",)),
    "online": ("regret", LONG | {"scenario": "online"}, ("online",)),
    "online-slack": ("regret", LONG | {"scenario": "online-slack"}, ("online-slack",)),
    "prices-paper-varied": ("regret-prices", {}, ("paper-varied",)),
    "prices-slack": ("regret-prices", {"scenario": "slack"}, ("slack",)),
    "prices-online": ("regret-prices", {"scenario": "online"}, ("online",)),
    "prices-energy": ("regret-prices", {"scenario": "energy"}, ("energy",)),
    "prices-tiers": ("regret-prices", {"scenario": "tiers"}, ("tiers",)),
    "prices-deadlines": ("regret-prices", {"scenario": "deadlines"}, ("deadlines",)),
    "regret-small": (
        "regret-small", {},
        ("paper-varied", "slack", "energy", "tiers", "deadlines", "large", "city"),
    ),
    "regret-mix": (
        "regret-mix", {}, ("paper-varied", "slack", "large", "city", "paper-complexity"),
    ),
    "regret-online": ("regret-online", {}, ("online", "online-slack", "large", "city")),
}  # fmt: skip
"""By training: the preset, what is changed of it, and the benchmarks that it plays."""


@dataclass(frozen=True)
class Arguments(Sharing):
    training: tyro.conf.Positional[list[str]] = field(default_factory=lambda: list(TRAININGS))
    """Trainings to make, by default all."""


if __name__ == "__main__":
    given = common.given(Arguments, __doc__)
    chosen = {name: lookup(TRAININGS, name, "training") for name in given.training}
    runs = {
        name: trainings(preset, changes, SEEDS) for name, (preset, changes, _) in chosen.items()
    }
    store = train_all([piece for pieces in runs.values() for piece in pieces], given)
    for each, (preset, _, benchmarks) in chosen.items():
        for name, trained in play_all(preset, runs[each], store, benchmarks).items():
            print(each, "on", name, json.dumps(trained.figures()), flush=True)
