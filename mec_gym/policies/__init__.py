"""Policies: from slots to assignments, by name."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.policies import baselines, local_search, optimal
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


def get(name: str) -> Policy:
    """Return the policy called `name`.

    Raises:
        ValueError: no such policy; the message lists the names there are.
    """
    return pick(POLICIES, name, "policy")
