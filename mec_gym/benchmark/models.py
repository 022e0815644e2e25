"""The policies that a comparison is asked for, by name; trained runs are one row for all seeds."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.io.messages import none_called
from mec_gym.policies import POLICIES, SHIPPED, Policy, foresight, get, informed, label, why_not
from mec_gym.policies.near_prices import OrPricesOnline
from mec_gym.policies.trained import POLICY_FILE, TrainedPolicy, load_policy
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario
from mec_gym.solvers.local_search import polish
from mec_gym.solvers.prices import prices


def find_policy(name: str) -> Policy:
    """Return the policy that a name on a command line means.

    Args:
        name: of a policy of ours, trained ones included; "module:name" of your own; or a run
            directory.

    Raises:
        ValueError: it means none of these, and the message lists what there is; or a damaged run.
    """
    path = Path(name)
    if name not in POLICIES and (name in SHIPPED or path.exists() or len(path.parts) > 1):
        return foresight.load(path) if foresight.is_foresight(path) else load_policy(name)
    if name in POLICIES or ":" in name:
        return get(name)
    raise ValueError(
        f'policy: {none_called(name, {**SHIPPED, **POLICIES})}; one of your own is "module:name",'
        " one that you trained its run directory"
    )


@dataclass(frozen=True)
class Polished:
    """A policy whose assignment local search improves; that looks at all tasks at once.

    Attributes:
        policy: what it begins with.
    """

    policy: Policy

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot, (..., M)."""
        return polish(instance, self.policy(instance, seed))


@dataclass(frozen=True)
class OrPrices:
    """A policy made safe: of its assignment and that of `prices` the one that costs less.

    It looks at all tasks at once.

    Attributes:
        policy: the one that is not trusted alone.
    """

    policy: Policy

    def __call__(self, instance: Instance, seed: int = 0) -> NDArray[np.int64]:
        """Assign the devices of each slot, (..., M)."""
        problem = Problem.of(instance)
        own, other = self.policy(instance, seed), prices(problem, seed)
        cost = np.where(problem.is_feasible(own), problem.cost(own), np.inf)
        better = cost <= problem.cost(other)
        return np.where(better[..., None], own, other)


MADE_OF: dict[str, Callable[[Any], Policy]] = {
    "polish": Polished,
    "safe": OrPrices,
    "safe-online": OrPricesOnline,
}
"""Policies that are made of another, by what files call it."""


def made_of(policy: Policy) -> str:
    """Return what files call a policy that is made of another; empty if it is none of `MADE_OF`."""
    inner = getattr(policy, "policy", None)
    return next((key for key, kind in MADE_OF.items() if _is(policy, kind, inner)), "")


def made_safe(network: TrainedPolicy, scenario: Scenario) -> Policy:
    """Return a network made safe for a scenario, by prices that see as much as it shows.

    Raises:
        ValueError: the future is hidden, and the network does not score servers.
    """
    return OrPricesOnline(network) if scenario.hides_future else OrPrices(network)


def _is(policy: Policy, kind: Callable[[Any], Policy], inner: Any) -> bool:
    """Return whether a policy is what `kind` makes of its inner one, other settings and all."""
    return isinstance(kind, type) and isinstance(policy, kind) and policy == kind(inner)


@dataclass(frozen=True)
class Model:
    """A policy to compare.

    Attributes:
        source: what it was asked for by, see `find_policy`.
        policy: what it is.
    """

    source: str
    policy: Policy

    @property
    def trained(self) -> TrainedPolicy | None:
        """It as a trained network; None where it is no such."""
        return self.policy if isinstance(self.policy, TrainedPolicy) else None

    @property
    def scenario(self) -> Scenario | None:
        """The scenario it was trained for; None for a policy of rules."""
        return getattr(self.policy, "scenario", None)

    def plays(self, scenario: Scenario) -> bool:
        """Return whether it is for a scenario: an agent for its own, most rules for all."""
        if hasattr(self.policy, "trained_for"):
            return bool(self.policy.trained_for(scenario))
        return not why_not(self.source, scenario)

    def sees_enough(self, scenario: Scenario) -> bool:
        """Return whether a scenario shows all that it looks at; a policy of rules says itself."""
        return not hasattr(self.policy, "sees_enough") or self.policy.sees_enough(scenario)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration it was trained with; empty where there is none."""
        config: dict[str, Any] = getattr(self.policy, "training", {}).get("config", {})
        return config

    @property
    def seed(self) -> int | None:
        """The seed it was trained with, where there is one."""
        return self.config.get("seed")

    @property
    def began_with(self) -> dict[str, Any]:
        """What its files say of the policy whose weights its training began with; empty if none."""
        said: dict[str, Any] = getattr(self.policy, "training", {}).get("start", {})
        return said

    @property
    def row_key(self) -> str:
        """What all models of a row share: the configuration less its seed, or else the source."""
        fields = {name: value for name, value in self.config.items() if name != "seed"}
        if fields and self.began_with:
            fields["start"] = self.began_with
        return json.dumps(fields, sort_keys=True) if fields else self.source

    def name(self, scenario: Scenario) -> str:
        """Return what a table of a scenario calls it."""
        return str(self.config.get("name", label(self.source, scenario)))

    def on(self, scenario: Scenario) -> Policy:
        """Return the policy with what it may know of the scenario it is to play."""
        return informed(self.policy, scenario)


def runs_of(name: str) -> list[str]:
    """Return what a name stands for: itself, but the runs of a directory of `train --seeds`."""
    directory = Path(name)
    if name in POLICIES or name in SHIPPED or (directory / POLICY_FILE).exists():
        return [name]
    runs = (file.parent for file in directory.glob(f"seed-*/{POLICY_FILE}"))
    return [str(run) for run in sorted(runs, key=lambda run: (len(run.name), run.name))] or [name]


def load_models(names: Sequence[str], held_out_seed: int | None = None) -> list[Model]:
    """Return the policies of some names, see `find_policy` and `runs_of`.

    Raises:
        ValueError: as `find_policy`, or one was trained with `held_out_seed`.
    """
    models = [Model(run, find_policy(run)) for name in names for run in runs_of(name)]
    for model in models:
        if held_out_seed is not None and held_out_seed in (
            model.seed,
            *model.began_with.get("seeds", ()),
        ):
            raise ValueError(
                f"seed: {held_out_seed} is the seed {model.source} was trained with, so it has"
                " seen these slots; give another"
            )
    return models


def check_plays(models: Sequence[Model], scenario: Scenario, called: str) -> None:
    """Check that policies play a scenario.

    Raises:
        ValueError: one does not; the message names it.
    """
    for model in models:
        if not model.plays(scenario):
            why = why_not(model.source, scenario) if model.source in POLICIES else ""
            why = why or "it was trained for other slots"
            raise ValueError(f"policies: {model.source} does not play {called}: {why}")


def by_name(models: Sequence[Model], scenario: Scenario) -> dict[str, Sequence[Policy]]:
    """Return the policies by row, in the order given; within a row only the seed differs.

    A row has the name in its configuration, and its first source where two rows have the same. A
    policy that is not trained is one row however often it is given.

    Raises:
        ValueError: a seed of a row is given twice.
    """
    rows: dict[str, list[Model]] = {}
    for model in models:
        row = rows.setdefault(model.row_key, [])
        if model.seed in [other.seed for other in row]:
            if not model.config:
                continue
            raise ValueError(
                f"model: {model.source} is {row[0].source} again, or the same but for its name;"
                " give each training seed once"
            )
        row.append(model)
    policies: dict[str, Sequence[Policy]] = {}
    for row in rows.values():
        name = row[0].name(scenario)
        if name in policies:
            name = f"{name} ({row[0].source})"
        policies[name] = [model.on(scenario) for model in row]
    return policies
