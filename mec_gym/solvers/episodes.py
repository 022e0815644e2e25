"""The best assignments of whole episodes that a search finds, all slots' numbers known.

How far they are from what is best `mec_gym.bounds.episodes` bounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.episode_problem import EpisodeProblem
from mec_gym.episodes import Episodes, play
from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.solvers.exact import optimal
from mec_gym.solvers.local_search import local_search
from mec_gym.solvers.two_searches import local_search_prices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SHARES = (0.5, 1.0)
"""Of what a cycle more costs later slots by a linear program, these are the price of work."""

_FEW = 12
"""Slots of so many devices are solved to the optimum in no time."""

_CHANGES = 600_000
"""So many changes in one slot are tried at least once in what kicks lead to."""

_TRIED, _PART = 3, 6
"""So many ends are kicked, each by this part of the kicks; the best of them by the rest."""


class Found(NamedTuple):
    """The best that a search found.

    Attributes:
        assignment: action of each device, (B, K, M); -1 of those that have no task.
        total_cost: of all tasks of each episode, (B,), seconds.
    """

    assignment: IntArray
    total_cost: FloatArray


def search(
    episodes: Episodes,
    starts: Sequence[IntArray] | None = None,
    budget: int | None = None,
    seed: int = 0,
) -> Found:
    """Return the best assignment of whole episodes (B,) that moves and swaps lead to.

    From each start every device of every slot in turn is moved, or swapped with another, while that
    lowers the cost of all slots; the best ends are then kicked and improved again.

    Args:
        episodes: whose numbers of all slots are known.
        starts: assignments that can be played, each (B, K, M); None: `slot_by_slot`'s.
        budget: kicks of each episode; None: `kicks_of`'s, which take some seconds.
        seed: of the kicks.

    Raises:
        ValueError: a start is not of that shape, gives a device without a task an action or one
            with a task none, or breaks capacity, allowed links or a deadline.
    """
    from mec_gym.solvers.episode_loops import UNIFORMS, begin, improve  # loads numba

    problems = EpisodeProblem.of(episodes)
    moves = problems.moves
    tried = slot_by_slot(episodes) if starts is None else [_checked(episodes, s) for s in starts]
    if not tried:
        raise ValueError("starts: none given; give at least one, or leave them out")
    if budget is None:
        budget = kicks_of(episodes)
    best = np.empty_like(tried[0])
    total = np.empty(len(episodes))
    rng = np.random.default_rng(seed)
    for row in range(len(episodes)):
        problem = problems.episode(row)
        uniforms = rng.random((budget, UNIFORMS))
        ends: list[tuple[float, int, IntArray]] = []
        for number, start in enumerate(tried):
            end = start[row].copy()
            if not np.isfinite(begin(problem, end).cost).all():
                if starts is None and ends:
                    continue
                raise ValueError(
                    f"starts: start {number} breaks capacity, an allowed link or a deadline in"
                    f" episode {row}; give one that can be played"
                )
            ends.append((improve(problem, end, uniforms[:0], moves), number, end))
        ends = sorted(ends, key=_rank)[:_TRIED]
        part = budget // _PART
        for place, (_, number, end) in enumerate(ends):
            kicks = uniforms[place * part : (place + 1) * part]
            ends[place] = improve(problem, end, kicks, moves), number, end
        end = min(ends, key=_rank)[2]
        total[row], best[row] = improve(problem, end, uniforms[len(ends) * part :], moves), end
    return Found(best, total)


def kicks_of(episodes: Episodes) -> int:
    """Return how many kicks of each episode `search` makes unless it is told."""
    num_devices = episodes.slots.num_devices
    return _CHANGES // (num_devices * (num_devices + episodes.slots.num_actions)) + 1


def _rank(end: tuple[float, int, IntArray]) -> tuple[float, int]:
    return end[:2]


def slot_by_slot(episodes: Episodes) -> list[IntArray]:
    """Return assignments, (B, K, M) each, made slot by slot, that see what the slots before left.

    The first is local search's. In the others each slot is optimal, or where there are many devices
    the better of two searches: as it is; and where work waits with shares of the price on it that a
    linear program over all slots finds. In the last, by local search, one server's work is free:
    the tasks that compute most gather there, and few others wait for them.
    """
    solve = optimal if episodes.slots.num_devices <= _FEW else local_search_prices
    made = [
        play(episodes, lambda slots, _: local_search(slots)).assignment,
        play(episodes, lambda slots, _: solve(slots)).assignment,
    ]
    if episodes.waits:
        from mec_gym.bounds.episode_prices import first_prices

        problems = EpisodeProblem.of(episodes)
        each = [first_prices(problems.episode(row)).of_work for row in range(len(episodes))]
        if not any(price.any() for price in each):  # nothing waits
            return made
        made += [_all_priced(episodes, [price * part for price in each], solve) for part in _SHARES]
        but_one = ~np.eye(episodes.slots.num_servers, dtype=np.bool_)
        made += [
            _all_priced(episodes, [price * priced for price in each], local_search)
            for priced in but_one
        ]
    return made


def _all_priced(
    episodes: Episodes, prices: Sequence[FloatArray], solve: Callable[[Problem], IntArray]
) -> IntArray:
    """Return what a solver of slots plays of episodes at prices of work (K, N) of each, s/cycle."""
    ends = [_priced(episodes[row : row + 1], price, solve) for row, price in enumerate(prices)]
    return np.concatenate(ends)


def _priced(
    episodes: Episodes, price: FloatArray, solve: Callable[[Problem], IntArray]
) -> IntArray:
    """Return what a solver of slots plays of one episode at prices of work (K, N), s/cycle."""

    def choose(slots: Instance, number: int) -> IntArray:
        problem = Problem.of(slots)
        cost = problem.link_cost.copy()
        cost[..., : slots.num_servers] += slots.task_cycles[..., None] * price[number]
        return solve(replace(problem, link_cost=cost))

    return play(episodes, choose).assignment


def _checked(episodes: Episodes, start: IntArray) -> IntArray:
    """Return a start as integers.

    Raises:
        ValueError: it is no assignment of the episodes.
    """
    found, shape = np.asarray(start), episodes.present.shape
    if found.shape != shape or found.dtype.kind not in "iu":
        raise ValueError(
            f"starts: {found.dtype} of shape {found.shape}; each must be whole numbers {shape}:"
            " episode, slot, device"
        )
    most = episodes.slots.num_actions - 1
    wrong = np.where(episodes.present, (found < 0) | (found > most), found != -1)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"starts: {found[at]} at episode, slot, device {at}; actions are 0 to {most}, and -1 of"
            " those that have no task"
        )
    return found.astype(np.int64)
