"""Plans of slots that follow one another: policies on the same episodes, and what they come to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.benchmark import keeping_up, over_time
from mec_gym.benchmark.models import by_name
from mec_gym.benchmark.over_time import EpisodesResult
from mec_gym.episodes import Decided, Episodes, follow, of_equal_size
from mec_gym.instance import Instance
from mec_gym.planning import choice
from mec_gym.planning.choice import Choice
from mec_gym.planning.measures import EVERY, Measure, OverTime, Played, resampled, with_intervals
from mec_gym.planning.sites import Siting
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

if TYPE_CHECKING:
    from mec_gym.planning.plan import Request

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class OfEpisodes:
    """What comes of a network whose slots follow one another; as `OfNetwork`, of episodes.

    Attributes:
        scenario: the network.
        drawn: the episodes that were played.
        results: of the policies.
        played: what is said of each of them.
        choice: which to run; None: none keeps within places in every episode.
    """

    scenario: Scenario
    drawn: Episodes
    results: Sequence[EpisodesResult]
    played: Sequence[Played]
    choice: Choice | None
    siting: ClassVar[Siting | None] = None

    @property
    def slots(self) -> Instance:
        """The slots of the episodes, one after the other, without what decisions carry on."""
        return self.drawn.slots.flatten()

    @property
    def count(self) -> int:
        """How many episodes there are."""
        return len(self.drawn)

    @property
    def said(self) -> str:
        """How much was played, in words."""
        episodes = "1 episode" if self.count == 1 else f"{self.count} episodes"
        return f"{episodes} of {self.drawn.num_slots} slots"

    @property
    def shown(self) -> EpisodesResult:
        """The result whose assignment is shown: of the policy to run, or else the first."""
        name = self.results[0].name if self.choice is None else self.choice.name
        return next(each for each in self.results if each.name == name)

    def delays(self, result: EpisodesResult) -> FloatArray:
        """Return the delay of every task of a result, (T,), seconds."""
        every = result.task_delay.reshape(-1)
        return every[~np.isnan(every)]

    def first(self) -> Iterator[Decided]:
        """Return the slots of the first episode in which somebody has a task, as they are shown."""
        return follow(self.drawn[0], self.shown.assignment[0, 0])

    @property
    def example(self) -> tuple[Instance, IntArray, str]:
        """A slot to show, its assignment, and which it is: the slowest of the first episode."""
        slowest = max(
            self.first(), key=lambda each: system.average_delay(each.slot, each.assignment)
        )
        return slowest.slot, slowest.assignment, f"slot {slowest.number}, the slowest of an episode"


def require_feasible(drawn: Episodes) -> None:
    """Check that the tasks of each slot fit on the servers and links allowed.

    Raises:
        ValueError: those of a slot do not; the message says why.
    """
    carried = drawn.begin()
    for number in range(drawn.num_slots):
        for _, slots, _ in of_equal_size(drawn.slot(number, carried), drawn.present[:, number]):
            try:
                Problem.of(slots).require_feasible()
            except ValueError as error:
                raise ValueError(f"{error} (in slot {number} of an episode)") from None


def of_network(request: "Request", begin: Callable[[], None]) -> OfEpisodes:
    """Return what comes of a network as it is; see `plan.of_network`."""
    scenario, drawn = request.scenario, request.episodes
    require_feasible(drawn)
    begin()
    players = by_name(request.models, scenario)
    results = over_time.play(players, drawn, request.seed)
    played = [measured(each, drawn, request.seed, request.slowest_s) for each in results]
    return OfEpisodes(scenario, drawn, results, played, choice.chosen(results, request.barred))


def measured(
    result: EpisodesResult, drawn: Episodes, seed: int, slowest_s: float | None = None
) -> Played:
    """Return what a plan says of a result.

    Means are of episodes, percentiles of all their tasks; intervals are those of
    `measures.measured`, `widened` as there are few episodes.

    Args:
        result: on the episodes.
        drawn: the episodes, (B,).
        seed: of what is drawn for intervals.
        slowest_s: delay above which tasks are counted, seconds; None: none are.
    """
    delays = np.concatenate(list(result.task_delay.reshape(*result.delay.shape, -1)), axis=-1)
    tasks = result.tasks
    counted = {what: (each / tasks).mean(axis=0) for what, each in result.counted.items()}
    of_each = {
        "cost": result.cost.mean(axis=0),
        "mean": result.delay.mean(axis=0),
        "energy": (result.energy_j / tasks).mean(axis=0),
        "backlog": result.backlog_s.mean(axis=(0, 2)),
    }
    of_each |= {what: counted[what] for what in ("handovers", "dropped") if what in counted}
    if drawn.slots.deadline_s is not None:
        of_each["met"] = 1 - counted["missed"] - counted.get("dropped", 0.0)
    if slowest_s is not None:
        of_each["above"] = (delays > slowest_s).sum(axis=-1) / (tasks * len(result.cost))
    measures = with_intervals(of_each, delays, resampled(len(drawn), seed))
    return Played(
        result.name,
        {name: widened(name, each, len(drawn)) for name, each in measures.items()},
        result.gap.mean,
        result.gap.max,
        result.feasible_rate,
        _load(result, drawn.slots.num_actions),
        result.slot_seconds,
        float(tasks.mean() / drawn.num_slots),
        over_time=OverTime(
            result.above_best_known.mean,
            tuple(None if np.isnan(value) else float(value) for value in result.slot_delay),
            tuple(result.backlog_s.mean(axis=(0, 1)).tolist()),
            keeping_up.grows(result, drawn.slot_s),
        ),
    )


def widened(name: str, measure: Measure, count: int) -> Measure:
    """Return a measure with the interval that resampling so few leaves too narrow.

    Each end goes away from the value by t / 1.96 sqrt(B / (B - 1)), t the 97.5% quantile of
    Student's distribution with B - 1 degrees of freedom: that of a mean is then about Student's.

    Args:
        name: of the quantity, which is not below 0; a share not above 1 either.
        measure: of B = `count` episodes.
        count: how many.
    """
    if measure.low is None or measure.high is None:
        return measure
    from scipy.special import ndtri, stdtrit

    by = float(stdtrit(count - 1, 0.975) / ndtri(0.975) * np.sqrt(count / (count - 1)))
    low, high = (measure.value + by * (end - measure.value) for end in (measure.low, measure.high))
    most = 1.0 if EVERY[name].unit == "%" else np.inf
    return Measure(measure.value, max(low, 0.0), float(min(high, most)))


def _load(result: EpisodesResult, num_actions: int) -> tuple[float, ...]:
    """Return the mean number of tasks of a slot on each server, and in each column, (A,)."""
    assignment = result.assignment
    tasks = np.bincount(assignment[assignment >= 0], minlength=num_actions)
    return tuple((tasks / np.prod(assignment.shape[:-1])).tolist())
