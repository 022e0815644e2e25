"""What each preset of training changes of the paper's settings."""

from typing import Any

from mec_gym.scenario import Scenario

_REGRET: dict[str, Any] = {
    "name": "regret",
    "scenario": "paper-varied",
    "observation": "servers",
    "reward": "regret",
    "network": "servers",
    "hidden": (64, 64),
    "mask": True,
    "double": True,
    "gamma": 1.0,
    "loss": "huber",
    "huber_delta": 0.01,
    "batch_size": 128,
    "learning_rate": 3e-3,
    "learning_rate_end": 1e-5,
    "epsilon_episodes": 800,
    "epsilon_end": 0.02,
    "num_envs": 16,
    "update_every_steps": 2,
    "updates_at_once": 16,
    "target_update_steps": 200,
}


def _sizes(tight: str, slack: str) -> tuple[str | Scenario, ...]:
    """Return the scenarios that a network for any size is trained on.

    9 devices twice each, 27 once each with servers of many places, as those of large networks have;
    with every place needed (tight) and with room to spare (slack).
    """
    many = (Scenario.preset(tight, num_devices=27, capacity=places) for places in (9, 14))
    return (*(tight, slack) * 2, *many)


_ANY_SIZE: dict[str, Any] = _REGRET | {
    "num_envs": 48,
    "update_every_steps": 4,
    "updates_at_once": 24,
    "epsilon_episodes": 2000,
    "batch_size": 256,
    "learning_rate": 2e-3,
    "episodes": 30_000,
}

_FAMILY: dict[str, Any] = _ANY_SIZE | {
    "name": "regret-small",
    "scenario": "slack",
    "family": 48,
    "observation": "prices",
    "reward": "regret-units",
    "huber_delta": 0.06,
    "episodes": 40_000,
    "epsilon_episodes": 2500,
}

TRAIN_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "regret": _REGRET,
    "regret-prices": _REGRET
    | {
        "name": "regret-prices",
        "observation": "prices",
        "reward": "regret-prices",
        "learning_rate": 1.5e-3,
        "epsilon_episodes": 400,
        "update_every_steps": 1,
        "target_update_steps": 100,
    },
    "regret-mix": _ANY_SIZE
    | {
        "name": "regret-mix",
        "scenario": "slack",
        "scenarios": _sizes("paper-varied", "slack"),
    },
    "regret-small": _FAMILY,
    # On more networks, larger ones among them, from the weights of regret-small: `--from` its run.
    "regret-family": _FAMILY
    | {
        "name": "regret-family",
        "heldout_seed": 1_000_001,
        "family": 96,
        "family_of": "both",
        "num_envs": 96,
        "episodes": 20_000,
        "learning_rate": 5e-4,
        "epsilon_start": 0.1,
        "epsilon_episodes": 500,
    },
    "regret-online": _ANY_SIZE
    | {
        "name": "regret-online",
        "scenario": "online-slack",
        "scenarios": _sizes("online", "online-slack"),
        "episodes": 60_000,
    },
}
"""What each preset changes; a new one is an entry here.

`paper`, `regret-mix`, `regret-family` and `regret-online` made `mec_gym.policies.SHIPPED`; the last
three were played on held-out slots less often.
"""
