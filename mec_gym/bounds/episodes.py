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
`episode_prices`, and go up along subgradients z - x.
"""

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.relaxation import relax
from mec_gym.episode_problem import EpisodeProblem
from mec_gym.episodes import Episodes, of_equal_size

FloatArray = NDArray[np.float64]

_NODES, _NODES_AT_LAST = 65, 513
"""Steps of W while prices are sought, and for the bound that they prove."""

_FINEST = 1 / 32
"""The first step of W where prices are sought, in units of a slot's work."""

_MOST_TASKS = 12
"""A slot of more tasks has too many sets of them."""

_LEAST_AIM, _SHORTER, _PATIENCE = 0.005, 0.6, 6
"""A step aims at what is expected, or so much above where it is; after some without gain at less."""


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


def lower_bound(episodes: Episodes, steps: int = 100) -> FloatArray:
    """Return what no assignment of whole episodes (B,) undercuts in total cost, (B,), seconds.

    It is the better of `without_waiting` and of the bound by prices, which is close also where much
    is left over. Where a slot has more than 12 tasks the latter is not tried.

    Args:
        episodes: whose numbers of all slots are known.
        steps: of the ascent to better prices.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    bound = without_waiting(episodes)
    problems = EpisodeProblem.of(episodes)
    waits, moves = episodes.waits, problems.moves
    if (waits or moves) and episodes.present.sum(axis=-1).max() <= _MOST_TASKS:
        for row in range(len(bound)):
            bound[row] = max(bound[row], by_prices(problems.episode(row), steps))
    return bound


class _Dual:
    """The bound by prices of one episode."""

    def __init__(self, problem: EpisodeProblem) -> None:
        from mec_gym.bounds import episode_loops  # numba is loaded when it is first needed

        self.loops, self.problem = episode_loops, problem
        num_servers = problem.server_hz.shape[-1]
        self.cost = np.moveaxis(problem.link_cost[..., :num_servers], -1, 0).copy()
        columns = problem.link_cost[..., num_servers:]
        self.beside = columns.min(axis=-1, initial=np.inf)
        self.sets = episode_loops.sets_of(
            problem.present, problem.size, problem.weight, problem.work
        )
        self.hz, self.capacity = problem.server_hz.T.copy(), problem.capacity.T.copy()
        tasks = problem.present.sum(axis=-1)
        self.least = np.zeros_like(self.capacity)
        if columns.shape[-1] == 0:  # a server must take what the others have no place for
            self.least = np.maximum(tasks - (self.capacity.sum(axis=0) - self.capacity), 0)

        # No set of its places is more work than the largest tasks.
        work = np.sort(np.where(problem.present, problem.work, 0.0), axis=-1)[:, ::-1]
        most = np.concatenate([np.zeros((len(work), 1)), work.cumsum(axis=-1)], axis=-1)
        every = np.take_along_axis(most, problem.capacity, axis=-1)
        done = problem.server_hz * problem.slot_s
        self.most = np.maximum(every - done, 0.0).sum(axis=0)
        self.done = np.where(np.isfinite(done), done, every).mean(axis=0)

    def nodes(self, server: int, count: int) -> FloatArray:
        """Return nodes of W from 0 to the most there can be, the closer the lower, cycles."""
        return _geometric(_FINEST * self.done[server] * _NODES / count, self.most[server], count)

    def __call__(self, price: FloatArray, count: int) -> tuple[float, FloatArray]:
        """Return what prices (K, M, N) prove, and the subgradient z - x, (K, M, N)."""
        problem, loops = self.problem, self.loops
        taken = np.zeros((len(self.cost), *price.shape[:2]), np.bool_)
        chosen = np.zeros(price.shape, np.bool_)
        allowed = np.isfinite(problem.link_cost[..., : len(self.cost)])
        at = np.where(allowed, price, np.inf)
        total = loops.choose(at, self.beside, problem.moving, problem.present, chosen)
        size = abs(total)
        for server, cost in enumerate(self.cost):
            own = loops.serve(
                cost - price[..., server],
                self.sets,
                self.hz[server],
                self.least[server],
                self.capacity[server],
                float(problem.slot_s),
                self.nodes(server, count),
                taken[server],
            )
            total, size = total + own, size + abs(own)
        size += np.abs(price[problem.present]).sum()
        rounding = 16 * (sum(price.shape) + 8) * np.finfo(np.float64).eps * size
        return float(total - rounding), chosen - np.moveaxis(taken, 0, -1).astype(float)


def _geometric(first: float, last: float, count: int) -> FloatArray:
    """Return rising numbers, from 0 to `last`, each step as much longer than the one before."""
    if last <= first * (count - 1):
        return np.linspace(0.0, max(last, first), count)
    low, high = 0.0, 50 / count
    for _ in range(60):
        growth = (low + high) / 2
        reached = first * np.expm1(growth * (count - 1)) / np.expm1(growth)
        low, high = (growth, high) if reached < last else (low, growth)
    made: FloatArray = np.expm1(high * np.arange(count)) * (last / np.expm1(high * (count - 1)))
    return made


def by_prices(problem: EpisodeProblem, steps: int) -> float:
    """Return the bound by prices on one episode's cost, seconds."""
    from mec_gym.bounds.episode_prices import first_prices

    price, expected = first_prices(problem)
    dual = _Dual(problem)
    best, slope = dual(price, _NODES)
    best_price, best_slope, bound = price, slope, best
    along, share, failed = np.zeros_like(price), 1.0, 0
    for _ in range(steps):
        if not problem.moves:  # what a device gives is worth the same wherever it goes
            slope = np.broadcast_to(slope.sum(axis=-1, keepdims=True), slope.shape)
        along = (slope + along) / 2
        length = (along**2).sum()
        if length == 0:
            break
        aim = share * max(expected - bound, _LEAST_AIM * abs(expected))
        price = price + aim / length * along
        bound, slope = dual(price, _NODES)
        failed = 0 if bound > best + 1e-6 * abs(best) else failed + 1
        if bound > best:
            best, best_price, best_slope = bound, price, slope
        if failed == _PATIENCE:
            price, slope, bound = best_price, best_slope, best
            along, share, failed = np.zeros_like(price), share * _SHORTER, 0
    return max(best, dual(best_price, _NODES_AT_LAST)[0])
