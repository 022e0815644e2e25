"""Train DQN-RAO into a run directory."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import configure
from stable_baselines3.common.utils import LinearSchedule
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import mec_gym
from mec_gym.benchmark.comparison import Reference, find_reference
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.instance import Instance
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies.trained import TrainedPolicy, save_policy
from mec_gym.sb3.callbacks import EpisodeCurves, HeldOutCurves
from mec_gym.sb3.config import TrainConfig
from mec_gym.sb3.dqn import LossDQN
from mec_gym.sb3.mixed import MixedVecEnv
from mec_gym.sb3.vec_env import OffloadVecEnv

CONFIG_FILE = "config.toml"

_REFERENCE_SECONDS = 0.1
"""At most so long a held-out slot for its optimum; the curve can do with a bound."""


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
    observer = OBSERVATIONS[config.observation](config.scenario)
    return LossDQN(
        {"mlp": "MlpPolicy", "servers": "ServersPolicy"}[config.network],
        parts[0] if len(parts) == 1 else MixedVecEnv(parts),
        loss=config.loss,
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
        policy_kwargs={"net_arch": list(config.hidden)},
        seed=config.seed,
        device="cpu",
    )


def snapshot(model: LossDQN, config: TrainConfig) -> TrainedPolicy:
    """Return a model's network, as it is now, as a policy.

    Raises:
        FloatingPointError: a weight is not a finite number.
    """
    if not np.isfinite(model.flat.values.detach().numpy()).all():
        raise FloatingPointError(
            f"weights: not finite by step {model.num_timesteps}; lower learning_rate or set"
            " max_grad_norm"
        )
    training = {
        "mec_gym": mec_gym.__version__,
        "steps": model.num_timesteps,
        "config": config.model_dump(mode="json", exclude_none=True),
    }
    layers = tuple(tuple(array.copy() for array in layer) for layer in model.flat.layers)
    return TrainedPolicy(config.scenario, config.observation, layers, training)


def train(config: TrainConfig, directory: str | Path, progress: bool = True) -> Result:
    """Train into a new directory, which then holds a policy at any time from the start.

    An interrupt (Ctrl-C) ends the training early and keeps what was learned. Where an error ends
    it, the directory keeps the policy of the last held-out evaluation.

    Args:
        config: of the run.
        directory: to make; it may exist if it is empty.
        progress: whether to show a progress bar on stderr.

    Raises:
        ValueError: the directory is not empty, or cannot be written.
        FloatingPointError: loss or weights are no longer finite numbers.
        OSError: a file cannot be written; those that stood there are whole.
    """
    directory = Path(directory)
    scenario = config.scenario
    heldout = scenario.sample(config.heldout_slots, config.heldout_seed)
    reference = find_reference(heldout, _REFERENCE_SECONDS)
    model = make_dqn(config)
    make_run_directory(directory)
    (directory / CONFIG_FILE).write_text(config.to_toml(), encoding="utf-8")
    model.set_logger(configure(str(directory), ["tensorboard"]))
    interrupted = False
    torch.set_num_threads(config.threads)
    with (
        threadpool_limits(config.threads),  # NumPy's
        tqdm(total=config.episodes, unit="episode", disable=not progress, file=sys.stderr) as bar,
    ):
        held_out_curves = HeldOutCurves(
            config,
            heldout,
            reference,
            lambda: snapshot(model, config),
            lambda policy: save_policy(policy, directory),
            bar,
        )
        try:
            model.learn(
                config.episodes * scenario.num_devices,
                callback=CallbackList([EpisodeCurves(bar), held_out_curves]),
                log_interval=config.log_episodes,
            )
        except KeyboardInterrupt:
            interrupted = True
        finally:
            model.logger.close()
    policy = snapshot(model, config)
    save_policy(policy, directory)
    return Result(
        policy, heldout, reference, model.num_timesteps // scenario.num_devices, interrupted
    )


def make_run_directory(directory: Path) -> None:
    """Make an empty directory for a run.

    Raises:
        ValueError: it is not empty, or cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ValueError(f"out: {directory} is not empty; give a new directory")
        (directory / CONFIG_FILE).touch()
    except OSError as error:
        raise ValueError(
            f"out: cannot write {directory}: {error.strerror}; give another directory"
        ) from None


def default_directory(preset: str) -> Path:
    """Return a new name under runs/, of the preset and the time."""
    return Path("runs") / f"{preset}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
