"""The second yardstick where the future is hidden: what nobody can undercut who does not see it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mec_gym.benchmark.comparison import Result
from mec_gym.benchmark.models import OrPrices, Polished
from mec_gym.bounds import online_bound
from mec_gym.bounds.online import why_unavailable
from mec_gym.estimates import Estimate
from mec_gym.instance import Instance
from mec_gym.policies import HINDSIGHT, Policy, get
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

MOST_SLOTS = 200
"""The bound takes some tens of milliseconds a slot: these are enough for a narrow interval."""


def with_online_gaps(
    results: Sequence[Result],
    policies: Mapping[str, Sequence[Policy]],
    slots: Instance,
    scenario: Scenario,
    seed: int = 0,
) -> list[Result]:
    """Return results that know how far they are above the best that sees only the present.

    They stay as they are where a policy looks at the future or is not always feasible, and all of
    them where there is no such bound, see `mec_gym.bounds.online`.

    Args:
        results: of policies on the slots.
        policies: the same by name.
        slots: with one leading dimension; the first `MOST_SLOTS` of them count.
        scenario: whose slots they are.
        seed: of the bound's samples.
    """
    if why_unavailable(scenario) or len(slots) < 2:
        return list(results)
    some = slots[:MOST_SLOTS]
    problem = Problem.of(some)
    played = {
        result.name: result.assignment[:, : len(some)]
        for result in results
        if not any(map(_looks_ahead, policies[result.name]))
    }
    played = {name: each for name, each in played.items() if problem.is_feasible(each).all()}
    if not played:
        return list(results)
    bound = online_bound(some, scenario, np.concatenate([*played.values()]), seed)
    begins = np.cumsum([len(each) for each in played.values()])[:-1]
    gaps: dict[str, Estimate] = {}
    for name, paid in zip(played, np.split(bound.penalty, begins), strict=True):
        cost = problem.cost(played[name])
        above = (cost + paid - bound.total_cost).mean(axis=0)
        gaps[name] = Estimate.of(above / (cost.mean() - above.mean()))
    return [replace(each, online_gap=gaps.get(each.name)) for each in results]


def _looks_ahead(policy: Policy) -> bool:
    return isinstance(policy, Polished | OrPrices) or policy in {get(name) for name in HINDSIGHT}
