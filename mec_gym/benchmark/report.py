"""Results as a table and as JSON."""

import math
from collections.abc import Sequence
from typing import Any

from mec_gym.benchmark import tables
from mec_gym.benchmark.comparison import PERCENTILES, Result
from mec_gym.benchmark.online import MOST_SLOTS
from mec_gym.benchmark.tables import Column
from mec_gym.estimates import Estimate


def columns(results: Sequence[Result]) -> list[Column]:
    """Return the table's columns, the most important first; differences are to the first result."""
    first = results[0]
    is_weighted = "cost" in first.reported
    costs = [plus_minus(result.average_cost.over_slots) for result in results]
    differences = [plus_minus(result.difference(first), 1e3, 2) for result in results[1:]]
    made = [
        Column("average\ncost, s" if is_weighted else "average\ndelay, s", costs),
        Column(f"more than\n{first.name}, ms", ["", *differences]),
        Column("gap\nmean", [f"{result.gap.mean:.2%}" for result in results]),
        Column("gap\nmax", [f"{result.gap.max:.1%}" for result in results]),
    ]
    if any(result.online_gap for result in results):
        shares = [_share(result.online_gap) for result in results]
        made.append(Column("gap to best\nonline, mean", shares))
    if any(result.seeds > 1 for result in results):
        worst = [
            f"{result.gap.worst_seed:.2%} of {result.seeds}" if result.seeds > 1 else ""
            for result in results
        ]
        made.append(Column("gap, worst of\nseeds trained", worst))
    made.append(Column("slots\nfeasible", [f"{result.feasible_rate:.1%}" for result in results]))
    if any(result.decision_seconds for result in results):
        times = [f"{(result.decision_seconds or 0) * 1e6:.1f}" for result in results]
        made.append(Column("µs a\ndecision", times))
    if is_weighted:
        delays = [plus_minus(result.average_delay.over_slots) for result in results]
        made.append(Column("average\ndelay, s", delays))
    of_tasks = [" ".join(f"{each:.3f}" for each in result.percentiles) for result in results]
    made.append(Column(f"task delay, s\n{_PERCENTILES}", of_tasks))
    for name, (heading, scale, digits) in _REPORTED.items():
        if name in first.reported:
            means = [float(result.reported[name].mean()) * scale for result in results]
            made.append(Column(heading, [f"{mean:.{digits}f}" for mean in means]))
    return [
        *made,
        Column("overloads\na slot", [f"{result.overloads.mean():.2f}" for result in results]),
        Column(
            "delay with equal\nCPU shares, s",
            [f"{result.equal_shares_delay.mean():.4f}" for result in results],
        ),
    ]


_PERCENTILES = " ".join(f"p{percentile}" for percentile in PERCENTILES)

_REPORTED = {
    "energy_j": ("energy of a\ntask, mJ", 1e3, 2),
    "missed": ("deadlines\nmissed, a slot", 1, 2),
    "dropped": ("tasks dropped\na slot", 1, 2),
    "barred": ("not allowed\na slot", 1, 2),
}
"""The columns of what `system.report` has: heading, factor and digits."""


def show(results: Sequence[Result], title: str) -> None:
    """Print results as a table.

    Raises:
        ModuleNotFoundError: rich is not installed; the message has the remedy.
    """
    caption = (
        f"± is half a 95% confidence interval over slots{_none_of_one(results[0])}; differences"
        f" are slot by slot; gaps are relative to the {results[0].reference.label}"
    )
    if any(result.online_gap for result in results):
        caption += (
            f"; that to the best online to what nobody undercuts on average who sees only the"
            f" present (on {MOST_SLOTS} slots at most)"
        )
    names = Column("policy", [result.name for result in results])
    tables.show(title, names, columns(results), caption)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return results as JSON values, seconds throughout; differences are to the first of them.

    The interval of one slot alone is null.
    """
    return [
        {
            "name": result.name,
            "seeds": result.seeds,
            "average_cost": estimate_json(result.average_cost.over_slots),
            "average_delay": estimate_json(result.average_delay.over_slots),
            "task_delay_percentiles": {
                f"p{percentile}": value
                for percentile, value in zip(PERCENTILES, result.percentiles, strict=True)
            },
            **{
                name: float(values.mean())
                for name, values in result.reported.items()
                if name != "cost"
            },
            "difference": estimate_json(result.difference(results[0])),
            "gap": {
                "mean": result.gap.mean,
                "max": result.gap.max,
                "worst_seed": result.gap.worst_seed,
                "seeds_ci95": result.gap.over_seeds.ci95 if result.gap.over_seeds else None,
                "reference": result.reference.label,
            },
            "online_gap": estimate_json(result.online_gap) if result.online_gap else None,
            "equal_shares_delay": float(result.equal_shares_delay.mean()),
            "feasible_rate": result.feasible_rate,
            "overloads": float(result.overloads.mean()),
            "decision_seconds": result.decision_seconds,
            "slot_seconds": result.slot_seconds,
        }
        for result in results
    ]


def plus_minus(value: Estimate, scale: float = 1, digits: int = 4) -> str:
    """Return an estimate as text, with half its interval where that is known."""
    half = f"{value.ci95 * scale:.{digits}f}" if math.isfinite(value.ci95) else "-"
    return f"{value.mean * scale:.{digits}f} ± {half}"


def _share(value: Estimate | None) -> str:
    return "" if value is None else f"{value.mean:.2%} ± {value.ci95:.2%}"


def estimate_json(value: Estimate) -> dict[str, float | None]:
    """Return an estimate as JSON values; the interval of one alone is null."""
    return {"mean": value.mean, "ci95": value.ci95 if math.isfinite(value.ci95) else None}


def _none_of_one(result: Result) -> str:
    return "" if result.delay.shape[-1] > 1 else ", which one slot alone has not"
