"""`python -m evaluate`: compare policies and trained runs on the same slots."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from mec_gym import policies
from mec_gym.benchmark import report
from mec_gym.benchmark.comparison import compare
from mec_gym.policies import Policy
from mec_gym.policies.trained import TrainedPolicy, load_policy
from mec_gym.scenario import Scenario


@dataclass(frozen=True)
class Arguments:
    """Compare policies and trained runs on the same slots of a scenario."""

    scenario: str | None = None
    """preset, or TOML file; by default that of the first model, or else paper"""
    policies: list[str] = field(default_factory=lambda: ["roa", "goa", "least-delay"])
    """names of policies"""
    model: list[Path] = field(default_factory=list)
    """run directories of trained policies"""
    instances: int = 1000
    """how many slots"""
    seed: int = 1
    """seed of the slots; of the seeds a model was trained with it must be none"""
    json: Path | None = None
    """file to write the result to"""


def evaluate(given: Arguments) -> int:
    """Compare what the arguments name, print the table and write the JSON."""
    models = {str(directory): load_policy(directory) for directory in given.model}
    for name, model in models.items():
        check_held_out(name, model, given.seed)
    rows: dict[str, Policy] = dict(models)
    rows |= {name: policies.get(name) for name in given.policies}
    if given.scenario is None:
        scenario = next(iter(models.values())).scenario if models else Scenario.preset("paper")
    else:
        scenario = Scenario.load(given.scenario)
    slots = scenario.sample(given.instances, given.seed)
    if given.json is not None:
        given.json.touch()
    scores = compare(rows, slots, given.seed)
    title = f"{scenario.label}: {len(slots)} slots, seed {given.seed}"
    report.show(scores, title)
    if given.json is not None:
        content = report.as_json(scores, scenario.label, given.seed, len(slots))
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def check_held_out(name: str, model: TrainedPolicy, seed: int) -> None:
    """Check that a model was not trained on the slots of `seed`.

    Raises:
        ValueError: it was.
    """
    if model.training.get("config", {}).get("seed") == seed:
        raise ValueError(
            f"seed: {seed} is the seed {name} was trained with, so it has seen these slots;"
            " give another"
        )


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    given = tyro.cli(Arguments, args=arguments, prog="python -m evaluate")
    try:
        return evaluate(given)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
