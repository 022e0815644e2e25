"""A primal-dual interior-point method for the convex relaxation of one problem over given links.

Links stand in one list, those of a device one after the other, so that a device may have few of
many servers.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GAP = 1e-9
"""A relaxation is solved to so small a gap, relative to its value."""

_MAX_STEPS = 80

_TO_BOUNDARY = 0.99
"""A step goes at most this share of the way to the nearest bound."""

_RIDGE = 1e-14
"""What is added to the diagonal of Newton's equations, relatively."""

_PANEL = 8
"""So many columns of Newton's matrix are factored between two updates of the rest."""

_AT_ONCE = 4
"""So many of them are taken off the rest while it is at hand."""

_LARGE = 1024
"""From so many rows on LAPACK factors Newton's matrix; below, its threads may cost too much."""


@loop
def _lowest(charge: FloatArray, capacity: IntArray, tight: bool) -> float:
    """Return what charges of either sign are to be lowered by, so that the least is 0."""
    lowest = np.inf if tight else 0.0
    for n in range(len(capacity)):
        if tight and capacity[n] > 0:
            lowest = min(lowest, charge[n])
    return lowest


@loop
def _bound(
    first: IntArray,
    server: IntArray,
    cost: FloatArray,
    load: FloatArray,
    half_hz: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    tight: bool,
) -> float:
    """Return the bound of weak duality over the links; see `mec_gym.bounds.relaxation`."""
    lowest = _lowest(charge, capacity, tight)
    total = 0.0
    for device in range(len(first) - 1):
        least = np.inf
        for link in range(first[device], first[device + 1]):
            n = server[link]
            least = min(least, cost[link] + load[link] * max(price[n], 0.0) + charge[n] - lowest)
        total += least
    for n in range(len(capacity)):
        if capacity[n] > 0:
            total -= (charge[n] - lowest) * capacity[n] + max(price[n], 0.0) ** 2 * half_hz[n] / 2
    return total


@loop
def _leave(matrix: FloatArray, variable: int) -> None:
    """Let the equations leave a variable as it is."""
    for other in range(len(matrix)):
        matrix[variable, other] = matrix[other, variable] = 0.0
    matrix[variable, variable] = 1.0


@loop
def _newton_matrix(
    first: IntArray,
    server: IntArray,
    load: FloatArray,
    ratio: FloatArray,
    weight: FloatArray,
    half_hz: FloatArray,
    charged: Any,
    s: FloatArray,
    k: FloatArray,
    tight: bool,
) -> FloatArray:
    """Return the lower triangle of the matrix of prices and charges, (2 N, 2 N), and `weight`."""
    num_servers = len(half_hz)
    matrix = np.zeros((2 * num_servers, 2 * num_servers))
    row = np.zeros(num_servers)  # the ratios of a device
    for device in range(len(first) - 1):
        begin, end = first[device], first[device + 1]
        q = load[begin]
        total = 0.0
        for link in range(begin, end):
            total += ratio[link]
        total = max(total, 1e-300)
        weight[device] = total
        dense = 4 * (end - begin) > num_servers
        if dense:
            for link in range(begin, end):
                row[server[link]] = ratio[link]
        for link in range(begin, end):
            n, own = server[link], ratio[link]
            matrix[n, n] += q * q * own
            matrix[num_servers + n, n] += q * own
            matrix[num_servers + n, num_servers + n] += own
            own /= total
            if dense:  # along all servers, which processors do several at a time
                for m in range(n + 1):
                    both = own * row[m]
                    matrix[n, m] -= q * q * both
                    matrix[num_servers + n, num_servers + m] -= both
                for m in range(num_servers):
                    matrix[num_servers + n, m] -= q * own * row[m]
            else:
                for other in range(begin, end):
                    m, both = server[other], own * ratio[other]
                    matrix[num_servers + n, m] -= q * both
                    if m <= n:
                        matrix[n, m] -= q * q * both
                        matrix[num_servers + n, num_servers + m] -= both
        if dense:
            for link in range(begin, end):
                row[server[link]] = 0.0
    if tight:  # the same added to all charges and values changes nothing: pin the charges' sum
        pin = 0.0
        for link in range(first[-1]):
            pin += ratio[link] / first[-1]
        for n in range(num_servers):
            for m in range(n + 1):
                if charged[n] and charged[m]:
                    matrix[num_servers + n, num_servers + m] += pin
    for n in range(num_servers):
        if half_hz[n] > 0:
            matrix[n, n] += half_hz[n]
        else:
            _leave(matrix, n)
        if not charged[n]:
            _leave(matrix, num_servers + n)
        elif s[n] > 0:
            matrix[num_servers + n, num_servers + n] += s[n] / k[n]
    for n in range(2 * num_servers):
        matrix[n, n] *= 1 + _RIDGE  # rounding may cut some servers off from the others
    return matrix


@loop
def _factor(matrix: FloatArray) -> bool:
    """Replace a symmetric matrix's lower triangle by its Cholesky factor; False: not finite.

    A pivot that rounding has left without a sign is made so large that its variable stays.
    """
    size = len(matrix)
    panel = np.empty((_PANEL, size))  # columns as rows, which processors go along faster
    for begin in range(0, size, _PANEL):
        end = min(begin + _PANEL, size)
        for column in range(begin, end):
            diagonal = pivot = matrix[column, column]
            for before in range(begin, column):
                pivot -= matrix[column, before] ** 2
            if not pivot < np.inf:
                return False
            if pivot <= 1e-16 * abs(diagonal):
                pivot = 1e128
            root = math.sqrt(pivot)
            matrix[column, column] = root
            for row in range(column + 1, size):
                value = matrix[row, column]
                for before in range(begin, column):
                    value -= matrix[row, before] * matrix[column, before]
                matrix[row, column] = value / root
                if row >= end:
                    panel[column - begin, row - end] = matrix[row, column]
        if end < size:
            for before in range(0, _PANEL, _AT_ONCE):
                _subtract(matrix, panel[before : before + _AT_ONCE], end)
    return True


@loop
def _subtract(matrix: FloatArray, panel: FloatArray, begin: int) -> None:
    """Take some columns' products off the lower triangle that begins at a row, one by one."""
    one, two, three, four = panel[0], panel[1], panel[2], panel[3]
    for row in range(len(matrix) - begin):
        out = matrix[begin + row, begin:]  # from 0 on, so that several columns go at a time
        first, second, third, fourth = one[row], two[row], three[row], four[row]
        for column in range(row + 1):
            value = out[column] - first * one[column]
            value -= second * two[column]
            value -= third * three[column]
            out[column] = value - fourth * four[column]


@loop
def _factor_large(matrix: FloatArray) -> bool:
    """Do what `_factor` does, by LAPACK where no pivot is without a sign."""
    try:
        factor = np.linalg.cholesky(matrix)
    except Exception:  # a pivot without a sign; the only kind that numba lets one catch
        return _factor(matrix)
    total = 0.0
    for row in range(len(matrix)):
        for column in range(row + 1):
            matrix[row, column] = factor[row, column]
        total += matrix[row, row]
    return math.isfinite(total)  # LAPACK goes on with what is no number


@loop
def _substitute(factor: FloatArray, right: FloatArray) -> None:
    """Solve for a right-hand side, in place, with a lower Cholesky factor."""
    size = len(right)
    for row in range(size):
        value = right[row]
        for before in range(row):
            value -= factor[row, before] * right[before]
        right[row] = value / factor[row, row]
    for row in range(size - 1, -1, -1):
        right[row] /= factor[row, row]
        value = right[row]
        for before in range(row):
            right[before] -= factor[row, before] * value


@loop
def solve_links(
    first: IntArray,
    server: IntArray,
    cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    drop: float,
) -> float:
    """Write the prices that prove most, and return the bound that they prove over the links.

    The relaxation has x in [0, 1] for each link, with sum of x = 1 over a device's links, L_n = the
    sum of q x over a server's and s_n >= 0 places left free. With a price p_n = 2 L_n / F_n and a
    charge k_n >= 0, z = a + q p_n + k_n - v_m >= 0 for each link. Each step is Mehrotra's:
    it eliminates all but the 2 N prices and charges from Newton's equations for x z = s k = 0.

    Args:
        first: where the links of each device begin, and their number, (M + 1,).
        server: of each link, (J,); one with places.
        cost: of each link, a, (J,), seconds.
        size: q, (M,), sqrt(cycles).
        server_hz: F, (N,), cycles/s; inf: not shared, without a price.
        capacity: places, (N,); M or more: without a charge.
        price: (N,), s / sqrt(cycle), to be written.
        charge: (N,), seconds, to be written.
        drop: a link whose ratio x / z falls below this share of its device's greatest is left out
            from then on; what comes out is to be checked over all links. 0 drops none.
    """
    num_devices, num_servers, num_links = len(size), len(server_hz), len(server)
    # Unsigned: what is indexed by them is not tried for numbers that count from the end.
    first, server = first.astype(np.uint32), server.astype(np.uint32)
    places, total_hz, unit_size, unit_cost = 0, 0.0, 0.0, 0.0
    for n in range(num_servers):
        places += capacity[n]
        total_hz += server_hz[n] if server_hz[n] < np.inf else 0.0
    tight = places == num_devices  # then charges may have either sign
    # Units in which the mean q and a typical cost are 1.
    for device in range(num_devices):
        unit_size += size[device] / num_devices
        least = np.inf
        for link in range(first[device], first[device + 1]):
            least = min(least, cost[link])
        unit_cost += least / num_devices
    if total_hz > 0:
        unit_cost += num_devices * unit_size**2 / total_hz

    load, a = np.empty(num_links), np.empty(num_links)  # q and a of each link
    half_hz = np.zeros(num_servers)  # F / 2; 0 where it is not shared
    charged = np.zeros(num_servers, np.bool_)
    x, z, v = np.empty(num_links), np.empty(num_links), np.empty(num_devices)
    p, k, s = np.zeros(num_servers), np.zeros(num_servers), np.zeros(num_servers)
    pairs = float(num_links)
    for device in range(num_devices):
        room = 0
        for link in range(first[device], first[device + 1]):
            room += capacity[server[link]]
        for link in range(first[device], first[device + 1]):
            n = server[link]
            load[link], a[link] = size[device] / unit_size, cost[link] / unit_cost
            x[link] = capacity[n] / room
            p[n] += load[link] * x[link]
            s[n] += x[link]
    for n in range(num_servers):
        if server_hz[n] < np.inf:
            half_hz[n] = server_hz[n] * (unit_cost / unit_size**2 / 2)
        p[n] = p[n] / half_hz[n] if half_hz[n] > 0 else 0.0
        charged[n] = 0 < capacity[n] < num_devices
        if charged[n] and not tight:
            s[n], k[n] = max(capacity[n] - s[n], 0.1), 0.1
            pairs += 1
        else:
            s[n] = 0.0
    for device in range(num_devices):
        v[device] = np.inf
        for link in range(first[device], first[device + 1]):
            z[link] = a[link] + load[link] * p[server[link]] + k[server[link]]
            v[device] = min(v[device], z[link])
        v[device] -= 0.1
        for link in range(first[device], first[device + 1]):
            z[link] -= v[device]

    ratio, missed = np.empty(num_links), np.empty(num_links)
    x_step, z_step, product = np.empty(num_links), np.empty(num_links), np.empty(num_links)
    s_step, slack_product = np.zeros(num_servers), np.empty(num_servers)
    v_step, weight = np.empty(num_devices), np.empty(num_devices)
    step = np.empty(2 * num_servers)
    best = -np.inf
    for _ in range(_MAX_STEPS):
        bound = _bound(first, server, a, load, half_hz, capacity, p, k, tight)
        if bound > best:
            best = bound
            lowest = _lowest(k, capacity, tight)
            for n in range(num_servers):
                price[n] = max(p[n], 0.0) * (unit_cost / unit_size)
                charge[n] = (k[n] - lowest) * unit_cost if charged[n] else 0.0
        gap = 0.0
        for link in range(num_links):
            gap += x[link] * z[link]
            product[link] = 0.0
        for n in range(num_servers):
            gap += s[n] * k[n]
            slack_product[n] = 0.0
        if not gap > GAP * best:  # or it is no number
            break
        for device in range(num_devices):
            for link in range(first[device], first[device + 1]):
                n = server[link]
                ratio[link] = x[link] / z[link]
                missed[link] = z[link] - (a[link] + load[link] * p[n] + k[n] - v[device])
        matrix = _newton_matrix(first, server, load, ratio, weight, half_hz, charged, s, k, tight)
        if not (_factor_large(matrix) if len(matrix) >= _LARGE else _factor(matrix)):
            break

        centre = length = 0.0  # what x z is to become; how far to go of a step
        for corrector in range(2):
            for n in range(num_servers):
                step[n], step[num_servers + n] = -half_hz[n] * p[n], -float(capacity[n])
                if s[n] > 0:
                    step[num_servers + n] += (centre - slack_product[n]) / k[n]
            for device in range(num_devices):
                total = 1.0
                for link in range(first[device], first[device + 1]):  # x moved, at the same prices
                    x_step[link] = (centre - product[link]) / z[link] + ratio[link] * missed[link]
                    total -= x_step[link]
                v_step[device] = total / weight[device]
                for link in range(first[device], first[device + 1]):
                    moved = x_step[link] + ratio[link] * v_step[device]
                    step[server[link]] += load[link] * moved
                    step[num_servers + server[link]] += moved
            for n in range(num_servers):
                if half_hz[n] == 0:
                    step[n] = 0.0
                if not charged[n]:
                    step[num_servers + n] = 0.0
            _substitute(matrix, step)

            shrink = 0.0
            for device in range(num_devices):
                lifted = 0.0
                for link in range(first[device], first[device + 1]):
                    n = server[link]
                    z_step[link] = load[link] * step[n] + step[num_servers + n]
                    lifted += ratio[link] * z_step[link]
                v_step[device] += lifted / weight[device]
                for link in range(first[device], first[device + 1]):
                    z_step[link] -= v_step[device] + missed[link]
                    target = (centre - product[link]) / z[link]
                    x_step[link] = target - x[link] - ratio[link] * z_step[link]
                    shrink = max(shrink, -x_step[link] / x[link], -z_step[link] / z[link])
            for n in range(num_servers):
                if s[n] > 0:
                    k_step = step[num_servers + n]
                    s_step[n] = (centre - slack_product[n] - s[n] * k_step) / k[n] - s[n]
                    shrink = max(shrink, -s_step[n] / s[n], -k_step / k[n])
            length = min(1.0, _TO_BOUNDARY / shrink) if shrink > 0 else 1.0
            if corrector == 0:
                left = 0.0
                for link in range(num_links):
                    moved = x[link] + length * x_step[link]
                    left += moved * (z[link] + length * z_step[link])
                    product[link] = x_step[link] * z_step[link]
                for n in range(num_servers):
                    if s[n] > 0:
                        k_step = step[num_servers + n]
                        left += (s[n] + length * s_step[n]) * (k[n] + length * k_step)
                        slack_product[n] = s_step[n] * k_step
                centre = gap / pairs * min(left / gap, 1.0) ** 3
        kept = 0
        for device in range(num_devices):
            v[device] += length * v_step[device]
            begin, end = first[device], first[device + 1]
            least = 0.0
            for link in range(begin, end):
                least = max(least, drop * ratio[link])
            first[device] = kept
            for link in range(begin, end):
                if ratio[link] >= least:
                    server[kept], load[kept], a[kept] = server[link], load[link], a[link]
                    x[kept] = x[link] + length * x_step[link]
                    z[kept] = z[link] + length * z_step[link]
                    kept += 1
        pairs -= num_links - kept
        first[num_devices] = num_links = kept
        for n in range(num_servers):
            p[n] += length * step[n]
            k[n] += length * step[num_servers + n]
            s[n] += length * s_step[n]
    return best * unit_cost
