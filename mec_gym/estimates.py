"""A mean with its interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Estimate:
    """A mean, and half the width of its 95% confidence interval; inf of one value alone."""

    mean: float
    ci95: float

    @classmethod
    def of(cls, values: ArrayLike) -> "Estimate":
        """Estimate from independent values by Student's t; one value bounds nothing."""
        from scipy.special import stdtrit

        array = np.asarray(values, dtype=np.float64)
        if array.size == 1:
            return cls(array.item(), np.inf)
        error = array.std(ddof=1) / np.sqrt(array.size)
        return cls(float(array.mean()), float(stdtrit(array.size - 1, 0.975) * error))
