"""Rows of a table that say when something holds, and of whom."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def twice(when: NDArray[Any], who: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield each row that is of the same time and name as one before, after the last that is.

    Args:
        when: of each row, (R,).
        who: of each row, (R,).
    """
    which = np.unique(who, return_inverse=True)[1]
    order = np.lexsort((when, which))
    again = (np.diff(when[order]) == 0) & (np.diff(which[order]) == 0)
    yield from zip(order[:-1][again].tolist(), order[1:][again].tolist(), strict=True)
