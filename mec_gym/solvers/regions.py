"""A slot bounded and assigned by its regions, which exchange prices, loads and free places."""

from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.regions import RegionBound, RegionsRelaxation, relax_regions
from mec_gym.candidates import Candidates
from mec_gym.jobs.holders import Holders
from mec_gym.solvers.candidates import assign_among, assign_left, polish_candidates

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ENOUGH = 1e-6
"""Search ends when all regions have had each of their servers, and that has gained less."""

_MOST_ROUNDS = 40


class Held(NamedTuple):
    """What the devices of a region cost and take of the servers.

    Attributes:
        cost: of their links, seconds.
        load: (N,), sqrt(cycles).
        number: of devices, (N,).
    """

    cost: float
    load: FloatArray
    number: IntArray


class Region(RegionBound):
    """One region: its devices, their links, and where they are assigned."""

    def assign(
        self, price: FloatArray, charge: FloatArray, load: FloatArray, free: IntArray
    ) -> Held:
        """Assign those who find a place, where others load servers and so many places are free."""
        self._prices = price, charge
        self._assignment, self._left = assign_among(
            self._given, price, charge, load.copy(), free.copy()
        )
        return self._held()

    def assign_left(self, load: FloatArray, free: IntArray) -> Held:
        """Assign those who have found none, at the load and with the free places of all, (N,)."""
        left, assignment = self._left, self._assignment
        of_servers = *self._prices, load.copy(), free.copy()
        costs = assign_left(self._given, *of_servers, assignment, left)
        self._given = self._given.with_links(left, assignment[left], costs)
        return self._held()

    def polish(self, owned: NDArray[np.bool_], load: FloatArray, free: IntArray) -> Held:
        """Improve by moves and swaps among servers that are its own now, (N,).

        Args:
            owned: servers that no other region changes meanwhile, (N,).
            load: of other regions' devices, (N,), sqrt(cycles).
            free: places that they leave, (N,).
        """
        given, device = self._given, self._given.device
        moving = owned[self._assignment]
        kept = moving[device] & owned[given.server]
        first = np.concatenate([[0], np.cumsum(np.bincount(device[kept], minlength=len(moving)))])
        chosen = np.flatnonzero(moving)
        if len(chosen):
            # (L + o)^2 / F is L^2 / F, and 2 o q / F for each device, and o^2 / F.
            beside = 2 * load[given.server] * given.size[device] / given.server_hz[given.server]
            slot = Candidates(
                first[np.append(chosen, len(moving))],
                given.server[kept],
                (given.link_cost + beside)[kept],
                given.size[chosen],
                given.server_hz,
                np.where(owned, free, 0),
                given.links,
            )
            self._assignment[chosen] = polish_candidates(slot, self._assignment[chosen])
        return self._held()

    def reach(self) -> IntArray:
        """Return the servers that its links lead to."""
        return np.unique(self._given.server)

    def assignment(self) -> IntArray:
        """Return the server of each of its devices."""
        return self._assignment

    def _held(self) -> Held:
        given, placed = self._given, self._assignment >= 0
        used = given.server == np.repeat(self._assignment, np.diff(given.first))
        of_servers, number = self._assignment[placed], len(given.server_hz)
        return Held(
            float(given.link_cost[used].sum()),
            np.bincount(of_servers, given.size[placed], number).astype(np.float64),
            np.bincount(of_servers, minlength=number),
        )


class Outcome(NamedTuple):
    """What regions have found.

    Attributes:
        bound: never above the cost of any feasible assignment, seconds.
        start: cost of the assignment from the prices, seconds.
        cost: the same after the search.
        assignment: (M,).
        seconds: of the bound, of the assignment, of the search.
    """

    bound: float
    start: float
    cost: float
    assignment: IntArray
    seconds: tuple[float, float, float]


def split(whole: Candidates, region: IntArray) -> list[tuple[Candidates]]:
    """Return what each `Region` is made of: the devices of each number in `region`, (M,)."""
    return [(whole.of_devices(np.flatnonzero(region == each)),) for each in np.unique(region)]


def solve_regions(regions: Holders, whole: Candidates, region: IntArray) -> Outcome:
    """Bound and assign a slot by its regions.

    Args:
        regions: `Region` each, in the order of `split`.
        whole: the slot.
        region: of each device, (M,).

    Raises:
        ValueError: devices are left without a place.
    """
    numbers = np.unique(region)
    count, clock = len(numbers), [perf_counter()]
    free = whole.capacity
    for each in range(count):
        free = regions.ask_one(each, "with_places", free)
    relaxed = relax_regions(regions, whole, count)
    clock.append(perf_counter())
    held = _assign(regions, whole, count, relaxed)
    start = _cost(whole, held)
    clock.append(perf_counter())
    held = _search(regions, whole, held)
    clock.append(perf_counter())
    assignment = np.empty(whole.num_devices, np.int64)
    for number, own in zip(numbers, regions.ask("assignment", [()] * count), strict=True):
        assignment[region == number] = own
    bound, assigning, searching = np.diff(clock).tolist()
    seconds = bound, assigning, searching
    return Outcome(relaxed.total_cost, start, _cost(whole, held), assignment, seconds)


def _assign(
    regions: Holders, whole: Candidates, count: int, relaxed: RegionsRelaxation
) -> list[Held]:
    """Assign each region's devices beside the load that the relaxation has of the others."""
    at_prices = relaxed.price, relaxed.charge
    parts = regions.ask("smooth", [(*at_prices, relaxed.mu)] * count)
    load, number = np.zeros((2, count, len(whole.server_hz)))
    for each, part in enumerate(parts):
        load[each, part.servers], number[each, part.servers] = part.slope.reshape(2, -1)
    beside = load.sum(axis=0) - load
    shares = _shares(number, whole.capacity)
    held = regions.ask(
        "assign",
        [(*at_prices, *of_region) for of_region in zip(beside.clip(min=0), shares, strict=True)],
    )
    for each in range(count):
        total = sum(one.load for one in held)
        free = whole.capacity - sum(one.number for one in held)
        held[each] = regions.ask_one(each, "assign_left", total, free)
    return list(held)


def _shares(number: FloatArray, capacity: IntArray) -> IntArray:
    """Return each region's places, (R, N), all of them, in proportion to a number of devices."""
    whole = number.sum(axis=0)
    share = capacity * np.where(whole > 0, number / np.maximum(whole, 1e-300), 1 / len(number))
    places = np.floor(share).astype(np.int64)
    rank = np.argsort(np.argsort(places - share, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(places + (rank < capacity - places.sum(axis=0)))


def _search(regions: Holders, whole: Candidates, held: list[Held]) -> list[Held]:
    """Improve in rounds, in each of which a server belongs to one region that reaches it."""
    reached = np.zeros((len(held), len(whole.server_hz)), np.bool_)
    for each, servers in enumerate(regions.ask("reach", [()] * len(held))):
        reached[each, servers] = True
    sharing = np.maximum(reached.sum(axis=0), 1)
    turn, cycle = reached.cumsum(axis=0) - 1, int(sharing.max())
    before = _cost(whole, held)
    for number in range(_MOST_ROUNDS):
        owned = reached & (turn == number % sharing)
        load, taken = sum(one.load for one in held), sum(one.number for one in held)
        held = regions.ask(
            "polish",
            [
                (mine, (load - own.load).clip(min=0), whole.capacity - (taken - own.number))
                for mine, own in zip(owned, held, strict=True)
            ],
        )
        if (number + 1) % cycle == 0:
            now = _cost(whole, held)
            if before - now <= _ENOUGH * before:
                break
            before = now
    return held


def _cost(whole: Candidates, held: list[Held]) -> float:
    """Return what an assignment costs, seconds."""
    load = sum((one.load for one in held), np.zeros(len(whole.server_hz)))
    return float(sum(one.cost for one in held) + (load**2 / whole.server_hz).sum())
