"""The compiled loops that end a slot and begin the one that follows it.

A copy plays the slot in its own row of `slots`; episodes stand in rows of `drawn`. Devices without
a task are left out, so that a slot of m tasks stands in the first m places of a row of M.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numba.np.unsafe.ndarray import to_fixed_tuple

from mec_gym import actions, equations, mdp
from mec_gym.compiling import borrowed, index, loop, loops_for
from mec_gym.envs.drawn import AT, FIELDS, Drawn
from mec_gym.envs.loops import finish_one
from mec_gym.envs.option_loops import Kept, more_of
from mec_gym.envs.told import NUM_MEANS, Ended
from mec_gym.kernels import kernel

_AT_ONCE = 64
"""So many copies go on at a time."""

_IN_LINE = 16
"""So many numbers that are shown take a line of the cache."""

_NUM_STARTS = len(FIELDS) + 1


class Course(NamedTuple):
    """How far copies are in their episodes, (B, ...).

    Attributes:
        episode: the row of the episode, (B,).
        number: of the slot that is played, (B,).
        last: number of the last slot in which a device has a task, (B,).
        over: whether that one has ended, (B,).
        devices: those that have a task, (B, M); -1 behind them.
        backlog_cycles: work left over as the slot began, or as the last one ended, (B, N), cycles.
        last_server: the server that ran each device's task last, (B, M); -1: none did.
        past: actions in the slots before, one after the other, (B, K M).
        steps: how many these are, (B,).
        sums: of what the slots came to, (B, 10), see `told.SUMMED`.
    """

    episode: Any
    number: Any
    last: Any
    over: Any
    devices: Any
    backlog_cycles: Any
    last_server: Any
    past: Any
    steps: Any
    sums: Any


class Rules(NamedTuple):
    """What is the same for all slots of a scenario.

    Attributes:
        num_servers: how many actions are servers, N.
        slot_s: length of a slot tau, seconds.
        waits: whether work left over waits.
        moves: whether it takes time where a service moves.
        has_options: whether there is more than the paper's.
        drops: whether the last action drops the task.
        blocks: first entry and entries for each device of what is shown of devices, (n, 2).
    """

    num_servers: int
    slot_s: float
    waits: bool
    moves: bool
    has_options: bool
    drops: bool
    blocks: Any


@kernel
def part_at(slots: mdp.Slot, prepared: Any, row: int, counts: Any) -> tuple[mdp.Slot, Any]:
    """Return the tasks that a slot has, as views of its row, and what is prepared of it.

    Args:
        slots: in rows of M devices.
        prepared: what the observation has worked out, rows as well.
        row: of the slot.
        counts: how many tasks it has, and along their first axes what is prepared for the
            observation and for the reward, (rows, 3).
    """
    tasks, shown, earned = counts[row, 0], counts[row, 1], counts[row, 2]
    slot = mdp.Slot(
        slots.tx_delay[row, :tasks],
        slots.task_cycles[row, :tasks],
        slots.sqrt_cycles[row, :tasks],
        slots.server_hz[row],
        slots.capacity[row],
        slots.link_cost[row, :tasks],
        slots.allowed[row, :tasks],
        slots.wait[row],
        slots.last_server[row, :tasks],
        slots.slots_left[row],
        slots.slot_s[row],
        slots.for_reward[row, :earned],
        slots.load[row],
        slots.sqrt_load[row],
    )
    return slot, prepared[row, :shown]


@register_jitable(forceinline=True, error_model="numpy")
def _fixed(drawn: Any) -> Drawn:
    """Return the episodes with a tuple as `starts`, of which it is known that nothing writes it."""
    starts: Any = to_fixed_tuple(drawn.starts, _NUM_STARTS)  # type: ignore[call-arg]  # numba's own
    return Drawn(drawn.devices, starts, drawn.servers, drawn.shown)


@register_jitable(forceinline=True, error_model="numpy")
def _carry(drawn: Any, course: Course, rules: Rules, copy: int, work: Any) -> None:
    """Leave to the next slot what is not finished of the work that came, (N,), cycles."""
    if rules.waits:
        hz = drawn.servers[index(course.episode[copy]), index(course.number[copy])]
        for server in range(rules.num_servers):
            course.backlog_cycles[copy, server] = equations.backlog_after(
                course.backlog_cycles[copy, server], work[server], hz[server], rules.slot_s
            )


@register_jitable(forceinline=True, error_model="numpy")
def _someone(drawn: Any, row: int, number: int) -> bool:
    """Return whether a device has a task in a slot."""
    tasks = 0.0
    for device in range(drawn.devices.shape[2]):
        tasks += drawn.devices[row, number, device, AT.present]
    return tasks > 0


@register_jitable(forceinline=True, error_model="numpy")
def _touched(drawn: Any, course: Course, copy: int) -> float:
    """Read what the slot after a copy's takes, and return something of it.

    Of many copies it comes from memory at the same time, and is in the cache when it is needed.
    """
    row = index(course.episode[copy])
    number = index(min(course.number[copy] + 1, drawn.devices.shape[1] - 1))
    total: float = drawn.servers[row, number, 0]
    for device in range(drawn.devices.shape[2]):
        total += drawn.devices[row, number, device, AT.present]
    for entry in range(0, drawn.shown.shape[2], _IN_LINE):
        total += drawn.shown[row, number, entry]
    return total


@register_jitable(forceinline=True, error_model="numpy")
def _number(devices: Any, starts: Any, field: int, device: int) -> Any:
    """Return a number of a device, (1,); (0,) where there is none."""
    first = index(starts[field])
    return devices[device : device + index(starts[field + 1] > first), first]


@register_jitable(forceinline=True, error_model="numpy")
def _links(devices: Any, starts: Any, field: int, device: int) -> Any:
    """Return the numbers of a device's links, (1, N); (0, 0) where there are none."""
    first, end = index(starts[field]), index(starts[field + 1])
    return devices[device : device + index(end > first), first:end]


@register_jitable(forceinline=True, error_model="numpy")
def _begin_slot(
    drawn: Any,
    course: Course,
    slots: Any,
    counts: Any,
    kept: Kept,
    shown: Any,
    rules: Rules,
    copy: int,
    work: Any,
) -> None:
    """Begin the next slot in which a device has a task; `work` (N,) is room."""
    row, number = index(course.episode[copy]), index(course.number[copy] + 1)
    work[:] = 0.0
    while not _someone(drawn, row, number):
        course.number[copy] = number
        _carry(drawn, course, rules, copy, work)
        number = index(number + 1)
    course.number[copy] = number
    devices, starts = drawn.devices[row, number], drawn.starts
    num_devices, num_servers = len(devices), rules.num_servers
    hz, backlog = drawn.servers[row, number, :num_servers], course.backlog_cycles[copy]
    tasks = 0
    for device in range(num_devices):
        if devices[device, AT.present] == 0:
            continue
        place = slice(tasks, tasks + 1)
        course.devices[copy, tasks] = device
        slots.task_cycles[copy, tasks] = devices[device, AT.task_cycles]
        slots.sqrt_cycles[copy, tasks] = devices[device, AT.size]
        if rules.moves:
            slots.last_server[copy, tasks] = course.last_server[copy, device]
        given = actions.Given(
            _links(devices, starts, AT.tx_delay, device),
            _number(devices, starts, AT.task_cycles, device),
            hz,
            _number(devices, starts, AT.tx_power_w, device),
            _number(devices, starts, AT.delay_weight, device),
            _number(devices, starts, AT.energy_weight, device),
            _number(devices, starts, AT.local_hz, device),
            _number(devices, starts, AT.switched_capacitance, device),
            _number(devices, starts, AT.cloud_delay_s, device),
            _number(devices, starts, AT.cloud_hz, device),
            _number(devices, starts, AT.drop_penalty_s, device),
            _number(devices, starts, AT.deadline_s, device),
            _links(devices, starts, AT.covered, device),
            _links(devices, starts, AT.fetch_delay_s, device),
            backlog,
            _number(devices, starts, AT.handover_s, device),
            slots.last_server[copy, place],
        )
        made = actions.Actions(
            slots.tx_delay[copy, place],
            slots.link_cost[copy, place],
            slots.allowed[copy, place],
            kept.energy[copy, place],
            kept.own_hz[copy, place],
        )
        actions.compose(given, 0, made)
        if kept.deadline_s.shape[1]:
            kept.deadline_s[copy, tasks] = given.deadline_s[0]
        tasks += 1
    counts[copy, 0] = tasks
    for device in range(tasks, num_devices):
        course.devices[copy, device] = -1
    for server in range(slots.server_hz.shape[1]):
        slots.load[copy, server], slots.sqrt_load[copy, server] = 0, 0.0
        if server < num_servers:
            slots.server_hz[copy, server] = hz[server]
            slots.wait[copy, server] = equations.waiting_delay(backlog[server], hz[server])
        else:
            slots.server_hz[copy, server], slots.wait[copy, server] = math.inf, 0.0
            slots.capacity[copy, server] = tasks
    slots.slots_left[copy] = int(drawn.servers[row, number, num_servers])
    _show(drawn.shown[row, number], shown[copy], course.devices[copy], tasks, rules.blocks)


@register_jitable(forceinline=True, error_model="numpy")
def _show(every: Any, some: Any, devices: Any, tasks: int, blocks: Any) -> None:
    """Write what is shown of the devices that have a task, 0 behind them."""
    if tasks == len(devices) or len(blocks) == 0:
        for entry in range(len(every)):
            some[entry] = every[entry]
        return
    for entry in range(len(every)):
        some[entry] = 0
    for block in range(len(blocks)):
        first, width = index(blocks[block, 0]), index(blocks[block, 1])
        for task in range(tasks):
            source = first + index(devices[task]) * width
            for entry in range(width):
                some[first + task * width + entry] = every[source + entry]


@register_jitable(forceinline=True, error_model="numpy")
def _end_slot(
    drawn: Any,
    course: Course,
    slots: Any,
    prepared: Any,
    counts: Any,
    kept: Kept,
    rules: Rules,
    copy: int,
    chosen: Any,
    ended: Ended,
    work: Any,
) -> None:
    """Write what a slot came to, and carry on what it leaves; `work` (N,) is room."""
    slot, _ = part_at(slots, prepared, copy, counts)
    tasks, number, out = index(counts[copy, 0]), course.number[copy], ended.outcome[copy]
    overloads = finish_one(
        slot, chosen, ended.assignment[copy], ended.cpu_hz[copy], ended.task_delay[copy]
    )
    out[:] = 0.0
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
        out[1], out[2] = cost / tasks, energy / tasks
        out[4], out[5], out[6] = missed, dropped, barred
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
    _carry(drawn, course, rules, copy, work)
    for server in range(rules.num_servers):
        ended.backlog_cycles[copy, server] = course.backlog_cycles[copy, server]
    out[0], out[3], out[7] = total / tasks, overloads, moved
    out[8] = overloads == 0 and out[6] == 0
    ended.number[copy], ended.tasks[copy] = number, tasks
    sums = course.sums[copy]
    for entry in range(8):
        sums[entry] += out[entry] * tasks if entry < NUM_MEANS else out[entry]
    sums[8] += 1 - out[8]
    sums[9] += tasks
    course.steps[copy] = first + tasks
    course.over[copy] = number == course.last[copy]


@loops_for
def begin(formulas: str) -> Any:
    """Return the compiled loop that begins episodes, see `begin_all` in it."""

    @loop
    def begin_all(
        copies: Any,
        rows: Any,
        drawn: Any,
        course: Any,
        slots: Any,
        counts: Any,
        kept: Any,
        shown: Any,
        rules: Any,
    ) -> None:
        """Begin the episodes in some rows, one for each of some copies: their first slots.

        What is named is given as plain tuples: these are handed over faster.
        """
        assert formulas
        drawn, course = _fixed(Drawn(*borrowed(drawn))), Course(*borrowed(course))
        slots, kept, rules = mdp.Slot(*borrowed(slots)), Kept(*borrowed(kept)), Rules(*rules)
        shown, work = borrowed(shown), np.empty(rules.num_servers)
        for place, each in enumerate(copies):
            copy = index(each)
            course.episode[copy], course.number[copy] = rows[place], -1
            row = index(rows[place])
            last = index(drawn.devices.shape[1] - 1)
            while not _someone(drawn, row, last):
                last = index(last - 1)
            course.last[copy], course.over[copy], course.steps[copy] = last, False, 0
            course.backlog_cycles[copy, :] = 0.0
            course.last_server[copy, :] = -1
            course.sums[copy, :] = 0.0
            _begin_slot(drawn, course, slots, counts, kept, shown, rules, copy, work)

    return begin_all


@loops_for
def turn(formulas: str) -> Any:
    """Return the compiled loop that ends slots and begins the next, see `turn_all` in it."""

    @loop
    def turn_all(
        copies: Any,
        drawn: Any,
        course: Any,
        slots: Any,
        prepared: Any,
        counts: Any,
        kept: Any,
        shown: Any,
        rules: Any,
        chosen: Any,
        ended: Any,
    ) -> int:
        """End the slots of some copies, and begin the next of those whose episodes go on.

        What is named is given as plain tuples, as above. Returns of how many copies the episode
        is over.
        """
        assert formulas
        drawn, course = _fixed(Drawn(*borrowed(drawn))), Course(*borrowed(course))
        slots, kept, rules = mdp.Slot(*borrowed(slots)), Kept(*borrowed(kept)), Rules(*rules)
        shown, prepared = borrowed(shown), borrowed(prepared)
        chosen, ended = borrowed(chosen), Ended(*borrowed(ended))
        work, over = np.empty(rules.num_servers), 0
        for start in range(0, len(copies), _AT_ONCE):
            some = copies[start : start + _AT_ONCE]
            for each in some:
                work[0] = _touched(drawn, course, index(each))
            for each in some:
                copy = index(each)
                _end_slot(
                    drawn,
                    course,
                    slots,
                    prepared,
                    counts,
                    kept,
                    rules,
                    copy,
                    chosen[copy],
                    ended,
                    work,
                )
                if course.over[copy]:
                    over += 1
                else:
                    _begin_slot(drawn, course, slots, counts, kept, shown, rules, copy, work)
        return over

    return turn_all
