"""How trained networks do where another generator than their training's draws the networks.

`python -m benchmarks.learning.unseen` draws networks, see `benchmarks.learning.unseen_networks`,
and plays a few slots of each. Prints gaps in percent, each network's being the mean over its slots:
to the bound, which is the optimum that a second of search proves, or else the greatest of the lower
bounds that are known, that of `mec_gym.solvers.server_sets` in ten seconds among them; to the
relaxation's bound; to the best assignment that anything here found; and to local search. Safe is a
network or `prices`, whichever costs less; polished is what local search makes of a network's
assignment. A quarter of an hour on one core.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from benchmarks.learning.unseen_networks import Network, networks
from mec_gym import bounds, policies, system
from mec_gym.benchmark.comparison import assigned
from mec_gym.benchmark.models import OrPrices, Polished
from mec_gym.io.markdown import table
from mec_gym.policies import Policy
from mec_gym.policies.familiar import unfamiliar
from mec_gym.policies.trained import TrainedPolicy, load_policy
from mec_gym.solvers.exact import solve
from mec_gym.solvers.server_sets import solve_by_sets

FloatArray = NDArray[np.float64]

TRAINED = ("regret-family", "regret-mix")
RULES = ("prices", "local-search", "local-search-prices", "least-delay")
REPORTED_SEED = 20_418
"""No number was chosen on these networks; 27 of them were seen before largest-first was tried."""

STATISTICS: dict[str, Callable[[FloatArray], Any]] = {
    "mean": np.mean,
    "median": np.median,
    "worst": np.max,
}
BOUNDS = ("bound", "relaxation", "best known")
YARDSTICKS = (*BOUNDS, "local-search")
IN_TABLE = ("bound", "best known", "local-search")


@dataclass(frozen=True, eq=False)
class Played:
    """What a network's slots cost, seconds a task.

    Attributes:
        label: of the network.
        cost: of each policy and each yardstick, by name, (B,).
        proven: the share of slots whose optimum is proven.
        warned: names of the shipped networks that are warned of there.
    """

    label: str
    cost: Mapping[str, FloatArray]
    proven: float
    warned: tuple[str, ...]

    def gap(self, name: str, above: str) -> float:
        """Return how far a policy is above a yardstick, the mean over slots, percent."""
        return float(100 * (self.cost[name] / self.cost[above] - 1).mean())


def play(
    network: Network,
    models: Mapping[str, TrainedPolicy],
    slots: int,
    seconds: float,
    sets_seconds: float,
) -> Played:
    """Play slots of a network.

    Args:
        network: whose slots are drawn.
        models: trained networks, by name.
        slots: how many.
        seconds: of search for the optimum of each.
        sets_seconds: of the search by sets, of each that is not proven by then.

    Raises:
        ValueError: a policy cannot play them, or does not keep to places and allowed links.
    """
    drawn = network.scenario.sample(slots, seed=0)
    told = {name: model.for_scenario(network.scenario) for name, model in models.items()}
    players: dict[str, Policy] = dict(told)
    for name in (name for name in TRAINED if name in told):
        players[f"{name}, safe"] = OrPrices(told[name])
        players[f"{name}, polished"] = Polished(told[name])
    players |= {name: policies.get(name) for name in RULES}
    cost = {}
    for name, policy in players.items():
        assignment = assigned(policy, name, drawn, seed=0)
        if not system.is_feasible(drawn, assignment).all():
            raise ValueError(f"policy {name}: it overloads servers of {network.label}")
        cost[name] = system.average_cost(drawn, assignment)
    solution = solve(drawn, seconds)
    found, proven_bound = solution.average_cost.copy(), solution.lower_bound.copy()
    for slot in np.flatnonzero(~solution.proven).tolist():
        by_sets = solve_by_sets(drawn[slot], sets_seconds)
        found[slot] = min(found[slot], by_sets.average_cost)
        proven_bound[slot] = max(proven_bound[slot], by_sets.lower_bound)
    cost["best known"] = np.min([found, *cost.values()], axis=0)
    cost["relaxation"] = bounds.lower_bound(drawn)
    cost["bound"] = np.clip(proven_bound, cost["relaxation"], cost["best known"])
    warned = tuple(name for name in TRAINED if name in told and unfamiliar(told[name], drawn))
    return Played(network.label, cost, float(solution.proven.mean()), warned)


def figures(found: Sequence[Played], name: str) -> dict[str, Any]:
    """Return what is said of a policy over networks; gaps in percent."""
    gaps = {above: np.array([each.gap(name, above) for each in found]) for above in YARDSTICKS}
    worst = int(gaps["bound"].argmax())
    return {
        f"{statistic} above {above}": round(float(of(values)), 3)
        for above, values in gaps.items()
        for statistic, of in STATISTICS.items()
    } | {"worst network": f"{worst}: {found[worst].label}"}


def markdown(found: Sequence[Played], names: Sequence[str]) -> str:
    """Return a table of policies: how far each is above the yardsticks, and the worst network."""
    rows = []
    for name in names:
        said = figures(found, name)
        cells = [f"{said[f'mean above {above}']:.2f}%" for above in IN_TABLE]
        cells += [f"{said[f'{of} above bound']:.2f}%" for of in ("median", "worst")]
        rows.append([f"`{name}`", *cells])
    head = ["policy", *(f"above {above}" for above in IN_TABLE), "median", "worst network"]
    return table(head, rows)


@dataclass(frozen=True)
class Arguments:
    networks: int = 100
    """How many to draw."""
    slots: int = 4
    """Slots of each."""
    seed: int = REPORTED_SEED
    """Of the generator."""
    seconds: float = 1.0
    """Search for the optimum of a slot, at most."""
    sets_seconds: float = 10.0
    """Search by whole sets of devices where that proves none, at most."""
    also: Path | None = None
    """Directory of `train --seeds`, whose runs are played as well, without what is made of them."""
    json: Path | None = None
    """File to write each network's gaps to."""


if __name__ == "__main__":
    given = common.given(Arguments, __doc__)
    models = {name: load_policy(name) for name in TRAINED}
    if given.also is not None:
        models |= {run.name: load_policy(run) for run in sorted(given.also.glob("seed-*"))}
    found: list[Played] = []
    rows: list[dict[str, Any]] = []
    for number, network in enumerate(networks(given.networks, given.seed)):
        found.append(play(network, models, given.slots, given.seconds, given.sets_seconds))
        names = [name for name in found[-1].cost if name not in BOUNDS]
        gaps = {name: round(found[-1].gap(name, "bound"), 3) for name in (*names, "best known")}
        gaps["best known above relaxation"] = round(found[-1].gap("best known", "relaxation"), 3)
        rows.append({"network": network.label, "gaps": gaps, "warned": found[-1].warned})
        print(number, json.dumps(rows[-1]), flush=True)
    for name in names:
        print(name, json.dumps(figures(found, name)))
    for name in TRAINED:
        print(f"{name}: warned of on {sum(name in each.warned for each in found)} networks")
    print(f"optimum proven: {np.mean([each.proven for each in found]):.0%} of slots")
    for above in ("bound", "relaxation"):
        loose = np.array([each.gap("best known", above) for each in found])
        print(f"best known above {above}: {loose.mean():.3f}%, worst {loose.max():.3f}%")
    print(markdown(found, names))
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
