"""What the paper's figures are made of: scenarios, seeds and training runs; in full and quick."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from evaluate.paper.runs import StudyRun
from evaluate.paper.stated import DQN_SI
from mec_gym.benchmark import frozen
from mec_gym.io.settings import Positive, Settings
from mec_gym.sb3.run.config import Count, TrainConfig
from mec_gym.scenario import Scenario

PAPER = TrainConfig.preset("paper")

STUDY_FILE = "study.toml"
"""Written last: the numbers beside it are complete and belong together."""


@dataclass(frozen=True)
class Point:
    """A scenario to measure the policies in.

    Attributes:
        label: what its runs are called.
        x: where it stands on the figure's horizontal axis; None: not in a figure.
        scenario: to train and to measure in.
    """

    label: str
    x: float | None
    scenario: Scenario


class Study(Settings):
    """Settings of all runs and measurements; the defaults are those of the paper's figures."""

    quick: bool = Field(False, description="Whether this is a small preview.")
    seeds: Annotated[int, Field(ge=2)] = Field(3, description="Training seeds a point, from 0 on.")
    episodes: Count = Field(4000, description="Training episodes; Table I has 4000.")
    epsilon_episodes: Count = Field(
        2000, description="Episodes over which epsilon falls; Table I has 2000."
    )
    loss_episodes: Count = Field(500, description="Episodes of Fig. 3.")
    loss_seeds: Annotated[int, Field(ge=2)] = Field(8, description="Training seeds a minibatch.")
    batch_sizes: tuple[Count, ...] = Field((32, 64, 128, 256), description="Minibatches of Fig. 3.")
    frequencies_ghz: tuple[Positive, ...] = Field(
        (5, 6, 7, 8, 9, 10), description="CPU frequencies of Fig. 4, GHz."
    )
    complexities: tuple[Positive, ...] = Field(
        (500, 600, 700, 800, 900, 1000), description="Task complexities of Fig. 5, cycles/bit."
    )
    presets: tuple[str, ...] = Field(
        ("paper", "paper-varied", "slack"),
        description="Scenarios that are measured beside the figures.",
    )
    slots: Annotated[int, Field(ge=2)] = Field(1000, description="Held-out slots of each point.")
    slots_seed: int = Field(
        2_000_000,
        ge=0,
        description="Seed of the held-out slots; of the seeds of training it must be none.",
    )

    @property
    def figure_4(self) -> list[Point]:
        """Homogeneous servers of rising frequency."""
        return [
            Point(f"{x:g}GHz", x, Scenario.preset("paper-frequency", server_hz=x * 1e9))
            for x in self.frequencies_ghz
        ]

    @property
    def figure_5(self) -> list[Point]:
        """Tasks of rising complexity on heterogeneous servers."""
        return [
            Point(f"{x:g}cycles", x, Scenario.preset("paper-complexity", cycles_per_bit=x))
            for x in self.complexities
        ]

    @property
    def others(self) -> list[Point]:
        """Scenarios that the figures do not show."""
        return [Point(name, None, Scenario.preset(name)) for name in self.presets]

    def runs(self, point: Point) -> list[StudyRun]:
        """Return DQN-RAO's runs at a point, one a seed."""
        return list(self._of_each_seed(point.label, self.seeds, scenario=point.scenario))

    def si_runs(self, point: Point) -> list[StudyRun]:
        """Return the runs at a point of a network that is fed SI units."""
        changes = {"name": DQN_SI, "observation": "si"}
        return list(
            self._of_each_seed(f"{point.label}-si", self.seeds, scenario=point.scenario, **changes)
        )

    def loss_runs(self, batch_size: int) -> list[StudyRun]:
        """Return the runs of Fig. 3 with a minibatch, one a seed; their loss is logged finely."""
        changes = {"episodes": self.loss_episodes, "batch_size": batch_size, "log_episodes": 1}
        return list(self._of_each_seed(f"batch{batch_size}", self.loss_seeds, **changes))

    def leaderboard_runs(self) -> list[StudyRun]:
        """Return DQN-RAO's runs for the scenarios of frozen benchmarks."""
        complexity = frozen.RECIPES["paper-complexity"].scenario
        extra = Point(f"{complexity.cycles_per_bit:g}cycles", None, complexity)
        scenarios = [recipe.scenario for recipe in frozen.RECIPES.values()]
        points = [*self.others, *self.figure_4, extra]
        return [run for p in points if p.scenario in scenarios for run in self.runs(p)]

    def all_runs(self) -> list[StudyRun]:
        """Return all runs, the shortest first."""
        runs = [run for size in self.batch_sizes for run in self.loss_runs(size)]
        for point in [*self.figure_4, *self.figure_5, *self.others]:
            runs += self.runs(point)
        return [*runs, *self.si_runs(self.others[0]), *self.leaderboard_runs()]

    def _of_each_seed(self, label: str, seeds: int, **changes: Any) -> Iterator[StudyRun]:
        common = {"episodes": self.episodes, "epsilon_episodes": self.epsilon_episodes}
        for seed in range(seeds):
            yield StudyRun(label, PAPER.replace(**common | changes, seed=seed))


FULL: dict[str, Any] = {}
QUICK: dict[str, Any] = {
    "quick": True,
    "seeds": 2,
    "loss_seeds": 2,
    "episodes": 1000,
    "epsilon_episodes": 500,
    "loss_episodes": 200,
    "frequencies_ghz": (5, 7.5, 10),
    "complexities": (500, 750, 1000),
    "slots": 500,
}
"""What each kind of study changes."""
