"""The relaxation of a slot in regions, each of which is asked at the prices of all."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.candidates import over_all, proven, with_places
from mec_gym.bounds.smoothed import Smoothed, maximise
from mec_gym.candidates import Candidates
from mec_gym.jobs.holders import Holders

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLOSE = 1e-6
"""Links are added until the bound over all is so near to that over the candidates, relatively."""

_WIDEST, _FALL, _NARROWEST = 0.3, 0.25, 2e-4
"""mu of the first stage, what it is multiplied by, and its last, over the mean cost a device."""

_MOST_STAGES = 60

_WORTH, _LAST_WORTH = 1e-7, 1e-9
"""A stage ends when a step can gain less, relatively; the last goes on."""


class RegionBound:
    """The devices of one region, with the links that were found to matter.

    Args:
        given: its devices; servers are those of the whole slot.
    """

    def __init__(self, given: Candidates) -> None:
        arrays = ("first", "server", "link_cost", "size", "server_hz", "capacity")
        # What Ray hands over is not to be written to, and loops would be compiled again for it.
        self._given = replace(given, **{name: getattr(given, name).copy() for name in arrays})

    def with_places(self, free: IntArray) -> IntArray:
        """Find places among those free, (N,), for its devices; return what is free then."""
        free = free.copy()
        self._given = with_places(self._given, free)
        return free

    def least(self) -> tuple[float, float]:
        """Return the sums over devices of the least link cost, seconds, and of q."""
        cost = np.minimum.reduceat(self._given.link_cost, self._given.first[:-1])
        return float(cost.sum()), float(self._given.size.sum())

    def smooth(self, price: FloatArray, charge: FloatArray, mu: float) -> Smoothed:
        """Return what its devices add to the smooth dual."""
        from mec_gym.bounds.smoothed_links import smooth_links

        given = self._given
        servers, own = np.unique(given.server, return_inverse=True)
        slope, bend = np.zeros(2 * len(servers)), np.zeros((2 * len(servers), 2 * len(servers)))
        at_servers = price[servers], charge[servers]
        links = given.first, own, given.link_cost, given.size
        return Smoothed(servers, smooth_links(*links, *at_servers, mu, slope, bend), slope, bend)

    def pay(self, price: FloatArray, charge: FloatArray) -> tuple[float, float, float]:
        """Add links that are cheaper; return what devices pay and how much that lowers it.

        Seconds: over all links, over the candidates so far, and the most of any device.
        """
        given = self._given
        paid = given.link_cost + given.size[given.device] * price[given.server]
        own = np.minimum.reduceat(paid + charge[given.server], given.first[:-1])
        charged, device, server, cost = over_all(given, price, charge)
        lower = own[device] - (cost + given.size[device] * price[server] + charge[server])
        self._given = given.with_links(device, server, cost)
        return charged, float(own.sum()), float(lower.max(initial=0.0))


class RegionsRelaxation(NamedTuple):
    """A bound over all links of all regions, and the prices that prove it.

    Attributes:
        total_cost: never above the cost of any feasible assignment, seconds.
        price: p, (N,), s / sqrt(cycle).
        charge: k, (N,), seconds.
        mu: how smooth the dual was of which they are, seconds.
    """

    total_cost: float
    price: FloatArray
    charge: FloatArray
    mu: float


def relax_regions(regions: Holders, whole: Candidates, count: int) -> RegionsRelaxation:
    """Solve the relaxation by asking regions at the prices of all, and adding up what they say.

    Each stage maximises a smooth dual, by Newton's steps in the 2 N prices, and then adds links
    that are cheaper at its prices; the next is less smooth.

    Args:
        regions: `RegionBound` each; all find places for their devices.
        whole: the slot; of it only servers and the number of devices count here.
        count: of regions.

    Raises:
        ValueError: devices are left without a place.
        RuntimeError: no stage comes near to the bound.
    """
    num_devices, server_hz = whole.num_devices, whole.server_hz
    sums = np.array(regions.ask("least", [()] * count))
    shared = np.isfinite(server_hz)
    total_hz = float(server_hz[shared].sum())
    computing = sums[:, 1].sum() ** 2 / total_hz if total_hz else 0.0
    unit = float(sums[:, 0].sum() + computing) / num_devices
    price = np.where(shared, 2 * sums[:, 1].sum() / max(total_hz, 1e-300), 0.0)
    charge = np.full(len(server_hz), _WIDEST / 3 * unit)
    places = np.minimum(whole.capacity, num_devices)
    mu = _WIDEST * unit
    best = RegionsRelaxation(-np.inf, price, charge, mu)
    for _ in range(_MOST_STAGES):
        last = mu <= _NARROWEST * unit
        worth = (_LAST_WORTH if last else _WORTH) * unit * num_devices
        price, charge, found = maximise(
            lambda p, k, mu: regions.ask("smooth", [(p, k, mu)] * count),
            server_hz,
            places,
            num_devices,
            price,
            charge,
            mu,
            worth,
        )
        lowest = min(charge.min(), 0.0) if places.sum() == num_devices else 0.0
        valid = np.maximum(price, 0.0), np.maximum(charge - lowest, 0.0)
        paid = np.array(regions.ask("pay", [valid] * count))
        bound, among = (
            proven(float(each), whole, num_devices, *valid) for each in paid[:, :2].sum(axis=0)
        )
        if bound > best.total_cost:
            best = RegionsRelaxation(bound, *valid, mu)
        if last and found and among - bound <= CLOSE * abs(among):
            return best
        if not found:
            mu *= 4
        elif paid[:, 2].max() <= mu and not last:
            mu = max(mu * _FALL, _NARROWEST * unit)
    raise RuntimeError(f"relaxation by regions: not found within {_MOST_STAGES} stages")
