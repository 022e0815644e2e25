"""Episodes as they are drawn: with all devices, whether they have a task or not."""

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import links
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.observations import Observation
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

OTHERS = (
    "tx_power_w",
    "delay_weight",
    "energy_weight",
    "local_hz",
    "switched_capacitance",
    "cloud_delay_s",
    "cloud_hz",
    "drop_penalty_s",
    "deadline_s",
    "covered",
    "fetch_delay_s",
    "handover_s",
)
"""Attributes of a `mec_gym.Instance` that devices have beside task and links, none where it has
them not."""

_OF_LINKS = ("covered", "fetch_delay_s")
"""Those of them that a device has of each server."""

AT: Any = namedtuple("AT", OTHERS)(*range(len(OTHERS)))
"""The place of each of `OTHERS` among them."""

AT_ONCE = 512
"""So many copies begin slots at a time."""


class Drawn(NamedTuple):
    """Episodes in rows, (R, ...), and their slots in places, (P, ...).

    Attributes:
        present: which devices have a task, (R, K, M).
        in_turn: slots of the episodes in so many rows, the first ones, are drawn as they begin, and
            take one of the first `AT_ONCE` places until then; those of the others have one each.
        tx_delay: of each link, (P, M, N), seconds.
        task_cycles: of each device, (P, M), cycles.
        size: q_m, what a task brings to a shared CPU, (P, M).
        others: of each device the numbers of each of `OTHERS`, one after the other, (P, M, W).
        starts: where those of each begin, and where the last end, (F + 1,).
        server_hz: CPU frequencies, (P, N), cycles/s.
        slots_left: how many slots follow, (P,); not of those that are drawn as they begin.
        shown: what the observation has worked out of each slot, (P, C) words, see `in_words`.
    """

    present: Any
    in_turn: int
    tx_delay: Any
    task_cycles: Any
    size: Any
    others: Any
    starts: Any
    server_hz: Any
    slots_left: Any
    shown: Any


def words_of(dtype: np.dtype[Any]) -> int:
    """Return how many words a number takes: words are of 4 bytes, or of 1 if that does not do."""
    return dtype.itemsize // 4 if dtype.itemsize % 4 == 0 else dtype.itemsize


def in_words(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return rows of numbers of any kind, (R, ...), as words, (R, C), which share their memory.

    Loops that only move them are so compiled once for all observations.
    """
    rows = numbers.reshape(len(numbers), -1)
    if not rows.size:
        return np.empty((len(rows), 0), np.uint32)
    return rows.view(np.uint32 if rows.itemsize % 4 == 0 else np.uint8)


class DrawnEpisodes:
    """Room for episodes, and what writes them there.

    Args:
        scenario: what they are of.
        observer: what shows them.
        in_turn: see `Drawn`.
        rows: for how many there is room.
        first: a slot of the scenario, (1,).
        shown: of one slot, what the observation has worked out of it; None where it is worked out
            only as the slot begins, of the devices that then have a task.

    Attributes:
        numbers: see `Drawn`.
        whole: of what instances are made where `shown` is None, (rows, K, ...) each.
    """

    def __init__(
        self,
        scenario: Scenario,
        observer: Observation,
        in_turn: int,
        rows: int,
        first: Instance,
        shown: NDArray[Any] | None,
    ) -> None:
        self._observer, self._kind = observer, np.dtype(float) if shown is None else shown.dtype
        places = AT_ONCE + (rows - in_turn) * scenario.slots
        lead, size, num_servers = (rows, scenario.slots), first.num_devices, first.num_servers
        widths = [
            (num_servers if name in _OF_LINKS else 1) * (getattr(first, name) is not None)
            for name in OTHERS
        ]
        self.numbers = Drawn(
            np.empty((*lead, size), np.bool_),
            in_turn,
            np.empty((places, size, num_servers)),
            np.empty((places, size)),
            np.empty((places, size)),
            np.empty((places, size, sum(widths))),
            np.concatenate([[0], np.cumsum(widths)]),
            np.empty((places, num_servers)),
            np.empty(places, np.int64),
            in_words(np.empty((places, 0) if shown is None else (places, shown.size), self._kind)),
        )
        self.whole: dict[str, NDArray[Any]] = {}
        if shown is None:
            self.whole = {
                name: np.empty((*lead, *array.shape[1:]), array.dtype)
                for name, array in first.arrays().items()
            }

    def keep(self, episodes: Episodes, rows: IntArray) -> None:
        """Put episodes (n,) into n rows, in which each slot has a place of its own."""
        drawn, slots = self.numbers, episodes.slots
        drawn.present[rows] = episodes.present
        num_slots = drawn.present.shape[1]
        places = AT_ONCE + (rows[:, None] - drawn.in_turn) * num_slots + np.arange(num_slots)
        drawn.tx_delay[places], drawn.task_cycles[places] = slots.tx_delay, slots.task_cycles
        drawn.size[places] = links.size(slots)
        starts = drawn.starts.tolist()
        for name, first, end in zip(OTHERS, starts, starts[1:], strict=False):
            if first < end:
                values = getattr(slots, name)
                drawn.others[places, :, first:end] = values.reshape(*values.shape[:3], -1)
        drawn.server_hz[places], drawn.slots_left[places] = slots.server_hz, slots.slots_left
        if drawn.shown.size:
            shown = self._observer.prepare(slots).reshape(*places.shape, -1)
            drawn.shown.view(self._kind)[places] = shown
        for name, kept in self.whole.items():
            kept[rows] = getattr(slots, name)
