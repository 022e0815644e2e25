"""MB that a batch of `paper` takes beyond its imports.

`python -m benchmarks.env_memory KIND COPIES` prints them as JSON.

KIND is `native` or `sync`. The batch is made, reset and stepped through three slots; a step is one
decision in every copy.
"""

import json
import sys

import gymnasium as gym
import numpy as np

from benchmarks import common
from benchmarks.environments import ID, sync

SLOTS, DEVICES = 3, 9

if __name__ == "__main__":
    kind, copies = sys.argv[1], int(sys.argv[2])
    imported = common.resident()
    env = gym.make_vec(ID, num_envs=copies) if kind == "native" else sync(copies)
    env.reset(seed=0)
    actions = np.zeros(copies, dtype=np.int64)
    for step in range(SLOTS * DEVICES):
        env.step((actions + step) % env.single_action_space.n)
    print(json.dumps({"peak": common.resident("VmHWM") - imported}))
