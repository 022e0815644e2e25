"""What no policy can undercut that sees only the present, for small systems.

Whoever sees all of a slot may cost less than any policy that does not. That advantage is taken away
by a penalty for using it, which costs a policy without it nothing on average (information
relaxation; Brown, Smith and Sun, Operations Research 58(4), 2010). Of any function V of the state,
device m pays in state s

    E[W_m(s, task)] - W_m(s, its task),   W_m(s, task) = min over n of rise + V_m+1(state after),

whose mean is 0 for a decision that does not know later tasks. So the mean over slots of the least
penalised cost over all assignments is never above the mean cost of such a policy, whatever V is;
the better V is, the closer it comes. With samples for E the mean stays 0, as long as each slot has
its own.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.outlook import outlooks
from mec_gym.bounds.values import law_of, values_of, why_no_values
from mec_gym.estimates import Estimate
from mec_gym.instance import Instance
from mec_gym.problem import Problem

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SAMPLES = 64
"""Sampled tasks that stand for the law of a device's, of each slot its own."""

_MOST_ASSIGNMENTS = 100_000
_STREAM = 4  # of random numbers, beside those of other samples of a seed


def online_lower_bound(scenario: "Scenario", n: int, seed: int = 0) -> Estimate:
    """Return what no policy can undercut on average that sees only the present, with its interval.

    It is the cost per task, seconds, as `mec_gym.bounds.lower_bound` has it of a slot. To be narrow
    the interval is that of slots less the penalty of the policy `dynamic-programming`, whose mean
    is 0.

    Args:
        scenario: that hides tasks or gains to come, of a small system.
        n: slots to draw, at least 2.
        seed: of slots and samples.

    Raises:
        ValueError: there is no such bound for the scenario; the message says why.
    """
    if n < 2:
        raise ValueError(f"n: {n}; an interval needs at least 2 slots")
    if reason := why_unavailable(scenario):
        raise ValueError(f"scenario: {reason}")
    slots = scenario.sample(n, seed)
    found = online_bound(slots, scenario, None, seed)
    return Estimate.of((found.total_cost - found.penalty[0]) / scenario.num_devices)


class OnlineBound(NamedTuple):
    """What `online_bound` finds of B slots, and of P assignments of each.

    Attributes:
        total_cost: whose mean over slots no policy undercuts that sees only the present, (B,),
            seconds. That of one slot bounds nothing.
        penalty: what each assignment pays, (P, B), seconds; its mean is 0 for such a policy. Cost
            and penalty together are never below `total_cost`, in any slot.
    """

    total_cost: FloatArray
    penalty: FloatArray


def why_unavailable(scenario: "Scenario") -> str:
    """Return why there is no such bound for a scenario; empty where there is one."""
    if reason := why_no_values(scenario):
        return reason
    count, actions = scenario.num_devices, scenario.num_actions
    if count * math.log(actions) > math.log(_MOST_ASSIGNMENTS):
        return (
            f"{actions} actions of {count} devices are too many: it goes through all assignments,"
            f" {_MOST_ASSIGNMENTS:,} at most"
        )
    return ""


def online_bound(
    slots: Instance, scenario: "Scenario", assignments: IntArray | None = None, seed: int = 0
) -> OnlineBound:
    """Return the bound on slots, and what assignments pay beside their cost.

    Args:
        slots: with one leading dimension of B.
        scenario: whose slots they are.
        assignments: of P policies that see only the present, feasible, (P, B, M); None: of the one
            that follows the values themselves, P = 1.
        seed: of the sampled tasks, of which each slot has its own.

    Raises:
        ValueError: there is no such bound for the scenario, slots are not its own, a slot has no
            feasible assignment, or an assignment is not feasible.
    """
    if reason := why_unavailable(scenario):
        raise ValueError(f"scenario: {reason}")
    problem = Problem.of(slots)
    problem.require_feasible()
    if assignments is not None and not problem.is_feasible(assignments).all():
        raise ValueError("assignments: some are not feasible, so they have no such penalty")
    from mec_gym.bounds.value_loops import penalty, tightest  # numba, when it is first needed

    policies = 1 if assignments is None else len(assignments)
    found = OnlineBound(np.empty(len(slots)), np.empty((policies, len(slots))))
    seeds = np.random.default_rng((seed, _STREAM)).integers(2**62, size=(len(slots), 2))
    for slot, (of_tasks, of_loads) in enumerate(seeds.tolist()):
        (outlook,) = outlooks(slots[slot : slot + 1], scenario, of_tasks, SAMPLES)
        law = law_of(outlook)
        values = values_of(law, of_loads)
        found.total_cost[slot] = tightest()(outlook, law, values)
        for policy in range(policies):
            own = np.full(slots.num_devices, -1)
            if assignments is not None:
                own[:] = assignments[policy, slot]
            found.penalty[policy, slot] = penalty()(outlook, law, values, own)
    return found
