"""Trained policies as Stable-Baselines3 zips, for those who use its `load`; none is ever read."""

import io
from pathlib import Path
from typing import Any

import gymnasium as gym

from mec_gym.io import extras

with extras.needed("a zip of Stable-Baselines3"):
    import torch
    from stable_baselines3 import DQN
    from torch import nn

import mec_gym  # noqa: F401  # registers the environment
from mec_gym.io.files import check_writable, replace_file
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.agent.dqn import LossDQN


def export(policy: TrainedPolicy, path: str | Path) -> None:
    """Write a policy as the zip that Stable-Baselines3's own `save` makes.

    A network of Table I's kind is read by `DQN.load`; one that scores servers by
    `mec_gym.sb3.agent.dqn.LossDQN.load`. It can be used, and trained on from an empty replay
    buffer. Such a zip runs code when it is loaded: give it to those who trust you.

    Args:
        policy: to export.
        path: of the file; one that stands there is replaced.

    Raises:
        ValueError: the file cannot be written there.
    """
    path = Path(path)
    check_writable(path, "file")
    buffer = io.BytesIO()
    model_of(policy).save(buffer)
    replace_file(path, buffer.getvalue())


def model_of(policy: TrainedPolicy) -> DQN:
    """Return a Stable-Baselines3 model with a policy's network, and no experience."""
    env = gym.make("MEC-Offload-v0", scenario=policy.scenario, observation=policy.observation)
    hidden = [len(bias) for _, bias, *_ in policy.weights[:-1]]
    settings: dict[str, Any] = {
        "buffer_size": 1,
        "policy_kwargs": {"net_arch": hidden},
        "device": "cpu",
    }
    if policy.scores_servers:
        observer = policy.observer
        settings["policy_kwargs"]["free_at"] = observer.free_at
        model: DQN = LossDQN("ServersPolicy", env, free=observer.free, double=True, **settings)
    else:
        model = DQN("MlpPolicy", env, **settings)
    linear = [layer for layer in model.q_net.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, arrays in zip(linear, policy.weights, strict=True):
            for parameter, array in zip(layer.parameters(), arrays, strict=True):
                parameter.copy_(torch.from_numpy(array.copy()))
        model.q_net_target.load_state_dict(model.q_net.state_dict())
    return model
