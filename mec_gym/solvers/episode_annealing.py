"""Moves and swaps in whole episodes that may also raise the cost, less and less so, compiled."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop
from mec_gym.episode_problem import EpisodeProblem
from mec_gym.solvers.episode_loops import Episode, begin, follow, handed, joins

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNIFORMS = 3
"""Uniform numbers that a proposal takes: which task, which change of it, and whether it is made."""


@loop
def _change(
    problem: EpisodeProblem,
    episode: Episode,
    slot: int,
    device: int,
    there: int,
    partner: int,
    moves: bool,
) -> float:
    """Return by how much it raises the cost that a device takes an action, its partner its own.

    It is inf where an action is not allowed, or a later task would miss its deadline.

    Args:
        problem: of one episode.
        episode: as it is.
        slot: in which it does.
        device: that has a task in it.
        there: the action.
        partner: that has this action; -1: none.
        moves: whether moving a service costs anything.
    """
    num_servers = problem.server_hz.shape[1]
    costs, here = problem.link_cost[slot], episode.assignment[slot, device]
    change = costs[device, there] - costs[device, here]
    size, weight = problem.size[slot, device], problem.weight[slot, device]
    work = problem.work[slot, device]
    if moves:
        change += handed(problem, episode, slot, device, there)
        change -= handed(problem, episode, slot, device, here)
    if partner >= 0:
        change += costs[partner, here] - costs[partner, there]
        size -= problem.size[slot, partner]
        weight -= problem.weight[slot, partner]
        work -= problem.work[slot, partner]
        if moves:
            change += handed(problem, episode, slot, partner, here)
            change -= handed(problem, episode, slot, partner, there)
    if not change < np.inf:
        return np.inf
    if there < num_servers:
        change += joins(problem, episode, slot, there, size, weight, work)
    if here < num_servers:
        change += joins(problem, episode, slot, here, -size, -weight, -work)
    return float(change)


@loop
def anneal(
    problem: EpisodeProblem,
    assignment: IntArray,
    tasks: IntArray,
    hottest: float,
    cooling: FloatArray,
    uniforms: FloatArray,
    moves: bool,
) -> float:
    """Change an assignment (K, M) in place by proposals; return its cost, seconds.

    Each moves a task, or swaps it with another of its slot. One that raises the cost by c is made
    with the probability exp(-c / T).

    Args:
        problem: of one episode.
        assignment: action of each device; -1 of those that have no task.
        tasks: slot and device of each, (T, 2).
        temperature: T of each proposal, (P,), seconds.
        uniforms: random numbers on [0, 1), (P, UNIFORMS).
        moves: whether moving a service costs anything.
    """
    num_devices, num_actions = problem.link_cost.shape[1:]
    num_servers = problem.server_hz.shape[1]
    episode = begin(problem, assignment)
    total = episode.cost.sum()
    for number in range(len(uniforms)):
        unit, temperature = uniforms[number], hottest * cooling[number]
        slot, device = tasks[int(unit[0] * len(tasks))]
        here, partner = assignment[slot, device], -1
        place = int(unit[1] * (num_actions + num_devices))
        if place < num_actions:
            there = place
            if there == here:
                continue
            if there < num_servers:
                if episode.tasks[slot, there] >= problem.capacity[slot, there]:
                    continue
        else:
            partner = place - num_actions
            there = assignment[slot, partner]
            if there < 0 or there == here:
                continue
        change = _change(problem, episode, slot, device, there, partner, moves)
        if not change < -temperature * np.log(1 - unit[2]):
            continue
        assignment[slot, device] = there
        if partner >= 0:
            assignment[slot, partner] = here
        found = follow(problem, episode, slot)
        if found < np.inf:
            total = found
        else:  # a deadline of the slot itself
            assignment[slot, device] = here
            if partner >= 0:
                assignment[slot, partner] = there
            follow(problem, episode, slot)
    return float(total)
