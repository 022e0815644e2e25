"""Callbacks of a training: TensorBoard's curves, checkpoints, evaluation on held-out slots."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import HParam, Image, Logger, TensorBoardOutputFormat
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.metadata import create_summary_metadata
from tensorboard.util.tensor_util import make_tensor_proto

from mec_gym import policies
from mec_gym.io.progress import Progress
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.guide import guide, hyperparameters
from mec_gym.sb3.run.heldout import HeldOut
from mec_gym.system import REPORTED

_SERVERS_SHOWN = 16
"""Of so many servers, the first ones, the load is drawn."""

_PICTURES_AT = (1 / 8, 1 / 4, 1 / 2, 1)
"""Of the episodes: a picture takes longer than a hundred updates. One more shows the beginning."""

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
                        tag = "average_cost_s" if name == "cost" else name
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
    """Play what is held out every `heldout_episodes`, log the outcome and save the network.

    Args:
        config: of the run.
        heldout: slots, or whole episodes.
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
        heldout: HeldOut,
        snapshot: Callable[[], TrainedPolicy],
        save: Callable[[TrainedPolicy, bool], None],
        bar: Progress,
        state: Any = None,
    ) -> None:
        super().__init__()
        self._config, self._heldout, self._bar = config, heldout, bar
        self._snapshot, self._save = snapshot, save
        self._curves: CurveLogger
        baselines = {name: [policies.get(name)] for name in policies.BASELINES}
        played = heldout.play(baselines, config.heldout_seed)
        self._beside = {outcome.name: outcome.curves for outcome in played}
        self._beside["optimum"] = {f"heldout/{heldout.measure}": heldout.least, "heldout/gap": 0.0}
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
        self._not_shown: NDArray[np.int64] | None = None

    @property
    def state(self) -> tuple[int, int, int, Best | None]:
        """What to go on from, as JSON values."""
        return self._episodes, self._pictures, self._evaluated, self._best

    def _on_training_start(self) -> None:
        assert isinstance(self.logger, CurveLogger)  # of `train`
        self._curves = self.logger
        if self._resumed:  # the curves have it all
            return
        self.logger.record("guide", guide(self._config.scenario.slots > 1))
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
        elif self._not_shown is not None:
            self._record_picture(self._not_shown)
            self.logger.dump(self.num_timesteps)

    def _evaluate(self, picture: bool = False) -> None:
        policy = self._snapshot()
        (result,) = self._heldout.play({self._config.name: [policy]})
        cost, feasible = result.cost, result.feasible
        now = Best(feasible, cost, self.num_timesteps)
        is_best = now.is_better_than(self._best)
        self._save(policy, is_best)
        if is_best:
            self._best = now
        for tag, value in result.curves.items():
            self.logger.record(tag, value)
        for name, values in self._beside.items():
            self._curves.write_beside(name, values, self.num_timesteps)
        self._record_loads(result.assignment)
        self._evaluated, self._not_shown = self.num_timesteps, result.assignment
        due = sum(self._episodes >= share * self._config.episodes for share in _PICTURES_AT)
        if picture or due > self._pictures:
            self._pictures = due
            self._record_picture(result.assignment)
        self.logger.dump(self.num_timesteps)
        self._bar.set_postfix_str(
            f"held-out {self._heldout.measure.split('_')[1]} {cost:.4f} s,"
            f" gap {result.gap:.2%}, feasible {feasible:.0%}"
        )

    def _record_loads(self, assignment: NDArray[np.int64]) -> None:
        """Write a histogram for each of the first servers: slots by how many tasks it has."""
        loads = self._heldout.loads(assignment)
        never_above = self._config.network == "servers"
        most = self._heldout.most_places if never_above else self._config.scenario.num_devices
        for server, load in enumerate(loads.T[:_SERVERS_SHOWN]):
            histogram = _histogram(f"heldout_load/server_{server}", load, most)
            self._curves.write_summary(histogram, self.num_timesteps)

    def _record_picture(self, assignment: NDArray[np.int64]) -> None:
        self._not_shown = None
        picture = Image(self._heldout.picture(assignment), "HWC")
        self.logger.record(self._heldout.picture_tag, picture)


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
