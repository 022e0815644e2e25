"""The course of an episode of slots that follow one another, for one environment."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.episodes import ABSENT, Episodes
from mec_gym.instance import Instance
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_GAINS_AT_MOST = 16384
"""Episodes are drawn in blocks of about so many gains, for speed; one by one they are the same."""


class Course:
    """An episode, slot by slot; slots in which no device has a task pass by themselves.

    Attributes:
        number: of the slot that is played, from 0.
        devices: those that have a task in it, (m,), rising.
        slot: the slot, of these devices alone.
    """

    def __init__(self, episode: Episodes) -> None:
        self._episode, self._carried = episode, episode.begin()
        tasks = episode.present.any(axis=-1)
        self._last = int(np.flatnonzero(tasks)[-1])  # in which a device has a task
        self._sums: dict[str, float] = {}
        self._assignment = np.full(episode.present.shape, ABSENT, np.int64)
        self.number = -1
        self._pass_to(int(tasks.argmax()))

    def end_slot(
        self, assignment: IntArray, outcome: dict[str, Any]
    ) -> tuple[bool, dict[str, Any]]:
        """End the slot in which devices took actions, (m,), and go on to the next.

        Args:
            assignment: of `devices`.
            outcome: what the slot came to.

        Returns:
            whether that was the last one, and what is known beside the outcome: `slot`, its number;
            `devices`; `backlog_cycles` (N,) left over as it ends; `handovers`, tasks that went to
            another server than their device's last. After the last slot also what the episode came
            to, as `episode_...`.
        """
        before, number, devices = self._carried.last_server, self.number, self.devices
        moved = (before[devices] >= 0) & (assignment < self._episode.slots.num_servers)
        moved &= before[devices] != assignment
        self._assignment[number, devices] = assignment
        self._carry()
        info = {
            "slot": number,
            "devices": devices,
            "backlog_cycles": self._carried.backlog_cycles,
            "handovers": int(moved.sum()),
        }
        self._add(outcome | info, len(devices))
        if number == self._last:
            return True, info | self._in_all()
        following = self._episode.present[number + 1 :].any(axis=-1)
        self._pass_to(number + 1 + int(following.argmax()))
        return False, info

    def _pass_to(self, number: int) -> None:
        """Let slots in which nobody has a task pass until one."""
        while self.number < number - 1:
            self.number += 1
            self._carry()
        self.number = number
        self.devices = np.flatnonzero(self._episode.present[number])
        whole = self._episode.slot(number, self._carried)
        everyone = len(self.devices) == whole.num_devices
        self.slot: Instance = whole if everyone else whole.of_devices(self.devices)

    def _carry(self) -> None:
        number = self.number
        self._carried = self._episode.after(number, self._carried, self._assignment[number])

    def _add(self, outcome: dict[str, Any], num_tasks: int) -> None:
        """Add what a slot came to to what the episode did."""
        means = {name: outcome[name] * num_tasks for name in _MEANS if name in outcome}
        counts = {name: outcome[name] for name in _COUNTS if name in outcome}
        for name, value in (means | counts | {"tasks": num_tasks}).items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._sums["feasible"] = self._sums.get("feasible", 1) * outcome["feasible"]

    def _in_all(self) -> dict[str, Any]:
        """Return what the episode came to."""
        sums, found = self._sums, {}
        for name, value in sums.items():
            found[f"episode_{name}"] = value / sums["tasks"] if name in _MEANS else value
        return found | {"episode_feasible": bool(sums["feasible"])}


_MEANS = ("average_delay", "cost", "energy_j")
"""What a slot comes to on average over its tasks."""

_COUNTS = ("overloads", "missed", "dropped", "barred", "handovers")
"""What is counted."""


class Courses:
    """Episodes drawn ahead from a generator, begun one after the other.

    Args:
        scenario: what they are drawn from.
        places: whether slots say where devices and servers are, if the channel knows.
    """

    def __init__(self, scenario: Scenario, places: bool) -> None:
        self._scenario, self._places = scenario, places
        self._most = max(1, _GAINS_AT_MOST // (scenario.num_gains * scenario.slots))
        self.drop()

    def drop(self) -> None:
        """Forget what is drawn: the generator is another one."""
        self._next = self._drawn = 0

    def begin_next(self, rng: np.random.Generator) -> Course:
        """Return the course of the next episode of a generator."""
        if self._next == self._drawn:
            self._drawn = min(2 * self._drawn or 1, self._most)
            self._episodes = self._scenario.draw_episodes(self._drawn, rng, self._places)
            self._next = 0
        self._next += 1
        return Course(self._episodes[self._next - 1])
