"""The numbers beside the figures: policies measured on the same held-out slots, as CSV."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator

from evaluate.paper.stated import DQN_RAO
from evaluate.paper.study import Point
from mec_gym import average_delay, policies
from mec_gym.benchmark.comparison import Reference, Result, play
from mec_gym.io.settings import Settings
from mec_gym.policies import Policy
from mec_gym.solvers.exact import solve

R = TypeVar("R", bound=Settings)

STUDIED = ("roa", "goa", "goa-capacity", "least-delay")
PAIRS = ((DQN_RAO, "goa"), (DQN_RAO, "roa"), ("goa", "roa"), (DQN_RAO, "least-delay"))
"""Policies whose delays are compared slot by slot: the paper's three, and the best heuristic."""

Optional = Annotated[float | None, BeforeValidator(lambda cell: None if cell == "" else cell)]
"""A number that a CSV file may leave out."""


class Row(Settings):
    """How a policy did at a point; delays in seconds, intervals as half their 95% width.

    Attributes:
        scenario: label of the point.
        x: where it stands on the horizontal axis: GHz in Fig. 4, cycles/bit in Fig. 5.
        policy: its name; "optimal" is the yardstick.
        seeds: how many trained seeds of it were played; means are over them.
        delay_s: average delay, Eq. (5), CPU split by Eq. (20).
        gap: mean of how far each slot is above its optimum, relative to that.
        feasible_rate: share of slots in which every server keeps within its capacity.
        equal_shares_delay_s: the delay if each server split its CPU equally instead.
    """

    scenario: str
    x: Optional = None
    policy: str
    seeds: int
    delay_s: float
    delay_ci95_slots_s: float
    delay_ci95_seeds_s: Optional = None
    gap: float
    gap_ci95_slots: float
    gap_ci95_seeds: Optional = None
    feasible_rate: float
    equal_shares_delay_s: float


class Margin(Settings):
    """By how much a policy's mean delay is below another's on the same slots, relative to it.

    The interval, half its 95% width, covers slots and seeds.
    """

    scenario: str
    x: Optional = None
    policy: str
    other: str
    margin: float
    ci95: float


def measure(
    points: Sequence[Point],
    trained: Mapping[str, Mapping[str, Sequence[Policy]]],
    slots: int,
    seed: int,
) -> tuple[list[Row], list[Margin]]:
    """Play the baselines, the trained policies and the optimum at each point.

    Args:
        points: where.
        trained: for a point's label, its trained policies by name, one a seed.
        slots: how many held-out slots.
        seed: of the slots, and of policies that draw.

    Raises:
        ValueError: an optimum is not proven in time, or a policy cannot play the slots.
    """
    rows: list[Row] = []
    margins: list[Margin] = []
    for point in points:
        instance = point.scenario.sample(slots, seed)
        solution = solve(instance)
        if not solution.proven.all():
            raise ValueError(f"scenario: {point.label} has slots whose optimum took too long")
        players: dict[str, Sequence[Policy]] = {
            **trained.get(point.label, {}),
            **{name: [policies.get(name)] for name in STUDIED},
            "optimal": [lambda *_, found=solution: found.assignment],
        }
        reference = Reference(average_delay(instance, solution.assignment), solution.proven)
        results = {each.name: each for each in play(players, instance, seed, reference)}
        rows += [_row(point, result) for result in results.values()]
        for name, other in PAIRS:
            if name in results:
                margin = results[name].margin(results[other])
                margins.append(
                    Margin(
                        scenario=point.label,
                        x=point.x,
                        policy=name,
                        other=other,
                        margin=margin.mean,
                        ci95=margin.ci95,
                    )
                )
    return rows, margins


def _row(point: Point, result: Result) -> Row:
    delay, gap = result.average_delay, result.gap
    return Row(
        scenario=point.label,
        x=point.x,
        policy=result.name,
        seeds=result.seeds,
        delay_s=delay.mean,
        delay_ci95_slots_s=delay.over_slots.ci95,
        delay_ci95_seeds_s=delay.over_seeds.ci95 if delay.over_seeds else None,
        gap=gap.mean,
        gap_ci95_slots=gap.over_slots.ci95,
        gap_ci95_seeds=gap.over_seeds.ci95 if gap.over_seeds else None,
        feasible_rate=result.feasible_rate,
        equal_shares_delay_s=float(result.equal_shares_delay.mean()),
    )


def write_rows(path: Path, rows: Sequence[Settings]) -> None:
    """Write rows of one kind, at least one, as CSV; numbers in full, None as nothing."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(type(rows[0]).model_fields), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.model_dump() for row in rows)


def read_rows(path: Path, kind: type[R]) -> list[R]:
    """Read what `write_rows` wrote.

    Raises:
        ValueError: the file is missing or damaged; the message says where and what.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = []
            for line, cells in enumerate(csv.DictReader(file, strict=True), start=2):
                try:
                    rows.append(kind(**cells))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"line {line}: {error}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}; make it anew with `make figures`") from None
    if not rows:
        raise ValueError(f"{path}: it has no rows; make it anew with `make figures`")
    return rows
