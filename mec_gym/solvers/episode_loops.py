"""Moves and swaps of one device in one slot of an episode, with all that follows, compiled."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop
from mec_gym.episode_problem import EpisodeProblem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LEAST_GAIN = 1e-12
"""A move must gain this share of the total cost; less could be rounding, and go round for ever."""

_KICK, _AROUND = 4, 3
"""A kick swaps within so many slots; what it is worth is sought so many before and behind too."""

UNIFORMS = 1 + 3 * _KICK
"""Uniform numbers that a kick takes: where, and the slot and two devices of each of its swaps."""


class Episode(NamedTuple):
    """One assigned episode: what each server has in each slot, and what is carried on.

    Attributes:
        assignment: action of each device, (K, M); -1 of those that have no task.
        backlog: W when a slot begins, (K + 1, N), cycles.
        last: server of each device's last task on one when a slot begins, (K + 1, M); -1: none.
        weight: sum of w on each server, (K, N).
        load: sum of q, (K, N), sqrt(cycles).
        work: sum of C, (K, N), cycles.
        tasks: how many there are on each server, (K, N).
        patience: how long each server's tasks may wait within all their deadlines, (K, N), seconds.
        cost: of each slot, (K,), seconds; inf where it breaks a deadline or capacity.
        later: sum of w / F on each server from a slot on, (K, N), s/cycle.
        spare: the least that W is above 0, or would be below, after a slot or later ones but the
            last, (K, N), cycles.
        room: by how much more W the tasks of a slot and later ones keep to deadlines, (K, N).
    """

    assignment: IntArray
    backlog: FloatArray
    last: IntArray
    weight: FloatArray
    load: FloatArray
    work: FloatArray
    tasks: IntArray
    patience: FloatArray
    cost: FloatArray
    later: FloatArray
    spare: FloatArray
    room: FloatArray


@loop
def begin(problem: EpisodeProblem, assignment: IntArray) -> Episode:
    """Return the episode of an assignment, which it goes on with in place."""
    num_slots, num_devices, _ = problem.link_cost.shape
    shape = problem.server_hz.shape
    made = Episode(
        assignment,
        np.zeros((num_slots + 1, shape[1])),
        np.full((num_slots + 1, num_devices), -1),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int64),
        np.zeros(shape),
        np.zeros(num_slots),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
    )
    follow(problem, made, 0)
    return made


@loop
def follow(problem: EpisodeProblem, episode: Episode, first: int) -> float:
    """Work out what an episode's assignment makes of its slots from one on; return its cost."""
    num_slots, num_devices, _ = problem.link_cost.shape
    num_servers = problem.server_hz.shape[1]
    for slot in range(first, num_slots):
        weight, load, work = episode.weight[slot], episode.load[slot], episode.work[slot]
        tasks, patience = episode.tasks[slot], episode.patience[slot]
        weight[:], load[:], work[:], tasks[:], patience[:] = 0.0, 0.0, 0.0, 0, np.inf
        last = episode.last[slot + 1]
        last[:] = episode.last[slot]
        total = 0.0
        for device in range(num_devices):
            action = episode.assignment[slot, device]
            if action < 0:
                continue
            total += problem.link_cost[slot, device, action]
            if action < num_servers:
                limit = problem.limit[slot, device, action]
                if last[device] not in (-1, action):
                    total += problem.moving[slot, device]
                    limit -= problem.moving_s[slot, device]
                last[device] = action
                patience[action] = min(patience[action], limit)
                weight[action] += problem.weight[slot, device]
                load[action] += problem.size[slot, device]
                work[action] += problem.work[slot, device]
                tasks[action] += 1
        for server in range(num_servers):
            hz = problem.server_hz[slot, server]
            wait = episode.backlog[slot, server] / hz
            total += load[server] ** 2 / hz + weight[server] * wait
            if wait > patience[server] or tasks[server] > problem.capacity[slot, server]:
                total = np.inf
            left = episode.backlog[slot, server] + work[server] - hz * problem.slot_s
            episode.backlog[slot + 1, server] = max(0.0, left)
        episode.cost[slot] = total
    for server in range(num_servers):
        later, spare, room = 0.0, np.inf, np.inf
        for slot in range(num_slots - 1, -1, -1):
            hz, backlog = problem.server_hz[slot, server], episode.backlog[slot, server]
            later += episode.weight[slot, server] / hz
            room = min(room, episode.patience[slot, server] * hz - backlog)
            if slot < num_slots - 1:
                left = backlog + episode.work[slot, server] - hz * problem.slot_s
                spare = min(spare, left)
            episode.later[slot, server] = later
            episode.spare[slot, server], episode.room[slot, server] = spare, room
    return float(episode.cost.sum())


@loop
def _joins(
    problem: EpisodeProblem,
    episode: Episode,
    slot: int,
    server: int,
    size: float,
    weight: float,
    work: float,
) -> float:
    """Return by how much more of q, w and C on a server in one slot raises its cost in all slots.

    It is inf where a later task would miss its deadline.
    """
    hz, backlog = problem.server_hz[slot, server], episode.backlog[slot, server]
    rise = size * (2 * episode.load[slot, server] + size) / hz + weight * backlog / hz
    left = max(0.0, backlog + episode.work[slot, server] + work - hz * problem.slot_s)
    for later in range(slot + 1, len(episode.cost)):
        more = left - episode.backlog[later, server]
        if more == 0.0:
            break
        spare = episode.spare[later, server]
        if spare >= max(-more, 0.0) and more <= episode.room[later, server]:
            rise += episode.later[later, server] * more  # it is never idle from here on
            break
        hz = problem.server_hz[later, server]
        if left > episode.patience[later, server] * hz:
            return np.inf
        rise += episode.weight[later, server] * more / hz
        left = max(0.0, left + episode.work[later, server] - hz * problem.slot_s)
    return float(rise)


@loop
def _handed(
    problem: EpisodeProblem, episode: Episode, slot: int, device: int, action: int
) -> float:
    """Return what moving a device's service costs in a slot and the next, were this its action."""
    num_slots, num_servers = problem.server_hz.shape
    last, paid = episode.last[slot, device], 0.0
    if action < num_servers:
        if last not in (-1, action):
            paid += problem.moving[slot, device]
        last = action
    if last < 0:
        return paid
    for later in range(slot + 1, num_slots):
        then = episode.assignment[later, device]
        if 0 <= then < num_servers:
            return float(paid + (problem.moving[later, device] if then != last else 0.0))
    return paid


@loop
def _touch(
    problem: EpisodeProblem, episode: Episode, slot: int, device: int, around: Any, open_: Any
) -> None:
    """Mark the slots of a window that a change of a device in one of them can have opened.

    These are its own, and those of the device's tasks before and after it.
    """
    begins, ends = around
    open_[slot] = True
    for step in (-1, 1):
        other = slot + step
        while begins <= other < ends:
            if problem.present[other, device]:
                open_[other] = True
                break
            other += step


@loop
def descend(
    problem: EpisodeProblem, episode: Episode, begins: int, ends: int, moves: bool, open_: Any
) -> float:
    """Improve an episode in place until no move and no swap in open slots does.

    Each device of each slot in turn, the last slot first, makes the best of its moves to another
    action and its swaps with another device. Slots in [begins, ends) are opened by what changes
    near them. Returns the cost.

    Args:
        problem: of the episode.
        episode: improved in place.
        begins: the first slot that may change.
        ends: the slot behind the last.
        moves: whether moving a service costs anything.
        open_: which slots are looked at, (K,); none in the end.
    """
    num_devices, num_actions = problem.link_cost.shape[1:]
    num_servers = problem.server_hz.shape[1]
    total = episode.cost.sum()
    slot, device, unchanged = ends - 1, num_devices - 1, 0
    while True:
        if not open_[slot] or unchanged == num_devices:
            open_[slot], unchanged = False, 0
            slot = ends - 1
            while slot >= begins and not open_[slot]:
                slot -= 1
            if slot < begins:
                break
        device = device - 1 if device > 0 else num_devices - 1
        unchanged += 1
        here = episode.assignment[slot, device]
        if here < 0:
            continue
        costs = problem.link_cost[slot]
        size, weight = problem.size[slot], problem.weight[slot]
        work = problem.work[slot]
        leaving = -costs[device, here]
        if moves:
            leaving -= _handed(problem, episode, slot, device, here)
        off = leaving
        if here < num_servers:
            off += _joins(
                problem, episode, slot, here, -size[device], -weight[device], -work[device]
            )
        best_change, best_action, best_partner = -_LEAST_GAIN * total, -1, -1
        for action in range(num_actions):
            change = off + costs[device, action]
            if action == here or not change < np.inf:
                continue
            if action < num_servers:
                if episode.tasks[slot, action] >= problem.capacity[slot, action]:
                    continue
                change += _joins(
                    problem, episode, slot, action, size[device], weight[device], work[device]
                )
            if moves:
                change += _handed(problem, episode, slot, device, action)
            if change < best_change:
                best_change, best_action, best_partner = change, action, -1
        for partner in range(num_devices):
            there = episode.assignment[slot, partner]
            if there < 0 or there == here:
                continue
            change = leaving + costs[device, there] + costs[partner, here] - costs[partner, there]
            if not change < np.inf:
                continue
            more = size[device] - size[partner]
            heavier, longer = weight[device] - weight[partner], work[device] - work[partner]
            if moves:
                change += _handed(problem, episode, slot, device, there)
                change += _handed(problem, episode, slot, partner, here)
                change -= _handed(problem, episode, slot, partner, there)
            # The two columns alone have no loads.
            if there < num_servers and here < num_servers:
                change += _joins(problem, episode, slot, there, more, heavier, longer)
                change += _joins(problem, episode, slot, here, -more, -heavier, -longer)
            elif there < num_servers:
                change += _joins(problem, episode, slot, there, more, heavier, longer)
            elif here < num_servers:
                change += _joins(problem, episode, slot, here, -more, -heavier, -longer)
            if change < best_change:
                best_change, best_action, best_partner = change, there, partner
        if best_action >= 0:
            episode.assignment[slot, device] = best_action
            if best_partner >= 0:
                episode.assignment[slot, best_partner] = here
            waited = episode.backlog[slot + 1].sum()
            found = follow(problem, episode, slot)
            if found < total:
                total, unchanged = found, 0
                _touch(problem, episode, slot, device, (begins, ends), open_)
                if best_partner >= 0:
                    _touch(problem, episode, slot, best_partner, (begins, ends), open_)
                if waited > 0 or episode.backlog[slot + 1].sum() > 0:
                    open_[begins:ends] = True
            else:  # a deadline that no wait alone breaks, or rounding
                episode.assignment[slot, device] = here
                if best_partner >= 0:
                    episode.assignment[slot, best_partner] = best_action
                follow(problem, episode, slot)
    return float(total)


@loop
def settle(problem: EpisodeProblem, episode: Episode, moves: bool) -> float:
    """Improve an episode in place until no move and no swap in any slot does; return its cost."""
    num_slots = len(episode.cost)
    best = np.inf
    while True:
        found = descend(problem, episode, 0, num_slots, moves, np.full(num_slots, True))
        if not found < best:
            return found
        best = found


@loop
def improve(problem: EpisodeProblem, assignment: Any, uniforms: FloatArray, moves: bool) -> float:
    """Improve an assignment (K, M) in place by descents from kicks; return its cost, seconds.

    A kick swaps the actions of pairs of devices in slots close together, and is kept if a descent
    around them ends below where it began.

    Args:
        problem: of one episode.
        assignment: action of each device, (K, M); -1 of those that have no task.
        uniforms: random numbers on [0, 1), (kicks, UNIFORMS).
        moves: whether moving a service costs anything.
    """
    num_slots, num_devices = assignment.shape
    episode = begin(problem, assignment)
    best = settle(problem, episode, moves)
    open_ = np.full(num_slots, False)
    for kick in range(len(uniforms)):
        unit = uniforms[kick]
        first = int(unit[0] * num_slots)
        ends = min(first + _KICK, num_slots)
        begins, behind = max(first - _AROUND, 0), min(ends + _AROUND, num_slots)
        before = assignment[begins:behind].copy()
        for swap in range(_KICK - 1):
            slot = first + int(unit[3 * swap + 1] * (ends - first))
            one, other = (
                int(unit[3 * swap + 2] * num_devices),
                int(unit[3 * swap + 3] * num_devices),
            )
            here, there = assignment[slot, one], assignment[slot, other]
            if here < 0 or there < 0:
                continue
            links = problem.link_cost[slot]
            if links[one, there] < np.inf and links[other, here] < np.inf:
                assignment[slot, one], assignment[slot, other] = there, here
                for device in (one, other):
                    _touch(problem, episode, slot, device, (begins, behind), open_)
        found = np.inf
        if follow(problem, episode, first) < np.inf:
            found = descend(problem, episode, begins, behind, moves, open_)
        if found < best * (1 - _LEAST_GAIN):
            best = found
        else:
            assignment[begins:behind] = before
            open_[:] = False
            follow(problem, episode, begins)
    return settle(problem, episode, moves)
