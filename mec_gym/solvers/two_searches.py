"""Local search from two starts, least delay and prices: the better end of each slot."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import local_search, polish
from mec_gym.solvers.prices import prices

IntArray = NDArray[np.int64]


def local_search_prices(instance: Instance | Problem, seed: int = 0) -> IntArray:
    """Return the better of `local_search` and of what it makes of `prices`, (..., M).

    No move of a device and no swap of two improves it. It costs at most what either does, slot by
    slot.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    problem = Problem.of(instance)
    ends = local_search(problem), polish(problem, prices(problem))
    one, other = (problem.cost(end) for end in ends)
    return np.where((other < one)[..., None], ends[1], ends[0])
