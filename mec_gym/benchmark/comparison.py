"""Compare policies on the same slots, with paired confidence intervals."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mec_gym import system
from mec_gym.instance import Instance
from mec_gym.policies import Policy

_TIMED_SLOTS = 20
"""Slots that are decided one by one to time a decision, after one that is not counted."""


@dataclass(frozen=True)
class Estimate:
    """A mean over slots, and half the width of its 95% confidence interval."""

    mean: float
    ci95: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Estimate":
        """Estimate from independent values by Student's t; at least two."""
        from scipy.special import stdtrit

        array = np.asarray(values, dtype=np.float64)
        spread = array.std(ddof=1) / np.sqrt(array.size)
        return cls(float(array.mean()), float(stdtrit(array.size - 1, 0.975) * spread))


@dataclass(frozen=True)
class Score:
    """How one policy did on the slots; delays in seconds.

    Attributes:
        name: of the policy.
        average_delay: Eq. (5), CPU split by Eq. (20).
        difference: of the average delay to the first policy's, slot by slot.
        equal_shares_delay: the average delay if each server split its CPU equally instead.
        feasible_rate: share of slots in which every server keeps within its capacity.
        overloads: tasks above capacity, a slot.
        decision_seconds: median over slots, each decided alone, divided by M.
    """

    name: str
    average_delay: Estimate
    difference: Estimate
    equal_shares_delay: float
    feasible_rate: float
    overloads: float
    decision_seconds: float


def compare(policies: Mapping[str, Policy], slots: Instance, seed: int = 0) -> list[Score]:
    """Score policies on the same slots, in the order given.

    Args:
        policies: by name, at least one.
        slots: with one leading dimension, at least two.
        seed: for policies that draw.

    Raises:
        ValueError: there are too few policies or slots, or a policy cannot play the slots.
    """
    if not policies or slots.batch_shape < (2,):
        raise ValueError(
            f"instances: {slots.batch_shape} with {len(policies)} policies; needs at least 2 slots"
            " and 1 policy"
        )
    scores: list[Score] = []
    first_delay = None
    for name, policy in policies.items():
        assignment = policy(slots, seed)
        delay = system.average_delay(slots, assignment)
        first_delay = delay if first_delay is None else first_delay
        equal_shares = system.share_cpu_equally(slots, assignment)
        overloads = system.overloads(slots, assignment)
        scores.append(
            Score(
                name=name,
                average_delay=Estimate.of(delay),
                difference=Estimate.of(delay - first_delay),
                equal_shares_delay=float(
                    system.average_delay(slots, assignment, equal_shares).mean()
                ),
                feasible_rate=float((overloads == 0).mean()),
                overloads=float(overloads.mean()),
                decision_seconds=_decision_seconds(policy, slots, seed),
            )
        )
    return scores


def _decision_seconds(policy: Policy, slots: Instance, seed: int) -> float:
    seconds = []
    for slot in (slots[0], *slots[:_TIMED_SLOTS]):
        start = time.perf_counter()
        policy(slot, seed)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) / slots.num_devices
