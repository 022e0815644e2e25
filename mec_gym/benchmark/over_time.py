"""Play policies on the same episodes of slots that follow one another; a table and JSON of it."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import episodes, system
from mec_gym.benchmark import tables
from mec_gym.benchmark.comparison import PERCENTILES, Measured, Reference, assigned
from mec_gym.benchmark.report import estimate_json, plus_minus
from mec_gym.benchmark.tables import Column
from mec_gym.bounds.episodes import lower_bound
from mec_gym.episodes import Episodes
from mec_gym.estimates import Estimate
from mec_gym.instance import Instance
from mec_gym.policies import Policy
from mec_gym.scenario import Scenario
from mec_gym.solvers.episodes import kicks_of, search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TIMED_SLOTS = 20
_MOST_LINKS = 50_000
_EPISODES = (4, 10)
"""About so many links all slots of some episodes have together, and how many episodes there are."""

_ENERGY = "of devices"
"""Counted of any scenario, where `system.report` has energy only where it counts."""


def default_episodes(scenario: Scenario) -> int:
    """Return how many episodes to play: 10 of small ones, 4 of large ones."""
    links = scenario.slots * scenario.num_devices * scenario.num_servers
    return int(np.clip(_MOST_LINKS // links, *_EPISODES))


@dataclass(frozen=True, eq=False)
class Yardsticks:
    """What episodes are held against, in cost of a task on average, (B,), seconds.

    Attributes:
        bound: what no assignment of the whole episode undercuts.
        best_known: the least that is known: what a search over the whole episode found, which sees
            the future, or a policy.
    """

    bound: FloatArray
    best_known: FloatArray


def find_yardsticks(drawn: Episodes, times: int = 1) -> Yardsticks:
    """Return the yardsticks of episodes (B,).

    Args:
        drawn: the episodes.
        times: as many kicks as the search makes unless it is told.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    tasks = drawn.present.sum(axis=(-1, -2))
    best = search(drawn, budget=times * kicks_of(drawn)).total_cost
    return Yardsticks(np.minimum(lower_bound(drawn), best) / tasks, best / tasks)


@dataclass(frozen=True, eq=False)
class EpisodesResult:
    """How one policy, trained from S seeds or just one (S = 1), did on B episodes.

    Attributes:
        name: of the policy.
        assignment: action of each device, (S, B, K, M); -1 of those that have no task.
        cost: of a task on average, (S, B), seconds; its delay where nothing is weighted.
        delay: of a task on average, (S, B), seconds.
        task_delay: of each task, (S, B, K, M), seconds; nan of devices that have none.
        percentiles: of the delays of all tasks, `PERCENTILES` of them, seconds.
        slot_delay: of a task on average in each slot, (K,), seconds; nan where none had one.
        backlog_s: work left over as each slot ends, W_n / F_n, mean of servers, (S, B, K), seconds.
        counted: how many tasks of an episode stand above capacity (`overloads`), change their
            server (`handovers`, where that takes time), and what else `system.report` has, by name,
            (S, B).
        energy_j: of the devices for all tasks of an episode, (S, B), joules.
        tasks: of each episode, (B,).
        yardsticks: what it is held against.
        slot_seconds: that it takes to decide a slot.
    """

    name: str
    assignment: IntArray
    cost: FloatArray
    delay: FloatArray
    task_delay: FloatArray
    percentiles: tuple[float, ...]
    slot_delay: FloatArray
    backlog_s: FloatArray
    counted: Mapping[str, NDArray[Any]]
    energy_j: FloatArray
    tasks: IntArray
    yardsticks: Yardsticks
    slot_seconds: float

    @property
    def average_cost(self) -> Measured:
        """The average cost of a task, seconds."""
        return Measured(self.cost)

    @property
    def gap(self) -> Measured:
        """How far each episode is above the bound, relative to it."""
        return Measured(self.cost / self.yardsticks.bound - 1)

    @property
    def reference(self) -> Reference:
        """What the gaps are relative to; proven where the best known is no higher."""
        found = self.yardsticks
        return Reference(found.bound, found.best_known <= found.bound * (1 + 1e-9))

    @property
    def above_best_known(self) -> Measured:
        """How far each episode is above the best known, relative to it."""
        return Measured(self.cost / self.yardsticks.best_known - 1)

    @property
    def feasible_rate(self) -> float:
        """The share of episodes in which servers keep within capacity, and links are allowed."""
        counted = self.counted
        return float(((counted["overloads"] == 0) & (counted.get("barred", 0) == 0)).mean())

    def difference(self, other: "EpisodesResult") -> Estimate:
        """Return the average cost less another's, episode by episode, seconds; means of seeds."""
        return Estimate.of(self.cost.mean(axis=0) - other.cost.mean(axis=0))


def play(
    policies: Mapping[str, Sequence[Policy]],
    drawn: Episodes,
    seed: int = 0,
    yardsticks: Yardsticks | None = None,
) -> list[EpisodesResult]:
    """Play policies on the same episodes, in the order given.

    Args:
        policies: by name, a policy or the same one trained from several seeds; at least one name.
        drawn: episodes (B,), at least one.
        seed: for policies that draw.
        yardsticks: of the episodes; None: `find_yardsticks`.

    Raises:
        ValueError: there are too few policies or episodes, or a policy cannot play the slots.
    """
    if not policies or not all(policies.values()):
        raise ValueError(f"policies: {dict(policies)}; a comparison needs at least 1, each with 1")
    if len(drawn.batch_shape) != 1 or not len(drawn):
        raise ValueError(
            f"episodes: of shape {drawn.batch_shape}; a comparison needs at least 1, in one"
            " leading dimension"
        )
    played = {
        name: [_played(policy, name, drawn, seed) for policy in row]
        for name, row in policies.items()
    }
    found, tasks = yardsticks or find_yardsticks(drawn), drawn.present.sum(axis=(-1, -2))
    costs = [each.cost.sum(axis=(-1, -2)) / tasks for row in played.values() for each, _ in row]
    found = replace(found, best_known=np.minimum(found.best_known, np.min(costs, axis=0)))
    return [
        _result(name, row, drawn, found, _slot_seconds(policies[name][0], drawn, seed))
        for name, row in played.items()
    ]


def _played(
    policy: Policy, name: str, drawn: Episodes, seed: int
) -> tuple[episodes.Played, dict[str, NDArray[Any]]]:
    """Return what a policy made of episodes, and what is counted of each, (B,)."""
    counted: dict[str, NDArray[Any]] = {
        what: np.zeros(len(drawn)) for what in ("overloads", _ENERGY)
    }

    def watch(rows: IntArray, slots: Instance, chosen: IntArray) -> None:
        counted["overloads"][rows] += system.overloads(slots, chosen)
        counted[_ENERGY][rows] += system.task_energies(slots, chosen).sum(axis=-1)
        for what, values in system.report(slots, chosen).items():
            if what != "cost":
                at = counted.setdefault(what, np.zeros(len(drawn)))
                at[rows] += values * (slots.num_devices if what == "energy_j" else 1)

    def choose(slots: Instance, number: int) -> IntArray:
        return assigned(policy, name, slots, seed + number)

    made = episodes.play(drawn, choose, watch)
    if drawn.slots.last_server is not None:
        counted["handovers"] = _handovers(made.assignment, drawn.slots.num_servers)
    return made, counted


def _handovers(assignment: IntArray, num_servers: int) -> FloatArray:
    """Return how many tasks of each episode go to another server than their device's last, (B,)."""
    last = np.full((len(assignment), assignment.shape[-1]), -1)
    moved = np.zeros(len(assignment))
    for slot in range(assignment.shape[1]):
        chosen = assignment[:, slot]
        served = (chosen >= 0) & (chosen < num_servers)
        moved += (served & (last >= 0) & (chosen != last)).sum(axis=-1)
        last = np.where(served, chosen, last)
    return moved


def _result(
    name: str,
    row: Sequence[tuple[episodes.Played, dict[str, NDArray[Any]]]],
    drawn: Episodes,
    yardsticks: Yardsticks,
    slot_seconds: float,
) -> EpisodesResult:
    made = [played for played, _ in row]
    tasks = drawn.present.sum(axis=(-1, -2))
    delays = np.stack([each.delay for each in made])
    in_slot = drawn.present.sum(axis=(0, 2)) * len(made)
    with np.errstate(invalid="ignore"):
        slot_delay = delays.sum(axis=(0, 1, 3)) / np.where(in_slot, in_slot, np.nan)
    counted = {what: np.stack([each[what] for _, each in row]) for what in row[0][1]}
    waits = np.stack([each.backlog_cycles for each in made]) / drawn.slots.server_hz
    return EpisodesResult(
        name,
        np.stack([each.assignment for each in made]),
        np.stack([each.cost.sum(axis=(-1, -2)) for each in made]) / tasks,
        delays.sum(axis=(-1, -2)) / tasks,
        np.where(drawn.present, delays, np.nan),
        tuple(np.percentile(delays[:, drawn.present], PERCENTILES).tolist()),
        slot_delay,
        waits.mean(axis=-1),
        {what: values for what, values in counted.items() if what != _ENERGY},
        counted[_ENERGY],
        tasks,
        yardsticks,
        slot_seconds,
    )


def _slot_seconds(policy: Policy, drawn: Episodes, seed: int) -> float:
    """Return the seconds in which a policy decides a slot, the median over slots decided alone."""
    seconds: list[float] = []

    def choose(slots: Instance, number: int) -> IntArray:
        start = time.perf_counter()
        chosen = policy(slots, seed)
        seconds.append(time.perf_counter() - start)
        return chosen

    short = Episodes(drawn.slots[:1, :_TIMED_SLOTS], drawn.present[:1, :_TIMED_SLOTS], drawn.waits)
    episodes.play(short, choose)
    return statistics.median(seconds[1:] or seconds)  # the first was to warm up


_COUNTED = {
    "energy_j": ("energy of a\ntask, mJ", 1e3),
    "missed": ("deadlines\nmissed, a task", 1.0),
    "dropped": ("tasks\ndropped", 1.0),
    "barred": ("not\nallowed", 1.0),
    "handovers": ("handovers\na task", 1.0),
}
"""The columns of what is counted: heading, and factor of the mean over tasks."""


def columns(results: Sequence[EpisodesResult]) -> list[Column]:
    """Return the table's columns, the most important first; differences are to the first result."""
    first = results[0]
    costs = [plus_minus(each.average_cost.over_slots) for each in results]
    differences = [plus_minus(each.difference(first), 1e3, 2) for each in results[1:]]
    made = [
        Column("average\ncost, s", costs),
        Column(f"more than\n{first.name}, ms", ["", *differences]),
        Column("above best\nknown", [f"{each.above_best_known.mean:.2%}" for each in results]),
        Column("above the\nbound", [f"{each.gap.mean:.2%}" for each in results]),
    ]
    if any(len(each.cost) > 1 for each in results):
        worst = [
            f"{each.above_best_known.worst_seed:.2%} of {len(each.cost)}"
            if len(each.cost) > 1
            else ""
            for each in results
        ]
        made.append(Column("above best known,\nworst seed", worst))
    of_tasks = [" ".join(f"{value:.3f}" for value in each.percentiles) for each in results]
    percentiles = " ".join(f"p{percentile}" for percentile in PERCENTILES)
    made += [
        Column(f"task delay, s\n{percentiles}", of_tasks),
        Column("work left\nover, s", [f"{each.backlog_s.mean():.3f}" for each in results]),
    ]
    for what, (heading, factor) in _COUNTED.items():
        if what in first.counted:
            means = [(each.counted[what] / each.tasks).mean() * factor for each in results]
            made.append(Column(heading, [f"{mean:.3f}" for mean in means]))
    times = [
        each.slot_seconds / max(each.tasks.mean() / each.slot_delay.size, 1) for each in results
    ]
    return [
        *made,
        Column("episodes\nfeasible", [f"{each.feasible_rate:.1%}" for each in results]),
        Column("µs a\ndecision", [f"{seconds * 1e6:.1f}" for seconds in times]),
    ]


def show(results: Sequence[EpisodesResult], title: str) -> None:
    """Print results as a table.

    Raises:
        ModuleNotFoundError: rich is not installed; the message has the remedy.
    """
    caption = (
        "± is half a 95% confidence interval over episodes, which are paired; best known is a"
        " search over whole episodes, which sees the future; work left over: W / F as slots end,"
        " mean over servers and slots"
    )
    names = Column("policy", [each.name for each in results])
    tables.show(title, names, columns(results), caption)


def as_json(results: Sequence[EpisodesResult]) -> list[dict[str, Any]]:
    """Return results as JSON values, seconds throughout; differences are to the first of them."""
    return [
        {
            "name": each.name,
            "seeds": len(each.cost),
            "average_cost": estimate_json(each.average_cost.over_slots),
            "average_delay": estimate_json(Measured(each.delay).over_slots),
            "task_delay_percentiles": {
                f"p{percentile}": value
                for percentile, value in zip(PERCENTILES, each.percentiles, strict=True)
            },
            "difference": estimate_json(each.difference(results[0])),
            "above_best_known": each.above_best_known.mean,
            "above_bound": each.gap.mean,
            "of_each_seed": each.above_best_known.by_seed.tolist(),
            "slot_delay": [None if np.isnan(value) else value for value in each.slot_delay],
            "backlog_s": each.backlog_s.mean(axis=(0, 1)).tolist(),
            **{what: float((values / each.tasks).mean()) for what, values in each.counted.items()},
            "feasible_rate": each.feasible_rate,
            "slot_seconds": each.slot_seconds,
        }
        for each in results
    ]
