"""Callbacks of a training: TensorBoard's curves, checkpoints, evaluation on held-out slots."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import HParam, Image, Logger, TensorBoardOutputFormat
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.metadata import create_summary_metadata
from tensorboard.util.tensor_util import make_tensor_proto

from mec_gym import policies, system
from mec_gym.benchmark.comparison import PERCENTILES, Reference, Result, play
from mec_gym.envs import rendering
from mec_gym.instance import Instance
from mec_gym.io.progress import Progress
from mec_gym.links import capacity
from mec_gym.mdp import State
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.run.config import TrainConfig, called
from mec_gym.system import REPORTED

_SERVERS_SHOWN = 16
"""Of so many servers, the first ones, the load is drawn."""

SUB_RUNS = (*policies.BASELINES, "optimum")
"""Whose curves stand beside the network's: under the same tags, each in a directory of its name."""

_CENTRAL = {
    "smoothing": 0,
    "tagFilter": "heldout/(average_(delay|cost)_s|gap)",
    "runColorGroup": f"regex:^([^/]+)$|/({'|'.join(SUB_RUNS)})$",
}
AT_A_GLANCE = f"?{urlencode(_CENTRAL)}#timeseries"
"""What follows TensorBoard's address to show the central picture; a policy has one colour there."""

GUIDE = f"""
Devices are assigned to servers one by one; an episode is one slot. Lower delay is better.

**[The central picture]({AT_A_GLANCE})**, in **Time Series**, is the network beside the baselines
and the optimum on the same held-out slots. The list of runs names the colours: a run is the
network, and what follows its name is `roa`, `goa`, `least-delay` or `optimum`.

| curve | what |
|---|---|
| `heldout/average_delay_s` | average delay on the held-out slots, Eq. (5), seconds |
| `heldout/gap` | how far that is above the optimum, relative, mean over held-out slots |
| `heldout/feasible_share`, `heldout/overloads` | slots within capacity; tasks above it, a slot |
| `heldout_delay/p50_s`, `p95_s`, `p99_s` | percentiles of the delays of tasks there, seconds |
| `heldout/average_cost_s`, `heldout/energy_j` | cost and energy of a task, where they count |
| `heldout/missed`, `dropped`, `barred` | tasks too late, dropped, not allowed, if there are |
| `optimum` | the least delay, or cost, there is; a lower bound on it where that takes too long |
| `episode/average_delay_s` | average delay of the slots trained on, seconds; explores |
| `episode/reward` | sum of rewards a slot, seconds; with the overload penalty |
| `episode/feasible_share`, `episode/overloads` | as above, of the slots trained on |
| `heldout_load/server_n` | held-out slots by the tasks on server n, of the first 16 (histograms) |
| `heldout/first_slot` | the network's assignment of the first held-out slot (images) |
| `rollout/exploration_rate` | epsilon, the share of random decisions |
| `train/loss`, `train/q_value` | loss of Algorithm 1, line 11; mean Q-value of the minibatch |

Steps on the horizontal axis are decisions, M of them a slot. **HParams** has all runs in one table,
by the last held-out delay and gap; Parallel Coordinates shows which settings go with which.
"""
"""Text that a run shows in TensorBoard: what each curve is."""

_PICTURES_AT = (1 / 8, 1 / 4, 1 / 2, 1)
"""Of the episodes: a picture takes longer than a hundred updates. One more shows the beginning."""

_NOT_COMPARED = {
    "device",
    "heldout_episodes",
    "heldout_seed",
    "heldout_slots",
    "log_episodes",
    "threads",
}
"""Fields that change no network."""

_BINS = 30
"""What TensorBoard draws a histogram with, over the range of its buckets."""


class CurveLogger(Logger):
    """Stable-Baselines3's logger into TensorBoard, where each curve has one value a step.

    Several callers dump at one step: Stable-Baselines3 at the end of an episode, once for each copy
    that ends one, and `HeldOutCurves`. Of a tag's values at one step the first is written.

    Attributes:
        latest: of each scalar the last step and value, by tag.

    Args:
        directory: the event file is made in it.
        beside: names of sub-runs, which have their event files in directories of these names.
    """

    def __init__(self, directory: Path, beside: Sequence[str] = ()) -> None:
        self.latest: dict[str, tuple[int, float]] = {}
        self._step, self._written = -1, set[str]()
        self._files: list[Any] = []
        with ExitStack() as opened:  # closes those there are, where one cannot be made
            opened.callback(self.close)
            output = self._open(directory)
            self._beside = {name: self._open(directory / name) for name in beside}
            opened.pop_all()
        super().__init__(str(directory), [output])
        self._main = cast(Any, output.writer).file_writer

    def _open(self, directory: Path) -> TensorBoardOutputFormat:
        output = TensorBoardOutputFormat(str(directory))
        events = cast(Any, output.writer).file_writer.event_writer
        # An error of the thread that writes is raised by `dump`; it need not be printed as well.
        events._async_writer._worker._invoke_excepthook = lambda thread: None
        self._files.append(events)
        return output

    def dump(self, step: int = 0) -> None:
        """Write what has been recorded, less the tags that this step has already.

        Raises:
            OSError: it cannot be written.
        """
        if step != self._step:
            self._step, self._written = step, set()
        for tag in self._written & self.name_to_value.keys():
            del self.name_to_value[tag]
            self.name_to_excluded.pop(tag, None)
        self._written |= self.name_to_value.keys()
        for tag, value in self.name_to_value.items():
            if isinstance(value, int | float | np.number):
                self.latest[tag] = (step, float(value))
        super().dump(step)

    @property
    def state(self) -> dict[str, tuple[int, float]]:
        """What `go_on_from` takes, as JSON values."""
        return {tag: at for tag, at in self.latest.items() if math.isfinite(at[1])}

    def go_on_from(self, state: Any) -> None:
        """Take what was latest from a checkpoint.

        Raises:
            ValueError: it is none of it.
        """
        try:
            self.latest = {tag: (int(at), float(value)) for tag, (at, value) in state.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"latest: no state of curves: {error}") from None

    def write_beside(self, name: str, values: Mapping[str, float], step: int) -> None:
        """Write values by tag into a sub-run, once a step.

        Raises:
            OSError: they cannot be written.
        """
        for tag, value in values.items():
            self._beside[name].writer.add_scalar(tag, value, step)
        self._beside[name].writer.flush()  # for who looks at the curves meanwhile

    def write_summary(self, summary: Any, step: int) -> None:
        """Write one of TensorBoard's own summaries, once a step.

        Raises:
            OSError: it cannot be written.
        """
        self._main.add_summary(summary, step)

    def flush(self) -> None:
        """Wait until all that was dumped is in the files.

        Raises:
            OSError: it cannot be written.
        """
        for events in self._files:
            events.flush()

    def close(self) -> None:
        """End the threads that write; the logger's own close leaves them where a file is gone.

        Raises:
            OSError: what is left cannot be written.
        """
        with ExitStack() as each:  # all of them, whichever fails
            for events in self._files:
                each.callback(events.close)


class EpisodeCurves(BaseCallback):
    """Log each episode's outcome, and move the progress bar."""

    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar

    def _on_step(self) -> bool:
        for done, info in zip(self.locals["dones"], self.locals["infos"], strict=True):
            if done:
                # Of slots that follow one another all of the episode's, not the last alone.
                of = "episode_" if "episode_tasks" in info else ""
                self.logger.record_mean("episode/average_delay_s", info[f"{of}average_delay"])
                self.logger.record_mean("episode/feasible_share", float(info[f"{of}feasible"]))
                self.logger.record_mean("episode/overloads", float(info[f"{of}overloads"]))
                for name in (*sorted(REPORTED), "handovers"):
                    if f"{of}{name}" in info:
                        tag = _REPORTED.get(name, name)
                        self.logger.record_mean(f"episode/{tag}", float(info[f"{of}{name}"]))
                self.logger.record_mean("episode/reward", info["episode"]["r"])
                self._bar.update()
        return True


class Checkpoints(BaseCallback):
    """Save the training at intervals, and when it is asked to stop.

    Args:
        save: writes a checkpoint.
        seconds: between two checkpoints.
        stops: returns whether the training is asked to stop.
    """

    def __init__(self, save: Callable[[], None], seconds: float, stops: Callable[[], bool]) -> None:
        super().__init__()
        self._save, self._seconds, self._stops = save, seconds, stops
        self._last = time.monotonic()

    def _on_rollout_start(self) -> None:
        """Save between two iterations of `learn`; raise KeyboardInterrupt where it is to stop."""
        stops = self._stops()
        if stops or time.monotonic() - self._last >= self._seconds:
            self._save()
            self._last = time.monotonic()
        if stops:
            raise KeyboardInterrupt

    def _on_step(self) -> bool:
        return True


class UsersCallbacks(CallbackList):
    """Callbacks of the user's own; one that returns False asks the training to stop.

    It stops where an iteration of `learn` is complete, so that the run can be gone on with.
    """

    stopped = False

    def _on_step(self) -> bool:
        if not self.stopped:
            self.stopped = not super()._on_step()
        return True


class Best(NamedTuple):
    """The best held-out evaluation so far: the more slots feasible, then the less cost.

    Attributes:
        feasible_share: of the slots.
        average_cost: seconds.
        steps: when it was.
    """

    feasible_share: float
    average_cost: float
    steps: int

    def is_better_than(self, other: "Best | None") -> bool:
        """Return whether it is better; of equals the earlier one is kept."""
        if other is None or self.feasible_share != other.feasible_share:
            return other is None or self.feasible_share > other.feasible_share
        return self.average_cost < other.average_cost


class HeldOutCurves(BaseCallback):
    """Play the held-out slots every `heldout_episodes`, log the outcome and save the network.

    Args:
        config: of the run.
        slots: the held-out slots, one leading dimension.
        reference: their optima or lower bounds, which the gap is relative to.
        snapshot: returns the network as it is now.
        save: writes a network to the run directory, also as the best where the second is True.
        bar: the progress bar, which shows the last outcome.
        state: that of the checkpoint which the training goes on from.

    Raises:
        ValueError: the state is none.
    """

    def __init__(
        self,
        config: TrainConfig,
        slots: Instance,
        reference: Reference,
        snapshot: Callable[[], TrainedPolicy],
        save: Callable[[TrainedPolicy, bool], None],
        bar: Progress,
        state: Any = None,
    ) -> None:
        super().__init__()
        self._config, self._slots, self._reference, self._bar = config, slots, reference, bar
        self._snapshot, self._save = snapshot, save
        self._curves: CurveLogger
        baselines = {name: [policies.get(name)] for name in policies.BASELINES}
        self._beside = {
            result.name: _outcome(result)
            for result in play(baselines, slots, config.heldout_seed, reference)
        }
        least = {f"heldout/{_measure(slots)}": float(reference.cost.mean()), "heldout/gap": 0.0}
        self._beside["optimum"] = least
        self._resumed = state is not None
        self._episodes, self._pictures, self._evaluated = 0, -1, -1
        self._best: Best | None = None
        if state is not None:
            try:
                *counts, (feasible, cost, steps) = state
                self._episodes, self._pictures, self._evaluated = map(int, counts)
                self._best = Best(float(feasible), float(cost), int(steps))
            except (TypeError, ValueError) as error:
                raise ValueError(f"heldout: no state of held-out curves: {error}") from None
        self._first_slot: NDArray[np.int64] | None = None

    @property
    def state(self) -> tuple[int, int, int, Best | None]:
        """What to go on from, as JSON values."""
        return self._episodes, self._pictures, self._evaluated, self._best

    def _on_training_start(self) -> None:
        assert isinstance(self.logger, CurveLogger)  # of `train`
        self._curves = self.logger
        if self._resumed:  # the curves have it all
            return
        self.logger.record("guide", GUIDE)
        self.logger.record("settings", "```toml\n" + self._config.to_toml() + "```")
        metrics = {"heldout/average_delay_s": 0.0, "heldout/gap": 0.0}
        self.logger.record("hparams", HParam(hyperparameters(self._config), metrics))
        self._evaluate()

    def _on_step(self) -> bool:
        before, every = self._episodes, self._config.heldout_episodes
        self._episodes += int(np.sum(self.locals["dones"]))
        if self._episodes // every > before // every:
            self._evaluate()
        return True

    def finish(self) -> None:
        """Show the end of a training, which need not be where an evaluation was due.

        Of one that was interrupted all this is younger than its checkpoint, and goes when it is
        gone on with.
        """
        if self._evaluated != self.num_timesteps:
            self._evaluate(picture=True)
        elif self._first_slot is not None:
            self._record_picture(self._first_slot)
            self.logger.dump(self.num_timesteps)

    def _evaluate(self, picture: bool = False) -> None:
        policy = self._snapshot()
        (result,) = play({self._config.name: [policy]}, self._slots, reference=self._reference)
        cost, feasible = result.average_cost.mean, result.feasible_rate
        now = Best(feasible, cost, self.num_timesteps)
        is_best = now.is_better_than(self._best)
        self._save(policy, is_best)
        if is_best:
            self._best = now
        for tag, value in _outcome(result).items():
            self.logger.record(tag, value)
        for name, values in self._beside.items():
            self._curves.write_beside(name, values, self.num_timesteps)
        (assignment,) = result.assignment
        self._record_loads(assignment)
        self._evaluated, self._first_slot = self.num_timesteps, assignment[0]
        due = sum(self._episodes >= share * self._config.episodes for share in _PICTURES_AT)
        if picture or due > self._pictures:
            self._pictures = due
            self._record_picture(assignment[0])
        self.logger.dump(self.num_timesteps)
        self._bar.set_postfix_str(
            f"held-out {_measure(self._slots).split('_')[1]} {cost:.4f} s,"
            f" gap {result.gap.mean:.2%}, feasible {feasible:.0%}"
        )

    def _record_loads(self, assignment: NDArray[np.int64]) -> None:
        """Write a histogram for each of the first servers: slots by how many tasks it has."""
        loads = system.server_loads(self._slots, assignment)
        never_above = self._config.network == "servers"
        most = int(capacity(self._slots).max() if never_above else self._slots.num_devices)
        for server, load in enumerate(loads.T[:_SERVERS_SHOWN]):
            histogram = _histogram(f"heldout_load/server_{server}", load, most)
            self._curves.write_summary(histogram, self.num_timesteps)

    def _record_picture(self, assignment: NDArray[np.int64]) -> None:
        self._first_slot = None  # it is shown
        state = State(self._slots[0])
        for server in assignment.tolist():
            state.assign(server)
        self.logger.record("heldout/first_slot", Image(rendering.picture(state), "HWC"))


def _measure(slots: Instance) -> str:
    """Return the tag of what is to be minimal: the average delay, or the cost where weighted."""
    weighted = slots.delay_weight is not None or slots.energy_weight is not None
    return "average_cost_s" if weighted else "average_delay_s"


_REPORTED = {"cost": "average_cost_s"}
"""The tags of what `system.report` has, where they are not its names."""


def _outcome(result: Result) -> dict[str, float]:
    """Return what curves show of a policy on the held-out slots, by tag."""
    outcome = {
        "heldout/average_delay_s": result.average_delay.mean,
        "heldout/gap": result.gap.mean,
        "heldout/feasible_share": result.feasible_rate,
        "heldout/overloads": float(result.overloads.mean()),
    }
    for percentile, value in zip(PERCENTILES, result.percentiles, strict=True):
        outcome[f"heldout_delay/p{percentile}_s"] = value
    for name, values in result.reported.items():
        outcome[f"heldout/{_REPORTED.get(name, name)}"] = float(values.mean())
    return outcome


def hyperparameters(config: TrainConfig) -> dict[str, float | str]:
    """Return what TensorBoard's table of runs shows of a configuration.

    The table takes the columns and their types from any one of the runs, so all have the same.
    """
    fields = config.model_dump(exclude=_NOT_COMPARED) | {
        "scenario": called(config.scenario),
        "scenarios": ", ".join(map(called, config.scenarios)) or "none",
        "family": config.family or 0,
        "hidden": " ".join(map(str, config.hidden)),
        "learning_rate_end": config.learning_rate_end or config.learning_rate,
        "max_grad_norm": str(config.max_grad_norm or "none"),
    }
    yes_or_no = {name: "yes" if fields[name] else "no" for name in ("mask", "double")}
    return fields | yes_or_no


def _histogram(tag: str, values: NDArray[np.int64], most: int) -> Any:
    """Return counts of the integers 0 to `most` as a histogram that TensorBoard draws unblurred.

    It draws any with so many bins over the range of the buckets: so these are its bins, with an
    integer in the middle of every so many of them. Where there are too many some share a bin.
    """
    inside = _BINS - 2  # the first and the last are empty, so that nothing is cut off at an edge
    apart = next((n for n in (30, 15, 10, 6, 5, 3, 2, 1) if most * n < inside), None)
    if apart is not None:  # bins from one integer to the next
        bins, edges = values * apart + 1, (np.arange(_BINS + 1) - 1.5) / float(apart)
    else:
        width = -(-(most + 1) // inside)
        bins, edges = values // width + 1, (np.arange(_BINS + 1) - 1) * width - 0.5
    counts = np.bincount(bins, minlength=_BINS)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    about = create_summary_metadata(display_name=None, description="slots by tasks on the server")
    return Summary(
        value=[Summary.Value(tag=tag, metadata=about, tensor=make_tensor_proto(buckets))]
    )
