"""Policies: from slots to assignments, by name."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.policies.agents import from_agent
from mec_gym.scenario import Scenario

__all__ = [
    "BASELINES",
    "HINDSIGHT",
    "POLICIES",
    "SHIPPED",
    "Informed",
    "Policy",
    "from_agent",
    "get",
    "informed",
    "label",
    "why_not",
]

Policy = Callable[[Instance, int], NDArray[np.int64]]
"""`policy(instance, seed)` returns the server of each device, (..., M)."""

POLICIES: dict[str, str] = {
    "roa": "mec_gym.policies.baselines:roa",
    "goa": "mec_gym.policies.baselines:goa",
    "goa-capacity": "mec_gym.policies.baselines:goa_capacity",
    "least-delay": "mec_gym.policies.baselines:least_delay",
    "prices": "mec_gym.solvers.prices:prices",
    "prices-online": "mec_gym.solvers.online_prices:prices_online",
    "local-search": "mec_gym.solvers.local_search:local_search",
    "local-search-prices": "mec_gym.solvers.two_searches:local_search_prices",
    "local-search-online": "mec_gym.solvers.online_search:local_search_online",
    "dynamic-programming": "mec_gym.solvers.dynamic_programming:dynamic_programming",
    "lyapunov": "mec_gym.solvers.backlog_prices:lyapunov",
    "backlog-prices": "mec_gym.solvers.backlog_prices:backlog_prices",
    "optimal": "mec_gym.solvers.exact:optimal",
}
"""Where each is, imported when it is asked for; a new one is a function and an entry here."""

LIMITED: dict[str, str] = {
    "dynamic-programming": "mec_gym.bounds.values:why_no_values",
    "prices-online": "mec_gym.solvers.online_prices:why_not",
    "local-search-online": "mec_gym.solvers.online_prices:why_not",
    "lyapunov": "mec_gym.solvers.backlog_prices:why_not",
    "backlog-prices": "mec_gym.solvers.backlog_prices:why_not",
}
"""Of policies that play some scenarios only, what says why one is none of them; empty if it is."""

SHIPPED = {
    "dqn-rao": "Table I's network, for slots of scenario `paper` only",
    "regret-mix": "all tasks of the slot known, any size, capacity tight or not",
    "regret-family": "all tasks of the slot known, any size, links or columns, by prices",
    "regret-online": "only the current task known, any size, capacity tight or not",
}
"""The policies that come with the package, and what each is for."""

BASELINES = ("roa", "goa", "least-delay")
"""What trained networks are compared with where nothing else is asked for."""

HINDSIGHT = frozenset({"prices", "local-search", "local-search-prices", "optimal"})
"""Those that look at all tasks of a slot and the gains they will meet, whatever is shown."""


def why_not(name: str, scenario: Scenario) -> str:
    """Return why a policy of `POLICIES` does not play a scenario; empty where it does."""
    says = names.find(LIMITED, name, "policy") if name in LIMITED else None
    return str(says(scenario)) if says else ""


def label(name: str, scenario: Scenario) -> str:
    """Return what a table calls a policy: where the future is hidden some know more of it."""
    knows_more = scenario.hides_future and name in HINDSIGHT
    return f"{name} (hindsight)" if knows_more else name


@dataclass(frozen=True)
class Informed:
    """A policy of rules that takes the scenario it plays, beside slots and seed.

    Attributes:
        policy: a function of an instance, a seed and `scenario`.
        scenario: which one.
    """

    policy: Callable[..., NDArray[np.int64]]
    scenario: Scenario

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot, (..., M)."""
        return self.policy(instance, seed, scenario=self.scenario)


def informed(policy: Policy, scenario: Scenario) -> Policy:
    """Return a policy with what it may know of the scenario it is to play.

    A policy with a method `for_scenario` says itself, as a trained one does; a function with a
    parameter `scenario` is given it; any other knows the slots alone.
    """
    tailored: Callable[[Scenario], Policy] | None = getattr(policy, "for_scenario", None)
    if tailored is not None:
        return tailored(scenario)
    takes_it = inspect.isfunction(policy) and "scenario" in inspect.signature(policy).parameters
    return Informed(policy, scenario) if takes_it else policy


def get(name: str, scenario: Scenario | None = None) -> Policy:
    """Return the policy called `name`, or your own as "module:name".

    Args:
        name: of the policy.
        scenario: that it is to play, for one that plans with it; see `informed`.

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
    return policy if scenario is None else informed(policy, scenario)
