"""The greatest value of a sum of concave functions, each known at points by value and slope.

A proximal bundle method: each function is below the tangents that are known of it. The next point
is where the least of them, less the square of the distance from the best point so far, over 2 t, is
greatest; it becomes the best if it gains enough of what the tangents promise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Oracle = Callable[[FloatArray], tuple[FloatArray, Any]]
"""From a point (D,) to values of the functions, (F,), and their slopes there, a sparse (F, D)."""

_FIRST = 0.02
"""The first step is as long as would gain this share of the value, were the slope to last."""

_ENOUGH, _GOOD = 0.1, 0.5
"""Shares of the promised gain: from one on a point is gone to, from the other on t is doubled."""

_PATIENCE = 5
"""After more points than these that gain too little t is halved."""

_KEPT = 10
"""A tangent that so many points had no use for is forgotten."""

_LEAST = 1e-5
"""Nothing is gone on with where less than this share of the value is promised."""

_PRECISE, _SHIFTS = 1e-7, 5000


@loop
def _share(
    product: FloatArray,
    above: FloatArray,
    function: IntArray,
    step: float,
    precise: float,
    share: Any,
) -> None:
    """Share one out among the tangents of each function so that they promise least, in place.

    It minimises step / 2 s' G s + above' s, by shifts between the two tangents of a function that
    this gains most from.

    Args:
        product: G, of the slopes of any two, (T, T).
        above: value of each at the best point less that of its function, (T,).
        function: of which each is, (T,).
        step: t.
        precise: no shift that gains less, of as much, is made.
        share: s, (T,), at first any that sum to one for each function.
    """
    count, functions = len(share), function.max() + 1
    slope = step * (product @ share) + above
    low, high = np.empty(functions, np.int64), np.empty(functions, np.int64)
    for _ in range(_SHIFTS):
        low[:], high[:] = -1, -1
        for one in range(count):
            f = function[one]
            if low[f] < 0 or slope[one] < slope[low[f]]:
                low[f] = one
            if share[one] > 0 and (high[f] < 0 or slope[one] > slope[high[f]]):
                high[f] = one
        most, best = precise, -1
        for f in range(functions):
            if slope[high[f]] - slope[low[f]] > most:
                most, best = slope[high[f]] - slope[low[f]], f
        if best < 0:
            break
        to, of = low[best], high[best]
        bend = step * (product[to, to] + product[of, of] - 2 * product[to, of])
        shift = share[of]
        if bend > 0:
            shift = min(shift, most / bend)
        share[to] += shift
        share[of] -= shift
        slope += step * shift * (product[to] - product[of])


def rise(oracle: Oracle, start: FloatArray, steps: int) -> tuple[float, FloatArray]:
    """Return the greatest value found of the sum of some functions, and where.

    Args:
        oracle: of the functions; values may be a little too low, as long as they are that of what
            is sought.
        start: the first point, (D,).
        steps: how many more points are tried.
    """
    from scipy.sparse import vstack

    best, (values, slopes) = start, oracle(start)
    functions = np.arange(len(values))
    function, share = functions, np.ones(len(values))
    constant, unused = values - slopes @ start, np.zeros(len(values), np.int64)
    product: FloatArray = (slopes @ slopes.T).toarray()
    whole = np.asarray(slopes.sum(axis=0)).ravel()
    length = whole @ whole
    if length == 0:
        return float(values.sum()), start
    step, failed = _FIRST * abs(values.sum()) / length, 0
    greatest, there = float(values.sum()), start
    for _ in range(steps):
        size = abs(values.sum())
        above = np.maximum(constant + slopes @ best - values[function], 0.0)
        _share(product, above, function, step, _PRECISE * size, share)
        along = slopes.T @ share
        promised = step * (along @ along) + share @ above
        if promised <= _LEAST * size:
            break
        point = best + step * along
        found, new = oracle(point)
        if found.sum() > greatest:
            greatest, there = float(found.sum()), point
        gain = found.sum() - values.sum()
        off = gain - np.asarray(new.sum(axis=0)).ravel() @ (point - best)
        unused = np.where(share > 0, 0, unused + 1)
        keep = unused <= _KEPT  # all that have a share, as those of a function sum to one
        unused = unused[keep]
        between = (slopes[keep] @ new.T).toarray()
        product = np.block(
            [[product[np.ix_(keep, keep)], between], [between.T, (new @ new.T).toarray()]]
        )
        slopes = vstack([slopes[keep], new], format="csr")
        function = np.concatenate([function[keep], functions])
        constant = np.concatenate([constant[keep], found - new @ point])
        share = np.concatenate([share[keep], np.zeros(len(found))])
        unused = np.concatenate([unused, np.zeros(len(found), np.int64)])
        if gain >= _ENOUGH * promised:
            best, values, failed = point, found, 0
            if gain >= _GOOD * promised:
                step *= 2
        else:
            failed += 1
            if off > promised or failed > _PATIENCE:
                step, failed = step / 2, 0
    return greatest, there
