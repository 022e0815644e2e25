"""What the numbers of a slot make of each action of a device: one composition, for compiled loops.

The actions are the N servers, then the columns beside them in the order of
`mec_gym.instance.COLUMNS`, A in all.
"""

import math
from typing import Any, NamedTuple

from mec_gym import equations
from mec_gym.kernels import kernel


class Given(NamedTuple):
    """What the actions of a slot are composed of; what it does not have is of length 0.

    Attributes as those of `mec_gym.instance.Instance`: (M, N) for `tx_delay`, `covered` and
    `fetch_delay_s`, (N,) for `server_hz`, else (M,); and `wait`, how long work left over keeps each
    server, (N,), seconds.
    """

    tx_delay: Any
    task_cycles: Any
    server_hz: Any
    tx_power_w: Any
    delay_weight: Any
    energy_weight: Any
    local_hz: Any
    switched_capacitance: Any
    cloud_delay_s: Any
    cloud_hz: Any
    drop_penalty_s: Any
    deadline_s: Any
    covered: Any
    fetch_delay_s: Any
    wait: Any
    handover_s: Any
    last_server: Any


class Actions(NamedTuple):
    """What each action is by itself, an array each.

    Attributes:
        delay: but for computing on a shared CPU, (M, A), seconds.
        cost: a_mn = w^T delay + w^E energy, (M, A), seconds; the same array as `delay` where
            nothing is weighted.
        allowed: whether the task may take it, places left aside, (M, A); of length 0 where all may.
        energy: that it takes of the device, (M, A), joules; of length 0 where none asks.
        own_hz: CPU frequency of the task in each column, (M, K), cycles/s; 0 where it is dropped.
    """

    delay: Any
    cost: Any
    allowed: Any
    energy: Any
    own_hz: Any


@kernel
def compose(given: Given, device: int, actions: Actions, row: int) -> None:
    """Write a device's actions in a row of each of `actions`.

    Server: transmission, Eq. (2), fetching the service where it can be, moving it from the server
    that had it last, and waiting for the work left over there; local: computing;
    cloud: transmission over the fastest link covered, the way on, and computing there; drop: the
    penalty. What is sent takes P_m T_mn, local computing kappa f^2 C; what is dropped nothing.

    A server must cover the device and host its service, or be able to fetch it; a server or column
    must be able to meet the deadline, with its whole CPU. Dropping is always allowed. Where no
    server covers the device its fastest link is the one to any, and barred.
    """
    tx_delay, power = given.tx_delay[device], given.tx_power_w[device]
    cycles, num_servers = given.task_cycles[device], len(tx_delay)
    delay_weight = given.delay_weight[device] if len(given.delay_weight) else 1.0
    energy_weight = given.energy_weight[device] if len(given.energy_weight) else 0.0
    weights = delay_weight, energy_weight
    deadline = given.deadline_s[device] if len(given.deadline_s) else math.inf
    fastest, fastest_of_all, reached = math.inf, math.inf, False
    for server in range(num_servers):
        sent, fetched = tx_delay[server], 0.0
        may = len(given.covered) == 0 or bool(given.covered[device, server])
        fastest_of_all = min(fastest_of_all, sent)
        if may:
            fastest, reached = min(fastest, sent), True
        if len(given.fetch_delay_s):
            fetched = given.fetch_delay_s[device, server]
            if fetched == math.inf:
                fetched, may = 0.0, False
        delay, energy = sent + fetched, equations.tx_energy(power, sent)
        if len(given.last_server) and given.last_server[device] not in (-1, server):
            delay += given.handover_s[device]
        if len(given.wait):
            delay += given.wait[server]
        if len(actions.allowed):
            least = equations.task_delay(delay, cycles, given.server_hz[server])
            actions.allowed[row, server] = may and least <= deadline
        _write(actions, row, server, delay, energy, weights)
    action = num_servers
    if len(given.local_hz):
        hz = given.local_hz[device]
        delay = equations.computation_delay(cycles, hz)
        energy = equations.computation_energy(given.switched_capacitance[device], hz, cycles)
        actions.own_hz[row, action - num_servers] = hz
        if len(actions.allowed):
            actions.allowed[row, action] = delay <= deadline
        _write(actions, row, action, delay, energy, weights)
        action += 1
    if len(given.cloud_hz):
        sent, hz = fastest if reached else fastest_of_all, given.cloud_hz[device]
        delay = equations.cloud_delay(sent, given.cloud_delay_s[device], cycles, hz)
        actions.own_hz[row, action - num_servers] = hz
        if len(actions.allowed):
            actions.allowed[row, action] = reached and delay <= deadline
        _write(actions, row, action, delay, equations.tx_energy(power, sent), weights)
        action += 1
    if len(given.drop_penalty_s):
        actions.own_hz[row, action - num_servers] = 0.0
        if len(actions.allowed):
            actions.allowed[row, action] = True
        _write(actions, row, action, given.drop_penalty_s[device], 0.0, weights)


@kernel
def _write(
    actions: Actions,
    row: int,
    action: int,
    delay: float,
    energy: float,
    weights: tuple[float, float],
) -> None:
    """Write what one action takes; `weights` are w^T and w^E."""
    actions.delay[row, action] = delay
    actions.cost[row, action] = equations.weighted(delay, energy, weights[0], weights[1])
    if len(actions.energy):
        actions.energy[row, action] = energy
