"""The paper's equations for one slot in plain Python loops, apart from the code under test.

Each takes an `Instance` of one slot only for its numbers, and nothing that is derived from them.
"""

import math

import pytest


def exactly(value):
    """What was worked out by hand, but for the last digits."""
    return pytest.approx(value, rel=1e-12, abs=0)


def rate(slot, m, n):
    """Eq. (1), bits/s."""
    snr = float(slot.tx_power_w[m]) * float(slot.gain[m, n]) / float(slot.noise_w[m])
    return float(slot.bandwidth_hz[m]) * math.log1p(snr) / math.log(2)  # exact for tiny gains too


def tx_delay(slot, m, n):
    """Eq. (2), s."""
    return float(slot.task_bits[m]) / rate(slot, m, n)


def cpu(slot, assignment):
    """Eq. (20), cycles/s, one a device."""
    shares = []
    for m, n in enumerate(assignment):
        together = [j for j, other in enumerate(assignment) if other == n]
        roots = sum(math.sqrt(slot.task_cycles[j]) for j in together)
        shares.append(float(slot.server_hz[n]) * math.sqrt(slot.task_cycles[m]) / roots)
    return shares


def objective(slot, assignment):
    """Objective (6) with the x_mn and f_mn of an assignment, s."""
    num_devices, num_servers = slot.gain.shape
    shares = cpu(slot, assignment)
    total = 0.0
    for m in range(num_devices):
        for n in range(num_servers):
            x = 1 if assignment[m] == n else 0
            if x:
                total += x * (tx_delay(slot, m, n) + float(slot.task_cycles[m]) / shares[m])
    return total / num_devices


def rewards_of_eq_13(slot, assignment, penalty):
    """Eq. (13) for each device in turn, s."""
    load = [0] * slot.gain.shape[1]
    rewards = []
    for m, n in enumerate(assignment):
        compute = float(slot.task_cycles[m]) / (float(slot.server_hz[n]) / (load[n] + 1))
        overloaded = 1 if load[n] + 1 > slot.capacity[n] else 0
        rewards.append(-(tx_delay(slot, m, n) + compute) - penalty * overloaded)
        load[n] += 1
    return rewards


def tasks_above_capacity(slot, assignment):
    """How far (9) is broken, in tasks."""
    counts = [list(assignment).count(n) for n in range(slot.gain.shape[1])]
    return sum(
        max(0, count - int(places)) for count, places in zip(counts, slot.capacity, strict=True)
    )
