"""Which task of a table each device has, slot by slot, and where in it episodes may begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import ranges
from mec_gym.channels import PlacedChannel
from mec_gym.io.messages import quoted
from mec_gym.mobility import Trace
from mec_gym.networks.tasks import Tasks
from mec_gym.networks.times import twice

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ABSENT = -1
"""The row of a device that has no task in a slot."""

_SLACK = 1e-6
"""Share of a slot by which a time may be too early for it, as sums of slot lengths are."""

_LATEST = 2**53

_MOST_PLACES = 10_000_000
"""A table from which windows are drawn is held as slots x devices: so many take 80 MB."""


@dataclass(frozen=True, eq=False)
class Timetable:
    """The tasks of a table as devices have them.

    Attributes:
        rows: of the table, of each device in each slot, (T, M); `ABSENT`: it has no task.
        starts: the slots with which an episode may begin, (W,), all equally likely.
        num_slots: of an episode, K.
    """

    rows: IntArray
    starts: IntArray
    num_slots: int

    @classmethod
    def of(
        cls,
        tasks: Tasks,
        size: tuple[int, int],
        slot_s: float,
        begin: float | str | None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """Return that of a table whose tasks have devices, and slots or times.

        Slot k of an episode has the tasks of slot `begin` + k, or those from `begin` + k slot_s on
        that come before `begin` + (k + 1) slot_s.

        Args:
            tasks: the table.
            size: K slots of an episode, M devices.
            slot_s: length of a slot, s.
            begin: slot or time at which episodes begin; None: the table's first; "drawn": any slot
                from the table's first on with which an episode stays in the table and has a task.
            names: of the devices, (M,); None: as many as there are, as the table names them first.

        Raises:
            ValueError: it is no such table, or does not fit; the message says which row, if one,
                and the remedy.
        """
        num_slots, num_devices = size
        if tasks.device is None or (tasks.slot is None and tasks.time_s is None):
            lacks = "'device'" if tasks.device is None else "'slot' or 'time_s'"
            raise ValueError(f"tasks: column {lacks} is missing, which says whose and when")
        drawn = begin == "drawn"
        at, first = _slots(tasks, slot_s, None if drawn else begin)
        kept = np.flatnonzero((at >= 0) & (drawn | (at < num_slots)))
        where = f"{'time_s' if tasks.slot is None else 'slot'} {first:.15g}"
        if not len(kept):
            raise ValueError(
                f"tasks: none is in the {num_slots} slots from {where} on; change begin"
            )
        ends = int(at.max())
        if ends < num_slots - 1:
            raise ValueError(
                f"tasks: from {where} on the table ends after {ends + 1} of {num_slots} slots; set"
                f" slots = {ends + 1}, or change begin"
            )
        length = ends + 1 if drawn else num_slots
        if length * num_devices > _MOST_PLACES:
            raise ValueError(
                f"tasks: {length:,} slots from the first to the last, of {num_devices} devices; the"
                f" limit is {_MOST_PLACES:,} in all, so check the unit, or give a part of the table"
            )
        number = _numbered(tasks.device, kept, num_devices, names)
        if tasks.time_s is not None:
            _check_apart(tasks, kept, at[kept], slot_s)
        rows = np.full((length, num_devices), ABSENT, np.int64)
        rows[at[kept], number] = kept
        upto = np.concatenate([[0], np.cumsum((rows >= 0).any(axis=-1))])
        starts = np.flatnonzero(upto[num_slots:] > upto[:-num_slots])
        return cls(rows, starts, num_slots)

    def at(self, unit: FloatArray) -> IntArray:
        """Return the rows of episodes, (..., K, M), of uniform numbers (..., 1); or (..., 0)."""
        drawn: IntArray = np.zeros(unit.shape[:-1], np.int64)
        if unit.shape[-1]:
            drawn = ranges.rows(unit[..., 0], len(self.starts))
        return np.asarray(self.rows[self.starts[drawn][..., None] + np.arange(self.num_slots)])

    def mean_share(self) -> FloatArray:
        """Return the mean share of devices with a task in each slot of an episode, (K,)."""
        return self._mean((self.rows >= 0).mean(axis=-1))

    def mean_sum(self, of_tasks: FloatArray) -> FloatArray:
        """Return the mean sum of what each row of the table has, (R,), in each slot, (K,)."""
        return self._mean(np.where(self.rows >= 0, of_tasks[self.rows], 0.0).sum(axis=-1))

    def _mean(self, of_slots: FloatArray) -> FloatArray:
        """Return the mean over the episodes there are of what each slot of the table has, (K,)."""
        return np.array([of_slots[self.starts + slot].mean() for slot in range(self.num_slots)])


def _numbered(
    device: NDArray[np.str_], kept: IntArray, num_devices: int, names: Sequence[str] | None
) -> IntArray:
    """Return the number of the device of each row that is kept."""
    there, first, which = np.unique(device, return_index=True, return_inverse=True)
    if names is None:
        if len(there) != num_devices:
            raise ValueError(
                f"tasks: the table names {len(there)} devices; num_devices is {num_devices}; set"
                f" num_devices = {len(there)}, or give another part of the table"
            )
        return np.argsort(np.argsort(first))[which[kept]]
    places = {name: place for place, name in enumerate(names)}
    number = np.array([places.get(each, ABSENT) for each in there.tolist()])[which[kept]]
    if (number < 0).any():
        row = kept[np.argmin(number)]
        raise ValueError(
            f"tasks: row {row + 1}: device: {quoted(str(device[row]))} is none of the {num_devices}"
            " that mobility.table has in all slots; call it as there, or take its tasks out"
        )
    return number


def _check_apart(tasks: Tasks, kept: IntArray, at: IntArray, slot_s: float) -> None:
    """Check that no device has two tasks in a slot; of slots the table has been refused before."""
    assert tasks.device is not None  # else it is refused
    assert tasks.time_s is not None
    for before, row in twice(at, tasks.device[kept]):
        one, other = kept[before], kept[row]
        raise ValueError(
            f"tasks: row {other + 1}: device: {quoted(str(tasks.device[other]))} has a task in this"
            f" slot already, of row {one + 1}; the times {tasks.time_s[one]:.15g} and"
            f" {tasks.time_s[other]:.15g} are in one of slot_s = {slot_s:g}; lower slot_s, take one"
            " out, or call its device otherwise"
        )


def _slots(tasks: Tasks, slot_s: float, begin: float | str | None) -> tuple[IntArray, float]:
    """Return the slot of an episode in which each row is, (R,), and where the first begins."""
    if tasks.slot is not None:
        first = int(tasks.slot.min()) if begin is None else begin
        if first != int(first):
            raise ValueError(f"arrivals.begin: {begin}; slots are whole, so give a whole number")
        return tasks.slot - int(first), float(first)
    assert tasks.time_s is not None  # one of the two is there
    origin = float(tasks.time_s.min()) if begin is None else float(begin)
    with np.errstate(over="ignore"):  # far too late is as good as later still
        at = np.floor((tasks.time_s - origin) / slot_s + _SLACK)
    return np.clip(at, -1, _LATEST).astype(np.int64), origin


def of_scenario(scenario: "Scenario") -> Timetable | None:
    """Return which tasks of its table a scenario's devices have in each slot; None: it is drawn.

    Where the table of a trace moves the devices both have the same names and begin together.

    Raises:
        ValueError: the table does not say it, or does not fit; the message has the remedy.
    """
    arrivals, mobility, tasks = scenario.arrivals, scenario.mobility, scenario.tasks
    if arrivals is None or arrivals.kind != "table":
        if tasks is not None and tasks.device is not None and scenario.slots > 1:
            raise ValueError(
                "tasks: the table has a column 'device', but arrivals are drawn, so each device"
                " draws any row; set arrivals.kind = 'table', or take the column out"
            )
        return None
    if tasks is None:
        raise ValueError(
            "arrivals.kind: 'table' is the table of tasks; give tasks as well, a table with columns"
            " device, and slot or time_s"
        )
    assert scenario.slot_s is not None  # slots follow one another
    size = scenario.slots, scenario.num_devices
    if not isinstance(mobility, Trace):
        return Timetable.of(tasks, size, scenario.slot_s, arrivals.begin)
    if arrivals.begin is not None:
        raise ValueError(
            f"arrivals.begin: {quoted(arrivals.begin)}, but mobility.begin says where both tables"
            " begin; leave it out"
        )
    ours, theirs = ("slot" if each.time_s is None else "time_s" for each in (tasks, mobility.table))
    if ours != theirs:
        raise ValueError(
            f"tasks: the table has a column {ours!r}, mobility.table {theirs!r}; give both the same"
        )
    assert isinstance(scenario.channel, PlacedChannel)  # else the scenario is refused
    names = mobility.names(scenario.slots, scenario.slot_s, scenario.channel.area())
    some = names[: scenario.num_devices]
    return Timetable.of(tasks, size, scenario.slot_s, mobility.first, some)


def mean_share(scenario: "Scenario") -> FloatArray:
    """Return the mean share of a scenario's devices with a task in each slot, (K,)."""
    if scenario.arrivals is None:
        return np.ones(scenario.slots)
    if scenario.timetable is not None:
        return scenario.timetable.mean_share()
    return scenario.arrivals.mean_share(scenario.slots)
