"""What is reported of slots that follow one another as they end, and of their episodes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import options, system
from mec_gym.scenario import Scenario

MEANS = ("average_delay", "cost", "energy_j")
"""What a slot comes to on average over its tasks."""

COUNTS = ("overloads", "missed", "dropped", "barred", "handovers")
"""What of it is counted."""

NUM_SUMS = len(MEANS) + len(COUNTS) + 2
"""An episode's sums are the totals of `MEANS` over all tasks, then those of `COUNTS`, in how many
slots it was infeasible, and how many tasks it had."""


class Ended(NamedTuple):
    """What the slots of some copies came to, (B, ...); 0 of those that go on.

    Attributes:
        cpu_hz: (B, M), cycles/s; 0 behind the tasks.
        task_delay: (B, M), seconds; 0 behind.
        backlog_cycles: work left over, (B, N), cycles.
        means: see `MEANS`, (3, B).
        assignment: action of each task, (B, M); -1 behind them.
        devices: those that had a task, (B, M); -1 behind.
        number: of the slot, (B,).
        tasks: how many, (B,).
        counts: see `COUNTS`, (5, B).
        feasible: whether the assignment was, (B,).
    """

    cpu_hz: Any
    task_delay: Any
    backlog_cycles: Any
    means: Any
    assignment: Any
    devices: Any
    number: Any
    tasks: Any
    counts: Any
    feasible: Any


class Telling:
    """Names what slots and episodes of a scenario came to, as far as the scenario has it."""

    def __init__(self, scenario: Scenario) -> None:
        reported = system.reported(options.attributes(scenario))
        self._named = ("average_delay", "overloads", "feasible", *reported, "handovers")
        named = ("assignment", "cpu_hz", "task_delay", "slot", "devices", "backlog_cycles")
        self._had = [f"_{name}" for name in (*named, *self._named)]
        # Of each the field of `Ended`, and which of its rows.
        self._found: dict[str, tuple[str, Any]] = {
            name: ("means", MEANS.index(name))
            if name in MEANS
            else ("counts", COUNTS.index(name))
            if name in COUNTS
            else (name, slice(None))
            for name in self._named
        }

    def of_copies(self, ended: Ended, now: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Return what is reported of the slots of those copies that are to be told of, by name.

        Args:
            ended: what they came to.
            now: which these are, (B,).

        Returns:
            arrays (B, ...), and under `_name` which copies have it.
        """
        told: dict[str, NDArray[Any]] = {
            "assignment": ended.assignment,
            "cpu_hz": ended.cpu_hz,
            "task_delay": ended.task_delay,
            "slot": ended.number,
            "devices": ended.devices,
            "backlog_cycles": ended.backlog_cycles,
        }
        for name, (field, row) in self._found.items():
            told[name] = getattr(ended, field)[row]
        which = np.empty((len(self._had), len(now)), np.bool_)
        which[:] = now
        return told | dict(zip(self._had, which, strict=True))

    def of_episodes(
        self, sums: NDArray[np.float64], over: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """Return what is reported of those episodes that are `over`, (B,); see `NUM_SUMS`."""
        told: dict[str, NDArray[Any]] = {}
        (copies,) = over.nonzero()
        found = self._in_all(sums[copies])
        which = np.empty((len(found), len(over)), np.bool_)
        which[:] = over
        for (name, values), its in zip(found.items(), which, strict=True):
            made = np.zeros(len(over), values.dtype)
            made[copies] = values
            told[name], told[f"_{name}"] = made, its
        return told

    def of_one(self, ended: Ended, sums: NDArray[np.float64], over: bool) -> dict[str, Any]:
        """Return the same of the only copy, of its episode where that is `over`."""
        tasks = int(ended.tasks[0])
        told: dict[str, Any] = {
            "assignment": ended.assignment[0, :tasks],
            "cpu_hz": ended.cpu_hz[0, :tasks],
            "task_delay": ended.task_delay[0, :tasks],
            "slot": int(ended.number[0]),
            "devices": ended.devices[0, :tasks],
            "backlog_cycles": ended.backlog_cycles[0],
        }
        for name, (field, row) in self._found.items():
            told[name] = getattr(ended, field)[row].item()
        if over:
            told |= {name: values.item() for name, values in self._in_all(sums[0]).items()}
        return told

    def _in_all(self, sums: NDArray[np.float64]) -> dict[str, Any]:
        """Return what episodes came to, of their sums (..., 10)."""
        tasks, found = sums[..., -1], {}
        for name in self._named:
            if name in MEANS:
                values = sums[..., MEANS.index(name)] / np.maximum(tasks, 1)  # 0 as it begins
            elif name == "feasible":
                values = sums[..., -2] == 0
            else:
                values = sums[..., len(MEANS) + COUNTS.index(name)].astype(np.int64)
            found[f"episode_{name}"] = values
        return found | {"episode_tasks": tasks.astype(np.int64)}
