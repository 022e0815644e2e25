"""The loops of the batched environment, compiled by numba when first called.

They call the functions of `mec_gym.mdp`, `mec_gym.rewards` and `mec_gym.system` themselves. Arrays
have a row for each of B copies; `slots` is flat.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
from numba.extending import register_jitable

from mec_gym import mdp, rewards, system

_CALLED: tuple[Callable[..., Any], ...] = (
    system.computation_delay,
    system.cpu_share,
    system.delay_rise,
    system.equal_share_delay,
    mdp.assign,
    rewards.paid,
)
for _function in _CALLED:
    register_jitable(_function)  # so that compiled code may call it


@cache
def step_of(reward: str) -> Any:
    """Return the compiled loop of one step for a reward's name, see `step` in it."""
    cost = numba.njit(rewards.REWARDS[reward])

    @numba.njit
    def step(
        slots: Any,
        device: Any,
        server: Any,
        overload_penalty: Any,
        assignment: Any,
        observation: Any,
        shown_places: Any,
        first_place: Any,
        mask: Any,
        reward: Any,
        terminated: Any,
    ) -> None:
        """Give each copy's device to its server; `reward` and `terminated` are written."""
        num_copies, num_devices = assignment.shape
        num_servers = mask.shape[1]
        for row in range(num_copies):
            chosen = server[row]
            task = row * num_devices + device[row]
            place = row * num_servers + chosen
            link = task * num_servers + chosen
            reward[row] = rewards.paid(
                slots, place, cost(slots, link, task, place), overload_penalty
            )
            mdp.assign(slots, task, place)
            assignment[row, device[row]] = chosen
            observation[row, first_place + chosen] = shown_places[chosen, slots.load[place]]
            mask[row, chosen] = slots.load[place] < slots.capacity[place]
            device[row] += 1
            terminated[row] = device[row] == num_devices

    return step


@numba.njit
def finish(
    slots: Any,
    rows: Any,
    assignment: Any,
    cpu_hz: Any,
    task_delay: Any,
    overloads: Any,
) -> None:
    """Write what the slots of some copies came to, by Eqs. (20), (21) and (5)."""
    num_copies, num_devices = assignment.shape
    num_servers = len(slots.load) // num_copies
    for row in rows:
        for device in range(num_devices):
            task = row * num_devices + device
            place = row * num_servers + assignment[row, device]
            link = task * num_servers + assignment[row, device]
            cpu_hz[row, device] = system.cpu_share(
                slots.server_hz[place], slots.sqrt_cycles[task], slots.sqrt_load[place]
            )
            task_delay[row, device] = slots.tx_delay[link] + system.computation_delay(
                slots.task_cycles[task], cpu_hz[row, device]
            )
        for place in range(row * num_servers, (row + 1) * num_servers):
            overloads[row] += max(slots.load[place] - slots.capacity[place], 0)


@numba.njit
def begin(
    rows: Any, sources: Any, tx_delay: Any, task_cycles: Any, server_hz: Any, seen: Any,
    slots: Any, observation: Any, device: Any,
) -> None:  # fmt: skip
    """Put the slots at `sources`, the rows of the four arrays, into some copies, unassigned."""
    num_links, num_devices, num_servers = (
        tx_delay.shape[1],
        task_cycles.shape[1],
        server_hz.shape[1],
    )
    for row, source in zip(rows, sources):  # noqa: B905  # numba knows no strict
        slots.tx_delay[row * num_links : (row + 1) * num_links] = tx_delay[source]
        slots.task_cycles[row * num_devices : (row + 1) * num_devices] = task_cycles[source]
        for task in range(row * num_devices, (row + 1) * num_devices):
            slots.sqrt_cycles[task] = math.sqrt(slots.task_cycles[task])
        for server in range(num_servers):
            place = row * num_servers + server
            slots.server_hz[place] = server_hz[source, server]
            slots.load[place] = 0
            slots.sqrt_load[place] = 0.0
        observation[row] = seen[source]
        device[row] = 0
