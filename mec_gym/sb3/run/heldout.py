"""What a training is measured on and never trains on: slots, or whole episodes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import episodes, system
from mec_gym.benchmark import over_time
from mec_gym.benchmark.comparison import PERCENTILES, Reference, Result, find_reference, play
from mec_gym.benchmark.over_time import EpisodesResult, Yardsticks, find_yardsticks
from mec_gym.envs import rendering
from mec_gym.envs.strip import Past
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.links import capacity
from mec_gym.mdp import State
from mec_gym.policies import Policy
from mec_gym.sb3.run.config import TrainConfig

IntArray = NDArray[np.int64]

_REFERENCE_SECONDS = 0.1
"""Time limit for the optimum of a held-out slot; a lower bound stands in where it takes longer."""

_REPORTED = {"cost": "average_cost_s"}
"""The tags of what `system.report` has, where they are not its names."""


class Outcome(NamedTuple):
    """What a policy came to there.

    Attributes:
        name: of the policy.
        curves: what curves show of it, by tag.
        cost: of a task on average, seconds.
        gap: how far that is above what it is held against, relatively.
        feasible: the share of slots, or episodes, within capacity and on links allowed.
        assignment: action of each device of each slot, (B, M) or (B, K, M).
    """

    name: str
    curves: dict[str, float]
    cost: float
    gap: float
    feasible: float
    assignment: IntArray


@dataclass(frozen=True, eq=False)
class HeldOutSlots:
    """Slots that follow no others.

    Attributes:
        drawn: the slots, one leading dimension.
        reference: their optima or lower bounds, which the gap is relative to.
    """

    drawn: Instance
    reference: Reference
    picture_tag = "heldout/first_slot"

    @classmethod
    def of(cls, config: TrainConfig) -> "HeldOutSlots":
        """Return those of a configuration."""
        slots = config.scenario.sample(config.heldout_slots, config.heldout_seed)
        return cls(slots, find_reference(slots, _REFERENCE_SECONDS))

    @property
    def measure(self) -> str:
        """The tag of what is to be minimal: the average delay, or the cost where weighted."""
        return _measure(self.drawn)

    @property
    def least(self) -> float:
        """The least that the cost of a task can be, or is known to be, seconds."""
        return float(self.reference.cost.mean())

    @property
    def most_places(self) -> int:
        """The most tasks that a server, or a column beside them, has places for."""
        return int(capacity(self.drawn).max())

    def play(self, policies: Mapping[str, Sequence[Policy]], seed: int = 0) -> list[Outcome]:
        """Return what policies come to."""
        return [
            Outcome(
                each.name,
                _of_slots(each),
                each.average_cost.mean,
                each.gap.mean,
                each.feasible_rate,
                each.assignment[0],
            )
            for each in play(policies, self.drawn, seed, self.reference)
        ]

    def loads(self, assignment: IntArray) -> IntArray:
        """Return the tasks on each server in each slot, (n, N)."""
        return system.server_loads(self.drawn, assignment)

    def picture(self, assignment: IntArray) -> NDArray[np.uint8]:
        """Return the picture of the first slot, (H, W, 3)."""
        return rendering.picture(_assigned(self.drawn[0], assignment[0]))


@dataclass(frozen=True, eq=False)
class HeldOutEpisodes:
    """Whole episodes of slots that follow one another.

    Attributes:
        drawn: the episodes, one leading dimension.
        reference: what they are held against; the gap is relative to the best known.
    """

    drawn: Episodes
    reference: Yardsticks
    picture_tag = "heldout/first_episode"

    @classmethod
    def of(cls, config: TrainConfig) -> "HeldOutEpisodes":
        """Return those of a configuration; their search takes a second or more an episode."""
        drawn = episodes_of(config)
        return cls(drawn, find_yardsticks(drawn))

    @property
    def measure(self) -> str:
        """As of `HeldOutSlots`."""
        return _measure(self.drawn.slots)

    @property
    def least(self) -> float:
        """As of `HeldOutSlots`."""
        return float(self.reference.best_known.mean())

    @property
    def most_places(self) -> int:
        """As of `HeldOutSlots`."""
        return int(capacity(self.drawn.slots).max())

    def play(self, policies: Mapping[str, Sequence[Policy]], seed: int = 0) -> list[Outcome]:
        """Return what policies come to."""
        return [
            Outcome(
                each.name,
                _of_episodes(each),
                each.average_cost.mean,
                each.above_best_known.mean,
                each.feasible_rate,
                each.assignment[0],
            )
            for each in over_time.play(policies, self.drawn, seed, self.reference)
        ]

    def loads(self, assignment: IntArray) -> IntArray:
        """Return the tasks on each server in each slot, (n, N)."""
        servers = np.arange(self.drawn.slots.num_servers)
        on_each = assignment.reshape(-1, assignment.shape[-1], 1) == servers
        return np.asarray(on_each.sum(axis=1))

    def picture(self, assignment: IntArray) -> NDArray[np.uint8]:
        """Return the picture of the first episode as it ends, (H, W, 3)."""
        past = Past(self.drawn.num_slots)
        for each in episodes.follow(self.drawn[0], assignment[0]):
            delay = float(system.average_delay(each.slot, each.assignment))
            past.add(each.number, each.backlog_s, delay)
        return rendering.picture(_assigned(each.slot, each.assignment), past)


HeldOut = HeldOutSlots | HeldOutEpisodes


def of_config(config: TrainConfig) -> HeldOut:
    """Return what a configuration holds out."""
    return HeldOutSlots.of(config) if config.scenario.slots == 1 else HeldOutEpisodes.of(config)


def episodes_of(config: TrainConfig) -> Episodes:
    """Return the held-out episodes: of about `heldout_slots` slots in all, a few at least."""
    scenario = config.scenario
    few = over_time.default_episodes(scenario)
    count = min(max(config.heldout_slots // scenario.slots, 2), few)
    return scenario.sample_episodes(count, config.heldout_seed)


def _assigned(slot: Instance, assignment: IntArray) -> State:
    state = State(slot)
    for action in assignment.tolist():
        state.assign(action)
    return state


def _measure(slots: Instance) -> str:
    weighted = slots.delay_weight is not None or slots.energy_weight is not None
    return "average_cost_s" if weighted else "average_delay_s"


def _of_slots(result: Result) -> dict[str, float]:
    """Return what curves show of a policy on slots, by tag."""
    outcome = {
        "heldout/average_delay_s": result.average_delay.mean,
        "heldout/gap": result.gap.mean,
        "heldout/feasible_share": result.feasible_rate,
        "heldout/overloads": float(result.overloads.mean()),
    }
    outcome |= _percentiles(result.percentiles)
    for name, values in result.reported.items():
        outcome[f"heldout/{_REPORTED.get(name, name)}"] = float(values.mean())
    return outcome


def _of_episodes(result: EpisodesResult) -> dict[str, float]:
    """Return what curves show of a policy on episodes: as of slots, and of work left over."""
    outcome = {
        "heldout/average_delay_s": float(result.delay.mean()),
        "heldout/gap": result.above_best_known.mean,
        "heldout/feasible_share": result.feasible_rate,
        "heldout/backlog_s": float(result.backlog_s.mean()),
    }
    outcome |= _percentiles(result.percentiles)
    if (result.cost != result.delay).any():
        outcome["heldout/average_cost_s"] = result.average_cost.mean
    num_slots = result.backlog_s.shape[-1]
    for name, values in result.counted.items():
        # Of tasks as the closing table has it, the others of a slot.
        of = result.tasks if name in ("energy_j", "handovers") else num_slots
        outcome[f"heldout/{name}"] = float((values / of).mean())
    return outcome


def _percentiles(percentiles: Sequence[float]) -> dict[str, float]:
    pairs = zip(PERCENTILES, percentiles, strict=True)
    return {f"heldout_delay/p{percentile}_s": value for percentile, value in pairs}
