"""What a plan says of a policy: quantities with intervals, load per site, time of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import links, system
from mec_gym.benchmark.comparison import PERCENTILES, Result
from mec_gym.instance import Instance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

RESAMPLES = 400
"""So often slots are drawn with replacement for an interval."""

_STREAM = 77
_ENDS = (0.025, 0.975)


class Quantity(NamedTuple):
    """A quantity that is measured.

    Attributes:
        text: what it is, for people.
        unit: s, J or %; numbers are SI, shares 0 to 1.
        less_is_better: whether a target is an upper limit.
    """

    text: str
    unit: str
    less_is_better: bool = True


QUANTITIES = {
    "cost": Quantity("mean cost of a task", "s"),
    "mean": Quantity("mean delay of a task", "s"),
    **{f"p{each}": Quantity(f"{each}th percentile of task delays", "s") for each in PERCENTILES},
    "energy": Quantity("mean energy of a task", "J"),
    "met": Quantity("share of deadlines met", "%", less_is_better=False),
}
"""By the names that targets use; `cost` is the delay where nothing is weighted."""

OVER_TIME = {
    "above": Quantity("share of tasks slower than the target", "%"),
    "backlog": Quantity("mean work left over as slots end", "s"),
    "handovers": Quantity("share of tasks that change their server", "%"),
    "dropped": Quantity("share of tasks dropped", "%"),
}
"""Those of slots that follow one another."""

EVERY = QUANTITIES | OVER_TIME

TARGETS = {name: each for name, each in EVERY.items() if name != "above"}
"""Those that a target may be of: how many are above it is what comes of one."""


class OverTime(NamedTuple):
    """What is said of a policy slot by slot, where slots follow one another.

    Attributes:
        above_best_known: how far the mean cost of an episode is above the best known, relatively.
        slot_delay: of a task on average in each slot, seconds; None where none had a task.
        backlog_s: work left over as each slot ends, mean of servers, seconds.
        grows: whether that is measured to grow to the end; see `mec_gym.benchmark.keeping_up`.
    """

    above_best_known: float
    slot_delay: tuple[float | None, ...]
    backlog_s: tuple[float, ...]
    grows: bool


class Measure(NamedTuple):
    """A value, and the ends of its 95% interval over slots; None of one slot alone."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Played:
    """How a policy did on the slots of a network.

    Attributes:
        name: of the policy.
        quantities: by the names of `EVERY`; `met` only where there are deadlines.
        gap: how far the mean cost of a slot is above the optimum or bound, relatively.
        largest_gap: that of the worst slot.
        feasible: share of slots that keep to capacity and to links allowed.
        load: mean number of tasks on each server, and in each column, (A,).
        slot_seconds: the time to decide a slot; None where it was not measured.
        devices: how many devices a slot has; tasks on average, where slots follow one another.
        online_gap: how far the mean cost is above the best that sees only the present, relatively;
            None where that is not known, see `mec_gym.benchmark.online`.
        over_time: of slots that follow one another, else None. Gaps and the share that is feasible
            are then of episodes.
    """

    name: str
    quantities: Mapping[str, Measure]
    gap: float
    largest_gap: float
    feasible: float
    load: tuple[float, ...]
    slot_seconds: float | None
    devices: float
    online_gap: float | None = None
    over_time: OverTime | None = None

    @property
    def decision_seconds(self) -> float | None:
        """The time to decide for a device."""
        return None if self.slot_seconds is None else self.slot_seconds / self.devices

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        quantities = {name: dict(each._asdict()) for name, each in self.quantities.items()}
        said = vars(self) | {"quantities": quantities, "load": list(self.load)}
        del said["over_time"]
        if self.over_time is not None:
            said["over_time"] = {
                name: list(each) if isinstance(each, tuple) else each
                for name, each in self.over_time._asdict().items()
            }
        return said

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Return what `as_json` made values of."""
        quantities = {name: Measure(**each) for name, each in said["quantities"].items()}
        made = {**said, "quantities": quantities, "load": tuple(said["load"])}
        if said.get("over_time") is not None:
            over_time: dict[str, Any] = {
                name: tuple(each) if isinstance(each, list) else each
                for name, each in said["over_time"].items()
            }
            made["over_time"] = OverTime(**over_time)
        return cls(**made)


def measured(result: Result, slots: Instance, seed: int) -> Played:
    """Return what a plan says of a result.

    Intervals are the middle 95% of what `RESAMPLES` draws of the slots with replacement give, the
    same draws for every policy and every network of as many slots.

    Args:
        result: on the slots.
        slots: with one leading dimension.
        seed: of the draws.
    """
    delays = task_delays(result, slots)
    of_slots = {"cost": result.cost.mean(axis=0), "mean": delays.mean(axis=-1)}
    of_slots["energy"] = _over_seeds(result, system.task_energies, slots)
    if slots.deadline_s is not None:
        of_slots["met"] = _over_seeds(result, _kept, slots)
    draws = resampled(len(slots), seed)
    return Played(
        result.name,
        with_intervals(of_slots, delays, draws),
        result.gap.mean,
        result.gap.max,
        result.feasible_rate,
        tuple(_loads(result, slots).tolist()),
        result.slot_seconds,
        slots.num_devices,
        None if result.online_gap is None else result.online_gap.mean,
    )


def with_intervals(
    of_each: Mapping[str, FloatArray], delays: FloatArray, draws: IntArray
) -> dict[str, Measure]:
    """Return measures of what was played, in the order of `EVERY`.

    Args:
        of_each: means of each slot or episode, (B,), by name.
        delays: of its tasks, (B, T), of which the percentiles are; nan where there is none.
        draws: of slots or episodes, (R, B).
    """
    values = {name: float(each.mean()) for name, each in of_each.items()}
    drawn = {name: each[draws].mean(axis=-1) for name, each in of_each.items()}
    found = np.percentile(delays[~np.isnan(delays)], PERCENTILES)
    resamples = percentiles(delays, draws)
    for at, percentile in enumerate(PERCENTILES):
        values[f"p{percentile}"] = float(found[at])
        drawn[f"p{percentile}"] = resamples[:, at]
    return {
        name: _with_interval(values[name], drawn[name], len(delays))
        for name in EVERY
        if name in values
    }


def task_delays(result: Result, slots: Instance) -> FloatArray:
    """Return the delay of each task of each slot, those of all trained seeds side by side."""
    each = [system.task_delays(slots, assignment) for assignment in result.assignment]
    return np.concatenate(each, axis=-1)


def resampled(count: int, seed: int) -> IntArray:
    """Return `RESAMPLES` draws of so many slots with replacement, (R, B)."""
    return np.random.default_rng((seed, _STREAM)).integers(count, size=(RESAMPLES, count))


def percentiles(delays: FloatArray, draws: IntArray) -> FloatArray:
    """Return `PERCENTILES` of all delays of each draw of the slots, (R, 3).

    They are those of `np.percentile`, found with one sort for all draws.

    Args:
        delays: (B, M); nan where there is none.
        draws: of the slots, (R, B).
    """
    order = np.argsort(delays, axis=None)[: delays.size - np.isnan(delays).sum()]
    value, slot = delays.reshape(-1)[order], order // delays.shape[1]
    found = np.empty((len(draws), len(PERCENTILES)))
    for row, draw in enumerate(draws):
        upto = np.bincount(draw, minlength=len(delays))[slot].cumsum()
        last = upto[-1] - 1
        place = last * np.array(PERCENTILES) / 100
        below = place.astype(int)
        above = np.minimum(below + 1, last)
        low, high = (value[upto.searchsorted(rank, "right")] for rank in (below, above))
        found[row] = low + (place - below) * (high - low)
    return found


def capacities(slots: Instance) -> IntArray:
    """Return the places of each server, (N,), which all slots of a network share."""
    return np.asarray(links.capacity(slots)[0][: slots.num_servers])


def _with_interval(value: float, drawn: FloatArray, count: int) -> Measure:
    if count == 1:
        return Measure(value, None, None)
    low, high = np.quantile(drawn, _ENDS)
    return Measure(value, float(low), float(high))


def _over_seeds(result: Result, of: Any, slots: Instance) -> FloatArray:
    """Return the mean over tasks and seeds of each slot, (B,)."""
    return np.asarray(np.mean([of(slots, each).mean(axis=-1) for each in result.assignment], 0))


def _kept(slots: Instance, assignment: IntArray) -> FloatArray:
    """Return the share of tasks that keep their deadlines, (B, 1); a dropped one does not."""
    lost = system.missed(slots, assignment) + system.dropped(slots, assignment)
    return np.asarray(1 - lost / slots.num_devices)[:, None]


def _loads(result: Result, slots: Instance) -> FloatArray:
    loads = [system.server_loads(slots, each).mean(axis=0) for each in result.assignment]
    return np.asarray(np.mean(loads, axis=0))
