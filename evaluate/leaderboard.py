"""The leaderboard: every policy on every frozen benchmark."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from tqdm import tqdm

from evaluate.models import Model, rows_of, told
from mec_gym import policies
from mec_gym.benchmark import frozen, report
from mec_gym.benchmark.comparison import Score, compare
from mec_gym.io.files import replace_file

Board = dict[str, list[Score]]
"""The scores of each benchmark, by its name."""

_NOT_RANKED = ("optimal",)
"""Policies that are the yardstick itself."""

_MARKS = ("<!-- leaderboard -->", "<!-- end of leaderboard -->")
_BETWEEN = re.compile(".*?".join(_MARKS), re.DOTALL)


def play(names: Sequence[str], models: Sequence[Model]) -> Board:
    """Score every policy, and the models trained for its scenario, on each benchmark.

    Args:
        names: of benchmarks; none: all.
        models: trained runs; those of the same settings but for seed and scenario are one row.

    Raises:
        ValueError: an unknown benchmark, a damaged file, or a model that fits none of them.
    """
    benchmarks = [frozen.load(name) for name in names or frozen.names()]
    scenarios = {
        benchmark.name: frozen.RECIPES[benchmark.name].scenario for benchmark in benchmarks
    }
    for model in models:
        if not any(map(model.policy.trained_for, scenarios.values())):
            raise ValueError(
                f"model: {model.directory} was trained for a scenario of none of the benchmarks"
                f" {', '.join(scenarios)}"
            )
        if model.config.get("seed") in {recipe.seed for recipe in frozen.RECIPES.values()}:
            raise ValueError(f"model: {model.directory} was trained with a benchmark's seed")
    board: Board = {}
    for benchmark in tqdm(benchmarks, unit="benchmark"):
        scenario = scenarios[benchmark.name]
        able = [model for model in models if model.policy.trained_for(scenario)]
        rows = rows_of(told(able, scenario))
        rows |= {
            policies.label(name, scenario): [policies.get(name)]
            for name in policies.POLICIES
            if name not in _NOT_RANKED
        }
        board[benchmark.name] = compare(
            rows, benchmark.slots, frozen.RECIPES[benchmark.name].seed, benchmark.reference
        )
    return board


def check_markdown(path: Path) -> None:
    """Check that a file has the marks that the leaderboard goes between.

    Raises:
        ValueError: the file is missing, or has no such marks.
    """
    begin, end = _MARKS
    if not path.is_file() or not _BETWEEN.search(path.read_text(encoding="utf-8")):
        raise ValueError(f"markdown: {path} is no file with the lines {begin} and {end}")


def _cells(board: Board) -> list[list[str]]:
    """Return the table's rows: policy, then its gap on each benchmark."""
    names = dict.fromkeys(score.name for scores in board.values() for score in scores)
    rows = []
    for name in names:
        row = [name]
        for scores in board.values():
            score = next((score for score in scores if score.name == name), None)
            row.append("" if score is None else _cell(score))
        rows.append(row)
    return rows


def _cell(score: Score) -> str:
    text = f"{score.gap.mean:.2%}"
    if score.gap.seeds_ci95 is not None:
        text += f" ± {score.gap.seeds_ci95:.2%}"
    if score.feasible_rate < 1:
        text += f" ({score.feasible_rate:.0%} feasible)"
    return text


def caption(board: Board) -> str:
    """Return what the figures of the leaderboard are."""
    bounded = [name for name, scores in board.items() if scores[0].gap.reference != "optimum"]
    text = "Mean gap to the proven optimum"
    if bounded:
        text += f" (to a lower bound for {', '.join(bounded)})"
    seeds = {score.seeds for scores in board.values() for score in scores if score.seeds > 1}
    if seeds:
        counts = " or ".join(str(count) for count in sorted(seeds))
        text += f"; ± is half a 95% confidence interval over {counts} trained seeds"
    return text + "; slots above capacity are counted as they are."


def show(board: Board) -> None:
    """Print the leaderboard."""
    table = Table(box=box.SIMPLE_HEAD, title="Leaderboard", caption=caption(board))
    for heading in ("policy", *board):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    for row in _cells(board):
        table.add_row(*row)
    report.console().print(table)


def markdown(board: Board) -> str:
    """Return the leaderboard as a Markdown table."""
    lines = [["policy", *board], ["---"] + ["---:"] * len(board), *_cells(board)]
    rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{rows}\n\n{caption(board)}"


def write_markdown(board: Board, path: Path) -> None:
    """Replace the leaderboard between the marks in a Markdown file."""
    begin, end = _MARKS
    table = f"{begin}\n{markdown(board)}\n{end}"
    text = _BETWEEN.sub(lambda _: table, path.read_text(encoding="utf-8"))
    replace_file(path, text.encode())


def as_json(board: Board) -> dict[str, Any]:
    """Return the leaderboard as JSON values; seconds throughout."""
    return {name: [asdict(score) for score in scores] for name, scores in board.items()}
