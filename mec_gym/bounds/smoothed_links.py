"""What some devices add to the smooth dual, in one loop over their links compiled by numba."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNUSED = 1e-12
"""A link whose share of its device is less adds nothing."""


@loop
def smooth_links(
    first: IntArray,
    server: IntArray,
    cost: FloatArray,
    size: FloatArray,
    price: FloatArray,
    charge: FloatArray,
    mu: float,
    slope: FloatArray,
    bend: FloatArray,
) -> float:
    """Add the derivatives, see `smoothed.Smoothed`, to zeros, and return the value, seconds.

    Args:
        first: where the links of each device begin, and their number, (M + 1,).
        server: of each link, (J,), below n.
        cost: of each link, a, (J,), seconds.
        size: q, (M,), sqrt(cycles).
        price: p, (n,), s / sqrt(cycle).
        charge: k, (n,), seconds.
        mu: seconds; the value is at most mu log(links) a device below the dual's.
        slope: (2 n,), to be written.
        bend: (2 n, 2 n), to be written.
    """
    num_servers, total = len(price), 0.0
    used, share = np.empty(num_servers, np.int64), np.empty(num_servers)
    for device in range(len(size)):
        begin, end, q = first[device], first[device + 1], size[device]
        least = np.inf
        for link in range(begin, end):
            n = server[link]
            least = min(least, cost[link] + q * price[n] + charge[n])
        weight = 0.0
        for link in range(begin, end):
            n = server[link]
            share[link - begin] = np.exp((least - cost[link] - q * price[n] - charge[n]) / mu)
            weight += share[link - begin]
        total += least - mu * np.log(weight)
        count = 0
        for link in range(begin, end):
            own = share[link - begin] / weight
            if own > _UNUSED:
                used[count], share[count] = server[link], own
                count += 1
        for one in range(count):
            n, own = used[one], share[one]
            slope[n] += q * own
            slope[num_servers + n] += own
            for other in range(count):
                m = used[other]
                both = own * ((1.0 if m == n else 0.0) - share[other]) / mu
                bend[n, m] += q * q * both
                bend[num_servers + n, m] += q * both
                bend[n, num_servers + m] += q * both
                bend[num_servers + n, num_servers + m] += both
    return total
