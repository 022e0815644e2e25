"""Compare policies on the same slots: paired differences, and gaps to the proven optimum."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mec_gym import system
from mec_gym.instance import Instance
from mec_gym.policies import Policy
from mec_gym.solvers.exact import solve

FloatArray = NDArray[np.float64]

_TIMED_SLOTS = 20
_TIMED_SECONDS = 2.0
"""To time a decision so many slots are decided one by one, or fewer where they take so long."""


@dataclass(frozen=True)
class Estimate:
    """A mean, and half the width of its 95% confidence interval."""

    mean: float
    ci95: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Estimate":
        """Estimate from independent values by Student's t; at least two."""
        from scipy.special import stdtrit

        array = np.asarray(values, dtype=np.float64)
        spread = array.std(ddof=1) / np.sqrt(array.size)
        return cls(float(array.mean()), float(stdtrit(array.size - 1, 0.975) * spread))


@dataclass(frozen=True, eq=False)
class Reference:
    """What no feasible assignment can undercut.

    Attributes:
        delay: the optimal average delay of each slot, or a lower bound on it, (B,), seconds.
        proven: whether it is the optimum, (B,).
    """

    delay: FloatArray
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
    return Reference(solution.lower_bound, solution.proven)


@dataclass(frozen=True)
class Gap:
    """How far above the reference, relative to it.

    Attributes:
        mean: over slots, and seeds where there are several.
        max: over slots and seeds.
        worst_seed: the greatest mean over slots of any seed.
        seeds_ci95: half the 95% confidence interval of the mean over seeds; None for one seed.
        reference: what it is relative to.
    """

    mean: float
    max: float
    worst_seed: float
    seeds_ci95: float | None
    reference: str


@dataclass(frozen=True)
class Score:
    """How one policy did on the slots; delays in seconds, means over seeds where it has several.

    Attributes:
        name: of the policy.
        seeds: how many trained seeds of it were played.
        average_delay: Eq. (5), CPU split by Eq. (20); the interval is over slots.
        difference: of the average delay to the first policy's, slot by slot.
        gap: to the optimum or the lower bound.
        equal_shares_delay: the average delay if each server split its CPU equally instead.
        feasible_rate: share of slots in which every server keeps within its capacity.
        overloads: tasks above capacity, a slot.
        decision_seconds: time a device, the median over slots that are decided alone.
        slot_seconds: time a slot, likewise.
    """

    name: str
    seeds: int
    average_delay: Estimate
    difference: Estimate
    gap: Gap
    equal_shares_delay: float
    feasible_rate: float
    overloads: float
    decision_seconds: float
    slot_seconds: float


def compare(
    rows: Mapping[str, Sequence[Policy]],
    slots: Instance,
    seed: int = 0,
    reference: Reference | None = None,
) -> list[Score]:
    """Score policies on the same slots, in the order given.

    Args:
        rows: by name, a policy or the same one trained from several seeds; at least one name.
        slots: with one leading dimension, at least two.
        seed: for policies that draw.
        reference: of the slots; None: `find_reference`.

    Raises:
        ValueError: there are too few policies or slots, or a policy cannot play the slots.
    """
    if not rows or not all(rows.values()):
        raise ValueError(f"policies: {dict(rows)}; a comparison needs at least 1, and 1 a row")
    if len(slots.batch_shape) != 1 or len(slots) < 2:
        raise ValueError(f"instances: {slots.batch_shape} slots; a comparison needs at least 2")
    # A policy that cannot play the slots says so before the search for their optima.
    assignments = {name: [policy(slots, seed) for policy in row] for name, row in rows.items()}
    reference = reference or find_reference(slots)
    scores: list[Score] = []
    first = None
    for name, played in assignments.items():
        assignment = np.stack(played)
        delay = system.average_delay(slots, assignment)
        gap = delay / reference.delay - 1
        by_seed = gap.mean(axis=1)
        first = delay.mean(axis=0) if first is None else first
        equal_shares = system.share_cpu_equally(slots, assignment)
        overloads = system.overloads(slots, assignment)
        seconds = _slot_seconds(rows[name][0], slots, seed)
        scores.append(
            Score(
                name=name,
                seeds=len(played),
                average_delay=Estimate.of(delay.mean(axis=0)),
                difference=Estimate.of(delay.mean(axis=0) - first),
                gap=Gap(
                    mean=float(gap.mean()),
                    max=float(gap.max()),
                    worst_seed=float(by_seed.max()),
                    seeds_ci95=Estimate.of(by_seed).ci95 if len(played) > 1 else None,
                    reference=reference.label,
                ),
                equal_shares_delay=float(
                    system.average_delay(slots, assignment, equal_shares).mean()
                ),
                feasible_rate=float((overloads == 0).mean()),
                overloads=float(overloads.mean()),
                decision_seconds=seconds / slots.num_devices,
                slot_seconds=seconds,
            )
        )
    return scores


def _slot_seconds(policy: Policy, slots: Instance, seed: int) -> float:
    seconds: list[float] = []
    for slot in (slots[0], *slots[:_TIMED_SLOTS]):
        start = time.perf_counter()
        policy(slot, seed)
        seconds.append(time.perf_counter() - start)
        if len(seconds) > 1 and sum(seconds) > _TIMED_SECONDS:
            break
    return statistics.median(seconds[1:])  # the first was to warm up
