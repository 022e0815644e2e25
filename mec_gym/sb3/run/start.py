"""Weights that a run begins with: whether they fit, and into the network."""

from typing import Any

from mec_gym.io.digests import sha256
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.run.config import TrainConfig


def load_weights(policy: TrainedPolicy, model: LossDQN, config: TrainConfig) -> None:
    """Put a policy's weights into a new model, its target network too.

    Args:
        policy: where they come from; of the same observation, network and sizes.
        model: of the configuration, untrained.
        config: of the run.

    Raises:
        ValueError: they do not fit; the message names what does not, and the remedy.
    """
    if policy.observation != config.observation:
        raise ValueError(
            f"start_from: the policy reads observation {policy.observation!r}, the run"
            f" {config.observation!r}; set observation {policy.observation}"
        )
    network = "servers" if policy.scores_servers else "mlp"
    if network != config.network:
        raise ValueError(
            f"start_from: the policy is of network {network!r}, the run of {config.network!r}; set"
            f" network {network}"
        )
    hidden = tuple(len(bias) for _, bias, *_ in policy.weights[:-1])
    if hidden != config.hidden:
        raise ValueError(
            f"start_from: the policy has hidden {_words(hidden)}, the run"
            f" {_words(config.hidden)}; set hidden {_words(hidden)}"
        )
    own = [array.shape for layer in model.flat.layers for array in layer]
    if [array.shape for layer in policy.weights for array in layer] != own:
        raise ValueError(
            f"start_from: the policy is for {_size(policy.scenario)}, the run's scenario has"
            f" {_size(config.scenario)}; give one of that size, or train one of network servers"
        )
    if config.heldout_seed in seeds_seen(policy):
        raise ValueError(
            f"heldout_seed: {config.heldout_seed} is a seed that the policy was trained with, so it"
            " has seen these slots; give another"
        )
    for flat in (model.flat, model.flat_target):
        for layer, arrays in zip(flat.layers, policy.weights, strict=True):
            for view, array in zip(layer, arrays, strict=True):
                view[...] = array


def facts_of(policy: TrainedPolicy) -> dict[str, Any]:
    """Return what a run's policy says of the one it began with, as JSON values."""
    arrays = [array.tobytes() for layer in policy.weights for array in layer]
    return {"seeds": seeds_seen(policy), "weights_sha256": sha256(b"".join(arrays))}


def seeds_seen(policy: TrainedPolicy) -> list[int]:
    """Return the seeds of training of a policy and of those it began with."""
    own = policy.training.get("config", {}).get("seed")
    before = policy.training.get("start", {}).get("seeds", [])
    return [*before, *([] if own is None else [own])]


def _words(hidden: tuple[int, ...]) -> str:
    return " ".join(map(str, hidden))


def _size(scenario: Any) -> str:
    return f"{scenario.num_devices} devices x {scenario.num_servers} servers"
