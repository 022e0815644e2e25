"""What is reported of slots that follow one another as they end, and of their episodes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import options, system
from mec_gym.scenario import Scenario

SUMMED = (
    "average_delay",
    "cost",
    "energy_j",
    "overloads",
    "missed",
    "dropped",
    "barred",
    "handovers",
    "feasible",
)
"""What a slot comes to; the first three on average over its tasks, the last as 0 or 1.

An episode's sums have the totals of the first three, then those of the counts, in how many slots
it was infeasible, and how many tasks it had.
"""

NUM_MEANS = 3
"""So many of these are means over tasks."""

_MEANS = SUMMED[:NUM_MEANS]

_TYPES: dict[str, Any] = dict.fromkeys(_MEANS, np.float64) | {"feasible": np.bool_}
_PLAIN: dict[str, Any] = dict.fromkeys(_MEANS, float) | {"feasible": bool}
"""Of numbers that are not whole."""

_PLACES = {name: place for place, name in enumerate(SUMMED)}


class Ended(NamedTuple):
    """What the slots of some copies came to, (B, ...).

    Attributes:
        assignment: action of each task, (B, M); -1 behind them.
        cpu_hz: (B, M), cycles/s; 0 behind.
        task_delay: (B, M), seconds; 0 behind.
        devices: those that had a task, (B, M); -1 behind.
        backlog_cycles: work left over, (B, N), cycles.
        number: of the slot, (B,).
        tasks: how many, (B,).
        outcome: see `SUMMED`, (B, 9).
    """

    assignment: Any
    cpu_hz: Any
    task_delay: Any
    devices: Any
    backlog_cycles: Any
    number: Any
    tasks: Any
    outcome: Any

    @classmethod
    def room(cls, num_envs: int, num_devices: int, num_servers: int) -> "Ended":
        """Return room for what the slots of so many copies come to, 0 for those that go on."""
        devices = num_envs, num_devices
        return cls(
            np.zeros(devices, np.int64),
            np.zeros(devices),
            np.zeros(devices),
            np.zeros(devices, np.int64),
            np.zeros((num_envs, num_servers)),
            np.zeros(num_envs, np.int64),
            np.zeros(num_envs, np.int64),
            np.zeros((num_envs, len(SUMMED))),
        )


class Telling:
    """Names what slots and episodes of a scenario came to, as far as the scenario has it."""

    def __init__(self, scenario: Scenario) -> None:
        reported = system.reported(options.attributes(scenario))
        self._named = ("average_delay", "overloads", "feasible", *reported, "handovers")

    def of_copies(
        self,
        ended: Ended,
        sums: NDArray[np.float64],
        now: NDArray[np.bool_],
        over: NDArray[np.bool_],
        every: bool,
    ) -> dict[str, NDArray[Any]]:
        """Return what is reported of the slots and episodes of many copies, by name.

        Args:
            ended: what the slots came to.
            sums: what the episodes came to so far, (B, 10).
            now: which copies are to be told of, (B,); others have 0.
            over: of which the episode is over, (B,).
            every: whether these are all copies whose slots ended.

        Returns:
            arrays (B, ...), and under `_name` which copies have it.
        """
        told: dict[str, NDArray[Any]] = {}
        if now.any():
            told = {
                "assignment": ended.assignment,
                "cpu_hz": ended.cpu_hz,
                "task_delay": ended.task_delay,
                "slot": ended.number,
                "devices": ended.devices,
                "backlog_cycles": ended.backlog_cycles,
            }
            for name in self._named:
                values = ended.outcome[:, _PLACES[name]]
                told[name] = values.astype(_TYPES.get(name, np.int64))
            if not every:
                told = {name: _only(values, now) for name, values in told.items()}
            told |= {f"_{name}": now.copy() for name in told}
        over = now & over
        if over.any():
            for name, values in self._in_all(sums[over]).items():
                told[name] = np.zeros(len(over), values.dtype)
                told[name][over], told[f"_{name}"] = values, over.copy()
        return told

    def of_one(self, ended: Ended, sums: NDArray[np.float64], over: bool) -> dict[str, Any]:
        """Return the same of the only copy, of its episode where that is `over`."""
        tasks, outcome = int(ended.tasks[0]), ended.outcome[0].tolist()
        told: dict[str, Any] = {
            "assignment": ended.assignment[0, :tasks],
            "cpu_hz": ended.cpu_hz[0, :tasks],
            "task_delay": ended.task_delay[0, :tasks],
            "slot": int(ended.number[0]),
            "devices": ended.devices[0, :tasks],
            "backlog_cycles": ended.backlog_cycles[0],
        }
        for name in self._named:
            told[name] = _PLAIN.get(name, int)(outcome[_PLACES[name]])
        if over:
            told |= {name: values.item() for name, values in self._in_all(sums[0]).items()}
        return told

    def _in_all(self, sums: NDArray[np.float64]) -> dict[str, Any]:
        """Return what episodes came to, of their sums (..., 10)."""
        tasks, found = sums[..., -1], {}
        for name in self._named:
            values = sums[..., _PLACES[name]]
            if name in _MEANS:
                values = values / np.maximum(tasks, 1)  # 0 as an episode begins
            elif name == "feasible":
                values = values == 0
            else:
                values = values.astype(np.int64)
            found[f"episode_{name}"] = values
        return found | {"episode_tasks": tasks.astype(np.int64)}


def _only(values: NDArray[Any], now: NDArray[np.bool_]) -> NDArray[Any]:
    """Return what there is of some copies, 0 of the others."""
    kept = np.zeros_like(values)
    kept[now] = values[now]
    return kept
