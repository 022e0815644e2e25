"""What the slots of a batch came to, where each is an episode."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import options, system
from mec_gym.envs import loops, option_loops
from mec_gym.envs.option_loops import Kept
from mec_gym.mdp import Slot
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_REPORTED = {
    "cost": np.float64,
    "energy_j": np.float64,
    "missed": np.int64,
    "dropped": np.int64,
    "barred": np.int64,
}
"""What `option_loops.finish` writes in this order, see `mec_gym.system.report`."""


class Outcomes:
    """Reports slots of a scenario as `mec_gym.system.report` does, by compiled loops."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._has_options = not options.is_plain(scenario)
        self._reported = system.reported(options.attributes(scenario))

    def of(
        self, now: NDArray[np.bool_], slots: Slot, rows: IntArray, assignment: IntArray, kept: Kept
    ) -> dict[str, NDArray[Any]]:
        """Return what some slots came to, by name, and under `_name` which copies have it.

        Args:
            now: the copies of which it is told, (B,); of the others there is 0.
            slots: in rows, all assigned.
            rows: those of the copies' slots, (B,).
            assignment: (B, M).
            kept: what else outcomes take, in rows as the slots.
        """
        ended, shape = np.flatnonzero(now), assignment.shape
        made = np.empty if len(ended) == len(now) else np.zeros
        outcome: dict[str, NDArray[Any]] = {
            "assignment": made(shape, dtype=np.int64),
            "cpu_hz": made(shape),
            "task_delay": made(shape),
            "overloads": made(len(now), dtype=np.int64),
            "feasible": made(len(now), dtype=np.bool_),
        }
        common = slots, rows, ended, assignment, *outcome.values()
        if self._has_options:
            more = {name: np.zeros(len(now), dtype) for name, dtype in _REPORTED.items()}
            drops = "drop" in self._scenario.columns
            option_loops.finish()(*common, kept, self._scenario.num_servers, drops, *more.values())
            outcome |= {name: more[name] for name in self._reported}
        else:
            loops.finish()(*common)
        outcome["average_delay"] = outcome["task_delay"].sum(axis=1) / self._scenario.num_devices
        return outcome | {f"_{key}": now.copy() for key in outcome}
