"""Tiny episodes with every mix of options, and their optima by trying every assignment of each."""

import itertools

import numpy as np

from mec_gym import Scenario, system
from mec_gym.episodes import Carried

OPTIONS = {
    "delay_weight": [0.3, 3.0],
    "energy_weight": [0.0, 1.0],
    "local_hz": [1e9, 3e9],
    "cloud": {"cloud_delay_s": 0.3, "cloud_hz": 2e10},
    "drop_penalty_s": 3.0,
    "deadlines": {"deadline_s": [0.5, 3.0], "drop_penalty_s": 2.5},
    "services": {"services": [[0], [0, 1]], "fetch_delay_s": 0.2},
    "handover_s": [0.0, 1.0],
    "moved": {"state_bits": [1e6, 1e7], "backhaul_bps": 2e7},
    "arrivals": {"arrivals": {"probability": 0.7}},
    "background": {"background": {"levels": [0.0, 0.5], "stay": 0.6}},
    "forgotten": {"left_over": "forgotten"},
}
"""Each is given to about one in three episodes."""


def scenario(rng):
    """A scenario of two servers, few devices and slots, any options, and work that waits."""
    num_devices, slots = [(2, 3), (3, 2), (2, 2), (4, 2)][rng.integers(4)]
    fields = {
        "num_devices": num_devices,
        "num_servers": 2,
        "slots": slots,
        "slot_s": float(rng.uniform(0.05, 0.5)),
        "capacity": int(rng.integers((num_devices + 1) // 2, num_devices + 1)),
        "server_hz": [2e9, 9e9],
        "servers": "per-slot" if rng.random() < 0.3 else "fixed",
    }
    for name, value in OPTIONS.items():
        if rng.random() < 0.3:
            fields |= value if isinstance(value, dict) else {name: value}
    if num_devices == 4 or len(fields) > 12:  # or there are too many to try
        for name in ("local_hz", "cloud_delay_s", "cloud_hz"):
            fields.pop(name, None)
    return Scenario(**fields)


def optimum(episode):
    """The least total cost of one episode (1,), and an assignment (K, M) of it."""
    num_actions = episode.slots.num_actions
    carried, total = episode.begin(), np.zeros(1)
    history = np.zeros((1, 0, episode.slots.num_devices), np.int64)
    for number in range(episode.num_slots):
        devices = np.flatnonzero(episode.present[0, number])
        if len(devices) == 0:
            every = np.full((1, episode.slots.num_devices), -1)
        else:
            some = np.array(list(itertools.product(range(num_actions), repeat=len(devices))))
            every = np.full((len(some), episode.slots.num_devices), -1)
            every[:, devices] = some
        before, tried = np.divmod(np.arange(len(total) * len(every)), len(every))
        assignment = every[tried]
        carried = Carried(*(each[before] for each in carried))
        many = episode[np.zeros(len(before), np.int64)]
        total, history = total[before], history[before]
        if len(devices):
            slots = many.slot(number, carried).of_devices(np.tile(devices, (len(before), 1)))
            chosen = assignment[:, devices]
            total = total + system.task_costs(slots, chosen).sum(axis=-1)
            total[~system.is_feasible(slots, chosen)] = np.inf
        carried = many.after(number, carried, assignment)
        history = np.concatenate([history, assignment[:, None]], axis=1)
        kept = np.isfinite(total)
        carried = Carried(*(each[kept] for each in carried))
        total, history = total[kept], history[kept]
    best = int(np.argmin(total))
    return total[best], history[best]
