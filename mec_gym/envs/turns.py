"""The compiled loops that begin slots which follow one another; `endings` has those that end them.

A copy plays the slot in its own row of `slots`; episodes stand in rows of `drawn`. Devices without
a task are left out, so that a slot of m tasks stands in the first m places of a row of M.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numba.np.unsafe.ndarray import to_fixed_tuple

from mec_gym import actions, equations, mdp
from mec_gym.compiling import borrowed, emptied, index, loop, loops_for
from mec_gym.envs.drawn import AT, AT_ONCE, OTHERS, Drawn
from mec_gym.envs.option_loops import Kept
from mec_gym.kernels import kernel

_NUM_STARTS = len(OTHERS) + 1


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
        sums: of what the slots came to, (B, `told.NUM_SUMS`).
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
    return tasks_at(slots, row, counts), prepared[row, : counts[row, 1]]


@kernel
def tasks_at(slots: mdp.Slot, row: int, counts: Any) -> mdp.Slot:
    """Return the tasks that a slot has, as `part_at`."""
    tasks, earned = counts[row, 0], counts[row, 2]
    return mdp.Slot(
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


@register_jitable(forceinline=True, error_model="numpy")
def _fixed(drawn: Any) -> Drawn:
    """Return the episodes with a tuple as `starts`, of which it is known that nothing writes it."""
    starts: Any = to_fixed_tuple(drawn.starts, _NUM_STARTS)  # type: ignore[call-arg]  # numba's own
    return Drawn(
        drawn.present,
        drawn.in_turn,
        drawn.tx_delay,
        drawn.task_cycles,
        drawn.size,
        drawn.others,
        starts,
        drawn.server_hz,
        drawn.slots_left,
        drawn.shown,
    )


@register_jitable(forceinline=True, error_model="numpy")
def _place(drawn: Drawn, row: int, number: int, at: int) -> int:
    """Return where a slot of the episode in a row stands; `at`, where it is drawn in turn."""
    if row < drawn.in_turn:
        return at
    place: int = index(AT_ONCE + (row - drawn.in_turn) * drawn.present.shape[1] + number)
    return place


@register_jitable(forceinline=True, error_model="numpy")
def carry(course: Course, rules: Rules, copy: int, work: Any, hz: Any) -> None:
    """Leave to the next slot what is not finished of the work that came, (N,), cycles."""
    if rules.waits:
        for server in range(rules.num_servers):
            course.backlog_cycles[copy, server] = equations.backlog_after(
                course.backlog_cycles[copy, server], work[server], hz[server], rules.slot_s
            )


@register_jitable(forceinline=True, error_model="numpy")
def _someone(present: Any) -> bool:
    """Return whether a device has a task in a slot, (M,)."""
    tasks = 0
    for device in range(len(present)):
        tasks += present[device]
    return tasks > 0


@register_jitable(forceinline=True, error_model="numpy")
def _numbers(others: Any, starts: Any, field: int) -> Any:
    """Return a number of each device, (M,); (0,) where there is none."""
    first = index(starts[field])
    return others[: len(others) * index(starts[field + 1] > first), first]


@register_jitable(forceinline=True, error_model="numpy")
def _links(others: Any, starts: Any, field: int) -> Any:
    """Return the numbers of devices' links, (M, N); (0, 0) where there are none."""
    first, end = index(starts[field]), index(starts[field + 1])
    return others[: len(others) * index(end > first), first:end]


@register_jitable(forceinline=True, error_model="numpy")
def _begin_slot(
    drawn: Drawn,
    course: Course,
    slots: Any,
    counts: Any,
    kept: Kept,
    shown: Any,
    rules: Rules,
    copy: int,
    at: int,
    work: Any,
    option: Callable[[Any], Any],
) -> bool:
    """Begin the next slot; return whether a device has a task in it: if none has, it passes.

    `at` is where it stands if it is drawn in turn; `work` (N,) is room; `option` is `as_it_is` or
    `without`.
    """
    row, number = index(course.episode[copy]), index(course.number[copy] + 1)
    course.number[copy] = number
    present, place = drawn.present[row, number], _place(drawn, row, number, at)
    hz = drawn.server_hz[place]
    if not _someone(present):
        work[:] = 0.0
        carry(course, rules, copy, work, hz)
        return False
    others, starts = drawn.others[place], drawn.starts
    num_devices, num_servers = len(present), rules.num_servers
    wait, tasks = slots.wait[copy], 0
    for server in range(num_servers):
        wait[server] = equations.waiting_delay(course.backlog_cycles[copy, server], hz[server])
    given = actions.Given(
        drawn.tx_delay[place],
        drawn.task_cycles[place],
        hz,
        _numbers(others, starts, AT.tx_power_w),
        option(_numbers(others, starts, AT.delay_weight)),
        option(_numbers(others, starts, AT.energy_weight)),
        option(_numbers(others, starts, AT.local_hz)),
        option(_numbers(others, starts, AT.switched_capacitance)),
        option(_numbers(others, starts, AT.cloud_delay_s)),
        option(_numbers(others, starts, AT.cloud_hz)),
        option(_numbers(others, starts, AT.drop_penalty_s)),
        option(_numbers(others, starts, AT.deadline_s)),
        option(_links(others, starts, AT.covered)),
        option(_links(others, starts, AT.fetch_delay_s)),
        wait,
        _numbers(others, starts, AT.handover_s),
        course.last_server[copy, : num_devices * rules.moves],
    )
    made = actions.Actions(
        slots.tx_delay[copy],
        slots.link_cost[copy],
        option(slots.allowed[copy]),
        option(kept.energy[copy]),
        option(kept.own_hz[copy]),
    )
    for device in range(num_devices):
        if not present[device]:
            continue
        course.devices[copy, tasks] = device
        slots.task_cycles[copy, tasks] = given.task_cycles[device]
        slots.sqrt_cycles[copy, tasks] = drawn.size[place, device]
        if rules.moves:
            slots.last_server[copy, tasks] = given.last_server[device]
        actions.compose(given, device, made, tasks)
        if kept.deadline_s.shape[1]:
            kept.deadline_s[copy, tasks] = given.deadline_s[device]
        tasks += 1
    counts[copy, 0] = tasks
    for device in range(tasks, num_devices):
        course.devices[copy, device] = -1
    for server in range(slots.server_hz.shape[1]):
        slots.load[copy, server], slots.sqrt_load[copy, server] = 0, 0.0
        if server < num_servers:
            slots.server_hz[copy, server] = hz[server]
        else:
            slots.server_hz[copy, server], wait[server] = math.inf, 0.0
            slots.capacity[copy, server] = tasks
    slots.slots_left[copy] = drawn.present.shape[1] - 1 - number
    if row >= drawn.in_turn:  # what is given may be the beginning of longer ones
        slots.slots_left[copy] = drawn.slots_left[place]
    _show(drawn.shown[place], shown[copy], present, tasks, rules.blocks)
    return True


@register_jitable(forceinline=True, error_model="numpy")
def _show(every: Any, some: Any, present: Any, tasks: int, blocks: Any) -> None:
    """Write what is shown of the devices that have a task, 0 behind them; and all else."""
    for entry in range(len(every)):
        some[entry] = every[entry]
    if tasks == len(present):
        return
    for block in range(len(blocks)):
        entry, width = index(blocks[block, 0]), index(blocks[block, 1])
        at, end = entry, entry + width * len(present)
        for device in range(len(present)):
            for _ in range(width):
                some[at] = every[entry]
                entry, at = entry + 1, at + index(present[device])
        for behind in range(at, end):
            some[behind] = 0


@loops_for
def start(formulas: str) -> Any:
    """Return the compiled loop that starts episodes, see `start_all` in it."""

    @loop
    def start_all(copies: Any, rows: Any, drawn: Any, course: Any) -> None:
        """Start the episodes in some rows, one for each of some copies, before their first slots.

        What is named is given as plain tuples: these are handed over faster.
        """
        assert formulas
        drawn, course = Drawn(*borrowed(drawn)), Course(*borrowed(course))
        for place, each in enumerate(copies):
            copy, row = index(each), index(rows[place])
            last = index(drawn.present.shape[1] - 1)
            while not _someone(drawn.present[row, last]):
                last = index(last - 1)
            course.episode[copy], course.number[copy] = row, -1
            course.last[copy], course.over[copy], course.steps[copy] = last, False, 0
            course.backlog_cycles[copy, :] = 0.0
            course.last_server[copy, :] = -1
            course.sums[copy, :] = 0.0

    return start_all


def as_it_is(numbers: Any) -> Any:
    """Return what there is of an option of a scenario that may have some."""
    return numbers


def without(numbers: Any) -> Any:
    """Return nothing, as there is of options where the scenario has none: its loop is shorter."""
    return emptied(numbers)


@loops_for
def begin_of(formulas: str, option: Callable[[Any], Any]) -> Any:
    """Return the compiled loop that begins slots, see `begin_all` in it.

    `option` is `as_it_is` or, of a scenario without options, `without`.
    """

    @loop
    def begin_all(
        copies: Any,
        drawn: Any,
        course: Any,
        slots: Any,
        counts: Any,
        kept: Any,
        rules: Any,
        shown: Any,
        waiting: Any,
    ) -> int:
        """Begin the next slots of some copies in which a device has a task.

        What is named is given as plain tuples, as above. Where slots are drawn as they begin there
        are `AT_ONCE` copies at most, whose slots are drawn; where one passes and the next is not
        drawn, the copy is written to `waiting`. Returns how many these are.
        """
        assert formulas
        drawn, course = _fixed(Drawn(*borrowed(drawn))), Course(*borrowed(course))
        slots, kept, rules = mdp.Slot(*borrowed(slots)), Kept(*borrowed(kept)), Rules(*rules)
        shown, work, left = borrowed(shown), np.empty(rules.num_servers), 0
        for at, each in enumerate(copies):
            copy, begun = index(each), False
            while not begun:
                begun = _begin_slot(
                    drawn, course, slots, counts, kept, shown, rules, copy, at, work, option
                )
                if not begun and course.episode[copy] < drawn.in_turn:
                    waiting[left] = copy
                    left, begun = left + 1, True
        return left

    return begin_all
