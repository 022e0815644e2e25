"""What `python -m evaluate.paper.figures` has left, read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluate.paper.measurements import Margin, Row, read_rows
from evaluate.paper.readings import Reading
from evaluate.paper.smoothness import LossPoint
from evaluate.paper.study import STUDY_FILE, Study
from mec_gym.estimates import Estimate


@dataclass(frozen=True)
class Table:
    """The numbers of one figure: policies at points, and margins between them."""

    rows: Sequence[Row]
    margins: Sequence[Margin]

    @classmethod
    def read(cls, directory: Path, name: str) -> "Table":
        """Read a table and its margins.

        Raises:
            ValueError: a file is missing or damaged.
        """
        return cls(
            read_rows(directory / f"{name}.csv", Row),
            read_rows(directory / f"{name}-margins.csv", Margin),
        )

    def of(self, policy: str) -> list[Row]:
        """Return a policy's rows, point by point."""
        return [row for row in self.rows if row.policy == policy]

    def at(self, point: float | str, policy: str) -> Row:
        """Return a policy's row at a place on the axis, or in the scenario of a label."""
        return next(row for row in self.of(policy) if point in (row.x, row.scenario))

    def delay(self, point: float | str, policy: str) -> Estimate:
        """Return a policy's average delay, seconds, with an interval over slots and seeds."""
        row = self.at(point, policy)
        over_both = np.hypot(row.delay_ci95_slots_s, row.delay_ci95_seeds_s or 0.0)
        return Estimate(row.delay_s, float(over_both))

    def gap(self, point: float | str, policy: str) -> Estimate:
        """Return a policy's gap to the optimum, with an interval over slots and seeds."""
        row = self.at(point, policy)
        return Estimate(row.gap, float(np.hypot(row.gap_ci95_slots, row.gap_ci95_seeds or 0.0)))

    def compared(self, policy: str, other: str) -> dict[float | str, Estimate]:
        """Return by how much a policy is below another, relatively, point by point."""
        return {
            m.scenario if m.x is None else m.x: Estimate(m.margin, m.ci95)
            for m in self.margins
            if (m.policy, m.other) == (policy, other)
        }


@dataclass(frozen=True)
class Results:
    """All that the figures' command has measured, in a study's settings."""

    study: Study
    loss: Sequence[LossPoint]
    figure_4: Table
    figure_5: Table
    scenarios: Table
    readings: Sequence[Reading]

    @classmethod
    def read(cls, directory: Path) -> "Results":
        """Read a directory that the command has finished.

        Raises:
            ValueError: it has not, or a file is damaged; the message says which, and the remedy.
        """
        if not (directory / STUDY_FILE).exists():
            raise ValueError(f"{directory}: no finished figures in it; run `make figures` first")
        return cls(
            Study.from_toml(directory / STUDY_FILE),
            read_rows(directory / "fig3.csv", LossPoint),
            Table.read(directory, "fig4"),
            Table.read(directory, "fig5"),
            Table.read(directory, "scenarios"),
            read_rows(directory / "readings.csv", Reading),
        )
