"""Task offloading in multi-user, multi-server mobile edge computing.

Importing this package registers the environment `MEC-Offload-v0` with Gymnasium.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

try:
    import gymnasium
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "mec_gym needs gymnasium, which this Python does not have; in the repository `make setup`"
        " installs all, and `. .venv/bin/activate` makes that Python the one of this shell;"
        " elsewhere `pip install` with the repository's directory",
        name=error.name,
    ) from None

if TYPE_CHECKING:
    from mec_gym import bounds, policies, system
    from mec_gym.episodes import Episodes
    from mec_gym.instance import Instance
    from mec_gym.plausibility import PlausibilityWarning
    from mec_gym.policies.trained import TrainedPolicy, load_policy
    from mec_gym.scenario import Scenario
    from mec_gym.system import (
        allocate_cpu,
        average_delay,
        computation_delay,
        is_feasible,
        task_delays,
        transmission_delay,
        uplink_rate,
    )

__all__ = [
    "Episodes",
    "Instance",
    "PlausibilityWarning",
    "Scenario",
    "TrainedPolicy",
    "allocate_cpu",
    "average_delay",
    "bounds",
    "computation_delay",
    "is_feasible",
    "load_policy",
    "policies",
    "system",
    "task_delays",
    "transmission_delay",
    "uplink_rate",
]

__version__ = "0.1.0"

_WHERE = {
    "Episodes": "mec_gym.episodes",
    "Instance": "mec_gym.instance",
    "PlausibilityWarning": "mec_gym.plausibility",
    "Scenario": "mec_gym.scenario",
    "TrainedPolicy": "mec_gym.policies.trained",
    "load_policy": "mec_gym.policies.trained",
    "allocate_cpu": "mec_gym.system",
    "average_delay": "mec_gym.system",
    "computation_delay": "mec_gym.system",
    "is_feasible": "mec_gym.system",
    "task_delays": "mec_gym.system",
    "transmission_delay": "mec_gym.system",
    "uplink_rate": "mec_gym.system",
}
"""The module of each public name that is no module, imported when the name is first asked for."""


def __getattr__(name: str) -> Any:
    """Return a public name, or a module of the package, when it is first asked for."""
    if name in _WHERE:
        globals()[name] = getattr(import_module(_WHERE[name]), name)
        return globals()[name]
    module = f"{__name__}.{name}"
    if name.startswith("_") or find_spec(module) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(module)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


gymnasium.register(
    "MEC-Offload-v0",
    entry_point="mec_gym.envs.offload:OffloadEnv",
    vector_entry_point="mec_gym.envs.vector:OffloadVectorEnv",
)
