"""Prices without seeing the future: planned with sampled tasks, and again as places fill."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.above_prices import rise_of_loads
from mec_gym.bounds.loops import relax_slot
from mec_gym.bounds.outlook import (
    Outlook,
    assigned,
    mean_to_come,
    required,
    sample_count,
    write_rest,
)
from mec_gym.compiling import loop, loops_for
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PLANS = 8
"""A plan stands for so large a part of the devices that were still to come, at least for one."""


def why_not(scenario: Scenario) -> str:
    """Return why what plans for the unseen does not play a scenario; empty where it does."""
    if scenario.slots == 1:
        return ""
    return "nothing is unseen in slots that follow one another, which `prices` plays"


def prices_online(instance: Instance, seed: int = 0, scenario: Scenario | None = None) -> IntArray:
    """Give each device in turn the open server of least price, seeing what a scenario shows of it.

    Prices are means over sampled slots of the scenario, on the servers, load and free places that
    there are: of the relaxation of what the device sees and of samples for what it does not. They
    are found anew for each 8th of the devices still to come, and when a server has filled up. A
    device pays a + p q + k, and what its load adds to the distance of all loads from those planned,
    see `mec_gym.bounds.above_prices`. The last device pays what it costs.

    Args:
        instance: the slots, (...).
        seed: of the sampled slots.
        scenario: whose slots they are; it says what is seen, and how the rest is distributed.

    Raises:
        ValueError: there is no scenario, the slots are of another size, or one has no feasible
            assignment.
    """
    scenario = required(scenario, "prices-online")
    return assigned(instance, scenario, seed, sample_count(scenario), _decide())


@kernel
def plan(
    outlook: Outlook,
    device: int,
    load: FloatArray,
    left: IntArray,
    price: FloatArray,
    charge: FloatArray,
) -> float:
    """Write the mean prices, (N,) each, at which a device and those after it decide.

    Returns the mean bound on what they cost, seconds; 0 where there are none after it.
    """
    num_devices, num_servers = outlook.link_cost.shape
    samples = len(outlook.hidden_size)
    link_cost = np.empty((num_devices - device, num_servers))
    size = np.empty(num_devices - device)
    own_price, own_charge = np.empty(num_servers), np.empty(num_servers)
    price[:], charge[:] = 2 * load / outlook.server_hz, 0.0
    bound = 0.0
    for sample in range(samples):
        count = write_rest(outlook, sample, device, device, load, left, link_cost, size)
        if count < 2:  # the last device
            continue
        found = relax_slot(
            link_cost[:count],
            size[:count],
            outlook.server_hz,
            np.minimum(left, count),
            own_price,
            own_charge,
        )
        bound += found / samples
        for server in range(num_servers):
            price[server] += own_price[server] / samples
            charge[server] += own_charge[server] / samples
    return bound


@kernel
def next_plan(device: int, num_devices: int) -> int:
    """Return before which device prices are found anew that were found before `device`."""
    return device + max(1, (num_devices - device) // _PLANS)


@kernel
def paid(
    outlook: Outlook,
    device: int,
    load: FloatArray,
    price: FloatArray,
    charge: FloatArray,
    server: int,
    to_come: float,
) -> float:
    """Return what a device pays for a server, a + p q + k and the rise of the loads, seconds.

    Args:
        outlook: of the slot.
        device: that decides.
        load: L_n so far, (N,), sqrt(cycles).
        price: p_n, (N,).
        charge: k_n, (N,).
        server: which.
        to_come: `mean_to_come` of the device.
    """
    size, pays = outlook.size[device], outlook.link_cost[device, server]
    pays += price[server] * size + charge[server]
    pays += rise_of_loads(outlook.server_hz, price, load, to_come, server, size)
    return float(pays)


@kernel
def cheapest(
    outlook: Outlook,
    device: int,
    load: FloatArray,
    left: IntArray,
    price: FloatArray,
    charge: FloatArray,
) -> int:
    """Return the server where a device pays least, of those open to it.

    Where none is, it is one of those that are allowed though they are full.
    """
    to_come = mean_to_come(outlook, device)
    best, least, is_free = -1, np.inf, False
    for server in range(len(left)):
        free = left[server] > 0
        if not outlook.link_cost[device, server] < np.inf or (is_free and not free):
            continue
        pays = paid(outlook, device, load, price, charge, server, to_come)
        if best < 0 or (free and not is_free) or pays < least:
            best, least, is_free = server, pays, free
    return best


@loops_for
def _decide(formulas: str) -> Any:
    @loop
    def play(outlook: Any, assignment: Any) -> None:
        """Write the assignment of one slot."""
        assert formulas
        num_devices, num_servers = outlook.link_cost.shape
        left, load = outlook.capacity.copy(), np.zeros(num_servers)
        price, charge = np.empty(num_servers), np.empty(num_servers)
        planned_until = 0
        for device in range(num_devices):
            if device >= planned_until:
                plan(outlook, device, load, left, price, charge)
                planned_until = next_plan(device, num_devices)
            server = cheapest(outlook, device, load, left, price, charge)
            assignment[device] = server
            load[server] += outlook.size[device]
            left[server] = max(left[server] - 1, 0)
            if left[server] == 0:
                planned_until = device + 1

    return play
