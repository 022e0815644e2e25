"""How long a rival's step takes: `python -m benchmarks.rivals.steps NAME` prints it as JSON.

A step decides for every user of that environment at once; `decisions` says how many. Resets are
not counted.
"""

import contextlib
import importlib
import io
import json
import sys
from typing import Any, NamedTuple

from benchmarks.environments import step_seconds


class Rival(NamedTuple):
    """Where an environment is, for how many users a step decides, and how many steps to time."""

    module: str
    name: str
    decisions: int
    steps: int


RIVALS = {
    "mobile-env small central": Rival("mobile_env", "mobile-small-central-v0", 5, 2000),
    "EdgeEngine AWARE": Rival("edgeengine_aware", "EdgeEngineAware-v0", 1, 5000),
    "UCMEC static": Rival("UCMEC.envs", "MA_UCMEC_Static", 10, 8),
}


def make(rival: Rival) -> Any:
    """Return the environment, from the Gym that it is written for."""
    module = importlib.import_module(rival.module)
    if hasattr(module, rival.name):  # a class, for old Gym
        return getattr(module, rival.name)()
    return importlib.import_module("gymnasium").make(rival.name)


if __name__ == "__main__":
    rival = RIVALS[sys.argv[1]]
    with contextlib.redirect_stdout(io.StringIO()):  # UCMEC prints at every step
        env = make(rival)
        env.action_space.seed(0)
        actions = [env.action_space.sample() for _ in range(rival.steps)]
        seconds = min(step_seconds(env, actions) for _ in range(3))
    print(json.dumps({"seconds": seconds, "decisions": rival.decisions}))
