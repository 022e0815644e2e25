"""Slots that follow one another: scenarios of every kind, and an episode in plain NumPy."""

import numpy as np
from any_options import ALL_AT_ONCE

from mec_gym import observations, rewards, system
from mec_gym.instance import Instance
from mec_gym.mdp import State

PLAIN = {"slots": 4, "slot_s": 0.3}
ARRIVING = {
    "num_devices": 5,
    "slots": 5,
    "slot_s": 0.2,
    "arrivals": {"probability": 0.4},
    "background": {"levels": [0.0, 0.5]},
    "handover_s": [0.05, 0.2],
    "servers": "per-slot",
    "capacity": 2,
}
FORGETTING = PLAIN | {"left_over": "forgotten", "arrivals": {"probability": 0.6}}
OPTIONS = ALL_AT_ONCE | {
    "slots": 4,
    "slot_s": 0.3,
    "arrivals": {"kind": "poisson", "probability": 0.6},
    "state_bits": 1e6,
    "backhaul_bps": 1e7,
}
WEIGHTED = ARRIVING | {"delay_weight": [0.5, 2.0], "energy_weight": 0.3, "local_hz": 1e9}
SCENARIOS = {
    "plain": PLAIN,
    "arriving": ARRIVING,
    "forgetting": FORGETTING,
    "options": OPTIONS,
    "weighted": WEIGHTED,
}


class Reference:
    """An environment that makes every slot an instance, and plays it as a slot of its own."""

    def __init__(self, scenario, observation, reward, penalty=10.0):
        self.scenario, self.penalty = scenario, penalty
        self.observer = observations.make(observation, scenario)
        self.reward = rewards.find(reward, scenario)

    def begin(self, episode):
        self.episode, self.carried = episode, episode.begin()
        self.sums, self.tasks, self.feasible = {}, 0, True
        self._next(0)
        return self.shown.copy(), self.state.mask

    def _next(self, number):
        absent = np.full(self.scenario.num_devices, -1)
        while not self.episode.present[number].any():
            self.carried = self.episode.after(number, self.carried, absent)
            number += 1
        self.number = number
        self.devices = np.flatnonzero(self.episode.present[number])
        whole = self.episode.slot(number, self.carried)
        self.slot = Instance(**whole.of_devices(self.devices).arrays())
        self.state = State(self.slot, rewards.preparation(self.reward))
        self.shown = self.observer.begin(self.state)

    def step(self, server):
        state = self.state
        earned = rewards.of_decision(self.reward, state, server, self.penalty)
        state.assign(server)
        self.observer.update(self.shown, state)
        done, info = False, {}
        if state.done:
            done, info = self._end()
        return self.shown.copy(), earned, done, info | {"action_mask": self.state.mask}

    def _end(self):
        chosen, slot = self.state.assignment, self.slot
        loads = system.server_sums(1.0, chosen, slot.num_actions)
        sqrt_load = np.array(self.state.slot.sqrt_load)
        cpu_hz, delay = system.allocate(slot, chosen, sqrt_load)
        assert (loads == self.state.load).all()
        info = {
            "assignment": chosen,
            "cpu_hz": cpu_hz,
            "task_delay": delay,
            "overloads": int(system.overloads(slot, chosen)),
            "feasible": bool(system.is_feasible(slot, chosen)),
        }
        info |= {name: value.item() for name, value in system.report(slot, chosen).items()}
        info["average_delay"] = np.add.accumulate(delay)[-1] / len(delay)
        whole = np.full(self.scenario.num_devices, -1)
        whole[self.devices] = chosen
        before = self.carried.last_server
        self.carried = self.episode.after(self.number, self.carried, whole)
        served = (whole >= 0) & (whole < slot.num_servers)
        info |= {
            "slot": self.number,
            "devices": self.devices,
            "backlog_cycles": self.carried.backlog_cycles,
            "handovers": int((served & (before >= 0) & (before != whole)).sum()),
        }
        self.tasks += len(chosen)
        self.feasible = self.feasible and info["feasible"]
        means = {"average_delay", "cost", "energy_j"}
        counts = {"overloads", "missed", "dropped", "barred", "handovers"}
        for name in (means | counts) & info.keys():
            value = info[name] * len(chosen) if name in means else info[name]
            self.sums[name] = self.sums.get(name, 0) + value
        later = np.flatnonzero(self.episode.present[self.number + 1 :].any(axis=1))
        if len(later):
            self._next(self.number + 1)
            return False, info
        for name, value in self.sums.items():
            info[f"episode_{name}"] = value / self.tasks if name in means else value
        return True, info | {"episode_feasible": self.feasible, "episode_tasks": self.tasks}


def assert_same_info(one, other):
    """Both say the same in numbers of the same types."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
        assert np.asarray(value).dtype == np.asarray(other[name]).dtype, name
        assert np.shape(value) == np.shape(other[name]), name
