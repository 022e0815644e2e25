"""A lower bound on the cost of whole episodes: servers and devices by themselves, at prices.

Slot by slot, the waiting cost of a server is the weighted number of its tasks times W / F, a
product of two unknowns that no convex function follows closely. Over the whole episode a server by
itself is simple: its state is W alone. So the link between who takes a task and who is given it is
priced instead, and nothing else.

**Proof.** Write x_mn^k for the tasks that servers take, z_mn^k for those that devices give; an
assignment has x = z. For any prices p_mn^k its cost is

    sum over n of [server n's own costs, waiting included, less p on what it takes]
    + sum over m of [p on what device m gives, its columns' costs and its handovers],

as the prices cancel out. Each bracket is at least its least value over all that a server may take
by itself, between what the others leave it and its places, or over all that a device may choose by
itself. The sum of these bounds is below every assignment's cost, whatever the prices. Deadlines are
looked at as if no task waited or moved, which only allows more. For `serve`'s bound on a server see
there; `choose` finds a device's least.

The best prices are where both agree on average. They begin as duals of a linear program, see
`episode_prices`, and are bettered by a bundle of subgradients z and -x, see `bundle`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.relaxation import relax
from mec_gym.episode_problem import EpisodeProblem
from mec_gym.episodes import Episodes, of_equal_size

if TYPE_CHECKING:
    from mec_gym.bounds.episode_loops import Options

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NODES, _NODES_AT_LAST = 65, 2049
"""Steps of W while prices are sought, and for the bound that they prove."""

_FINEST = 1 / 32
"""The first step of W where prices are sought, in units of a slot's work."""

_MOST_TASKS = 12
"""A slot of more tasks has too many sets of them: counts of tasks and lines stand for them."""

_FIRST = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of prices so far between those as if nothing waited and those of the program, the best begin."""


def without_waiting(episodes: Episodes) -> FloatArray:
    """Return the sum of the slots' relaxations as if nothing came before, (B,), seconds.

    Where slots do not touch, so that neither work nor services stay, these are all there is.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    slots = episodes.slots.flatten()
    total = np.zeros(len(slots))
    present = episodes.present.reshape(len(slots), -1)
    for rows, some, _ in of_equal_size(slots, present):
        total[rows] = relax(some).total_cost
    return np.asarray(total.reshape(-1, episodes.num_slots).sum(axis=-1))


def lower_bound(episodes: Episodes, steps: int | None = None) -> FloatArray:
    """Return what no assignment of whole episodes (B,) undercuts in total cost, (B,), seconds.

    It is the better of `without_waiting` and of the bound by prices, which is close also where much
    is left over; closer where no slot has more than 12 tasks, as then every set of them is tried.

    Args:
        episodes: whose numbers of all slots are known.
        steps: of the bundle to better prices; None: 100, or 60 where a slot has more tasks.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    bound = without_waiting(episodes)
    problems = EpisodeProblem.of(episodes)
    if steps is None:
        steps = 100 if episodes.present.sum(axis=-1).max() <= _MOST_TASKS else 60
    for row in range(len(bound)):
        bound[row] = max(bound[row], by_prices(problems.episode(row), steps))
    return bound


_STEEPEST = 2.0
"""Lines for many tasks are as steep as a cycle may cost later, so many times what it does on
average where servers are never idle.
"""

Offer = Callable[..., tuple["Options", Callable[..., NDArray[Any]]]]
"""From a server's costs of tasks (K, M), F, least and most tasks (K,) to its options, and to what
makes of a path through them which tasks these are, (K, M).
"""


class Proof(NamedTuple):
    """What prices prove of devices and of each server by themselves.

    Attributes:
        values: the least that devices together cost, and each server, (1 + N,), seconds.
        taken: which links devices give, (K, M, N), and which tasks each server takes, (K, M).
    """

    values: FloatArray
    taken: list[NDArray[Any]]


class _Dual:
    """The bound by prices of one episode."""

    def __init__(self, problem: EpisodeProblem) -> None:
        self.problem = problem
        num_servers = problem.server_hz.shape[-1]
        self.cost = np.moveaxis(problem.link_cost[..., :num_servers], -1, 0).copy()
        columns = problem.link_cost[..., num_servers:]
        self.beside = columns.min(axis=-1, initial=np.inf)
        self.hz, self.capacity = problem.server_hz.T.copy(), problem.capacity.T.copy()
        tasks = problem.present.sum(axis=-1)
        self.least = np.zeros_like(self.capacity)
        if columns.shape[-1] == 0:  # a server must take what the others have no place for
            self.least = np.maximum(tasks - (self.capacity.sum(axis=0) - self.capacity), 0)
        self.offer: Offer = _of_sets(problem) if tasks.max() <= _MOST_TASKS else _of_lines(problem)
        # No set of its places is more work than the largest tasks.
        work = np.sort(np.where(problem.present, problem.work, 0.0), axis=-1)[:, ::-1]
        most = np.concatenate([np.zeros((len(work), 1)), work.cumsum(axis=-1)], axis=-1)
        every = np.take_along_axis(most, problem.capacity, axis=-1)
        done = problem.server_hz * problem.slot_s
        self.most = np.maximum(every - done, 0.0).sum(axis=0)
        self.done = np.where(np.isfinite(done), done, every).mean(axis=0)

    def __call__(self, price: FloatArray, count: int) -> Proof:
        """Return what prices prove of devices and of each server.

        Args:
            price: of each server for each task, (K, M, N), seconds.
            count: of the nodes of W.
        """
        from mec_gym.bounds.episode_loops import choose, serve

        problem = self.problem
        chosen = np.zeros(price.shape, np.bool_)
        allowed = np.isfinite(problem.link_cost[..., : len(self.cost)])
        at = np.where(allowed, price, np.inf)
        values = np.empty(1 + len(self.cost))
        values[0] = choose(at, self.beside, problem.moving, problem.present, chosen)
        taken, path = [chosen], np.zeros(len(price), np.int64)
        for server, cost in enumerate(self.cost):
            numbers = self.hz[server], self.least[server], self.capacity[server]
            options, taken_on = self.offer(cost - price[..., server], *numbers)
            finest = max(_FINEST * self.done[server] * _NODES / count, 1.01 * options.width.max())
            nodes = _geometric(finest, self.most[server], count)
            values[1 + server] = serve(options, self.hz[server], float(problem.slot_s), nodes, path)
            taken.append(taken_on(path))
        return Proof(values, taken)

    def bound(self, price: FloatArray, count: int) -> float:
        """Return what prices (K, M, N) prove of the episode, rounded down, seconds."""
        values = self(price, count).values
        size = np.abs(values).sum() + np.abs(price[self.problem.present]).sum()
        rounding = 16 * (sum(price.shape) + 8) * np.finfo(np.float64).eps * size
        return float(values.sum() - rounding)


def _of_sets(problem: EpisodeProblem) -> "Offer":
    """Return what makes the options of a server out of every set of the tasks of a slot."""
    from mec_gym.bounds.episode_sets import set_options, sets_of, take_sets

    sets = sets_of(problem.present, problem.size, problem.weight, problem.work)

    def offer(
        cost: FloatArray, hz: FloatArray, least: IntArray, capacity: IntArray
    ) -> tuple["Options", Callable[..., NDArray[Any]]]:
        number = np.empty(sets.work.shape, np.int64)
        options = set_options(cost, sets, hz, least, capacity, number)

        def taken_on(path: IntArray) -> NDArray[Any]:
            taken = np.empty(cost.shape, np.bool_)
            take_sets(sets, number, path, taken)
            return taken

        return options, taken_on

    return offer


def _of_lines(problem: EpisodeProblem) -> Offer:
    """Return what makes the options of a server out of lines for each number of tasks of a slot."""
    from mec_gym.bounds.episode_lines import line_options, options_at_most, take_lines

    size, weight, work = problem.size, problem.weight, problem.work
    shape = (len(work), options_at_most(int(problem.capacity.max())), 3)
    # A cycle more keeps, in each later slot, hardly more than this weight of tasks waiting.
    each = np.where(problem.present, weight, 0.0).sum(axis=-1) / problem.server_hz.sum(axis=-1)
    later = _STEEPEST * (each.sum() - each.cumsum())

    def offer(
        cost: FloatArray, hz: FloatArray, least: IntArray, capacity: IntArray
    ) -> tuple["Options", Callable[..., NDArray[Any]]]:
        found_at = np.zeros(shape)
        options = line_options(cost, size, weight, work, hz, least, capacity, later, found_at)

        def taken_on(path: IntArray) -> NDArray[Any]:
            taken = np.empty(cost.shape, np.bool_)
            take_lines(cost, size, work, found_at, path, taken)
            return taken

        return options, taken_on

    return offer


def _geometric(first: float, last: float, count: int) -> FloatArray:
    """Return rising numbers, from 0 to `last`, each step as much longer than the one before."""
    if last <= first * (count - 1):
        return np.asarray(first * np.arange(count))
    low, high = 0.0, 50 / count
    for _ in range(60):
        growth = (low + high) / 2
        reached = first * np.expm1(growth * (count - 1)) / np.expm1(growth)
        low, high = (growth, high) if reached < last else (low, growth)
    made: Any = np.expm1(high * np.arange(count)) * (last / np.expm1(high * (count - 1)))
    return np.asarray(made)


def by_prices(problem: EpisodeProblem, steps: int) -> float:
    """Return the bound by prices on one episode's cost, seconds."""
    dual, price = _best_prices(problem, steps)
    return dual.bound(price, _NODES_AT_LAST)


def _best_prices(problem: EpisodeProblem, steps: int) -> tuple[_Dual, FloatArray]:
    """Return the prices (K, M, N) of an episode that some steps of the bundle lead to."""
    from scipy.sparse import csr_array, vstack

    from mec_gym.bounds.bundle import rise
    from mec_gym.bounds.episode_prices import first_prices

    first, dual = first_prices(problem), _Dual(problem)
    shape = first.of_links.shape
    # Where nothing is moved, what a device gives is worth the same wherever it goes.
    wide = shape[-1] if problem.moves else 1

    def whole(point: FloatArray) -> FloatArray:
        return np.ascontiguousarray(np.broadcast_to(point.reshape(*shape[:2], wide), shape))

    def slopes_at(point: FloatArray) -> tuple[FloatArray, Any]:
        values, (given, *taken) = dual(whole(point), _NODES)
        rows = [given if problem.moves else given.any(axis=-1)]
        for server, tasks in enumerate(taken):
            row = np.zeros((*shape[:2], wide))
            row[..., server % wide] = -tasks.astype(float)
            rows.append(row)
        return values, vstack([csr_array(row.reshape(1, -1) * 1.0) for row in rows], format="csr")

    starts = [
        (first.alone + part * (first.of_links - first.alone))[..., :wide].ravel() for part in _FIRST
    ]
    if first.alone is first.of_links:
        starts = starts[:1]
    start = max(starts, key=lambda point: dual.bound(whole(point), _NODES))
    _, point = rise(slopes_at, start, steps)
    return dual, whole(point)
