"""The leaderboard: every policy on every frozen benchmark."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mec_gym.benchmark import frozen, report, shards, tables
from mec_gym.benchmark.comparison import Measured, Result
from mec_gym.benchmark.models import Model, by_name, load_models
from mec_gym.benchmark.over_time import EpisodesResult
from mec_gym.benchmark.shards import Comparison, Place
from mec_gym.benchmark.tables import Column
from mec_gym.channels import PlacedChannel
from mec_gym.io import markdown
from mec_gym.io.progress import progress
from mec_gym.options import is_plain
from mec_gym.policies import POLICIES

R = TypeVar("R", bound=Result | EpisodesResult)

Board = dict[str, list[Result]]
"""The results on each benchmark, by its name."""

_NOT_RANKED = ("optimal",)
"""Policies that are the yardstick itself."""

MARKS = "leaderboard"
"""What the lines are called between which it stands in a file."""


def comparisons(
    names: Sequence[str], models: Sequence[Model], imports: Sequence[str] = ()
) -> list[Comparison]:
    """Return what is to be played: every policy, and the models trained for a scenario, on each.

    Args:
        names: of benchmarks; none: all.
        models: beside the policies there are; trained ones of the same settings but for the seed
            are one row.
        imports: modules of a user's own that the models name.

    Raises:
        ValueError: an unknown benchmark, a damaged file, or a model that fits none of them.
    """
    benchmarks = [frozen.load(name) for name in names or frozen.names()]
    scenarios = {
        benchmark.name: frozen.RECIPES[benchmark.name].scenario for benchmark in benchmarks
    }
    for model in models:
        if not any(map(model.plays, scenarios.values())):
            raise ValueError(
                f"model: {model.source} was trained for a scenario of none of the benchmarks"
                f" {', '.join(scenarios)}"
            )
        if model.seed in {recipe.seed for recipe in frozen.RECIPES.values()}:
            raise ValueError(f"model: {model.source} was trained with a benchmark's seed")
    ours = load_models([name for name in POLICIES if name not in _NOT_RANKED])

    def comparison_on(benchmark: frozen.Benchmark) -> Comparison:
        scenario = scenarios[benchmark.name]
        able = [model for model in models if model.plays(scenario)]
        return Comparison(
            by_name([*able, *(each for each in ours if each.plays(scenario))], scenario),
            benchmark.slots,
            frozen.RECIPES[benchmark.name].seed,
            benchmark.reference,
            benchmark.name,
            tuple(imports),
        )

    return [comparison_on(benchmark) for benchmark in benchmarks]


def play(comparisons: Sequence[Comparison], place: Place | None = None) -> Board:
    """Play comparisons of benchmarks, in shards where there is a place for them.

    Raises:
        ValueError: a policy cannot play.
    """
    found = _played_here(comparisons) if place is None else shards.compare(comparisons, place)
    return dict(zip((each.title for each in comparisons), found, strict=True))


def _played_here(comparisons: Sequence[Comparison]) -> list[list[Result]]:
    found = []
    with progress(len(comparisons), "benchmark") as bar:
        for each in comparisons:
            found.append(each.here())
            bar.update()
            bar.set_postfix_str(each.title)
    return found


def rows_of(board: Mapping[str, Sequence[R]], gap_of: Callable[[R], Measured]) -> list[list[str]]:
    """Return the rows of a leaderboard: policy, then its gap on each benchmark."""
    said = [
        {each.name: _said(each, gap_of(each)) for each in results} for results in board.values()
    ]
    names = dict.fromkeys(name for column in said for name in column)
    return [[name, *(column.get(name, "") for column in said)] for name in names]


def _said(result: Result | EpisodesResult, gap: Measured) -> str:
    text, over_seeds = f"{gap.mean:.2%}", gap.over_seeds
    if over_seeds is not None:
        text += f" ± {over_seeds.ci95:.2%}"
    if result.feasible_rate < 1:
        text += f" ({result.feasible_rate:.0%} feasible)"
    return text


def _rows(board: Board) -> list[list[str]]:
    return rows_of(board, lambda result: result.gap)


def caption(board: Board) -> str:
    """Return what the figures of the leaderboard are."""
    bounded = [name for name, results in board.items() if results[0].reference.label != "optimum"]
    text = "Mean gap to the proven optimum"
    if bounded:
        text += f" (to a lower bound for {', '.join(bounded)})"
    seeds = {result.seeds for results in board.values() for result in results if result.seeds > 1}
    if seeds:
        counts = " or ".join(str(count) for count in sorted(seeds))
        text += f"; ± is half a 95% confidence interval over {counts} trained seeds"
    text += "; slots above capacity are counted as they are"
    if any(not gap for row in _rows(board) for gap in row):
        text += "; empty where it was not played"
    return f"{text}."


def show(board: Board) -> None:
    """Print the leaderboard."""
    names, *gaps = zip(*_rows(board), strict=True)
    columns = [
        Column(name, [gap.replace(" (", "\n(") for gap in column])
        for name, column in zip(board, gaps, strict=True)
    ]
    tables.show("Leaderboard", Column("policy", names), columns, caption(board))


def _parts(board: Board) -> list[Board]:
    """Return the benchmarks of the paper's problem, those with options, and those on a map."""
    parts: dict[tuple[bool, bool], Board] = {(False, False): {}, (True, False): {}}
    for name, results in board.items():
        scenario = frozen.RECIPES[name].scenario
        kind = not is_plain(scenario), isinstance(scenario.channel, PlacedChannel)
        parts.setdefault(kind, {})[name] = results
    return [part for part in parts.values() if part]


def write_markdown(board: Board, path: Path) -> None:
    """Replace the leaderboard between the marks in a Markdown file."""
    tables = [
        markdown.table(["policy", *part], [row for row in _rows(part) if any(row[1:])])
        for part in _parts(board)
    ]
    markdown.put(path, MARKS, "\n\n".join([*tables, caption(board)]))


def as_json(board: Board) -> dict[str, Any]:
    """Return the leaderboard as JSON values; seconds throughout."""
    return {name: report.as_json(results) for name, results in board.items()}
