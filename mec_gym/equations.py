"""The paper's equations, elementwise: for floats, for arrays and in compiled loops alike.

SI units throughout. Nothing but the mark of kernels is imported from the package.
"""

import math
from typing import Any

import numpy as np

from mec_gym.kernels import kernel

_LN_2 = math.log(2)

Real = Any
"""A float, or an array of any shape; several of them broadcast."""


def uplink_rate(gain: Real, bandwidth_hz: Real, tx_power_w: Real, noise_w: Real) -> Real:
    """Return the uplink rate R_mn = B log2(1 + P_m h_mn / sigma^2), bits/s; Eq. (1)."""
    # log1p keeps the rate exact where the signal is far below the noise.
    return rate(np.log1p(signal_to_noise(gain, tx_power_w, noise_w)), bandwidth_hz)


@kernel
def signal_to_noise(gain: Real, tx_power_w: Real, noise_w: Real) -> Real:
    """Return the ratio of signal to noise P_m h_mn / sigma^2 in Eq. (1)."""
    return tx_power_w * gain / noise_w


@kernel
def rate(log: Real, bandwidth_hz: Real) -> Real:
    """Return the uplink rate, bits/s, of ln(1 + P_m h_mn / sigma^2), the last part of Eq. (1)."""
    return bandwidth_hz * log / _LN_2


@kernel
def transmission_delay(task_bits: Real, rate: Real) -> Real:
    """Return the transmission delay S_m / R_mn, seconds; Eq. (2)."""
    return task_bits / rate


@kernel
def computation_delay(task_cycles: Real, cpu_hz: Real) -> Real:
    """Return the computation delay C_m / f_mn, seconds; Eq. (3)."""
    return task_cycles / cpu_hz


@kernel
def equal_share_delay(tx_delay: Real, task_cycles: Real, server_hz: Real, load: Real) -> Real:
    """Return the delay of a task that joins `load` others on equal CPU shares; Eq. (13), bracket.

    Seconds. The share is F_n / (u_n + 1) with u_n = `load`.
    """
    return tx_delay + computation_delay(task_cycles, server_hz / (load + 1))


@kernel
def delay_rise(tx_delay: Real, sqrt_cycles: Real, server_hz: Real, sqrt_load: Real) -> Real:
    """Return by how much a task that joins a server raises the total delay, seconds.

    Under Eq. (20) the tasks on a server compute for (sum of sqrt(C))^2 / F_n in all. With L =
    `sqrt_load`, that sum before the task comes, and q = `sqrt_cycles` = sqrt(C_m), the rise is
    T_tx + ((L + q)^2 - L^2) / F_n.
    """
    return tx_delay + sqrt_cycles * (2 * sqrt_load + sqrt_cycles) / server_hz


@kernel
def cpu_share(server_hz: Real, sqrt_cycles: Real, sqrt_load: Real) -> Real:
    """Return the optimal CPU share f_mn = F_n sqrt(C_m) / sum of sqrt(C_j), cycles/s; Eq. (20).

    `sqrt_load` is the sum over all tasks of the server, this one included. Where delays have
    weights w_m, q_m = sqrt(w_m C_m) stands for sqrt(C_m): of all f that sum to F_n, those least in
    the sum of w_m C_m / f_m have w_m C_m / f_m^2 the same for all (Lagrange), so f_m goes with q_m;
    the sum is then (sum of q_m)^2 / F_n.
    """
    return server_hz * sqrt_cycles / sqrt_load


@kernel
def task_delay(tx_delay: Real, task_cycles: Real, cpu_hz: Real) -> Real:
    """Return the delay of a task, T_mn + C_m / f_mn, seconds; Eqs. (4), (21)."""
    return tx_delay + computation_delay(task_cycles, cpu_hz)


@kernel
def allocate(
    tx_delay: Real, task_cycles: Real, sqrt_cycles: Real, server_hz: Real, sqrt_load: Real
) -> tuple[Real, Real]:
    """Return the optimal CPU share of a task, cycles/s, and its delay with it, seconds.

    Eqs. (20) and (21); `sqrt_load` as for `cpu_share`.
    """
    cpu_hz = cpu_share(server_hz, sqrt_cycles, sqrt_load)
    return cpu_hz, task_delay(tx_delay, task_cycles, cpu_hz)


@kernel
def weighted(delay: Real, energy: Real, delay_weight: Real, energy_weight: Real) -> Real:
    """Return what a delay, s, and an energy, J, cost: w^T delay + w^E energy, seconds."""
    return delay_weight * delay + energy_weight * energy


@kernel
def task_cost(link_cost: Real, sqrt_cycles: Real, server_hz: Real, sqrt_load: Real) -> Real:
    """Return what a task costs under Eq. (20), a_mn + q_m L_n / F_n, seconds.

    With f = F q / L by `cpu_share` that is the link's own cost and w^T C / f, as q^2 = w^T C.
    """
    return link_cost + sqrt_cycles * sqrt_load / server_hz


@kernel
def cloud_delay(tx_delay: Real, way_delay: Real, task_cycles: Real, cloud_hz: Real) -> Real:
    """Return the delay of a task in the cloud, seconds: sent, passed on, and computed alone."""
    return tx_delay + way_delay + computation_delay(task_cycles, cloud_hz)


@kernel
def waiting_delay(backlog_cycles: Real, server_hz: Real) -> Real:
    """Return how long work that came before keeps a server, W_n / F_n, seconds."""
    return backlog_cycles / server_hz


@kernel
def backlog_after(backlog_cycles: Real, task_cycles: Real, server_hz: Real, slot_s: Real) -> Real:
    """Return the work that a server has not finished when a slot ends, cycles.

    max(0, W_n + sum of C - F_n tau): what waited, and what the slot brought, less what it could do.
    """
    left = backlog_cycles + task_cycles - server_hz * slot_s
    return (left + abs(left)) / 2


@kernel
def tx_energy(tx_power_w: Real, tx_delay: Real) -> Real:
    """Return the energy of sending a task, P_m T_mn, joules."""
    return tx_power_w * tx_delay


@kernel
def computation_energy(switched_capacitance: Real, cpu_hz: Real, task_cycles: Real) -> Real:
    """Return the energy of computing a task on the device, kappa f^2 C, joules.

    kappa is the effective switched capacitance of the CPU, whose power is kappa f^3.
    """
    return switched_capacitance * cpu_hz * cpu_hz * task_cycles


@kernel
def overload(load: Real, capacity: Real) -> Real:
    """Return how many of a server's tasks stand above its capacity; 0 is what Eq. (9) asks for."""
    return (load - capacity) * (load > capacity)
