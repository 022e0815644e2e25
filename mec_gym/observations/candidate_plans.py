"""What prices plan for the devices to come of a slot with candidate links, over those links."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.candidates import CandidateRelaxation
from mec_gym.compiling import loop, loops_for
from mec_gym.kernels import kernel
from mec_gym.observations.plans import OF_DEVICE, add_wishes, write_sizes, write_units

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class CandidatePlan(NamedTuple):
    """The plan of a slot with J candidate links, see `plans.write_plan`, link by link.

    Attributes:
        prices: p and k, (2, N).
        units: the first three numbers of the plan's third row, (3,).
        sizes: those of the first row of each device, (M, 3).
        wishes: the other rows of each device, at its candidates, (`plans.OF_DEVICE` - 1, J).
    """

    prices: FloatArray
    units: FloatArray
    sizes: FloatArray
    wishes: FloatArray


def plan_candidates(relaxed: CandidateRelaxation) -> CandidatePlan:
    """Return what each device's decision needs to know of the devices after it, at its candidates.

    A device to come wants the best of its own candidates, and says how far the others are above
    it; the rest of the servers hear nothing of it. So it takes time by the number of links.
    """
    given = relaxed.candidates
    plan = CandidatePlan(
        np.stack([relaxed.price, relaxed.charge]),
        np.empty(3),
        np.empty((given.num_devices, 3)),
        np.empty((OF_DEVICE - 1, len(given.server))),
    )
    rising = np.sort(given.size)
    ranks = (np.searchsorted(rising, given.size, side=side) for side in ("left", "right"))
    _plan()(*given.numbers(), *ranks, *plan)
    return plan


@kernel
def write_larger(below: IntArray, up_to: IntArray, out: FloatArray) -> None:
    """Write how many of the devices after each have a larger q, those of the same half, (M,).

    The devices after one are counted by rank in a binary indexed tree: log M steps each.

    Args:
        below: how many of all have a smaller q than each, (M,).
        up_to: how many have no larger one.
        out: (M,).
    """
    num_devices = len(out)
    counts = np.zeros(num_devices + 1, np.int64)
    for device in range(num_devices - 1, -1, -1):
        twice = 2 * (num_devices - 1 - device)
        for end in (below[device], up_to[device]):
            rank = end
            while rank > 0:
                twice -= counts[rank]
                rank &= rank - 1
        out[device] = twice / 2
        rank = below[device] + 1
        while rank <= num_devices:
            counts[rank] += 1
            rank += rank & -rank


@loops_for
def _plan(formulas: str) -> Any:
    """Return the loop that writes a plan."""

    @loop
    def over_devices(
        first: Any,
        server: Any,
        cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        below: Any,
        up_to: Any,
        prices: Any,
        units: Any,
        sizes: Any,
        wishes: Any,
    ) -> None:
        assert formulas
        num_devices, parts = len(size), len(wishes)
        most = 0
        for device in range(num_devices):
            most = max(most, first[device + 1] - first[device])
        places, at_prices = np.empty(most, np.int64), np.empty((2, most))
        own, to_come = np.empty(2 + parts * most), np.zeros((parts, len(server_hz)))
        write_units(size.mean(), server_hz, units)
        larger, total, squares = np.empty(num_devices), 0.0, 0.0
        write_larger(below, up_to, larger)
        for device in range(num_devices - 1, -1, -1):
            after = num_devices - 1 - device
            write_sizes(after, total, squares, larger[device], units[1], sizes[device])
            begin, count = first[device], first[device + 1] - first[device]
            for link in range(count):
                n = server[begin + link]
                places[link] = capacity[n]
                at_prices[0, link], at_prices[1, link] = prices[0, n], prices[1, n]
                for part in range(parts):
                    wishes[part, begin + link] = to_come[part, n]
            own[: 2 + parts * count] = 0.0
            add_wishes(
                cost[begin : begin + count],
                size[device],
                places[:count],
                at_prices[:, :count],
                units[0],
                1.0,
                own[: 2 + parts * count],
            )
            total, squares = total + own[0], squares + own[1]
            for link in range(count):
                for part in range(parts):
                    to_come[part, server[begin + link]] += own[2 + part * count + link]

    return over_devices
