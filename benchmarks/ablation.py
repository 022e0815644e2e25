"""What each ingredient of the preset `regret` brings: `python -m benchmarks.ablation [ROW ...]`.

Each row changes a few fields of the preset, is trained three times for 4000 episodes on
`paper-varied` and plays its frozen benchmark. Prints a JSON line a row, then all as Markdown.
"""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from benchmarks.learning import Played, play_seeds
from mec_gym.io.settings import pick

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
    for field, value in changes.items():
        flag = field.replace("_", "-")
        words.append(f"--no-{flag}" if value is False else f"--{flag} {value}")
    return " ".join(words)


def markdown(rows: Mapping[str, Played]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | command | mean gap | worst seed | feasible |", "|---|---|---:|---:|---:|"]
    for name, played in rows.items():
        gap, worst = played.estimate, max(played.gaps)
        lines.append(
            f"| {name} | `{command(name)}` | {gap.mean:.3f}% ± {gap.ci95:.3f}% | {worst:.3f}% "
            f"| {played.feasible:.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row", nargs="*", help="; ".join(ROWS))
    done: dict[str, Played] = {}
    for name in parser.parse_args().row or ROWS:
        preset, changes = pick(ROWS, name, "row")
        played = play_seeds(preset, changes | {"scenario": SCENARIO}, SEEDS, [SCENARIO])
        done[name] = played[SCENARIO]
        print(json.dumps({"row": name, "changes": changes} | done[name].figures()), flush=True)
    print(markdown(done))
