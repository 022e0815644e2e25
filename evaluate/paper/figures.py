"""`python -m evaluate.paper.figures`: the paper's Figs. 3 to 5, with the numbers beside them."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from evaluate.paper import stated
from evaluate.paper.measurements import Row, measure, write_rows
from evaluate.paper.plots import delay_figure, loss_figure, save
from evaluate.paper.readings import read_all
from evaluate.paper.runs import StudyRun
from evaluate.paper.smoothness import read_loss
from evaluate.paper.stated import DQN_RAO, DQN_SI
from evaluate.paper.study import FULL, QUICK, STUDY_FILE, Point, Study
from mec_gym import jobs
from mec_gym.commands import shell
from mec_gym.commands.arguments import by_default, parse
from mec_gym.commands.workers import Sharing
from mec_gym.jobs.running import Workers
from mec_gym.policies.trained import load_policy

Step = Callable[[Study, Path], None]
"""Makes one thing of finished runs."""

RUNS = "cells"
"""Directory of the finished runs."""

LEADERBOARD_FILE = "leaderboard.txt"
"""Lists the runs whose scenario is a frozen benchmark's."""


@dataclass(frozen=True)
class Arguments(Sharing):
    """Train what Figs. 3 to 5 need, measure it, and draw them; what is finished is not redone."""

    quick: bool = False
    """Take fewer points, seeds and episodes: a preview in minutes."""
    out: Annotated[Path | None, by_default("results/figures, or results/figures-quick")] = None
    """Directory for figures, numbers and runs."""
    seeds: Annotated[int | None, by_default("3, or 2 if quick")] = None
    """Training seeds a point of Figs. 4 and 5."""
    publish: Annotated[Path | None, by_default("no copy")] = None
    """Directory to copy the PNG files to, such as docs/figures."""


def draw_loss(study: Study, out: Path) -> None:
    """Draw Fig. 3 and write its curves."""
    runs = [run for size in study.batch_sizes for run in study.loss_runs(size)]
    points = [point for run in runs for point in read_loss(run, out / RUNS)]
    write_rows(out / "fig3.csv", points)
    save(loss_figure(points, study.quick), out / "fig3")


def draw_delays(
    name: str, points: Sequence[Point], stated: stated.Stated, heading: str, axis: str
) -> Step:
    """Return the step that measures the policies at each point and draws their delays."""

    def step(study: Study, out: Path) -> None:
        rows = measure_points(name, points, {}, study, out)
        save(delay_figure(rows, stated, heading, axis, study.quick), out / name)

    return step


def measure_others(study: Study, out: Path) -> None:
    """Measure the scenarios that no figure shows, and on the first the network fed SI units."""
    first, *_ = points = study.others
    measure_points("scenarios", points, {first.label: {DQN_SI: study.si_runs(first)}}, study, out)


def measure_points(
    name: str,
    points: Sequence[Point],
    more: Mapping[str, Mapping[str, Sequence[StudyRun]]],
    study: Study,
    out: Path,
) -> list[Row]:
    """Measure DQN-RAO, and `more` runs by point, beside the baselines; write the numbers."""
    trained = {
        point.label: {
            policy: [load_policy(out / RUNS / run.name) for run in runs]
            for policy, runs in {
                DQN_RAO: study.runs(point),
                **more.get(point.label, {}),
            }.items()
        }
        for point in points
    }
    rows, margins = measure(points, trained, study.slots, study.slots_seed)
    write_rows(out / f"{name}.csv", rows)
    write_rows(out / f"{name}-margins.csv", margins)
    return rows


def steps(study: Study) -> dict[str, tuple[list[StudyRun], Step]]:
    """Return what is made, by name: the runs it needs, and how."""

    def of(points: Sequence[Point]) -> list[StudyRun]:
        return [run for point in points for run in study.runs(point)]

    loss_runs = [run for size in study.batch_sizes for run in study.loss_runs(size)]
    return {
        "fig3": (loss_runs, draw_loss),
        "fig4": (
            of(study.figure_4),
            draw_delays(
                "fig4",
                study.figure_4,
                stated.FIGURE_4,
                "Fig. 4: average delay against server frequency, equal servers",
                "CPU frequency of each server, GHz",
            ),
        ),
        "fig5": (
            of(study.figure_5),
            draw_delays(
                "fig5",
                study.figure_5,
                stated.FIGURE_5,
                "Fig. 5: average delay against task complexity, unequal servers",
                "task complexity, CPU cycles per bit",
            ),
        ),
        "scenarios": ([*of(study.others), *study.si_runs(study.others[0])], measure_others),
        "readings": (
            [],
            lambda study, out: write_rows(
                out / "readings.csv", read_all(study.slots, study.slots_seed)
            ),
        ),
    }


def runs_in(out: Path) -> jobs.Directories:
    """Return the finished runs of a study."""
    return jobs.Directories(out / RUNS)


def make(study: Study, out: Path, workers: Workers) -> bool:
    """Train what is missing, then make all that no failed run stands in the way of.

    Returns:
        Whether all is made; `study.toml` is then there.

    Raises:
        ValueError: a run directory is damaged.
        OSError: `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / STUDY_FILE).unlink(missing_ok=True)
    pieces = [run.piece for run in study.all_runs()]
    failed = jobs.run(pieces, runs_in(out), workers, unit="run")
    for name, (runs, step) in steps(study).items():
        lacking = sorted({run.name for run in runs} & set(failed))
        if lacking:
            print(f"{name}: left out; it needs {', '.join(lacking)}", file=sys.stderr)
            continue
        step(study, out)
        drawn = f"{out / name}.png, its numbers " if (out / f"{name}.png").exists() else ""
        print(f"{name}: {drawn}{out / name}.csv")
    for name, reason in failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    if not failed:
        listed = "".join(f"{out / RUNS / run.name}\n" for run in study.leaderboard_runs())
        (out / LEADERBOARD_FILE).write_text(listed, encoding="utf-8")
        (out / STUDY_FILE).write_text(study.to_toml(), encoding="utf-8")
    return not failed


def draw(given: Arguments) -> int:
    """Make the figures that the arguments ask for, and return the exit status."""
    changes = dict(QUICK if given.quick else FULL)
    if given.seeds is not None:
        changes["seeds"] = given.seeds
    out = given.out or Path("results/figures-quick" if given.quick else "results/figures")
    study, workers = Study(**changes), given.workers()
    if given.dry_run:
        pieces = [run.piece for run in study.all_runs()]
        print(jobs.estimate(pieces, runs_in(out), workers, unit="run"))
        return 0
    if not make(study, out, workers):
        return 1
    if given.publish is not None:
        given.publish.mkdir(parents=True, exist_ok=True)
        for picture in sorted(out.glob("fig*.png")):
            shutil.copy(picture, given.publish)
    print("To play what was trained for it on the frozen benchmarks, beside all policies:")
    print(f"python -m evaluate --benchmark --model $(cat {out / LEADERBOARD_FILE})")
    return 0


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    prog = "python -m evaluate.paper.figures"
    return shell.run(
        lambda: draw(parse(Arguments, arguments, prog)),
        "the same command goes on where this one was",
    )


if __name__ == "__main__":
    shell.start(main)
