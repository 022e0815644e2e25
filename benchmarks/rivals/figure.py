"""Speed beside rivals, as a picture and a table: `python -m benchmarks.rivals.figure`.

Measures all in turn, round by round, on one thread each and by processor time, so that what else
the machine does falls on all alike and counts little; takes some minutes. Writes
docs/figures/speed.json, the picture beside it, and the table of docs/speed.md. `make benchmark`
runs it after it has installed the rivals.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from benchmarks import common
from mec_gym.io.markdown import table

FILE = Path("docs/figures/speed.json")
PAGE = Path("docs/speed.md")
BEGIN, END = "<!-- speed -->", "<!-- end of speed -->"
ROUNDS = 5

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


class Bar(NamedTuple):
    """What is measured: its name, what a step of it is, and whether it is in the rivals' place."""

    name: str
    step: str
    rival: bool = True


BATCH = "1024 copies at once"
SINGLE = "One environment, step by step"
LEARNING = "Learning: a DQN of Table I"
GROUPS: dict[str, dict[str, Bar]] = {
    BATCH: {
        "mec_gym, batch": Bar(
            "mec_gym", "one device's server is chosen; 9 a slot, which is drawn anew", False
        ),
        "mec_gym, batch, servers": Bar(
            "mec_gym, servers", "the same, seen as 19 features of each server", False
        ),
        "Jumanji, batch": Bar("Jumanji CVRP-v1 (JAX)", "one vehicle's next of 20 customers"),
        "CartPole, batch": Bar("Gymnasium CartPole-v1", "one push of a cart, in NumPy", False),
        "PufferLib, batch": Bar("PufferLib CartPole", "one push of a cart, in C"),
    },
    SINGLE: {
        "mec_gym, single": Bar("mec_gym", "one device's server is chosen", False),
        "CartPole, single": Bar("Gymnasium CartPole-v1", "one push of a cart", False),
        "EdgeEngine, single": Bar("EdgeEngine AWARE", "one task's place is chosen"),
        "mobile-env, single": Bar("mobile-env, small", "5 users' cells at once"),
        "UCMEC, single": Bar("UCMEC, static", "10 users' offloading at once"),
    },
    LEARNING: {
        "mec_gym, learning": Bar("mec_gym", "a decision and an update of 64", False),
        "Stable-Baselines3, learning": Bar("Stable-Baselines3", "the same", False),
        "SBX, learning": Bar("SBX (JAX)", "the same"),
    },
}
"""By group, and by name in `benchmarks.rivals.rates`; others are beside the first of a group."""

_OURS, _THEIRS = "#0072B2", "0.62"
_SIZE, _DPI = (10.4, 7.6), 160


class Worker:
    """A process that measures one bar whenever it is asked."""

    def __init__(self, name: str, bar: Bar) -> None:
        python = str(common.RIVALS / "bin" / "python") if bar.rival else sys.executable
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.rivals.rates", name],
            env=os.environ | ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> bool:
        """Wait until it has compiled; print why it is left out where it has failed."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() == "ready":
            return True
        _, said = self._process.communicate()
        reason = (said.strip().splitlines() or [f"exit status {self._process.returncode}"])[-1]
        print(f"  left out: {self.name}: {reason}", flush=True)
        return False

    def rate(self) -> float:
        """Return steps a second of processor time, measured now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


def measured(rounds: int = ROUNDS) -> dict[str, Any]:
    """Return steps a second of each bar in each round, and of what machine they are."""
    bars = {name: bar for group in GROUPS.values() for name, bar in group.items()}
    if not common.has_rivals():
        bars = {name: bar for name, bar in bars.items() if not bar.rival}
    workers = []
    for name, bar in bars.items():  # one after the other: compiling takes a whole core
        worker = Worker(name, bar)
        if worker.ready():
            workers.append(worker)
    rates: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for number in range(rounds):
        for worker in workers[:: 1 if number % 2 == 0 else -1]:
            rates[worker.name].append(round(worker.rate(), 3))
        print(f"  round {number + 1} of {rounds}", flush=True)
    for worker in workers:
        worker.end()
    return {"processor": _processor(), "python": platform.python_version(), "rates": rates}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def as_text(rate: float) -> str:
    """Return a rate with about two digits that count."""
    if rate < 0.995:
        return f"{rate:.2f}"
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if rate >= 0.995 * size:
            return f"{rate / size:.{1 if rate < 9.95 * size else 0}f}{letter}"
    return f"{rate:.{1 if rate < 9.95 else 0}f}"


def markdown(numbers: Mapping[str, Any]) -> str:
    """Return the table of docs/speed.md."""
    rates = numbers["rates"]
    rows = []
    for group, bars in GROUPS.items():
        first = statistics.median(rates[next(iter(bars))])
        for name, bar in bars.items():
            if name in rates:
                median = statistics.median(rates[name])
                span = f"{as_text(min(rates[name]))} to {as_text(max(rates[name]))}"
                title = f"**{group}**" if name == next(iter(bars)) else ""
                ratio = as_text(first / median)
                rows.append([title, bar.name, bar.step, as_text(median), span, ratio])
    head = ["", "what", "a step is", "steps/s", "least to most", "mec_gym's / its"]
    return table(head, rows, left=3)


def in_page(page: str, made: str) -> str:
    """Return a page with the table between its marks replaced."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE}: it has no lines {BEGIN} and {END}; add them")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def draw(numbers: Mapping[str, Any], path: Path) -> None:
    """Draw the bars into a PNG file."""
    rates = {name: statistics.median(found) for name, found in numbers["rates"].items()}
    groups = {
        group: {name: bar for name, bar in bars.items() if name in rates}
        for group, bars in GROUPS.items()
    }
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    panels = figure.subplots(
        len(groups), 1, sharex=True, height_ratios=[len(bars) + 0.6 for bars in groups.values()]
    )
    for panel, (group, bars) in zip(panels, groups.items(), strict=True):
        for place, (name, bar) in enumerate(bars.items()):
            ours = bar.name.startswith("mec_gym")
            panel.barh(place, rates[name], height=0.62, color=_OURS if ours else _THEIRS)
            panel.annotate(
                as_text(rates[name]), (rates[name], place), (5, 0), textcoords="offset points",
                va="center", fontsize=12, fontweight="bold" if ours else "normal",
            )  # fmt: skip
            at_axis = panel.get_yaxis_transform()
            panel.text(
                -0.012, place - 0.17, bar.name, transform=at_axis, ha="right", va="center",
                fontsize=12.5, fontweight="bold" if ours else "normal",
            )  # fmt: skip
            panel.text(
                -0.012, place + 0.21, bar.step, transform=at_axis, ha="right", va="center",
                fontsize=10, color="0.3",
            )  # fmt: skip
        panel.set_title(group, loc="left", fontsize=13, fontweight="bold")
        panel.set(xscale="log", xlim=(0.1, 3e8), ylim=(len(bars) - 0.45, -0.55), yticks=[])
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.grid(axis="x", color="0.9")
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=11)
    panels[-1].set_xlabel(
        "steps a second of processor time, one thread each, log scale", fontsize=11.5
    )
    figure.savefig(path)


@dataclass(frozen=True)
class Arguments:
    redraw: bool = False
    """Only write picture and table, of the numbers that are there."""
    rounds: int = ROUNDS
    """How often each is measured."""


if __name__ == "__main__":
    given = common.given(Arguments, __doc__)
    if not given.redraw:
        FILE.write_text(json.dumps(measured(given.rounds), indent=1) + "\n", encoding="utf-8")
    numbers = json.loads(FILE.read_text(encoding="utf-8"))
    draw(numbers, FILE.with_suffix(".png"))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(in_page(page, markdown(numbers)), encoding="utf-8")
