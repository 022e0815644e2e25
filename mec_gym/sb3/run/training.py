"""Train DQN-RAO into a run directory."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import gymnasium as gym

from mec_gym.io import extras

with extras.needed("training"):
    import torch
    from stable_baselines3.common.callbacks import BaseCallback, CallbackList
    from stable_baselines3.common.utils import LinearSchedule
    from threadpoolctl import threadpool_limits

import mec_gym
from mec_gym import observations
from mec_gym.benchmark.comparison import Reference
from mec_gym.benchmark.over_time import Yardsticks
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.io.progress import progress as shown
from mec_gym.io.progress import remark
from mec_gym.policies.trained import TrainedPolicy, load_policy, save_policy
from mec_gym.sb3.agent import losses
from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.agent.mixed import MixedVecEnv
from mec_gym.sb3.agent.vec_env import OffloadVecEnv
from mec_gym.sb3.run import checkpoint, device, heldout, start
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.curves import (
    Checkpoints,
    CurveLogger,
    EpisodeCurves,
    HeldOutCurves,
    UsersCallbacks,
)
from mec_gym.sb3.run.directory import (
    BEST,
    Checkpoint,
    begin_run,
    check_new,
    config_of,
    end_run,
    locked,
    resume_run,
    save_checkpoint,
    start_of,
)
from mec_gym.sb3.run.guide import SUB_RUNS

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints: what a killed run has to do again. Saving takes below 2% of it."""


@dataclass(frozen=True)
class TrainedRun:
    """What a run leaves.

    Attributes:
        policy: the last.
        best: that of the best held-out evaluation, which are the more feasible slots, then the less
            delay. It was chosen on the held-out slots, so how well it does there is optimistic.
        heldout: the held-out slots, or episodes where slots follow one another.
        reference: of these.
        episodes: how many were played; by the mean of their lengths, where these differ.
        interrupted: whether it can be gone on with.
    """

    policy: TrainedPolicy
    best: TrainedPolicy
    heldout: Instance | Episodes
    reference: Reference | Yardsticks
    episodes: int
    interrupted: bool

    @property
    def last_is_best(self) -> bool:
        """Whether no held-out evaluation before the last was better."""
        return bool(self.policy.training["steps"] == self.best.training["steps"])


def make_dqn(config: TrainConfig) -> LossDQN:
    """Return the DQN of a configuration with its environment, untrained.

    Raises:
        ValueError: its device is not there.
    """
    device.check(config)
    scenarios = config.trained_on
    batches = [
        gym.make_vec(
            "MEC-Offload-v0",
            num_envs=config.num_envs // len(scenarios),
            scenario=scenario,
            observation=config.observation,
            reward=config.reward,
            overload_penalty=config.overload_penalty,
        )
        for scenario in scenarios
    ]
    parts = [OffloadVecEnv(cast(OffloadVectorEnv, batch)) for batch in batches]
    observer = observations.make(config.observation, config.scenario)
    scores_servers = config.network == "servers"
    return LossDQN(
        "ServersPolicy" if scores_servers else "MlpPolicy",
        parts[0] if len(parts) == 1 else MixedVecEnv(parts),
        loss=losses.find(config.loss, config.huber_delta),
        free=observer.free if config.mask else None,
        double=config.double,
        updates_on=config.device,
        learning_rate=LinearSchedule(
            config.learning_rate, config.learning_rate_end or config.learning_rate, 1.0
        ),
        buffer_size=config.replay_size,
        learning_starts=config.batch_size - 1,  # the first update once a minibatch is stored
        batch_size=config.batch_size,
        gamma=config.gamma,
        train_freq=config.steps_at_once // config.num_envs,
        gradient_steps=config.updates_at_once,
        target_update_interval=config.target_update_steps,
        exploration_fraction=config.epsilon_episodes / config.episodes,
        exploration_initial_eps=config.epsilon_start,
        exploration_final_eps=config.epsilon_end,
        max_grad_norm=config.max_grad_norm,
        policy_kwargs={"net_arch": list(config.hidden)}
        | ({"free_at": observer.free_at} if scores_servers else {}),
        seed=config.seed,
        device="cpu",
    )


def snapshot(
    model: LossDQN, config: TrainConfig, began_with: TrainedPolicy | None = None
) -> TrainedPolicy:
    """Return a model's network, as it is now, as a policy.

    Args:
        model: of the network.
        config: of the run.
        began_with: where its first weights came from.

    Raises:
        FloatingPointError: a weight is not a finite number.
    """
    model.require_finite()
    training = {
        "mec_gym": mec_gym.__version__,
        "steps": model.num_timesteps,
        "config": config.model_dump(mode="json", exclude_none=True),
    }
    if began_with is not None:
        training["start"] = start.facts_of(began_with)
    layers = tuple(tuple(array.copy() for array in layer) for layer in model.flat.layers)
    return TrainedPolicy(config.scenario, config.observation, layers, training)


def train(
    config: TrainConfig,
    directory: str | Path,
    progress: bool = True,
    *,
    start_from: TrainedPolicy | str | Path | None = None,
    callbacks: Sequence[BaseCallback] = (),
    resume: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    keep: int = 1,
) -> TrainedRun:
    """Train into a new directory, which then holds a policy at any time from the start.

    An interrupt (Ctrl-C) ends the training early, after the step under way, and keeps what was
    learned; a second one does not wait. Whatever ends a run, `resume` goes on from its newest
    checkpoint, or begins anew where there is none, and ends with the bytes of a run that never
    stopped.

    The directory has the last policy, and in `best/` that of the best held-out evaluation.

    Args:
        config: of the run.
        directory: to make; it may exist if it is empty. With `resume` that of the run.
        progress: whether to show on stderr how far it is.
        start_from: a policy, or the directory or name that `load_policy` takes, whose weights are
            the first; the exploration is the configuration's all the same.
        callbacks: of Stable-Baselines3, called after the run's own. `self.logger.latest` has the
            last step and value of each curve by its tag, such as "heldout/gap". One that returns
            False ends the training early, as an interrupt does. What they keep is not resumed.
        resume: whether to go on with a run that was stopped.
        checkpoint_seconds: between two checkpoints.
        keep: how many checkpoints to keep.

    Raises:
        ValueError: a directory that is not new, cannot be written or is another process's; or
            nothing to resume, or a run of another configuration, or damaged; or weights that do
            not fit; or a device that is not there.
        FloatingPointError: loss or weights are no longer finite numbers.
        OSError: a file cannot be written; those that stood there are whole.
    """
    directory = Path(directory)
    if keep < 1 or not checkpoint_seconds >= 0:
        raise ValueError(
            f"keep: {keep}, checkpoint_seconds: {checkpoint_seconds}; at least 1 and at least 0"
        )
    if resume and start_from is not None:
        raise ValueError(
            "resume, start_from: a run that is gone on with has its weights; leave out start_from"
        )
    if resume:
        config_of(directory)  # else the lock would make a directory
    else:
        check_new(directory)
    model = make_dqn(config)  # so that what cannot be trained leaves no directory
    if progress and config.device != "cpu":
        print(device.verdict(config, make_dqn), file=sys.stderr, flush=True)
        model = make_dqn(config)  # with the random numbers of a run that says nothing
    first = load_policy(start_from) if isinstance(start_from, str | Path) else start_from
    if first is not None:
        start.load_weights(first, model, config)
    with locked(directory, "resume" if resume else "directory"):
        if resume:
            goes_on_from, first = resume_run(directory, config), start_of(directory)
            if first is not None:
                start.load_weights(first, model, config)
        else:
            check_new(directory)
            begin_run(directory, config, first)
            goes_on_from = None
        run = _Run(model, config, directory, first)
        return _train(run, progress, goes_on_from, checkpoint_seconds, keep, callbacks)


class _Run:
    """A model that is trained, and the policies that it leaves in its directory."""

    def __init__(
        self, model: LossDQN, config: TrainConfig, directory: Path, first: TrainedPolicy | None
    ) -> None:
        self.model, self.config, self.directory, self._first = model, config, directory, first
        self._of_best = config.replace(name=f"{config.name}-best").model_dump(
            mode="json", exclude_none=True
        )

    def snapshot(self) -> TrainedPolicy:
        """Return the network as it is now."""
        return snapshot(self.model, self.config, self._first)

    def save(self, policy: TrainedPolicy, is_best: bool) -> None:
        """Write a policy as the last; as the best too where it is, under a name of its own."""
        save_policy(policy, self.directory)
        if is_best:
            (self.directory / BEST).mkdir(exist_ok=True)
            best = replace(policy, training=policy.training | {"config": self._of_best})
            save_policy(best, self.directory / BEST)


def _train(
    run: _Run,
    progress: bool,
    goes_on_from: Checkpoint | None,
    checkpoint_seconds: float,
    keep: int,
    callbacks: Sequence[BaseCallback],
) -> TrainedRun:
    """Train into a locked directory, from a checkpoint or from the beginning."""
    model, config, directory = run.model, run.config, run.directory
    scenario = config.scenario
    if progress and scenario.slots > 1:
        remark("searching for the best known of the held-out episodes")
    held_out = heldout.of_config(config)
    torch.set_num_threads(config.threads)
    interrupted = False
    with (
        threadpool_limits(config.threads),  # NumPy's
        _curves(directory) as curves,
        _deferred_interrupts() as asked_to_stop,
    ):
        model.set_logger(curves)
        if goes_on_from is not None:
            checkpoint.restore(model, goes_on_from.path, goes_on_from.facts.get("state"))
            curves.go_on_from(goes_on_from.facts.get("latest"))
        with shown(
            config.episodes, "episode", model.num_timesteps // scenario.num_decisions, progress
        ) as bar:
            held_out_curves = HeldOutCurves(
                config,
                held_out,
                run.snapshot,
                run.save,
                bar,
                None if goes_on_from is None else goes_on_from.facts.get("heldout") or (),
            )
            of_user = UsersCallbacks(list(callbacks))

            def save() -> None:
                curves.flush()
                facts = {"heldout": held_out_curves.state, "latest": curves.state}
                save_checkpoint(directory, model, keep, **facts)

            checkpoints = Checkpoints(
                save, checkpoint_seconds, lambda: asked_to_stop() or of_user.stopped
            )
            called = [checkpoints, EpisodeCurves(bar), held_out_curves]
            if callbacks:  # an empty list costs time at every step
                called.append(of_user)
            try:
                model.learn(
                    config.episodes * scenario.num_decisions - model.num_timesteps,
                    callback=CallbackList(called),
                    log_interval=config.log_episodes,
                    reset_num_timesteps=goes_on_from is None,
                )
            except KeyboardInterrupt:
                interrupted = True
                of_user.on_training_end()
            try:
                held_out_curves.finish()
            except KeyboardInterrupt:
                interrupted = True
    policy = run.snapshot()
    save_policy(policy, directory)
    end_run(directory, finished=not interrupted)
    return TrainedRun(
        policy,
        load_policy(directory / BEST),
        held_out.drawn,
        held_out.reference,
        model.num_timesteps // scenario.num_decisions,
        interrupted,
    )


@contextmanager
def _curves(directory: Path) -> Iterator[CurveLogger]:
    """Give the logger that writes TensorBoard's curves; after the block its thread has ended."""
    logger = CurveLogger(directory, SUB_RUNS)
    try:
        yield logger
    finally:
        logger.close()


@contextmanager
def _deferred_interrupts() -> Iterator[Callable[[], bool]]:
    """Give whether an interrupt is asked for: the first one is kept, the second raises.

    Only signals that would raise KeyboardInterrupt are taken, and given back.
    """
    asked: list[int] = []

    def keep(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    taken = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if in_main_thread and signal.getsignal(number) is signal.default_int_handler
    ]
    for number in taken:
        signal.signal(number, keep)
    try:
        yield lambda: bool(asked)
    finally:
        for number in taken:
            signal.signal(number, signal.default_int_handler)


def default_directory(preset: str) -> Path:
    """Return a new name under runs/, of the preset and the time."""
    return Path("runs") / f"{preset}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
