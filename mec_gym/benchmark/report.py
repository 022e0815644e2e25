"""Scores as a table and as JSON."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mec_gym.benchmark.comparison import Estimate, Score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FILE_WIDTH = 150
_NAME_WIDTH = 24


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
        "gap\nmean": lambda score: f"{score.gap.mean:.2%}",
        "gap\nmax": lambda score: f"{score.gap.max:.1%}",
        "slots\nfeasible": lambda score: f"{score.feasible_rate:.1%}",
        "overloads\na slot": lambda score: f"{score.overloads:.2f}",
        "delay with equal\nCPU shares, s": lambda score: f"{score.equal_shares_delay:.4f}",
        "µs a\ndecision": lambda score: f"{score.decision_seconds * 1e6:.1f}",
    }
    if any(score.seeds > 1 for score in scores):
        columns["gap, worst of\nseeds trained"] = lambda score: (
            f"{score.gap.worst_seed:.2%} of {score.seeds}" if score.seeds > 1 else ""
        )
    result = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        caption=(
            "± is half a 95% confidence interval over slots; differences are slot by slot;"
            f" gaps are relative to the {scores[0].gap.reference}"
        ),
    )
    longest = max(len(score.name) for score in scores)
    result.add_column("policy", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    for heading in columns:
        result.add_column(heading, justify="right", no_wrap=True)
    for score in scores:
        result.add_row(score.name, *(cell(score) for cell in columns.values()))
    return result


def console() -> "Console":
    """Return the console to print to; a file or a pipe, which has no width, gets a wide one."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)


def show(scores: list[Score], title: str) -> None:
    """Print scores as a table."""
    console().print(table(scores, title))


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
