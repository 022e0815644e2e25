"""Loops over the states, and over the assignments, of a small system, compiled."""

from typing import Any

import numpy as np

from mec_gym.bounds.outlook import Outlook
from mec_gym.bounds.values import RIDGE, Law, Values, expected, least, write_terms
from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise


@loops_for
def fit(formulas: str) -> Any:
    """Return the loop that writes the coefficients of `Values`."""

    @loop
    def over_states(law: Any, values: Any, points: Any, spread: float) -> None:
        """Write the coefficients, from the last device to the first."""
        assert formulas
        num_devices, states, num_terms = values.coefficient.shape
        num_actions, num_points = len(law.server_hz), len(points)
        count, load = np.zeros(num_actions, np.int64), np.zeros(num_actions)
        terms, cost = np.empty((num_points, num_terms)), np.empty(num_points)
        scratch = np.empty(num_terms)
        least_size, most_size = law.size.min(), law.size.max()
        deviation = law.size.std()
        all_counted = values.place.min() > 0
        for device in range(num_devices - 1, -1, -1):
            for state in range(states):
                tasks, left = 0, state
                for server in range(num_actions - 1, -1, -1):
                    count[server] = 0
                    if values.place[server] > 0:
                        count[server] = left // values.place[server]
                        left -= count[server] * values.place[server]
                    tasks += count[server]
                if tasks > device or (all_counted and tasks < device):
                    continue
                for point in range(num_points):
                    for server in range(num_actions):
                        tasks = count[server]
                        beyond = spread * deviation * points[point, server] * np.sqrt(tasks)
                        some = tasks * values.mean_size + beyond
                        load[server] = min(max(some, tasks * least_size), tasks * most_size)
                    cost[point] = expected(law, values, device, state, count, load, scratch)
                    write_terms(values, count, load, terms[point])
                squares = terms.T @ terms
                for term in range(num_terms):
                    squares[term, term] += RIDGE * num_points
                values.coefficient[device, state] = np.linalg.solve(squares, terms.T @ cost)

    return over_states


@loops_for
def penalty(formulas: str) -> Any:
    """Return the loop that finds what an assignment pays, see `mec_gym.bounds.online`."""

    @loop
    def over_devices(outlook: Outlook, law: Law, values: Values, assignment: Any) -> float:
        """Return what an assignment pays in all; where it has -1 it follows the values."""
        assert formulas
        num_devices, num_actions = outlook.link_cost.shape
        count, load = np.zeros(num_actions, np.int64), np.zeros(num_actions)
        terms = np.empty(len(values.parent))
        state, total = 0, 0.0
        for device in range(num_devices):
            links, size = outlook.link_cost[device], outlook.size[device]
            mean = expected(law, values, device, state, count, load, terms)
            best, own = least(
                values,
                device,
                links,
                size,
                law.server_hz,
                law.capacity,
                state,
                count,
                load,
                terms,
            )
            total += mean - own
            server = assignment[device] if assignment[device] >= 0 else best
            state += values.place[server]
            count[server] += 1
            load[server] += size
        return total

    return over_devices


@loops_for
def tightest(formulas: str) -> Any:
    """Return the loop that finds the least cost and penalty over all assignments of a slot."""

    @loop
    def over_assignments(outlook: Outlook, law: Law, values: Values) -> float:
        """Return the least cost and penalty together over all assignments of a slot."""
        assert formulas
        num_devices, num_actions = outlook.link_cost.shape
        count, load = np.zeros(num_actions, np.int64), np.zeros(num_actions)
        terms = np.empty(len(values.parent))
        # Of the device at each depth: the next action, and what stood before it.
        action = np.zeros(num_devices, np.int64)
        state = np.zeros(num_devices, np.int64)
        before, paid = np.zeros(num_devices), np.zeros(num_devices)
        lowest, device, arrived = np.inf, 0, True
        while device >= 0:
            links, size = outlook.link_cost[device], outlook.size[device]
            if arrived:
                mean = expected(law, values, device, state[device], count, load, terms)
                _, own = least(
                    values,
                    device,
                    links,
                    size,
                    law.server_hz,
                    law.capacity,
                    state[device],
                    count,
                    load,
                    terms,
                )
                action[device] = 0
                if device == num_devices - 1:  # its best rise is what it gets back
                    lowest = min(lowest, paid[device] + mean)
                    action[device] = num_actions
                else:
                    paid[device] += mean - own
            else:  # take back the action before
                server = action[device] - 1
                count[server] -= 1
                load[server] = before[device]
            server = action[device]
            while server < num_actions and (
                count[server] >= law.capacity[server] or not links[server] < np.inf
            ):
                server += 1
            if server >= num_actions:
                device, arrived = device - 1, False
                continue
            action[device] = server + 1
            before[device] = load[server]
            rise = delay_rise(links[server], size, law.server_hz[server], load[server])
            paid[device + 1] = paid[device] + rise
            state[device + 1] = state[device] + values.place[server]
            count[server] += 1
            load[server] += size
            device, arrived = device + 1, True
        return lowest

    return over_assignments
