"""The leaderboard over time: every policy on the frozen episodes."""

from collections.abc import Sequence
from pathlib import Path

from mec_gym.benchmark import frozen_episodes, leaderboard, over_time
from mec_gym.benchmark.models import Model, by_name, load_models
from mec_gym.benchmark.over_time import EpisodesResult
from mec_gym.io import markdown
from mec_gym.policies import POLICIES
from mec_gym.scenario import Scenario

Board = dict[str, list[EpisodesResult]]
"""The results on each benchmark, by its name."""

MARKS = "leaderboard of episodes"
"""What the lines are called between which it stands in a file."""


def play(name: str, models: Sequence[Model]) -> list[EpisodesResult]:
    """Play every policy, and the models that play such episodes, on a benchmark.

    Raises:
        ValueError: the file is damaged, or a model was trained with the benchmark's seed.
    """
    recipe = frozen_episodes.RECIPES[name]
    scenario, benchmark = Scenario.preset(recipe.scenario), frozen_episodes.load(name)
    for model in models:
        if model.seed == recipe.seed:
            raise ValueError(f"model: {model.source} was trained with a benchmark's seed")
    every = [*models, *load_models([*POLICIES])]
    rows = by_name([each for each in every if each.plays(scenario)], scenario)
    return over_time.play(rows, benchmark.episodes, recipe.seed, benchmark.yardsticks)


def write_markdown(board: Board, path: Path) -> None:
    """Replace the leaderboard between its marks in a Markdown file."""
    rows = leaderboard.rows_of(board, lambda result: result.above_best_known)
    markdown.put(path, MARKS, f"{markdown.table(['policy', *board], rows)}\n\n{_caption(board)}")


def _caption(board: Board) -> str:
    counts = ", ".join(
        f"{len(results[0].tasks)} of {name} ({_loose(results[0]):.2%})"
        for name, results in board.items()
    )
    return (
        "Mean cost of an episode above the best known, which a search over all its slots found that"
        f" sees the future, or a policy. Episodes: {counts}; in brackets how far the best known is"
        " above what is proven that nothing undercuts. `optimal` is each slot's optimum, by itself."
    )


def _loose(result: EpisodesResult) -> float:
    """Return how far the best known is above the bound, relative to it."""
    return float((result.yardsticks.best_known / result.yardsticks.bound - 1).mean())
