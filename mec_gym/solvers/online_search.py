"""Local search without seeing the future: each server tried, with sampled tasks to come."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.outlook import Outlook, assigned, required, write_rest
from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.scenario import Scenario
from mec_gym.solvers.local_search import descend_slot, local_search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SAMPLES = 32


def local_search_online(
    instance: Instance, seed: int = 0, scenario: Scenario | None = None
) -> IntArray:
    """Give each device in turn the open server after which the slot costs least, on average.

    Each server is tried: local search assigns the devices to come, of whom those that are not seen
    are taken from 32 sampled slots of the scenario, and the mean of the costs counts. A decision
    takes a local search a server and sample, so it is for some tens of devices. Where the scenario
    hides nothing it is `local_search`.

    Args:
        instance: the slots, (...).
        seed: of the sampled slots.
        scenario: whose slots they are; it says what is seen, and how the rest is distributed.

    Raises:
        ValueError: there is no scenario, the slots are of another size, or one has no feasible
            assignment.
    """
    scenario = required(scenario, "local-search-online")
    if not scenario.hides_tasks and instance.step_gain is None:
        return local_search(instance, seed)
    return assigned(instance, scenario, seed, _SAMPLES, _decide())


@kernel
def completed(
    outlook: Outlook, device: int, load: FloatArray, left: IntArray
) -> tuple[float, float]:
    """Return what the devices after one cost in all, seconds, and how many find no place.

    Means over samples.
    """
    num_devices, num_servers = outlook.link_cost.shape
    link_cost = np.empty((num_devices - device, num_servers))
    size = np.empty(num_devices - device)
    samples, cost, unplaced = len(outlook.hidden_size), 0.0, 0.0
    for sample in range(samples):
        count = write_rest(outlook, sample, device, device + 1, load, left, link_cost, size)
        unplaced += num_devices - device - 1 - count
        assignment, own = np.full(count, -1), np.zeros(num_servers)
        if count:
            descend_slot(link_cost[:count], size[:count], outlook.server_hz, left, assignment)
        for other in range(count):
            server = assignment[other]
            if server < 0:
                unplaced += 1
                continue
            cost += delay_rise(
                link_cost[other, server], size[other], outlook.server_hz[server], own[server]
            )
            own[server] += size[other]
    return cost / samples, unplaced / samples


@loops_for
def _decide(formulas: str) -> Any:
    @loop
    def play(outlook: Any, assignment: Any) -> None:
        """Write the assignment of one slot."""
        assert formulas
        num_devices, num_servers = outlook.link_cost.shape
        left, load = outlook.capacity.copy(), np.zeros(num_servers)
        for device in range(num_devices):
            links, own = outlook.link_cost[device], outlook.size[device]
            best, least, fewest = -1, np.inf, np.inf
            for server in range(num_servers):
                if not links[server] < np.inf:
                    continue
                cost = delay_rise(links[server], own, outlook.server_hz[server], load[server])
                full, before = left[server] <= 0, load[server]
                load[server] += own
                left[server] -= 1
                more, unplaced = completed(outlook, device, load, np.maximum(left, 0))
                load[server] = before
                left[server] += 1
                cost, unplaced = cost + more, unplaced + full * num_devices
                if best < 0 or unplaced < fewest or (unplaced == fewest and cost < least):
                    best, least, fewest = server, cost, unplaced
            assignment[device] = best
            load[best] += own
            left[best] -= 1

    return play
