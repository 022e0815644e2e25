"""Assignments of a slot with candidate links: from prices, then by moves and swaps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.candidates import CandidateRelaxation
from mec_gym.candidates import Candidates
from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise
from mec_gym.solvers.prices import paid

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def assign_at_prices(relaxed: CandidateRelaxation) -> tuple[IntArray, Candidates]:
    """Return a feasible assignment, (M,), and the candidates with all links that it uses.

    Each device in turn, those with most to lose first, goes to the candidate with free places where
    it pays least, see `prices.paid`; one that finds none, to any server that it may use.

    Raises:
        ValueError: a device finds no place on a server that it may use.
    """
    given, at_prices = relaxed.candidates, (relaxed.price, relaxed.charge)
    load, free = np.zeros(len(given.server_hz)), given.capacity.copy()
    assignment, left = assign_among(given, *at_prices, load, free)
    costs = assign_left(given, *at_prices, load, free, assignment, left)
    return assignment, given.with_links(left, assignment[left], costs)


def assign_among(
    given: Candidates, price: FloatArray, charge: FloatArray, load: FloatArray, free: IntArray
) -> tuple[IntArray, IntArray]:
    """Assign devices among their candidates; return the assignment, (M,), and who found no place.

    Args:
        given: the devices.
        price: p, (N,), s / sqrt(cycle).
        charge: k, (N,), seconds.
        load: of the servers so far, (N,), sqrt(cycles), to which theirs is added.
        free: places, (N,), from which theirs are taken.
    """
    assignment, lost = np.full(given.num_devices, -1), np.empty(given.num_devices)
    links = given.first, given.server, given.link_cost, given.size
    of_servers = given.server_hz, price, charge, free, load
    _lose()(*links, *of_servers, lost)
    order = np.argsort(-lost, kind="stable")
    _pay()(order, *links, *of_servers, assignment)
    return assignment, order[assignment[order] < 0]


def assign_left(
    given: Candidates,
    price: FloatArray,
    charge: FloatArray,
    load: FloatArray,
    free: IntArray,
    assignment: IntArray,
    left: IntArray,
) -> FloatArray:
    """Assign those left, (L,), to any server; return the costs of their links, (L,), seconds.

    Raises:
        ValueError: a device finds no place on a server that it may use.
    """
    num_servers = len(given.server_hz)
    of_servers = given.server_hz, price, charge, free, load
    costs, alone = np.empty(len(left)), np.zeros(1, np.int64)
    all_servers = np.array([0, num_servers]), np.arange(num_servers)
    for index, device in enumerate(left):
        cost, server = given.links(left[index : index + 1])[0], np.full(1, -1)
        _pay()(alone, *all_servers, cost, given.size[[device]], *of_servers, server)
        if server[0] < 0:
            raise ValueError(
                f"links: device {device} finds no place on a server that it may use; raise capacity"
            )
        assignment[device], costs[index] = server[0], cost[server[0]]
    return costs


@loops_for
def _lose(formulas: str) -> Any:
    """Return the loop that writes what a device's second best link costs more than the best."""

    @loop
    def over_devices(
        first: Any,
        server: Any,
        cost: Any,
        size: Any,
        server_hz: Any,
        price: Any,
        charge: Any,
        free: Any,
        load: Any,
        lost: Any,
    ) -> None:
        assert formulas
        for device in range(len(size)):
            least = second = np.inf
            for link in range(first[device], first[device + 1]):
                n = server[link]
                if free[n] > 0:
                    pays = paid(
                        cost[link], size[device], server_hz[n], price[n], charge[n], load[n]
                    )
                    second = min(second, max(pays, least))
                    least = min(least, pays)
            lost[device] = second - least if least < np.inf else np.inf

    return over_devices


@loops_for
def _pay(formulas: str) -> Any:
    """Return the loop that writes the server of each device that finds a place; the rest stay."""

    @loop
    def over_devices(
        order: Any,
        first: Any,
        server: Any,
        cost: Any,
        size: Any,
        server_hz: Any,
        price: Any,
        charge: Any,
        free: Any,
        load: Any,
        assignment: Any,
    ) -> None:
        assert formulas
        for device in order:
            least, q = np.inf, size[device]
            for link in range(first[device], first[device + 1]):
                n = server[link]
                if free[n] > 0:
                    pays = paid(cost[link], q, server_hz[n], price[n], charge[n], load[n])
                    if pays < least:
                        least, assignment[device] = pays, n
            if least < np.inf:
                load[assignment[device]] += q
                free[assignment[device]] -= 1

    return over_devices


def polish_candidates(given: Candidates, assignment: IntArray) -> IntArray:
    """Return an assignment that no move or swap among the candidates improves, (M,).

    Args:
        given: with the links that the assignment uses.
        assignment: feasible, (M,); it is left as it is.
    """
    polished = assignment.copy()
    _polish()(*given.numbers(), polished)
    return polished


@loops_for
def _polish(formulas: str) -> Any:
    """Return the loop that improves an assignment in place."""

    @loop
    def over_devices(
        first: Any,
        server: Any,
        cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        assignment: Any,
    ) -> None:
        assert formulas
        num_devices, num_servers = len(size), len(server_hz)
        load, count = np.zeros(num_servers), np.zeros(num_servers, np.int64)
        begin = np.zeros(num_servers + 1, np.int64)
        for n in range(num_servers):
            begin[n + 1] = begin[n] + min(capacity[n], num_devices)
        members, place = np.empty(begin[-1], np.int64), np.empty(num_devices, np.int64)
        now = np.empty(num_devices)  # the cost of the link in use
        for d in range(num_devices):
            n = assignment[d]
            load[n] += size[d]
            place[d] = begin[n] + count[n]
            members[place[d]] = d
            count[n] += 1
            for link in range(first[d], first[d + 1]):
                if server[link] == n:
                    now[d] = cost[link]
        changed = np.ones(num_servers, np.int64)  # when a server last changed
        seen = np.zeros(num_devices, np.int64)  # when a device was last looked at
        clock, improved = 1, True
        while improved:
            improved = False
            for d in range(num_devices):
                n, q = assignment[d], size[d]
                own = delay_rise(now[d], q, server_hz[n], load[n] - q)
                least = -1e-12 * own
                best, other, best_cost, other_cost = -1, -1, 0.0, 0.0
                for link in range(first[d], first[d + 1]):
                    m = server[link]
                    if m == n or max(changed[m], changed[n]) <= seen[d]:
                        continue
                    if count[m] < capacity[m]:
                        rise = delay_rise(cost[link], q, server_hz[m], load[m]) - own
                        if rise < least:
                            least, best, other, best_cost = rise, m, -1, cost[link]
                    for index in range(begin[m], begin[m] + count[m]):
                        e = members[index]
                        r = size[e]
                        rise = delay_rise(cost[link], q, server_hz[m], load[m] - r) - own
                        rise -= delay_rise(now[e], r, server_hz[m], load[m] - r)
                        # No link costs less than 0: most swaps need no look at e's links.
                        if rise + delay_rise(0.0, r, server_hz[n], load[n] - q) >= least:
                            continue
                        for back in range(first[e], first[e + 1]):
                            if server[back] == n:
                                both = rise + delay_rise(cost[back], r, server_hz[n], load[n] - q)
                                if both < least:
                                    least, best, other = both, m, e
                                    best_cost, other_cost = cost[link], cost[back]
                if best < 0:
                    seen[d] = clock
                    continue
                improved = True
                clock += 1
                m = best
                changed[n] = changed[m] = clock
                load[n] -= q
                load[m] += q
                if other >= 0:
                    load[m] -= size[other]
                    load[n] += size[other]
                    place[d], place[other] = place[other], place[d]
                    members[place[d]], members[place[other]] = d, other
                    assignment[other], now[other] = n, other_cost
                else:
                    count[n] -= 1
                    last = members[begin[n] + count[n]]
                    members[place[d]], place[last] = last, place[d]
                    place[d] = begin[m] + count[m]
                    members[place[d]] = d
                    count[m] += 1
                assignment[d], now[d] = m, best_cost

    return over_devices
