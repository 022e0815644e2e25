"""Scores as a table and as JSON."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mec_gym.benchmark.comparison import Estimate, Score

if TYPE_CHECKING:
    from rich.table import Table

_FILE_WIDTH = 120


def table(scores: list[Score], title: str) -> "Table":
    """Return scores as a table to print with rich."""
    from rich import box
    from rich.table import Table

    first = scores[0].name
    columns: dict[str, Callable[[Score], str]] = {
        "average\ndelay, s": lambda score: _plus_minus(score.average_delay),
        f"more than\n{first}, ms": lambda score: (
            "" if score.name == first else _plus_minus(score.difference, 1e3, 2)
        ),
        "feasible": lambda score: f"{score.feasible_rate:.1%}",
        "overloads\na slot": lambda score: f"{score.overloads:.2f}",
        "with equal\nCPU shares, s": lambda score: f"{score.equal_shares_delay:.4f}",
        "µs a\ndecision": lambda score: f"{score.decision_seconds * 1e6:.1f}",
    }
    result = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        caption="± is half a 95% confidence interval over slots; differences are slot by slot",
    )
    result.add_column("policy", overflow="fold")
    for heading in columns:
        result.add_column(heading, justify="right", no_wrap=True)
    for score in scores:
        result.add_row(score.name, *(cell(score) for cell in columns.values()))
    return result


def show(scores: list[Score], title: str) -> None:
    """Print scores as a table."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width of its own
        console = Console(width=_FILE_WIDTH)
    console.print(table(scores, title))


def as_json(scores: list[Score], scenario: str, seed: int, instances: int) -> dict[str, Any]:
    """Return scores as JSON values; seconds throughout."""
    return {
        "scenario": scenario,
        "instances": instances,
        "seed": seed,
        "difference_to": scores[0].name,
        "policies": [asdict(score) for score in scores],
    }


def _plus_minus(value: Estimate, scale: float = 1, digits: int = 4) -> str:
    return f"{value.mean * scale:.{digits}f} ± {value.ci95 * scale:.{digits}f}"
