"""How near the optimum the presets come: `python -m benchmarks.learning [TRAINING ...]`.

Trains five seeds of each and plays the frozen benchmarks, which nothing is trained or tuned on: the
preset `regret` on one scenario each, and the presets that are for any size. Prints, for each
benchmark, the mean gap to its proven optimum or lower bound, in percent, and the seconds of a
training.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import tyro

from benchmarks.learning.seeds import train_and_play
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
    "regret-mix": (
        "regret-mix", {}, ("paper-varied", "slack", "large", "city", "paper-complexity"),
    ),
    "regret-online": ("regret-online", {}, ("online", "online-slack", "large", "city")),
}  # fmt: skip
"""By training: the preset, what is changed of it, and the benchmarks that it plays."""


@dataclass(frozen=True)
class Arguments:
    training: tyro.conf.Positional[list[str]] = field(default_factory=lambda: list(TRAININGS))
    """Trainings to make, by default all."""


if __name__ == "__main__":
    asked = tyro.cli(Arguments, description=__doc__).training
    chosen = {name: lookup(TRAININGS, name, "training") for name in asked}
    for each, (preset, changes, benchmarks) in chosen.items():
        for name, trained in train_and_play(preset, changes, SEEDS, benchmarks).items():
            print(each, "on", name, json.dumps(trained.figures()), flush=True)
