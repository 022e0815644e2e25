"""Episodes as they are drawn, in rows: with all devices, whether they have a task or not."""

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics, links, options
from mec_gym.envs.filling import Filling
from mec_gym.envs.stock import room, room_beside
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.observations import Observation
from mec_gym.observations.over_time import OverTime
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_OWN = ("size", "present")
"""What of `FIELDS` an instance does not have."""

FIELDS = (
    "present",
    "task_cycles",
    "size",
    "tx_delay",
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
"""Attributes of a `mec_gym.Instance`, none where it has them not; q_m, what a task brings to a
shared CPU, is `size`, and `present` is 1 for devices that have a task, else 0."""

_OF_LINKS = ("tx_delay", "covered", "fetch_delay_s")
"""Those of them that a device has of each server."""

AT: Any = namedtuple("AT", FIELDS)(*range(len(FIELDS)))
"""The place of each of `FIELDS` among them."""


class Drawn(NamedTuple):
    """The numbers of episodes; what is read together stands together.

    Attributes:
        devices: of each device the numbers of each of `FIELDS`, one after the other, (R, K, M, W).
        starts: where those of each begin, and where the last end, (F + 1,).
        servers: CPU frequencies, and behind them how many slots follow, (R, K, N + 1).
        shown: what the observation has worked out of each slot, (R, K, C).
    """

    devices: Any
    starts: Any
    servers: Any
    shown: Any


class DrawnEpisodes:
    """Room for episodes, and what writes them there.

    Args:
        scenario: what they are of.
        observer: what shows them.
        rows: for how many there is room.
        first: a slot of the scenario, (1,).
        shown: shape and type of what the observation has worked out of a slot; None where it is
            worked out only as the slot begins, of the devices that then have a task.

    Attributes:
        numbers: see `Drawn`.
        whole: of what instances are made where `shown` is None, (rows, K, ...) each.
    """

    def __init__(
        self,
        scenario: Scenario,
        observer: Observation,
        rows: int,
        first: Instance,
        shown: NDArray[Any] | None,
    ) -> None:
        self._scenario, self._observer = scenario, observer
        lead = rows, scenario.slots
        has = {name: name in _OWN or getattr(first, name) is not None for name in FIELDS}
        widths = [(first.num_servers if name in _OF_LINKS else 1) * has[name] for name in FIELDS]
        self.numbers = Drawn(
            np.empty((*lead, first.num_devices, sum(widths))),
            np.concatenate([[0], np.cumsum(widths)]),
            np.empty((*lead, first.num_servers + 1)),
            np.empty((*lead, 0)) if shown is None else np.empty((*lead, shown.size), shown.dtype),
        )
        self._shape = () if shown is None else shown.shape
        self.whole: dict[str, NDArray[Any]] = {}
        if shown is None:
            self.whole = {
                name: np.empty((*lead, *array.shape[1:]), array.dtype)
                for name, array in first.arrays().items()
            }
        self._filling: Filling | None = None
        is_plain = options.is_plain(scenario) and scenario.mobility is None
        if is_plain and isinstance(observer, OverTime):
            self._filling = Filling.of(scenario, observer.base)

    def write(self, unit: NDArray[np.float64], rows: IntArray) -> None:
        """Draw episodes of uniform numbers (n, ...) into n rows."""
        if self._filling is None or not unit.size:
            self.keep(dynamics.from_uniforms(self._scenario, unit, False), rows)
        else:
            self._fill(self._filling, unit, rows)

    def keep(self, episodes: Episodes, rows: IntArray) -> None:
        """Put episodes (n,) into n rows."""
        drawn, slots = self.numbers, episodes.slots
        starts = drawn.starts.tolist()
        for name, first, end in zip(FIELDS, starts, starts[1:], strict=False):
            if first == end:
                continue
            if name in _OWN:
                values = links.size(slots) if name == "size" else episodes.present
            else:
                values = getattr(slots, name)
            drawn.devices[rows, ..., first:end] = values.reshape(*values.shape[:3], -1)
        drawn.servers[rows, :, :-1], drawn.servers[rows, :, -1] = slots.server_hz, slots.slots_left
        if drawn.shown.size:
            made = self._observer.prepare(slots)
            drawn.shown[rows] = made.reshape(*drawn.shown[rows].shape)
        for name, kept in self.whole.items():
            kept[rows] = getattr(slots, name)

    def _fill(self, filling: Filling, unit: NDArray[np.float64], rows: IntArray) -> None:
        """Draw them in compiled loops."""
        scenario, drawn = self._scenario, self.numbers
        counts = dynamics.num_uniforms(scenario)
        of_slots, *others = np.split(unit, np.cumsum(counts[:-1]), axis=-1)
        of_slots = np.ascontiguousarray(of_slots).reshape(-1, scenario.num_uniforms)
        size = len(of_slots)
        slots = room(scenario, size, np.empty((1, 0)))
        shown = np.empty((size, *self._shape), drawn.shown.dtype)
        kept = room_beside(scenario, 0)
        filling.fill(of_slots, np.arange(size), slots, kept, shown)
        between = dynamics.Between.of(scenario, others[:-1])
        lead = len(rows), scenario.slots
        starts = dict(zip(FIELDS, drawn.starts.tolist(), strict=False))
        for name, values in (
            ("present", between.present),
            ("task_cycles", slots.task_cycles),
            ("size", slots.sqrt_cycles),
            ("tx_power_w", np.broadcast_to(scenario.tx_power_w, scenario.num_devices)),
        ):
            of_devices = values if values.ndim != 2 else values.reshape(*lead, -1)
            drawn.devices[rows, ..., starts[name]] = of_devices
        first = starts["tx_delay"]
        delays = slots.tx_delay.reshape(*lead, *slots.tx_delay.shape[1:])
        drawn.devices[rows, ..., first : first + delays.shape[-1]] = delays
        if between.handover_s is not None:
            drawn.devices[rows, ..., starts["handover_s"]] = between.handover_s[:, None]
        hz = slots.server_hz.reshape(*lead, -1)
        drawn.servers[rows, :, :-1] = hz if between.left_of_hz is None else hz * between.left_of_hz
        drawn.servers[rows, :, -1] = np.arange(scenario.slots)[::-1]
        drawn.shown[rows] = shown.reshape(len(rows), scenario.slots, -1)
