"""Callbacks of a training: TensorBoard's curves, checkpoints, evaluation on held-out slots."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import HParam, Image, Logger, TensorBoardOutputFormat

from mec_gym import policies, system
from mec_gym.benchmark.comparison import Reference, play
from mec_gym.envs import rendering
from mec_gym.instance import Instance
from mec_gym.io.progress import Progress
from mec_gym.mdp import State
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.run.config import TrainConfig

BASELINES = ("roa", "goa", "least-delay")
"""The policies whose held-out delay stands beside the network's."""

GUIDE = """
Devices are assigned to servers one by one; an episode is one slot. Lower delay is better.
**Custom scalars** shows the network beside the baselines and the optimum, on the same slots.

| curve | what |
|---|---|
| `episode/average_delay_s` | average delay of the slots trained on, Eq. (5), seconds; explores |
| `episode/reward` | sum of rewards a slot, seconds; with the overload penalty |
| `episode/feasible_share`, `episode/overloads` | slots within capacity; tasks above it, a slot |
| `heldout_delay_s/...` | average delay on the held-out slots of each policy, seconds |
| `heldout_delay_s/optimum` | the least there is; a lower bound on it where that takes too long |
| `heldout/gap` | how far the network is above the optimum, relative, mean over held-out slots |
| `heldout/feasible_share`, `heldout/overloads` | as above, on the held-out slots |
| `heldout_load/server_n` | tasks given to server n, over the held-out slots (histograms) |
| `heldout/first_slot` | the network's assignment of the first held-out slot (images) |
| `rollout/exploration_rate` | epsilon, the share of random decisions |
| `train/loss`, `train/q_value` | loss of Algorithm 1, line 11; mean Q-value of the minibatch |

Steps on the horizontal axis are decisions, M of them a slot.
"""
"""Text that a run shows in TensorBoard: what each curve is."""

_EVALUATIONS_A_PICTURE = 10
"""Evaluations from one picture to the next, which takes longer than a hundred updates."""


class CurveLogger(Logger):
    """Stable-Baselines3's logger into TensorBoard, where each curve has one value a step.

    Several callers dump at one step: Stable-Baselines3 at the end of an episode, once for each copy
    that ends one, and `HeldOutCurves`. Of a tag's values at one step the first is written.

    Args:
        directory: the event file is made in it.
    """

    def __init__(self, directory: Path) -> None:
        output = TensorBoardOutputFormat(str(directory))
        super().__init__(str(directory), [output])
        self._events = cast(Any, output.writer).file_writer.event_writer
        self._step, self._written = -1, set[str]()
        # An error of the thread that writes is raised by `dump`; it need not be printed as well.
        self._events._async_writer._worker._invoke_excepthook = lambda thread: None

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
        super().dump(step)

    def flush(self) -> None:
        """Wait until all that was dumped is in the file.

        Raises:
            OSError: it cannot be written.
        """
        self._events.flush()

    def close(self) -> None:
        """End the thread that writes; the logger's own close leaves it where a file is gone.

        Raises:
            OSError: what is left cannot be written.
        """
        self._events.close()


class EpisodeCurves(BaseCallback):
    """Log each episode's outcome, and move the progress bar."""

    def __init__(self, bar: Progress) -> None:
        super().__init__()
        self._bar = bar

    def _on_step(self) -> bool:
        for done, info in zip(self.locals["dones"], self.locals["infos"], strict=True):
            if done:
                self.logger.record_mean("episode/average_delay_s", info["average_delay"])
                self.logger.record_mean("episode/feasible_share", float(info["feasible"]))
                self.logger.record_mean("episode/overloads", float(info["overloads"]))
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


class HeldOutCurves(BaseCallback):
    """Play the held-out slots every `heldout_episodes`, log the outcome and save the network.

    Args:
        config: of the run.
        slots: the held-out slots, one leading dimension.
        reference: their optima or lower bounds, which the gap is relative to.
        snapshot: returns the network as it is now.
        save: writes a network to the run directory.
        bar: the progress bar, which shows the last outcome.
        counts: those of the checkpoint that the training goes on from.
    """

    def __init__(
        self,
        config: TrainConfig,
        slots: Instance,
        reference: Reference,
        snapshot: Callable[[], TrainedPolicy],
        save: Callable[[TrainedPolicy], None],
        bar: Progress,
        counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self._config, self._slots, self._reference, self._bar = config, slots, reference, bar
        self._snapshot, self._save = snapshot, save
        baselines = {name: [policies.get(name)] for name in BASELINES}
        self._baselines = {
            result.name: result.average_delay.mean
            for result in play(baselines, slots, config.heldout_seed, reference)
        } | {"optimum": float(reference.delay.mean())}
        self._resumed = counts is not None
        self._episodes, self._evaluations = counts or (0, 0)

    @property
    def counts(self) -> tuple[int, int]:
        """How many episodes have ended, and how many evaluations there have been."""
        return self._episodes, self._evaluations

    def _on_training_start(self) -> None:
        if self._resumed:  # the curves have it all
            return
        formats = self.logger.output_formats
        writer = next(f.writer for f in formats if isinstance(f, TensorBoardOutputFormat))
        chart = [
            "Multiline",
            [f"heldout_delay_s/{name}" for name in (self._config.name, *self._baselines)],
        ]
        writer.add_custom_scalars({"Held-out slots": {"average delay (Eq. 5), seconds": chart}})
        self.logger.record("guide", GUIDE)
        self.logger.record("config", "```toml\n" + self._config.to_toml() + "```")
        hyperparameters = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in self._config.model_dump(exclude={"scenario"}).items()
        } | {"scenario": self._config.scenario.label}
        metrics = {f"heldout_delay_s/{self._config.name}": 0.0, "heldout/gap": 0.0}
        self.logger.record("hparams", HParam(hyperparameters, metrics))
        self._evaluate()

    def _on_step(self) -> bool:
        before, every = self._episodes, self._config.heldout_episodes
        self._episodes += int(np.sum(self.locals["dones"]))
        if self._episodes // every > before // every:
            self._evaluate()
        return True

    def _evaluate(self) -> None:
        policy = self._snapshot()
        self._save(policy)
        (result,) = play({self._config.name: [policy]}, self._slots, reference=self._reference)
        delay, gap = result.average_delay.mean, result.gap.mean
        for name, value in (self._baselines | {self._config.name: delay}).items():
            self.logger.record(f"heldout_delay_s/{name}", value)
        self.logger.record("heldout/gap", gap)
        self.logger.record("heldout/feasible_share", result.feasible_rate)
        self.logger.record("heldout/overloads", float(result.overloads.mean()))
        (assignment,) = result.assignment
        loads = system.server_loads(self._slots, assignment)
        for server, load in enumerate(loads.T[:16]):
            self.logger.record(f"heldout_load/server_{server}", torch.from_numpy(load))
        if self._evaluations % _EVALUATIONS_A_PICTURE == 0:
            self._record_picture(assignment[0])
        self._evaluations += 1
        self.logger.dump(self.num_timesteps)
        self._bar.set_postfix_str(
            f"held-out delay {delay:.4f} s, gap {gap:.2%}, feasible {result.feasible_rate:.0%}"
        )

    def _record_picture(self, assignment: NDArray[np.int64]) -> None:
        state = State(self._slots[0])
        for server in assignment.tolist():
            state.assign(server)
        self.logger.record("heldout/first_slot", Image(rendering.picture(state), "HWC"))
