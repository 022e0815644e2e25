"""Policies: from slots to assignments, by name."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.policies import baselines, local_search, optimal
from mec_gym.scenario import Scenario
from mec_gym.settings import pick

Policy = Callable[[Instance, int], NDArray[np.int64]]
"""`policy(instance, seed)` returns the server of each device, (..., M)."""

POLICIES: dict[str, Policy] = {
    "roa": baselines.roa,
    "goa": baselines.goa,
    "goa-capacity": baselines.goa_capacity,
    "least-delay": baselines.least_delay,
    "local-search": local_search.local_search,
    "optimal": optimal.optimal,
}
"""The policies by name; a new one is a function and an entry here."""

HINDSIGHT = frozenset({"local-search", "optimal"})
"""Those that look at all tasks of a slot and the gains they will meet, whatever is shown."""


def label(name: str, scenario: Scenario) -> str:
    """Return what a table calls a policy: where the future is hidden some know more of it."""
    knows_more = scenario.hides_future and name in HINDSIGHT
    return f"{name} (hindsight)" if knows_more else name


def get(name: str) -> Policy:
    """Return the policy called `name`.

    Raises:
        ValueError: no such policy; the message lists the names there are.
    """
    return pick(POLICIES, name, "policy")
