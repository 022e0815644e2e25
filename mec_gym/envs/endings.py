"""The compiled loop that ends slots which follow one another, as `turns` has begun them."""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from mec_gym import mdp
from mec_gym.compiling import borrowed, index, loop, loops_for
from mec_gym.envs.loops import finish_one
from mec_gym.envs.option_loops import Kept, more_of
from mec_gym.envs.told import COUNTS, MEANS, Ended
from mec_gym.envs.turns import Course, Rules, carry, tasks_at


@register_jitable(forceinline=True, error_model="numpy")
def _end_slot(
    course: Course,
    slots: Any,
    counts: Any,
    kept: Kept,
    rules: Rules,
    copy: int,
    chosen: Any,
    ended: Ended,
    work: Any,
) -> None:
    """Write what a slot came to, and carry on what it leaves; `work` (N,) is room."""
    slot = tasks_at(slots, copy, counts)
    tasks, number = index(counts[copy, 0]), course.number[copy]
    sums, means, found = course.sums[copy], ended.means, ended.counts
    overloads = finish_one(
        slot, chosen, ended.assignment[copy], ended.cpu_hz[copy], ended.task_delay[copy]
    )
    barred = 0
    if rules.has_options:
        cost, energy, missed, dropped, barred = more_of(
            slot,
            kept,
            copy,
            chosen,
            ended.cpu_hz[copy],
            ended.task_delay[copy],
            rules.num_servers,
            rules.drops,
        )
        means[1, copy], means[2, copy] = cost / tasks, energy / tasks
        found[1, copy], found[2, copy], found[3, copy] = missed, dropped, barred
    work[:] = 0.0
    total, moved, first = 0.0, 0, course.steps[copy]
    for task in range(tasks):
        device, server = index(course.devices[copy, task]), chosen[task]
        total += ended.task_delay[copy, task]
        ended.devices[copy, task] = device
        course.past[copy, first + task] = server
        if server < rules.num_servers:
            before = course.last_server[copy, device]
            moved += before >= 0 and before != server
            course.last_server[copy, device] = server
            work[server] += slot.task_cycles[task]
    for task in range(tasks, ended.assignment.shape[1]):
        ended.assignment[copy, task], ended.devices[copy, task] = -1, -1
        ended.cpu_hz[copy, task], ended.task_delay[copy, task] = 0.0, 0.0
    carry(course, rules, copy, work, slots.server_hz[copy])
    for server in range(rules.num_servers):
        ended.backlog_cycles[copy, server] = course.backlog_cycles[copy, server]
    means[0, copy], found[0, copy], found[4, copy] = total / tasks, overloads, moved
    ended.feasible[copy] = overloads == 0 and barred == 0
    ended.number[copy], ended.tasks[copy] = number, tasks
    for entry in range(len(means)):
        sums[entry] += means[entry, copy] * tasks
    for entry in range(len(found)):
        sums[len(means) + entry] += found[entry, copy]
    sums[len(means) + len(found)] += not ended.feasible[copy]
    sums[len(means) + len(found) + 1] += tasks
    course.steps[copy] = first + tasks
    course.over[copy] = number == course.last[copy]


@loops_for
def end(formulas: str) -> Any:
    """Return the compiled loop that ends slots, see `end_all` in it."""

    @loop
    def end_all(
        copies: Any,
        course: Any,
        slots: Any,
        counts: Any,
        kept: Any,
        rules: Any,
        chosen: Any,
    ) -> Ended:
        """End the slots of some copies, and return what they came to.

        What is named is given as plain tuples, as above.
        """
        assert formulas
        course, slots = Course(*borrowed(course)), mdp.Slot(*borrowed(slots))
        kept, rules = Kept(*borrowed(kept)), Rules(*rules)
        chosen = borrowed(chosen)
        each, size, num_servers = len(counts), chosen.shape[1], rules.num_servers
        room = Ended(
            np.zeros((each, size)),
            np.zeros((each, size)),
            np.zeros((each, num_servers)),
            np.zeros((len(MEANS), each)),
            np.zeros((each, size), np.int64),
            np.zeros((each, size), np.int64),
            np.zeros(each, np.int64),
            np.zeros(each, np.int64),
            np.zeros((len(COUNTS), each), np.int64),
            np.zeros(each, np.bool_),
        )
        ended, work = Ended(*borrowed(room)), np.empty(num_servers)
        for one in copies:
            copy, its = index(one), chosen[one]
            _end_slot(course, slots, counts, kept, rules, copy, its, ended, work)
        return room

    return end_all
