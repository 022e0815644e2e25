"""DQN-RAO: Stable-Baselines3's DQN with the loss of Algorithm 1, and less overhead."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn

from mec_gym.sb3.agent.accelerator import Accelerator
from mec_gym.sb3.agent.losses import SQUARED, Loss
from mec_gym.sb3.agent.mixed import MixedVecEnv
from mec_gym.sb3.agent.networks import FlatNetwork, ServerScores
from mec_gym.sb3.agent.optimizer import Adam
from mec_gym.sb3.agent.passes import Rows
from mec_gym.sb3.agent.replay import FlatReplayBuffer, Minibatch
from mec_gym.sb3.agent.vec_env import OffloadVecEnv

Array = NDArray[np.float32]


class FlatPolicy(DQNPolicy):
    """A DQN policy of linear layers with ReLU, which do the same in training and in use.

    Args:
        *args: as for DQNPolicy.
        **kwargs: as for DQNPolicy; the `optimizer_class` is `mec_gym.sb3.agent.optimizer.Adam`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"optimizer_class": Adam} | kwargs)

    def set_training_mode(self, mode: bool) -> None:
        """Do nothing: no layer differs, and going through them at every step takes long."""


def _refuse_zips_not_of(algorithm: str) -> Callable[[torch.optim.Optimizer, dict[str, Any]], None]:
    """Return a hook of an optimizer that refuses the state in a zip of another algorithm.

    `LossDQN` has all parameters in one, Stable-Baselines3's own DQN each on its own.
    """

    def check(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        own, loaded = optimizer.param_groups[0]["params"], state["param_groups"][0]["params"]
        if len(own) != len(loaded):
            raise ValueError(f"path: a zip of another algorithm; load it with {algorithm}.load")

    return check


class ServersPolicy(FlatPolicy):
    """A DQN policy that scores each server, a row of the observation, with one shared network.

    Args:
        *args: as for DQNPolicy.
        free_at: the column that shows a free server, see `Observation.free_at`.
        **kwargs: as for DQNPolicy.
    """

    def __init__(self, *args: Any, free_at: int, **kwargs: Any) -> None:
        self.free_at = free_at
        super().__init__(*args, **kwargs)
        # Where another DQN is used, which would keep this optimizer.
        self.optimizer.register_load_state_dict_pre_hook(_refuse_zips_not_of(f"{__name__}.LossDQN"))

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"free_at": self.free_at}

    def make_q_net(self) -> QNetwork:
        """Return a network of layers that are shared by the servers."""
        made = super().make_q_net()
        shape = self.observation_space.shape or ()
        scores = ServerScores(shape[-1], self.net_arch, self.free_at)
        made.q_net = nn.Sequential(nn.Unflatten(1, shape), scores)
        return made


class LossDQN(DQN):
    """DQN with a choice of loss, masks and double Q-learning, which does no more than arithmetic.

    For networks of linear layers with ReLU; the same minibatches give the same parameters as
    Stable-Baselines3's own update, to floating-point accuracy. Each copy of a batched environment
    explores for itself.

    Args:
        loss: of the temporal-difference error.
        free: from observations (B, ...) to the servers that may be chosen (B, N): in the greedy
            choice, the random choice and the value of the next state. None: every server may.
        double: whether the network itself picks the next action that the target network values.
        updates_on: the device that updates run on; all else is on the CPU, `device`.
        *args: as for DQN.
        **kwargs: as for DQN; a `max_grad_norm` of None clips nothing.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": FlatPolicy,
        "ServersPolicy": ServersPolicy,
    }

    def __init__(
        self,
        *args: Any,
        loss: Loss = SQUARED,
        free: Callable[[Array], NDArray[np.bool_]] | None = None,
        double: bool = False,
        updates_on: str = "cpu",
        **kwargs: Any,
    ) -> None:
        self.loss, self.free, self.double, self.updates_on = loss, free, double, updates_on
        super().__init__(*args, **{"replay_buffer_class": FlatReplayBuffer} | kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self.flat, self.flat_target = (
            # Table I's layers, or the scores that follow a layer which only gives the input shape.
            FlatNetwork(layers[-1] if isinstance(layers[-1], ServerScores) else layers)
            for layers in (self.q_net.q_net, self.q_net_target.q_net)
        )
        optimizer = self.policy.optimizer
        settings = optimizer.defaults | ({"fused": True} if "fused" in optimizer.defaults else {})
        self.policy.optimizer = type(optimizer)([self.flat.values], **settings)
        self.policy.optimizer.register_load_state_dict_pre_hook(
            _refuse_zips_not_of("stable_baselines3.DQN")
        )
        self._accelerator = (
            None
            if self.updates_on == "cpu"
            else Accelerator(self.q_net.q_net, torch.device(self.updates_on))
        )

    @property
    def environment(self) -> OffloadVecEnv | MixedVecEnv:
        """The batched environment it learns from."""
        return cast(OffloadVecEnv | MixedVecEnv, self.env)

    def require_finite(self) -> None:
        """Check the parameters.

        Raises:
            FloatingPointError: one is not a finite number.
        """
        if not np.isfinite(self.flat.values.detach().numpy()).all():
            raise FloatingPointError(
                f"weights: not finite by step {self.num_timesteps}; lower learning_rate or set"
                " max_grad_norm"
            )

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "flat", "flat_target", "_accelerator"]

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Return an action for each observation, epsilon-greedy; Algorithm 1, lines 6 and 7."""
        shape = self.observation_space.shape or ()
        seen = np.asarray(observation, dtype=np.float32)
        copies = seen.reshape(-1, *shape)
        explores = np.zeros(len(copies), dtype=np.bool_)
        if not deterministic:
            explores = np.random.rand(len(copies)) < self.exploration_rate  # noqa: NPY002  # as SB3
        actions = np.empty(len(copies), dtype=np.int64)
        if not explores.all():
            actions[:] = self._masked(self.flat.q_values(copies), copies).argmax(axis=1)
        if self.free is None:
            for copy in np.flatnonzero(explores):
                actions[copy] = self.action_space.sample()
        elif explores.any():
            free = self.free(copies[explores])
            keys = np.random.random_sample(free.shape)  # noqa: NPY002
            actions[explores] = np.where(free, keys, -1.0).argmax(axis=1)
        return actions.reshape(seen.shape[: seen.ndim - len(shape)]), state

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return an action for each copy, twice; before learning starts too, only free servers."""
        if self.free is None:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        assert isinstance(self._last_obs, np.ndarray)  # made by learn
        actions, _ = self.predict(self._last_obs)
        return actions, actions

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: NDArray[Any],
        new_obs: Any,
        reward: NDArray[Any],
        dones: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Keep a step of each copy, as DQN does; what is seen is copied where a slot has ended."""
        if self._vec_normalize_env is not None:
            super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)
            return
        then = new_obs
        if dones.any():
            then = new_obs.copy()
            for copy in np.flatnonzero(dones):
                then[copy] = infos[copy].get("terminal_observation", then[copy])
        assert isinstance(self._last_obs, np.ndarray)  # made by learn
        replay_buffer.add(self._last_obs, then, buffer_action, reward, dones, infos)
        self._last_obs = new_obs

    def _masked(self, q_values: Array, observations: Array) -> Array:
        if self.free is None:
            return q_values
        return np.where(self.free(observations), q_values, -np.float32(np.inf))

    def _next_values(self, observations: Array, dones: Array | None = None) -> Array:
        """Return what the target network makes of the next states, (B,); 0 where none follows."""
        rows = self._next_rows(observations, dones)
        return self.flat_target.best_values(rows, self.flat if self.double else None)

    def _next_rows(self, observations: Array, dones: Array | None = None) -> Rows:
        """Return what the networks read of the next states: no more than matters of them."""
        wanted = None if self.free is None else self.free(observations)
        if dones is not None and self.flat.scores_servers:
            goes_on = dones[:, None] == 0
            every = (len(observations), observations.shape[1])
            wanted = np.broadcast_to(goes_on, every) if wanted is None else wanted & goes_on
        return self.flat.rows(observations, wanted)

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take gradient steps on minibatches; Algorithm 1, lines 10 and 11.

        Raises:
            FloatingPointError: the loss is no longer a finite number; the message says since when.
        """
        assert isinstance(self.replay_buffer, FlatReplayBuffer)  # made by __init__
        self._update_learning_rate(self.policy.optimizer)
        batch = self.replay_buffer.minibatch(gradient_steps * batch_size)
        errors, q_values = self.descend(batch, batch_size)
        losses = self.loss.value(errors)
        mean = float(np.add.reduce(losses)) / len(losses)  # `mean` takes three times as long
        if not math.isfinite(mean):
            since = int((~np.isfinite(losses)).argmax()) // batch_size + 1
            raise FloatingPointError(
                f"loss: {mean} at update {self._n_updates + since}, step {self.num_timesteps};"
                " lower learning_rate or set max_grad_norm"
            )
        self.logger.record_mean("train/loss", mean)
        self.logger.record_mean("train/q_value", float(np.add.reduce(q_values)) / len(q_values))
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def descend(self, batch: Minibatch, batch_size: int) -> tuple[Array, Array]:
        """Take a gradient step for each minibatch; return errors and Q-values before each, (B,)."""
        if self._accelerator is not None:
            return self._accelerator.descend(
                self.flat,
                self.flat_target,
                self.policy.optimizer,
                batch,
                batch_size,
                loss=self.loss,
                gamma=self.gamma,
                free=None if self.free is None else self.free(batch.next_observations),
                double=self.double,
                max_grad_norm=self.max_grad_norm,
            )
        now = self.flat.rows(batch.observations, batch.actions)
        following = self._next_rows(batch.next_observations, batch.dones)
        going_on = (1 - batch.dones) * np.float32(self.gamma)
        targets = np.empty_like(batch.rewards)
        errors, q_values = np.empty_like(targets), np.empty_like(targets)
        # The target network stands still meanwhile; with double Q-learning the other does not.
        online, stride = (self.flat, batch_size) if self.double else (None, len(targets))
        for start in range(0, len(targets), batch_size):
            part = slice(start, start + batch_size)
            if start % stride == 0:
                due = slice(start, start + stride)
                next_q = self.flat_target.best_values(following.of(start, start + stride), online)
                targets[due] = batch.rewards[due] + going_on[due] * next_q
            rows, actions = now.of(start, start + batch_size), batch.actions[part]
            q_values[part], *kept = self.flat.chosen(rows, actions)
            errors[part] = q_values[part] - targets[part]
            slope = np.asarray(self.loss.derivative(errors[part]) / batch_size, dtype=np.float32)
            self.flat.backward(rows, kept, actions, slope)
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.flat.values, self.max_grad_norm)
            self.policy.optimizer.step()
        return errors, q_values
