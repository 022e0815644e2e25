"""Policies: from slots to assignments, by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.policies.agents import from_agent
from mec_gym.scenario import Scenario

__all__ = ["BASELINES", "HINDSIGHT", "POLICIES", "SHIPPED", "Policy", "from_agent", "get", "label"]

Policy = Callable[[Instance, int], NDArray[np.int64]]
"""`policy(instance, seed)` returns the server of each device, (..., M)."""

POLICIES: dict[str, str] = {
    "roa": "mec_gym.policies.baselines:roa",
    "goa": "mec_gym.policies.baselines:goa",
    "goa-capacity": "mec_gym.policies.baselines:goa_capacity",
    "least-delay": "mec_gym.policies.baselines:least_delay",
    "prices": "mec_gym.solvers.prices:prices",
    "local-search": "mec_gym.solvers.local_search:local_search",
    "optimal": "mec_gym.solvers.exact:optimal",
}
"""Where each is, imported when it is asked for; a new one is a function and an entry here."""

SHIPPED = {
    "dqn-rao": "Table I's network, for slots of scenario `paper` only",
    "regret-mix": "all tasks of the slot known, any size, capacity tight or not",
    "regret-online": "only the current task known, any size, capacity tight or not",
}
"""The policies that come with the package, and what each is for."""

BASELINES = ("roa", "goa", "least-delay")
"""What trained networks are compared with where nothing else is asked for."""

HINDSIGHT = frozenset({"prices", "local-search", "optimal"})
"""Those that look at all tasks of a slot and the gains they will meet, whatever is shown."""


def label(name: str, scenario: Scenario) -> str:
    """Return what a table calls a policy: where the future is hidden some know more of it."""
    knows_more = scenario.hides_future and name in HINDSIGHT
    return f"{name} (hindsight)" if knows_more else name


def get(name: str) -> Policy:
    """Return the policy called `name`, or your own as "module:name".

    Raises:
        ValueError: no such policy; the message lists the names there are.
    """
    if isinstance(name, str) and name in SHIPPED:
        raise ValueError(
            f"policy: {name!r} is a trained one; mec_gym.load_policy({name!r}) loads it, on a"
            f" command line --model {name}"
        )
    policy: Any = names.find(POLICIES, name, "policy")
    if not callable(policy) or isinstance(policy, type):
        raise ValueError(f"policy: {quoted(policy)} is not a function of an instance and a seed")
    return policy  # type: ignore[no-any-return]
