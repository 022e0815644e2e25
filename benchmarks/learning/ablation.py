"""What each ingredient of the preset `regret` brings.

`python -m benchmarks.learning.ablation [ROW ...]`.

Each row changes a few fields of the preset, is trained three times for 4000 episodes on
`paper-varied`, side by side with the others, and plays its frozen benchmark. Prints a JSON line a
row, then all as Markdown. `--processes`, `--ray` and `--dry-run` are as for `python -m train`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tyro

from benchmarks import common
from benchmarks.learning.seeds import Trained, play_all, train_all, trainings
from mec_gym.commands.workers import Sharing
from mec_gym.io.markdown import table
from mec_gym.io.names import lookup

SCENARIO = "paper-varied"
SEEDS = (0, 1, 2)

FLAT = {"network": "mlp", "mask": False}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "all of it": ("regret", {}),
    "reward `paper`": ("regret", {"reward": "paper"}),
    "reward `delay`": ("regret", {"reward": "delay"}),
    "network `mlp` (hence no mask)": ("regret", FLAT),
    "network `mlp`, observation `paper`": ("regret", FLAT | {"observation": "paper"}),
    "no mask": ("regret", {"mask": False}),
    "no double Q-learning": ("regret", {"double": False}),
    "gamma 0.95": ("regret", {"gamma": 0.95}),
    "loss `squared`": ("regret", {"loss": "squared"}),
    "Huber's delta 1 s": ("regret", {"huber_delta": 1.0}),
    "learning rate fixed": ("regret", {"learning_rate_end": None}),
    "Table I (preset `paper`)": ("paper", {"scenario": SCENARIO}),
}
"""By row, the preset and what is changed of it."""


def command(name: str) -> str:
    """Return the command that trains a row, with seed 0."""
    preset, changes = ROWS[name]
    words = [f"python -m train {preset}"]
    for option, value in changes.items():
        flag = option.replace("_", "-")
        words.append(f"--no-{flag}" if value is False else f"--{flag} {value}")
    return " ".join(words)


def markdown(rows: Mapping[str, Trained]) -> str:
    """Return the rows as a Markdown table."""
    return table(
        ["what", "command", "mean gap", "worst seed", "feasible"],
        [
            [
                name,
                f"`{command(name)}`",
                f"{trained.gap.mean:.3f}% ± {trained.gap.ci95:.3f}%",
                f"{100 * trained.result.gap.worst_seed:.3f}%",
                f"{trained.feasible:.0%}",
            ]
            for name, trained in rows.items()
        ],
        left=2,
    )


@dataclass(frozen=True)
class Arguments(Sharing):
    row: tyro.conf.Positional[list[str]] = field(default_factory=lambda: list(ROWS))
    """Rows to train, by default all."""


if __name__ == "__main__":
    done: dict[str, Trained] = {}
    given = common.given(Arguments, __doc__)
    chosen = {name: lookup(ROWS, name, "row") for name in given.row}
    runs = {
        name: trainings(preset, changes | {"scenario": SCENARIO}, SEEDS)
        for name, (preset, changes) in chosen.items()
    }
    store = train_all([piece for pieces in runs.values() for piece in pieces], given)
    for name, (preset, changes) in chosen.items():
        done[name] = play_all(preset, runs[name], store, [SCENARIO])[SCENARIO]
        print(json.dumps({"row": name, "changes": changes} | done[name].figures()), flush=True)
    print(markdown(done))
