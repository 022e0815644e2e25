"""Results as a table and as JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mec_gym.benchmark.comparison import Estimate, Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FILE_WIDTH = 150
_NAME_WIDTH = 24


def table(results: Sequence[Result], title: str) -> "Table":
    """Return results as a table to print with rich; differences are to the first of them."""
    from rich import box
    from rich.table import Table

    first = results[0]
    columns: dict[str, Callable[[Result], str]] = {
        "average\ndelay, s": lambda result: _plus_minus(result.average_delay.over_slots),
        f"more than\n{first.name}, ms": lambda result: (
            "" if result is first else _plus_minus(result.difference(first), 1e3, 2)
        ),
        "gap\nmean": lambda result: f"{result.gap.mean:.2%}",
        "gap\nmax": lambda result: f"{result.gap.max:.1%}",
        "slots\nfeasible": lambda result: f"{result.feasible_rate:.1%}",
        "overloads\na slot": lambda result: f"{result.overloads.mean():.2f}",
        "delay with equal\nCPU shares, s": lambda result: f"{result.equal_shares_delay.mean():.4f}",
    }
    if any(result.decision_seconds for result in results):
        columns["µs a\ndecision"] = lambda result: f"{(result.decision_seconds or 0) * 1e6:.1f}"
    if any(result.seeds > 1 for result in results):
        columns["gap, worst of\nseeds trained"] = lambda result: (
            f"{result.gap.worst_seed:.2%} of {result.seeds}" if result.seeds > 1 else ""
        )
    made = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        caption=(
            "± is half a 95% confidence interval over slots; differences are slot by slot;"
            f" gaps are relative to the {first.reference.label}"
        ),
    )
    longest = max(len(result.name) for result in results)
    made.add_column("policy", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    for heading in columns:
        made.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        made.add_row(result.name, *(cell(result) for cell in columns.values()))
    return made


def console() -> "Console":
    """Return the console to print to; a file or a pipe, which has no width, gets a wide one."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)


def show(results: Sequence[Result], title: str) -> None:
    """Print results as a table."""
    console().print(table(results, title))


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return results as JSON values, seconds throughout; differences are to the first of them."""
    return [
        {
            "name": result.name,
            "seeds": result.seeds,
            "average_delay": asdict(result.average_delay.over_slots),
            "difference": asdict(result.difference(results[0])),
            "gap": {
                "mean": result.gap.mean,
                "max": result.gap.max,
                "worst_seed": result.gap.worst_seed,
                "seeds_ci95": result.gap.over_seeds.ci95 if result.gap.over_seeds else None,
                "reference": result.reference.label,
            },
            "equal_shares_delay": float(result.equal_shares_delay.mean()),
            "feasible_rate": result.feasible_rate,
            "overloads": float(result.overloads.mean()),
            "decision_seconds": result.decision_seconds,
            "slot_seconds": result.slot_seconds,
        }
        for result in results
    ]


def _plus_minus(value: Estimate, scale: float = 1, digits: int = 4) -> str:
    return f"{value.mean * scale:.{digits}f} ± {value.ci95 * scale:.{digits}f}"
