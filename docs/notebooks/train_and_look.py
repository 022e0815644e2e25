# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train and look
#
# Train a network for some seconds, then look at what it does: its numbers beside the proven
# optimum, and one slot as a picture.

# %%
import tempfile
from pathlib import Path

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

import mec_gym
from mec_gym.benchmark.comparison import compare
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

# %% [markdown]
# ## Train
# The preset `regret` takes 4000 episodes; an eighth of that is enough to see it learn. A run
# directory holds the policy, the configuration and the curves, which
# `tensorboard --logdir DIRECTORY` shows.

# %%
run = Path(tempfile.mkdtemp()) / "run"
config = TrainConfig.preset("regret", episodes=500, epsilon_episodes=200)
result = train(config, run, progress=False)
for file in ("config.toml", "policy.json", "policy.safetensors"):
    print(file, (run / file).stat().st_size, "bytes")

# %% [markdown]
# ## Numbers
# All policies play the same slots, on which nothing was trained. A gap is how far the average
# delay is above the proven optimum of each slot.

# %%
policies = {"trained here": [result.policy]} | {
    name: [mec_gym.policies.get(name)] for name in ("roa", "least-delay", "local-search")
}
slots = config.scenario.sample(300, seed=4242)
results = compare(policies, slots)
for each in results:
    print(f"{each.name:14s} {each.average_delay.mean:.4f} s, gap {each.gap.mean:7.3%}")

# %% [markdown]
# The mean hides how often a policy is far off. For each policy, the share of slots whose gap is
# below the value on the x axis; further up and left is better. Slots that are played to the
# optimum stand at the left edge.

# %%
figure, panel = plt.subplots(figsize=(7, 3.6), layout="constrained")
for each in results:
    gaps = np.sort(100 * each.gap.values[0]).clip(1e-3)
    panel.plot(gaps, np.arange(1, len(gaps) + 1) / len(gaps), label=each.name)
panel.set(xscale="log", xlabel="gap to the optimum, %", ylabel="share of slots", ylim=(0, 1))
panel.grid(alpha=0.3)
panel.legend(frameon=False)
plt.show()

# %% [markdown]
# ## One slot
# A policy that was saved is loaded by the name of its directory. Here it plays one slot step by
# step in the environment, which draws it.

# %%
policy = mec_gym.load_policy(run)
env = gym.make(
    "mec_gym:MEC-Offload-v0",
    scenario=config.scenario,
    observation=policy.observation,
    render_mode="rgb_array",
)
slot = slots[0]
observation, info = env.reset(options={"instance": slot})
for server in policy(slot, 0):
    observation, reward, done, truncated, info = env.step(int(server))
print(f"average delay {info['average_delay']:.4f} s, servers {info['assignment']}")

figure, panel = plt.subplots(figsize=(8, 6), layout="constrained")
panel.imshow(env.render())
panel.axis("off")
plt.show()
