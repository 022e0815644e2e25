"""Where learning pays: the picture of docs/learning.md, gap against the time of a decision.

`python -m benchmarks.learning.where_it_pays --city FOLDER` plays each panel's policies on its
frozen slots, and on a real city, and times their decisions slot by slot, one after the other in
several rounds, of which the least counts. Times are CPU time of one core, so that what else runs
counts for little. FOLDER has the sites and users of Melbourne of the EUA data set (Lai et al.,
ICSOC 2018); without it the panel keeps its numbers. Writes docs/figures/where-learning-pays.json
and the picture made of it; `--redraw` only makes the picture. Some ten minutes on one core.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.learning.where_figure import draw
from mec_gym import Instance, Scenario, bounds, policies
from mec_gym.benchmark import frozen
from mec_gym.benchmark.comparison import Reference, play
from mec_gym.benchmark.online import with_online_gaps
from mec_gym.policies import POLICIES, Policy, informed
from mec_gym.policies.trained import load_policy

FILE = Path("docs/figures/where-learning-pays.json")
ROUNDS = 15

_OFFLINE = (
    "regret-family", "regret-mix", "prices", "local-search", "local-search-prices", "least-delay",
)  # fmt: skip
_ONLINE = (
    "regret-online", "prices-online", "local-search-online", "dynamic-programming", "least-delay",
)  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """A panel of the picture.

    Attributes:
        policies: their names.
        slots: how many are played, of the frozen ones.
        timed: how many of these are timed.
    """

    policies: tuple[str, ...]
    slots: int = 1000
    timed: int = 12


PANELS = {
    "slack": Panel((*_OFFLINE, "optimal")),
    "online": Panel(_ONLINE, slots=200),
    "fast-fading": Panel(_ONLINE, slots=200),
    "real city": Panel(_OFFLINE, slots=2, timed=1),
}
"""By frozen benchmark; the last is the city's."""


def city(folder: Path) -> Scenario:
    """Return the city: 816 users, 125 sites, urban micro cells, 8 places a site."""
    return Scenario(
        capacity=8,
        tx_power_w=0.2,
        bandwidth_hz=20e6,
        channel={
            "kind": "umi",
            "sites": str(folder / "site-optus-melbCBD.csv"),
            "users": str(folder / "users-melbcbd-generated.csv"),
        },
    )


def seconds(players: Mapping[str, Policy], slots: Instance) -> dict[str, float]:
    """Return the CPU time of a decision of each policy, the median over slots decided alone."""
    spent = {name: np.full((ROUNDS, len(slots)), np.inf) for name in players}
    for policy in players.values():
        policy(slots[0], 0)  # compiles, or loads what was compiled
    for row in range(ROUNDS):
        for number, slot in enumerate(slots):
            for name, policy in players.items():
                start = time.thread_time()
                policy(slot, 0)
                spent[name][row, number] = time.thread_time() - start
    return {
        name: float(np.median(each.min(axis=0))) / slots.num_devices for name, each in spent.items()
    }


def measured(
    panel: Panel, scenario: Scenario, slots: Instance, reference: Reference
) -> dict[str, Any]:
    """Return the numbers of a panel: of each policy its gap and the time of a decision."""
    players = {
        name: informed(policies.get(name) if name in POLICIES else load_policy(name), scenario)
        for name in panel.policies
    }
    alone = {name: [policy] for name, policy in players.items()}
    played = with_online_gaps(play(alone, slots, reference=reference), alone, slots, scenario)
    taken = seconds(players, slots[: panel.timed])
    found: dict[str, Any] = {
        "devices": slots.num_devices,
        "servers": slots.num_servers,
        "slots": len(slots),
        "policies": {
            result.name: {
                "gap_percent": 100 * result.gap.mean,
                "worst_percent": 100 * result.gap.max,
                "microseconds": 1e6 * taken[result.name],
            }
            for result in played
        },
    }
    known = [result for result in played if result.online_gap]
    if known:  # about the same by all; the nearest policy's is the surest
        best = min(known, key=lambda result: result.online_gap.ci95)
        found["best_online_percent"] = 100 * (best.gap.mean - best.online_gap.mean)
    return found


@dataclass(frozen=True)
class Arguments:
    city: Path | None = None
    """Folder with the tables of the real city."""
    redraw: bool = False
    """Only draw the picture, of the numbers that are there."""


if __name__ == "__main__":
    given = common.given(Arguments, __doc__)
    numbers = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name, panel in ({} if given.redraw else PANELS).items():
        if name in frozen.RECIPES:
            kept = frozen.load(name)
            some = slice(panel.slots)
            reference = Reference(kept.reference.cost[some], kept.reference.proven[some])
            scenario, slots = frozen.RECIPES[name].scenario, kept.slots[some]
        elif given.city is None:
            print(f"{name}: no --city, so its numbers stay")
            continue
        else:
            scenario = city(given.city)
            slots = scenario.sample(panel.slots, seed=77)
            reference = Reference(bounds.lower_bound(slots), np.zeros(len(slots), np.bool_))
        numbers[name] = measured(panel, scenario, slots, reference)
        print(name, json.dumps(numbers[name]), flush=True)
    FILE.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    draw(numbers, FILE.with_suffix(".png"))
