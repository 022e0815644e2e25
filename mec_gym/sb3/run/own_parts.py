"""A user's own parts of a run, and digests of their sources: a run that goes on has the same."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mec_gym import observations, rewards
from mec_gym.channels import CHANNELS
from mec_gym.io import names
from mec_gym.kernels import sources
from mec_gym.sb3.agent.losses import LOSSES
from mec_gym.sb3.run.config import TrainConfig

_NOT_THEIRS = frozenset({"mec_gym", "gymnasium", "pydantic", "scipy", "torch"})
"""What a run promises nothing of where its version changes."""


def own_parts(config: TrainConfig) -> dict[str, str]:
    """Return a digest of what each part of a user's own is made of; empty where all are ours.

    That is the source of its module, of the user's functions that it calls, and the constants that
    they name. Keys are such as "reward mine:long_delays_count_more".
    """
    scenarios = (config.scenario, *config.scenarios)
    named: dict[str, Mapping[str, Any]] = {
        **{f"channel {scenario.channel.kind}": CHANNELS for scenario in scenarios},
        f"observation {config.observation}": observations.OBSERVATIONS,
        f"reward {config.reward}": rewards.REWARDS,
        f"loss {config.loss}": LOSSES,
    }
    found = {}
    for part, table in named.items():
        field, _, name = part.partition(" ")
        if ":" in name and name not in table:
            thing = names.find(table, name, field)
            found[part] = sources(*_functions(thing), but=_NOT_THEIRS)
    return found


def _functions(thing: Any) -> Iterator[Callable[..., Any]]:
    """Yield a function, or those of a class and of the classes of a user's own that it is of."""
    if not inspect.isclass(thing):
        yield thing
        return
    for cls in thing.__mro__:
        if cls.__module__.partition(".")[0] in _NOT_THEIRS | {"builtins", "abc"}:
            continue
        for value in vars(cls).values():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if inspect.isfunction(function):
                yield function
