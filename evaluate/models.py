"""Trained runs as rows of a comparison: runs that differ only in the seed are one row."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mec_gym.policies import Policy
from mec_gym.policies.trained import TrainedPolicy, load_policy
from mec_gym.scenario import Scenario


@dataclass(frozen=True)
class Model:
    """A trained policy and the run directory it came from."""

    directory: Path
    policy: TrainedPolicy

    @property
    def config(self) -> dict[str, Any]:
        """The configuration it was trained with."""
        config: dict[str, Any] = self.policy.training.get("config", {})
        return config

    def recipe(self, *varying: str) -> str:
        """Return the configuration less the fields that may vary within a row."""
        if not self.config:  # not one that `python -m train` made: on its own
            return str(self.directory)
        fields = {name: value for name, value in self.config.items() if name not in varying}
        return json.dumps(fields, sort_keys=True)


def load_models(directories: Sequence[str | Path], held_out_seed: int | None = None) -> list[Model]:
    """Read the trained policies of run directories.

    Raises:
        ValueError: a directory is not a run, or was trained with `held_out_seed`.
    """
    models = [Model(Path(directory), load_policy(directory)) for directory in directories]
    for model in models:
        if held_out_seed is not None and model.config.get("seed") == held_out_seed:
            raise ValueError(
                f"seed: {held_out_seed} is the seed {model.directory} was trained with, so it has"
                " seen these slots; give another"
            )
    return models


def told(models: Sequence[Model], scenario: Scenario) -> list[Model]:
    """Return the models with what they may know of the scenario they are to play."""
    return [replace(model, policy=model.policy.for_scenario(scenario)) for model in models]


def rows_of(models: Sequence[Model], *varying: str) -> dict[str, Sequence[Policy]]:
    """Return the policies by row name; within a row the seed and the fields `varying` may differ.

    A row has the name in its configuration, and its first directory where two rows have the same.
    """
    groups: dict[str, list[Model]] = defaultdict(list)
    for model in models:
        group = groups[model.recipe("seed", *varying)]
        if model.config.get("seed") in [other.config.get("seed") for other in group]:
            raise ValueError(
                f"model: {model.directory} is {group[0].directory} again, or the same but for its"
                " name; give each training seed once"
            )
        group.append(model)
    rows: dict[str, Sequence[Policy]] = {}
    for group in groups.values():
        name = group[0].config.get("name", str(group[0].directory))
        if name in rows:
            name = f"{name} ({group[0].directory})"
        rows[name] = [model.policy for model in group]
    return rows
