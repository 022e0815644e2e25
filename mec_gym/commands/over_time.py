"""What `mec-gym evaluate` does where slots follow one another."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mec_gym.benchmark import (
    episode_leaderboard,
    frozen,
    frozen_episodes,
    keeping_up,
    over_time,
    tables,
)
from mec_gym.benchmark.models import Model, by_name, check_plays
from mec_gym.benchmark.over_time import EpisodesResult, Yardsticks
from mec_gym.episodes import Episodes
from mec_gym.policies import Policy
from mec_gym.scenario import Scenario
from mec_gym.workload import loads

if TYPE_CHECKING:
    from mec_gym.sb3.run.config import TrainConfig


def on_scenario(
    models: Sequence[Model], scenario: Scenario, called: str, count: int, seed: int
) -> Any:
    """Compare on episodes that are drawn, print the table and return the JSON.

    Raises:
        ValueError: a policy does not play the scenario.
    """
    check_plays(models, scenario, called)
    drawn = scenario.sample_episodes(count, seed)
    results = over_time.play(by_name(models, scenario), drawn, seed)
    over_time.show(results, f"{called}: {count} episodes of {scenario.slots} slots, seed {seed}")
    said = _say(results, scenario)
    return {
        "scenario": called,
        "episodes": count,
        "slots": scenario.slots,
        "seed": seed,
        "loads": loads(scenario).tolist(),
        "said": said,
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
        _say(board[name], Scenario.preset(frozen_episodes.RECIPES[name].scenario))
    if path is not None:
        episode_leaderboard.write_markdown(board, path)
    return {name: over_time.as_json(results) for name, results in board.items()}


def show_held_out(
    policies: Mapping[str, Sequence[Policy]],
    config: "TrainConfig",
    title: str,
    drawn: Episodes,
    yardsticks: Yardsticks | None = None,
) -> None:
    """Play policies on the held-out episodes of a training, and print the table."""
    results = over_time.play(policies, drawn, config.heldout_seed, yardsticks)
    over_time.show(results, f"{title}: {len(drawn)} held-out episodes")
    _say(results, config.scenario)


def _say(results: Sequence[EpisodesResult], scenario: Scenario) -> list[str]:
    """Print whether servers keep up with the work, and return it."""
    said = keeping_up.sentences(results, scenario)
    for line in said:
        tables.say(line)
    return said


def apart(asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of some benchmarks are of slots by themselves, and which are of episodes."""
    follow = [name for name in asked if name in frozen_episodes.RECIPES]
    return [name for name in asked if name not in frozen_episodes.RECIPES], follow


def plays_nothing_else(model: Model) -> bool:
    """Return whether a policy plays no frozen slots by themselves."""
    return not any(model.plays(recipe.scenario) for recipe in frozen.RECIPES.values())
