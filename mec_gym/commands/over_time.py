"""What `mec-gym evaluate` does where slots follow one another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mec_gym.benchmark import episode_leaderboard, frozen, frozen_episodes, over_time
from mec_gym.benchmark.models import Model, by_name
from mec_gym.policies import POLICIES, why_not
from mec_gym.scenario import Scenario


def on_scenario(
    models: Sequence[Model], scenario: Scenario, called: str, count: int, seed: int
) -> Any:
    """Compare on episodes that are drawn, print the table and return the JSON.

    Raises:
        ValueError: a policy does not play the scenario.
    """
    for model in models:
        if not model.plays(scenario):
            why = why_not(model.source, scenario) if model.source in POLICIES else ""
            why = why or "it was trained for other slots"
            raise ValueError(f"policies: {model.source} does not play {called}: {why}")
    drawn = scenario.sample_episodes(count, seed)
    results = over_time.play(by_name(models, scenario), drawn, seed)
    over_time.show(results, f"{called}: {count} episodes of {scenario.slots} slots, seed {seed}")
    return {
        "scenario": called,
        "episodes": count,
        "slots": scenario.slots,
        "seed": seed,
        "difference_to": results[0].name,
        "policies": over_time.as_json(results),
    }


def on_benchmarks(
    names: Sequence[str], models: Sequence[Model], path: Path | None = None
) -> dict[str, Any]:
    """Play every policy on frozen episodes, print a table each and return the JSON.

    Args:
        names: of the benchmarks.
        models: beside the policies there are.
        path: of the file whose leaderboard is replaced; None: none.

    Raises:
        ValueError: a file is damaged, or a model was trained with a benchmark's seed.
    """
    board = {}
    for name in names:
        board[name] = episode_leaderboard.play(name, models)
        count = frozen_episodes.RECIPES[name].episodes
        over_time.show(board[name], f"{name}: {count} frozen episodes")
    if path is not None:
        episode_leaderboard.write_markdown(board, path)
    return {name: over_time.as_json(results) for name, results in board.items()}


def apart(asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of some benchmarks are of slots by themselves, and which are of episodes."""
    follow = [name for name in asked if name in frozen_episodes.RECIPES]
    return [name for name in asked if name not in frozen_episodes.RECIPES], follow


def plays_nothing_else(model: Model) -> bool:
    """Return whether a policy plays no frozen slots by themselves."""
    return not any(model.plays(recipe.scenario) for recipe in frozen.RECIPES.values())
