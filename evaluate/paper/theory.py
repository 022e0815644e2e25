"""What can be worked out about the paper's setting without playing a slot."""

import math

from mec_gym.ranges import low_high
from mec_gym.scenario import Scenario


def least_computing_delay(scenario: Scenario) -> float:
    """Return a lower bound on the expected average delay of any algorithm, seconds.

    By Cauchy and Schwarz a slot takes at least (sum of sqrt(C))^2 / (M sum of F). For tasks
    C ~ U[a, b] the square has the expectation M E[C] + M (M - 1) E[sqrt(C)]^2.

    Raises:
        ValueError: servers are drawn each slot, or the work is not drawn from a range of its own.
    """
    if scenario.deployment_hz is None or not isinstance(scenario.task_cycles, tuple):
        raise ValueError("scenario: needs one deployment, and task_cycles as a range")
    low, high = low_high(scenario.task_cycles)
    devices = scenario.num_devices
    square = devices * (low + high) / 2 + devices * (devices - 1) * scenario.mean_sqrt_cycles**2
    return float(square / (devices * scenario.deployment_hz.sum()))


def exact_fill_share(scenario: Scenario) -> float:
    """Return how often devices that each pick a server at random fill every place exactly.

    M! / (M_1! ... M_N! N^M).

    Raises:
        ValueError: there are more places than devices.
    """
    if int(scenario.capacities.sum()) != scenario.num_devices:
        raise ValueError("capacity: needs as many places as devices")
    ways = math.factorial(scenario.num_devices)
    for places in scenario.capacities:
        ways //= math.factorial(int(places))
    return float(ways / scenario.num_servers**scenario.num_devices)
