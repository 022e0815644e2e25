"""Play policies on the same slots: paired differences, and gaps to the proven optimum."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.estimates import Estimate
from mec_gym.instance import Instance
from mec_gym.io.messages import one_line
from mec_gym.policies import Policy
from mec_gym.solvers.exact import solve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PERCENTILES = (50, 95, 99)
"""Of the delays of tasks, which tables show beside their mean."""

_TIMED_SLOTS = 20
_TIMED_SECONDS = 2.0
"""To time a decision so many slots are decided one by one, or fewer where they take so long."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A quantity of each slot for each trained seed, and what it comes to.

    Attributes:
        values: (S, B), a row for each of S seeds and a column for each of B slots.
    """

    values: FloatArray

    @property
    def mean(self) -> float:
        """Over seeds and slots."""
        return float(self.values.mean())

    @property
    def max(self) -> float:
        """Over seeds and slots."""
        return float(self.values.max())

    @property
    def by_seed(self) -> FloatArray:
        """The mean over slots of each seed, (S,)."""
        return np.asarray(self.values.mean(axis=1))

    @property
    def worst_seed(self) -> float:
        """The greatest mean over slots of any seed."""
        return float(self.by_seed.max())

    @property
    def over_slots(self) -> Estimate:
        """The mean, with its interval over slots, each averaged over seeds."""
        return Estimate.of(self.values.mean(axis=0))

    @property
    def over_seeds(self) -> Estimate | None:
        """The mean, with its interval over seeds; None for one seed."""
        return Estimate.of(self.by_seed) if len(self.values) > 1 else None


@dataclass(frozen=True, eq=False)
class Reference:
    """What no feasible assignment can undercut.

    Attributes:
        cost: the optimal average cost of each slot, or a lower bound on it, (B,), seconds; the
            average delay where nothing is weighted.
        proven: whether it is the optimum, (B,).
    """

    cost: FloatArray
    proven: NDArray[np.bool_]

    @property
    def label(self) -> str:
        """What the gaps are relative to."""
        if self.proven.all():
            return "optimum"
        return f"optimum ({self.proven.mean():.0%} of slots) or lower bound"


def find_reference(slots: Instance, time_limit: float = 1.0) -> Reference:
    """Return the optimum of each slot, or a lower bound where the time does not do.

    Args:
        slots: with one leading dimension.
        time_limit: for each slot, seconds, beside the bound itself.

    Raises:
        ValueError: a slot has no feasible assignment, or the time limit is not above 0.
    """
    solution = solve(slots, time_limit)
    # The same sum as every table's, which may round otherwise than the solver's.
    cost = system.average_cost(slots, solution.assignment)
    return Reference(np.minimum(solution.lower_bound, cost), solution.proven)


@dataclass(frozen=True, eq=False)
class Result:
    """How one policy, trained from S seeds or just one (S = 1), did on the B slots.

    Attributes:
        name: of the policy.
        assignment: server of each device, (S, B, M).
        delay: average delay of each slot, Eq. (5), CPU split by Eq. (20), (S, B), seconds.
        equal_shares_delay: the same if each server split its CPU equally instead, (S, B), seconds.
        cost: average cost of each slot, (S, B), seconds; the delay where nothing is weighted.
        percentiles: of the delays of all tasks, `PERCENTILES` of them, seconds.
        overloads: tasks above capacity, (S, B).
        reported: what `system.report` has of each slot, by name, (S, B).
        reference: what gaps are relative to.
        slot_seconds: what `slot_seconds` measured; None where nobody asked.
        online_gap: how far the mean cost is above what nobody undercuts who sees only the present,
            relative to that; None where that is not known, see `mec_gym.benchmark.online`.
    """

    name: str
    assignment: IntArray
    delay: FloatArray
    equal_shares_delay: FloatArray
    cost: FloatArray
    percentiles: tuple[float, ...]
    overloads: IntArray
    reported: Mapping[str, NDArray[Any]]
    reference: Reference
    slot_seconds: float | None = None
    online_gap: Estimate | None = None

    @property
    def seeds(self) -> int:
        """How many trained seeds were played."""
        return len(self.delay)

    @property
    def average_delay(self) -> Measured:
        """The average delay, seconds."""
        return Measured(self.delay)

    @property
    def average_cost(self) -> Measured:
        """The average cost, seconds."""
        return Measured(self.cost)

    @property
    def gap(self) -> Measured:
        """How far the cost of each slot is above the reference, relative to it."""
        return Measured(self.cost / self.reference.cost - 1)

    @property
    def feasible_rate(self) -> float:
        """The share of slots in which servers keep within capacity, and links are allowed."""
        return float(((self.overloads == 0) & (self.reported.get("barred", 0) == 0)).mean())

    @property
    def decision_seconds(self) -> float | None:
        """The time a device, where a slot's was measured."""
        return self.slot_seconds and self.slot_seconds / self.assignment.shape[-1]

    def difference(self, other: "Result") -> Estimate:
        """Return the average cost less another's, slot by slot, seconds; means over seeds."""
        return Estimate.of(self.cost.mean(axis=0) - other.cost.mean(axis=0))

    def margin(self, other: "Result") -> Estimate:
        """Return by how much the mean cost is below another's, relative to that, slots paired.

        The interval is that of the ratio's linear part; those over slots and over seeds are added
        in squares, which counts their interaction twice and so is on the safe side.

        Args:
            other: of one seed or as many.
        """
        ratio = self.cost.mean() / other.cost.mean()
        linear = Measured((self.cost - ratio * other.cost) / other.cost.mean())
        over_seeds = linear.over_seeds.ci95 if linear.over_seeds else 0.0
        return Estimate(float(1 - ratio), float(np.hypot(linear.over_slots.ci95, over_seeds)))


def play(
    policies: Mapping[str, Sequence[Policy]],
    slots: Instance,
    seed: int = 0,
    reference: Reference | None = None,
) -> list[Result]:
    """Play policies on the same slots, in the order given.

    Args:
        policies: by name, a policy or the same one trained from several seeds; at least one name.
        slots: with one leading dimension; of one slot alone no interval is known.
        seed: for policies that draw.
        reference: of the slots; None: `find_reference`.

    Raises:
        ValueError: there are too few policies or slots, or a policy cannot play the slots.
    """
    if not policies or not all(policies.values()):
        raise ValueError(f"policies: {dict(policies)}; a comparison needs at least 1, each with 1")
    if len(slots.batch_shape) != 1 or not len(slots):
        raise ValueError(
            f"instances: {slots.batch_shape} slots; a comparison needs at least 1, in one leading"
            " dimension"
        )
    # A policy that cannot play the slots says so before the search for their optima.
    assignments = {
        name: np.stack([assigned(policy, name, slots, seed) for policy in seeds])
        for name, seeds in policies.items()
    }
    found = reference or find_reference(slots)
    return [_result(name, slots, assignment, found) for name, assignment in assignments.items()]


def _result(name: str, slots: Instance, assignment: IntArray, reference: Reference) -> Result:
    delays = system.task_delays(slots, assignment)
    return Result(
        name,
        assignment,
        np.asarray(delays.mean(axis=-1)),
        system.average_delay(slots, assignment, system.share_cpu_equally(slots, assignment)),
        system.average_cost(slots, assignment),
        tuple(np.percentile(delays, PERCENTILES).tolist()),
        system.overloads(slots, assignment),
        system.report(slots, assignment),
        reference,
    )


def assigned(policy: Policy, name: str, slots: Instance, seed: int) -> IntArray:
    """Return what a policy makes of slots, checked, (..., M).

    Raises:
        ValueError: it fails, or returns something else; the message names it.
    """
    try:
        given = np.asarray(policy(slots, seed))
        if given.shape != slots.task_cycles.shape:
            raise ValueError(f"assignment: shape {given.shape}, not {slots.task_cycles.shape}")
        assignment = system.check_assignment(slots, given)
    except Exception as error:  # whatever a user's own code raises
        said = one_line(error if isinstance(error, ValueError) else repr(error))
        raise ValueError(f"policy {name}: {said}") from error
    return assignment


def compare(
    policies: Mapping[str, Sequence[Policy]],
    slots: Instance,
    seed: int = 0,
    reference: Reference | None = None,
) -> list[Result]:
    """Play policies as `play` does, and time the decisions of each; see there."""
    return timed(play(policies, slots, seed, reference), policies, slots, seed)


def timed(
    results: Sequence[Result],
    policies: Mapping[str, Sequence[Policy]],
    slots: Instance,
    seed: int = 0,
) -> list[Result]:
    """Return results with the time that the policies of their names take here; see `play`."""
    return [
        replace(
            result,
            slot_seconds=slot_seconds(policies[result.name][0], slots, seed, result.name),
        )
        for result in results
    ]


def slot_seconds(policy: Policy, slots: Instance, seed: int = 0, name: str = "") -> float:
    """Return the seconds in which a policy decides a slot, the median over slots decided alone.

    Raises:
        ValueError: it does not decide a slot alone; the message names it.
    """
    assigned(policy, name, slots[0], seed)
    seconds: list[float] = []
    for slot in (slots[0], *slots[:_TIMED_SLOTS]):
        start = time.perf_counter()
        policy(slot, seed)
        seconds.append(time.perf_counter() - start)
        if len(seconds) > 1 and sum(seconds) > _TIMED_SECONDS:
            break
    return statistics.median(seconds[1:])  # the first was to warm up
