"""Local search: moves and swaps from the least-delay start, until none helps."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance


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
