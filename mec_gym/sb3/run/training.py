"""Train DQN-RAO into a run directory."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import torch
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.utils import LinearSchedule
from threadpoolctl import threadpool_limits

import mec_gym
from mec_gym import observations
from mec_gym.benchmark.comparison import Reference, find_reference
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.instance import Instance
from mec_gym.io.progress import progress as shown
from mec_gym.policies.trained import TrainedPolicy, save_policy
from mec_gym.sb3.agent import losses
from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.agent.mixed import MixedVecEnv
from mec_gym.sb3.agent.vec_env import OffloadVecEnv
from mec_gym.sb3.run import checkpoint
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.curves import Checkpoints, CurveLogger, EpisodeCurves, HeldOutCurves
from mec_gym.sb3.run.directory import (
    Checkpoint,
    begin_run,
    check_new,
    config_of,
    end_run,
    locked,
    resume_run,
    save_checkpoint,
)

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints: what a killed run has to do again. Saving takes below 2% of it."""

_REFERENCE_SECONDS = 0.1
"""Time limit for the optimum of a held-out slot; a lower bound stands in where it takes longer."""


@dataclass(frozen=True)
class Result:
    """What a run leaves: its policy, the held-out slots, and how many episodes it took."""

    policy: TrainedPolicy
    heldout: Instance
    reference: Reference
    episodes: int
    interrupted: bool


def make_dqn(config: TrainConfig) -> LossDQN:
    """Return the DQN of a configuration with its environment, untrained."""
    scenarios = config.scenarios or (config.scenario,)
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


def snapshot(model: LossDQN, config: TrainConfig) -> TrainedPolicy:
    """Return a model's network, as it is now, as a policy.

    Raises:
        FloatingPointError: a weight is not a finite number.
    """
    model.require_finite()
    training = {
        "mec_gym": mec_gym.__version__,
        "steps": model.num_timesteps,
        "config": config.model_dump(mode="json", exclude_none=True),
    }
    layers = tuple(tuple(array.copy() for array in layer) for layer in model.flat.layers)
    return TrainedPolicy(config.scenario, config.observation, layers, training)


def train(
    config: TrainConfig,
    directory: str | Path,
    progress: bool = True,
    *,
    resume: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    keep: int = 1,
) -> Result:
    """Train into a new directory, which then holds a policy at any time from the start.

    An interrupt (Ctrl-C) ends the training early, after the step under way, and keeps what was
    learned; a second one does not wait. Whatever ends a run, `resume` goes on from its newest
    checkpoint, or begins anew where there is none, and ends with the bytes of a run that never
    stopped.

    Args:
        config: of the run.
        directory: to make; it may exist if it is empty. With `resume` that of the run.
        progress: whether to show on stderr how far it is.
        resume: whether to go on with a run that was stopped.
        checkpoint_seconds: between two checkpoints.
        keep: how many checkpoints to keep.

    Raises:
        ValueError: a directory that is not new, cannot be written or is another process's; or
            nothing to resume, or a run of another configuration, or damaged.
        FloatingPointError: loss or weights are no longer finite numbers.
        OSError: a file cannot be written; those that stood there are whole.
    """
    directory = Path(directory)
    if keep < 1 or not checkpoint_seconds >= 0:
        raise ValueError(
            f"keep: {keep}, checkpoint_seconds: {checkpoint_seconds}; at least 1 and at least 0"
        )
    if resume:
        config_of(directory)  # else the lock would make a directory
    else:
        check_new(directory)
    model = make_dqn(config)  # so that what cannot be trained leaves no directory
    with locked(directory, "resume" if resume else "out"):
        if resume:
            start = resume_run(directory, config)
        else:
            check_new(directory)
            begin_run(directory, config)
            start = None
        return _train(model, config, directory, progress, start, checkpoint_seconds, keep)


def _train(
    model: LossDQN,
    config: TrainConfig,
    directory: Path,
    progress: bool,
    start: Checkpoint | None,
    checkpoint_seconds: float,
    keep: int,
) -> Result:
    """Train into a locked directory, from a checkpoint or from the beginning."""
    scenario = config.scenario
    heldout = scenario.sample(config.heldout_slots, config.heldout_seed)
    reference = find_reference(heldout, _REFERENCE_SECONDS)
    torch.set_num_threads(config.threads)
    interrupted = False
    with (
        threadpool_limits(config.threads),  # NumPy's
        _curves(directory) as curves,
        _deferred_interrupts() as asked_to_stop,
    ):
        model.set_logger(curves)
        if start is not None:
            checkpoint.restore(model, start.path, start.facts.get("state"))
        with shown(
            config.episodes, "episode", model.num_timesteps // scenario.num_devices, progress
        ) as bar:
            held_out_curves = HeldOutCurves(
                config,
                heldout,
                reference,
                lambda: snapshot(model, config),
                lambda policy: save_policy(policy, directory),
                bar,
                None if start is None else start.facts["heldout"],
            )

            def save() -> None:
                curves.flush()
                save_checkpoint(directory, model, keep, heldout=list(held_out_curves.counts))

            checkpoints = Checkpoints(save, checkpoint_seconds, asked_to_stop)
            try:
                model.learn(
                    config.episodes * scenario.num_devices - model.num_timesteps,
                    callback=CallbackList([checkpoints, EpisodeCurves(bar), held_out_curves]),
                    log_interval=config.log_episodes,
                    reset_num_timesteps=start is None,
                )
            except KeyboardInterrupt:
                interrupted = True
    policy = snapshot(model, config)
    save_policy(policy, directory)
    end_run(directory, finished=not interrupted)
    return Result(
        policy, heldout, reference, model.num_timesteps // scenario.num_devices, interrupted
    )


@contextmanager
def _curves(directory: Path) -> Iterator[CurveLogger]:
    """Give the logger that writes TensorBoard's curves; after the block its thread has ended."""
    logger = CurveLogger(directory)
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
