"""Scenarios and slots with every mix of options, and what an assignment costs, derived anew."""

import itertools
import math

import numpy as np

from mec_gym import Instance
from mec_gym.channels import PathLossChannel

ALL_AT_ONCE = {
    "num_devices": 5,
    "channel": PathLossChannel(side_m=400.0),
    "noise_psd": 4e-21,
    "capacity": 2,
    "delay_weight": [0.5, 2.0],
    "energy_weight": [0.0, 1.0],
    "local_hz": [5e8, 1.5e9],
    "cloud_delay_s": 0.3,
    "cloud_hz": 2e10,
    "drop_penalty_s": 4.0,
    "deadline_s": [0.4, 2.0],
    "coverage_m": 250.0,
    "services": [[0, 1], [1, 2], [2]],
    "fetch_delay_s": 0.1,
}
"""Fields of a scenario that uses every option."""


def random_slot(rng):
    """A slot of few devices and servers with any mix of options; it may have no assignment."""
    devices, servers = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    links = (devices, servers)
    given = {
        "gain": rng.uniform(0.1, 2, links),
        "task_bits": rng.uniform(1e5, 5e6, devices),
        "task_cycles": rng.uniform(1e8, 4e9, devices),
        "server_hz": rng.uniform(1e9, 9e9, servers),
        "capacity": rng.integers(0, devices + 1, servers),
        "bandwidth_hz": rng.uniform(1e5, 1e7, devices),
        "tx_power_w": rng.uniform(0.05, 1, devices),
        "noise_w": rng.uniform(1e-3, 1e-1, devices),
    }
    more = {
        "delay_weight": rng.uniform(0.2, 3, devices),
        "energy_weight": rng.uniform(0, 2, devices) * rng.integers(0, 2, devices),
        "drop_penalty_s": rng.uniform(0.5, 5, devices),
        "deadline_s": rng.uniform(0.1, 5, devices),
        "covered": rng.random(links) < 0.7,
        "fetch_delay_s": rng.choice([0, 0, 0.2, np.inf], links),
    }
    local = {
        "local_hz": rng.uniform(5e8, 2e9, devices),
        "switched_capacitance": rng.uniform(1e-28, 1e-26, devices),
    }
    cloud = {
        "cloud_delay_s": rng.uniform(0, 1, devices),
        "cloud_hz": rng.uniform(5e9, 5e10, devices),
    }
    moves = {
        "handover_s": rng.uniform(0, 1, devices),
        "last_server": rng.integers(-1, servers, devices),
    }
    more["backlog_cycles"] = rng.uniform(0, 5e9, servers)
    for group in (*({name: value} for name, value in more.items()), local, cloud, moves):
        if rng.random() < 0.5:
            given |= group
    return Instance(**given)


class Oracle:
    """A slot's outcomes in plain numbers, straight from the model's description."""

    def __init__(self, slot):
        self.slot = slot
        self.columns = [
            name
            for name, field in (
                ("local", "local_hz"),
                ("cloud", "cloud_hz"),
                ("drop", "drop_penalty_s"),
            )
            if getattr(slot, field) is not None
        ]
        self.actions = slot.num_servers + len(self.columns)

    def rate(self, m, n):
        s = self.slot
        ratio = s.tx_power_w[m] * s.gain[m, n] / s.noise_w[m]
        return s.bandwidth_hz[m] * math.log2(1 + ratio)

    def best_rate(self, m):
        s = self.slot
        seen = [n for n in range(s.num_servers) if s.covered is None or s.covered[m, n]]
        return max((self.rate(m, n) for n in seen), default=None)

    def before(self, m, n):
        """What passes on a server before the task has its share of it: fetch, move, wait."""
        s = self.slot
        fetch = 0.0 if s.fetch_delay_s is None else s.fetch_delay_s[m, n]
        moves = s.last_server is not None and s.last_server[m] >= 0 and s.last_server[m] != n
        wait = 0.0 if s.backlog_cycles is None else s.backlog_cycles[n] / s.server_hz[n]
        return fetch + (s.handover_s[m] if moves else 0.0) + wait

    def may(self, m, n):
        """Whether the device may take the action, places left aside."""
        s = self.slot
        if n < s.num_servers:
            if s.covered is not None and not s.covered[m, n]:
                return False
            before = self.before(m, n)
            least = s.task_bits[m] / self.rate(m, n) + before + s.task_cycles[m] / s.server_hz[n]
        elif self.columns[n - s.num_servers] == "drop":
            return True
        elif self.columns[n - s.num_servers] == "local":
            least = s.task_cycles[m] / s.local_hz[m]
        else:
            if self.best_rate(m) is None:
                return False
            least = self.cloud(m)
        return least < math.inf and (s.deadline_s is None or least <= s.deadline_s[m])

    def cloud(self, m):
        s = self.slot
        sent = s.task_bits[m] / self.best_rate(m)
        return sent + s.cloud_delay_s[m] + s.task_cycles[m] / s.cloud_hz[m]

    def alone(self, m, n):
        """Delay but for shared computing, energy; of an action that is allowed."""
        s = self.slot
        if n < s.num_servers:
            sent = s.task_bits[m] / self.rate(m, n)
            return sent + self.before(m, n), s.tx_power_w[m] * sent
        column = self.columns[n - s.num_servers]
        if column == "drop":
            return s.drop_penalty_s[m], 0.0
        if column == "local":
            energy = s.switched_capacitance[m] * s.local_hz[m] ** 2 * s.task_cycles[m]
            return s.task_cycles[m] / s.local_hz[m], energy
        return self.cloud(m), s.tx_power_w[m] * s.task_bits[m] / self.best_rate(m)

    def weight(self, m):
        return 1.0 if self.slot.delay_weight is None else self.slot.delay_weight[m]

    def outcome(self, chosen):
        """Delays and energies of an allowed assignment, CPU split as is best for weighted delay."""
        s, delays, energies = self.slot, [], []
        for m, n in enumerate(chosen):
            delay, energy = self.alone(m, n)
            if n < s.num_servers:
                roots = [
                    math.sqrt(self.weight(k) * s.task_cycles[k])
                    for k in range(len(chosen))
                    if chosen[k] == n
                ]
                own = math.sqrt(self.weight(m) * s.task_cycles[m])
                delay += s.task_cycles[m] / (s.server_hz[n] * own / sum(roots))
            delays.append(delay)
            energies.append(energy)
        return delays, energies

    def cost(self, chosen):
        """What an allowed assignment costs in all, seconds."""
        delays, energies = self.outcome(chosen)
        per_joule = self.slot.energy_weight
        return sum(
            self.weight(m) * delays[m] + (0 if per_joule is None else per_joule[m] * energies[m])
            for m in range(len(chosen))
        )

    def assignments(self):
        """All that keep to places and allowed links."""
        s = self.slot
        choices = [[n for n in range(self.actions) if self.may(m, n)] for m in range(s.num_devices)]
        for chosen in itertools.product(*choices):
            if all(chosen.count(n) <= s.capacity[n] for n in range(s.num_servers)):
                yield chosen
