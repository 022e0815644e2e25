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
# # Plan a network
#
# How many edge servers does a place need, and which policy should run there? The place here is a
# square of 600 m with 24 users whose tasks are those of Sec. IV-A, and six sites that could hold a
# server.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import mec_gym
from mec_gym.benchmark.comparison import compare
from mec_gym.channels import PathLossChannel
from mec_gym.networks.maps import Slot, draw_map

SITES = np.array([(150, 150), (450, 450), (150, 450), (450, 150), (300, 300), (300, 550)])
USERS = np.random.default_rng(0).normal((330, 330), 110, (24, 2)).clip(0, 600)


# %% [markdown]
# ## A network for each number of servers
# Sites and users are tables, here made in Python; yours may be two CSV files, in metres or degrees
# (`sites="sites.csv", users="users.csv"`, see docs/how-to/planning.md). There are as many servers
# as sites and as many devices as users, and each server is as the site's columns say. The radio is
# a path loss with shadowing and fading.


# %%
def network(servers):
    """Return the scenario with so many of the sites in use."""
    x, y = SITES[:servers].T
    sites = {"x": x, "y": y, "capacity": [12] * servers, "ghz": [8] * servers}
    users = {"x": USERS[:, 0], "y": USERS[:, 1]}
    return mec_gym.Scenario(
        channel=PathLossChannel(side_m=600, sites=sites, users=users),
        tx_power_w=0.2,
    )


# %% [markdown]
# ## Play the policies on the same slots
# `local-search` knows all tasks of a slot; `regret-online`, a network that comes with the package,
# decides as tasks come, and so does `least-delay`. The bound is below what any policy can reach.

# %%
NAMES = ("roa", "least-delay", "local-search")
rows = {}
for servers in range(2, 7):
    scenario = network(servers)
    slots = scenario.sample(100, seed=1)
    players = {name: [mec_gym.policies.get(name)] for name in NAMES}
    online = mec_gym.load_policy("regret-online").for_scenario(scenario)
    results = compare({**players, "regret-online": [online]}, slots)
    rows[servers] = {each.name: each for each in results}
    best = rows[servers]["local-search"]
    bound = mec_gym.bounds.lower_bound(slots).mean()
    print(f"{servers} servers: bound {bound:.3f} s, local-search {best.average_delay.mean:.3f} s")

# %% [markdown]
# ## How many servers
# Say that the average delay may be 0.8 s: read where each curve goes below the line. A random
# choice needs more servers for the same delay than a good policy does; the three others are nearly
# one line.

# %%
figure, panel = plt.subplots(figsize=(7, 3.8), layout="constrained")
for name in rows[2]:
    delays = [row[name].average_delay.mean for row in rows.values()]
    panel.plot(list(rows), delays, marker="o", label=name)
panel.axhline(0.8, color="0.5", linestyle=":")
panel.set(xlabel="servers", ylabel="average delay, s", xticks=list(rows))
panel.grid(alpha=0.3)
panel.legend(frameon=False)
plt.show()

# %%
for name in rows[2]:
    enough = [servers for servers, row in rows.items() if row[name].average_delay.mean <= 0.8]
    print(f"{name:14s} needs {enough[0] if enough else 'more than 6'} servers")

# %% [markdown]
# ## Which policy
# With the fewest servers that are enough: how far each policy is above the optimum or a lower
# bound, how often it keeps within the places, and how long it takes for a decision.

# %%
chosen = min(n for n, row in rows.items() if row["local-search"].average_delay.mean <= 0.8)
for each in rows[chosen].values():
    print(
        f"{each.name:14s} gap {each.gap.mean:7.2%}, feasible {each.feasible_rate:4.0%},"
        f" {1e6 * each.decision_seconds:5.1f} µs a decision"
    )

# %% [markdown]
# ## The network on a map
# One slot of that network, as local search assigns it.

# %%
slot = network(chosen).sample(1, seed=1, places=True)[0]
assignment = mec_gym.policies.get("local-search")(slot, 0)
shown = Slot(
    servers=slot.server_places_m,
    devices=slot.device_places_m,
    capacity=slot.capacity,
    choice=assignment,
    delay=mec_gym.task_delays(slot, assignment),
    not_built=SITES[chosen:],
)
figure, panel = plt.subplots(figsize=(8, 6.5), layout="constrained")
draw_map(panel, shown, "Who is served where")
plt.show()

# %% [markdown]
# ## From two CSV files, in five commands
# All of this is also a command. The tables are written here; yours come from where you keep them,
# in metres or in degrees, with whatever columns they have beside these.

# %%
folder = Path(tempfile.mkdtemp())
lines = ["id,x,y,capacity,ghz", *(f"{n},{x},{y},12,8" for n, (x, y) in enumerate(SITES))]
(folder / "sites.csv").write_text("\n".join(lines))
(folder / "users.csv").write_text("\n".join(["x,y", *(f"{x},{y}" for x, y in USERS.round(1))]))
(folder / "town.toml").write_text("""
tx_power_w = 0.2
[channel]
kind = "path-loss"
side_m = 600
sites = "sites.csv"
users = "users.csv"
""")

# %%
COMMANDS = """
mec_gym evaluate --scenario town.toml --policies roa least-delay local-search --instances 50
mec_gym plan town.toml --instances 50 --out plan
mec_gym plan town.toml --vary num_servers 2:6 --target p95<=1s --instances 40 --out servers
mec_gym plan town.toml --where 3 --instances 40 --out sites
mec_gym plan sites/network.toml --instances 40 --out built
"""
for line in COMMANDS.split("\n")[1:-1]:
    done = subprocess.run([sys.executable, "-m", *line.split()], cwd=folder, capture_output=True)
    print(f"python -m {line}\n{done.stdout.decode()}{done.stderr.decode()}")
    done.check_returncode()

# %%
plt.imshow(plt.imread(folder / "built" / "map.png"))
plt.axis("off")
plt.show()
