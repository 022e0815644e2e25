"""Task offloading in multi-user, multi-server mobile edge computing.

Importing this package registers the environment `MEC-Offload-v0` with Gymnasium.
"""

import gymnasium

from mec_gym import bounds, policies, system
from mec_gym.instance import Instance
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
    "Instance",
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

gymnasium.register(
    "MEC-Offload-v0",
    entry_point="mec_gym.envs.offload:OffloadEnv",
    vector_entry_point="mec_gym.envs.vector:OffloadVectorEnv",
)
