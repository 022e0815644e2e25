"""Table I with SBX, Stable-Baselines3's port to JAX: `benchmarks.table_i` says what is printed.

`python -m benchmarks.rivals.sbx_dqn EPISODES [CHUNK] [--memory]`.
"""

import gymnasium as gym
import jax.numpy as jnp
import sbx.dqn.policies
from flax import linen
from sbx import DQN

from benchmarks import table_i


class QNetwork(sbx.dqn.policies.QNetwork):
    """Table I's hidden layers; SBX's own network gives all the width of the first."""

    @linen.compact
    def __call__(self, x: jnp.ndarray) -> jnp.ndarray:
        """Return the value of every action."""
        for width in table_i.HIDDEN:
            x = self.activation_fn(linen.Dense(width)(x))
        return linen.Dense(self.n_actions)(x)


def make(episodes: int, chunk: int) -> DQN:
    """Return SBX's DQN, untrained."""
    sbx.dqn.policies.QNetwork = QNetwork
    return DQN("MlpPolicy", gym.make(table_i.ID), **table_i.settings(chunk))


if __name__ == "__main__":
    table_i.main(make, warm_up=40)  # compiles all that `learn` runs: updates, target copies, acting
