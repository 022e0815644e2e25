"""The best assignments of whole episodes that a search finds, all slots' numbers known.

How far they are from what is best `mec_gym.bounds.episodes` bounds.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.episode_problem import EpisodeProblem
from mec_gym.episodes import Episodes, play
from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import local_search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SHARES = (0.25, 0.5, 1.0)
"""Of what a cycle left over costs later, these are added to the price of work, one by one."""

_CHANGES = 200_000
"""So many changes in one slot are tried at least once in what kicks lead to."""


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
    lowers the cost of all slots; the best end is then kicked and improved again.

    Args:
        episodes: whose numbers of all slots are known.
        starts: assignments that can be played, each (B, K, M); None: `slot_by_slot`'s.
        budget: kicks of each episode; None: so many that they take a second or a few.
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
        num_devices = episodes.slots.num_devices
        budget = _CHANGES // (num_devices * (num_devices + episodes.slots.num_actions)) + 1
    best = np.empty_like(tried[0])
    total = np.empty(len(episodes))
    rng = np.random.default_rng(seed)
    for row in range(len(episodes)):
        problem = problems.episode(row)
        uniforms = rng.random((budget, UNIFORMS))
        ends = []
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
        end = min(ends, key=lambda each: each[:2])[2]
        total[row], best[row] = improve(problem, end, uniforms, moves), end
    return Found(best, total)


def slot_by_slot(episodes: Episodes) -> list[IntArray]:
    """Return assignments, (B, K, M) each, that local search makes slot by slot.

    The first sees what the slots before have left. In the others work has a price as well: shares
    of what each cycle left over at the end of the slot costs later in what was played before.
    """
    best, cost = _played(episodes, None)
    made = [best]
    for _ in range(2):
        price = _later_costs(episodes, best)
        for share in _SHARES if price.any() else ():
            found, found_cost = _played(episodes, price * share)
            made.append(found)
            better = found_cost < cost
            best = np.where(better[:, None, None], found, best)
            cost = np.minimum(cost, found_cost)
    return made


def _played(episodes: Episodes, price: FloatArray | None) -> tuple[IntArray, FloatArray]:
    """Return what local search plays, (B, K, M), and its cost, (B,), at prices (B, K, N), s/cycle.

    Prices are the mean of episodes' that are alike in a slot, as they are played together.
    """
    if price is None:
        played = play(episodes, lambda slots, _: local_search(slots))
        return played.assignment, played.cost.sum(axis=(-2, -1))
    ends, costs = [], []
    for row in range(len(episodes)):

        def choose(slots: Instance, number: int, own: FloatArray = price[row]) -> IntArray:
            problem = Problem.of(slots)
            cost = problem.link_cost.copy()
            cost[..., : slots.num_servers] += slots.task_cycles[..., None] * own[number]
            return local_search(replace(problem, link_cost=cost))

        played = play(episodes[row : row + 1], choose)
        ends.append(played.assignment[0])
        costs.append(played.cost.sum())
    return np.stack(ends), np.array(costs)


def _later_costs(episodes: Episodes, assignment: IntArray) -> FloatArray:
    """Return what a cycle more on a server in a slot costs later slots, (B, K, N), s/cycle.

    While work waits there, each task that comes waits 1 / F longer.
    """
    from mec_gym.solvers.episode_loops import begin

    problems = EpisodeProblem.of(episodes)
    price = np.zeros(problems.server_hz.shape)
    for row in range(len(price)):
        problem = problems.episode(row)
        episode = begin(problem, assignment[row].copy())
        for slot in range(episodes.num_slots - 2, -1, -1):
            more = episode.weight[slot + 1] / problem.server_hz[slot + 1] + price[row, slot + 1]
            price[row, slot] = np.where(episode.backlog[slot + 1] > 0, more, 0.0)
    return price


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
