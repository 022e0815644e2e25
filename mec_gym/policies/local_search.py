"""Local search: moves and swaps from the least-delay start, until none helps."""

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.instance import Instance


def polish(instance: Instance, assignment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what local search makes of an assignment, (..., M); never worse.

    Slots that stand above capacity are left as they are.
    """
    from mec_gym.policies import compiled

    checked = system.check_assignment(instance, assignment)
    lead = checked.shape
    polished = checked.reshape(-1, instance.num_devices)
    feasible = np.flatnonzero(system.is_feasible(instance.flatten(), polished))
    if len(feasible):
        part = polished[feasible]
        compiled.improve(*compiled.slots_of(instance.flatten()[feasible]), part)
        polished[feasible] = part
    return polished.reshape(lead)


def local_search(instance: Instance, seed: int = 0) -> NDArray[np.int64]:
    """Return an assignment that no move of a device and no swap of two improves, (..., M).

    It starts as `least_delay` does, but with the heaviest task first, and keeps to capacity.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    from mec_gym.policies import compiled  # numba is slow to import

    instance.require_feasible()
    assignment = compiled.descend(*compiled.slots_of(instance.flatten()))
    return assignment.reshape(instance.task_cycles.shape)
