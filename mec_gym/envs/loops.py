"""The loops of the batched environment, compiled by numba when first called and then kept on disk.

They call the kernels of the package, and a reward and an observation, ours or a user's own. A copy
plays the slot in a row of `slots`, a `Slot` with a leading dimension; arrays over copies have a row
for each of B.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import register_jitable

from mec_gym import equations, mdp, rewards
from mec_gym.compiling import borrowed, index, loop, loops_for
from mec_gym.kernels import kernel

NONE = -1
"""The server of a copy that decides nothing."""

_IN_CACHE = 256
"""Decisions and observations of so many copies at a time: more would leave the cache between."""


@loops_for
def first_outside(formulas: str) -> Any:
    """Return the compiled loop that checks actions, see `first` in it."""

    @loop
    def first(servers: Any, num_servers: int) -> int:
        """Return the first copy whose server is not within 0..N-1; -1: there is none."""
        assert formulas
        outside = 0
        for server in servers:
            outside += (server < 0) | (server >= num_servers)
        if outside:
            for copy, server in enumerate(servers):
                if server < 0 or server >= num_servers:
                    return copy
        return -1

    return first


@kernel
def whole_at(slots: Any, prepared: Any, row: int, counts: Any) -> tuple[Any, Any]:
    """Return the slot in a row, in which every device has a task, and what is prepared of it."""
    return mdp.slot_at(slots, row), prepared[row]


@loops_for
def observe_of(formulas: str, write: Callable[..., None], at: Callable[..., Any] = whole_at) -> Any:
    """Return the compiled loop that writes observations, see `observe` in it.

    `at(slots, prepared, row, counts)` returns a slot and what is prepared of it: `whole_at`, or
    `turns.part_at`, whose counts those are.
    """

    @loop
    def observe(
        slots: Any,
        copies: Any,
        row: Any,
        device: Any,
        prepared: Any,
        counts: Any,
        constants: Any,
        observation: Any,
        mask: Any,
    ) -> None:
        """Write what some copies see, and which of their servers are open (B, N)."""
        assert formulas
        slots, prepared, constants = borrowed(slots), borrowed(prepared), borrowed(constants)
        observation, mask = borrowed(observation), borrowed(mask)
        for each in copies:
            copy = index(each)
            place, current = index(row[copy]), index(device[copy])
            slot, known = at(slots, prepared, place, counts)
            write(slot, current, known, constants, observation[copy])
            mdp.write_mask(slot, current, mask[copy])

    return observe


@loops_for
def play_of(
    formulas: str,
    reward_of: rewards.Reward,
    write: Callable[..., None],
    at: Callable[..., Any] = whole_at,
) -> Any:
    """Return the compiled loop of one step for a reward and an observation, see `play` in it.

    `at` as for `observe_of`.
    """

    @loop
    def play(
        slots: Any,
        copies: Any,
        row: Any,
        device: Any,
        prepared: Any,
        counts: Any,
        constants: Any,
        observation: Any,
        mask: Any,
        server: Any,
        overload_penalty: Any,
        length: Any,
        assignment: Any,
        reward: Any,
        terminated: Any,
    ) -> int:
        """Give the devices of some copies to servers, and write what they see then, as `observe`.

        A copy whose server is below 0, as `NONE`, decides nothing and earns nothing.

        Returns how many of them are now `length` devices into their slots, or through them.
        """
        assert formulas
        slots, prepared, constants = borrowed(slots), borrowed(prepared), borrowed(constants)
        observation, mask = borrowed(observation), borrowed(mask)
        ended = 0
        for start in range(0, len(copies), _IN_CACHE):
            some = copies[start : start + _IN_CACHE]
            for each in some:
                copy, chosen = index(each), server[each]
                reward[copy], terminated[copy] = 0.0, False
                if chosen < 0:
                    continue
                slot, _ = at(slots, prepared, index(row[copy]), counts)
                current, num_devices = index(device[copy]), len(slot.task_cycles)
                reward[copy] = rewards.penalised(
                    reward_of(slot, current, chosen), slot, current, chosen, overload_penalty
                )
                mdp.assign(slot, current, chosen)
                assignment[copy, current] = chosen
                device[copy] = current + 1
                terminated[copy] = current + 1 == num_devices
                ended += current + 1 == length or current + 1 == num_devices
            for each in some:
                copy = index(each)
                place, current = index(row[copy]), index(device[copy])
                slot, known = at(slots, prepared, place, counts)
                write(slot, current, known, constants, observation[copy])
                mdp.write_mask(slot, current, mask[copy])
        return ended

    return play


@register_jitable(forceinline=True, error_model="numpy")
def finish_one(slot: Any, chosen: Any, assignment: Any, cpu_hz: Any, task_delay: Any) -> int:
    """Write what a slot came to, (M,) each; return how many tasks stand above capacities."""
    for device in range(len(slot.task_cycles)):
        server = index(chosen[device])
        assignment[device] = server
        cpu_hz[device], task_delay[device] = equations.allocate(
            slot.tx_delay[device][server],
            slot.task_cycles[device],
            slot.sqrt_cycles[device],
            slot.server_hz[server],
            slot.sqrt_load[server],
        )
    above = 0
    for server in range(len(slot.server_hz)):
        above += equations.overload(slot.load[server], slot.capacity[server])
    return above


@loops_for
def finish(formulas: str) -> Any:
    """Return the compiled loop over slots that end, see `finish_all` in it."""

    @loop
    def finish_all(
        slots: Any,
        row: Any,
        ended: Any,
        chosen: Any,
        assignment: Any,
        cpu_hz: Any,
        task_delay: Any,
        overloads: Any,
        feasible: Any,
    ) -> None:
        """Write what the slots of the copies in `ended` came to, by Eqs. (20), (21) and (5)."""
        assert formulas
        slots, chosen, assignment = borrowed(slots), borrowed(chosen), borrowed(assignment)
        cpu_hz, task_delay = borrowed(cpu_hz), borrowed(task_delay)
        for each in ended:
            copy = index(each)
            slot = mdp.slot_at(slots, index(row[copy]))
            overloads[copy] = finish_one(
                slot, chosen[copy], assignment[copy], cpu_hz[copy], task_delay[copy]
            )
            feasible[copy] = overloads[copy] == 0

    return finish_all


@loops_for
def begin(formulas: str) -> Any:
    """Return the compiled loop that begins slots drawn ahead, see `begin_all` in it."""

    @loop
    def begin_all(copies: Any, begun: Any, drawn: Any, depth: int, layers: int, rows: Any) -> bool:
        """Write the rows of the next slots of some copies, (n,), of which one more is begun then.

        Returns whether all of them are drawn; if not, nothing is written. See `stock.Stock`.
        """
        assert formulas
        for copy in copies:
            if begun[copy] == drawn[copy] * depth:
                return False
        for place, copy in enumerate(copies):
            rows[place] = begun[copy] % layers * len(begun) + copy
            begun[copy] += 1
        return True

    return begin_all


@loops_for
def signals_of(formulas: str, between: Callable[..., Any]) -> Any:
    """Return the compiled loop over links that slots are drawn with, see `signals` in it."""

    @loop
    def signals(unit: Any, plan: Any, ratio: Any) -> None:
        """Write the ratio of signal to noise of each link, (n, M N); see `filling.Plan`."""
        assert formulas
        unit, plan, ratio = borrowed(unit), borrowed(plan), borrowed(ratio)
        low, high = plan.limits[0, 0], plan.limits[0, 1]
        for slot in range(len(ratio)):
            numbers, out = unit[slot], ratio[slot]
            for link in range(len(out)):
                gain = between(numbers[link], low, high)
                out[link] = equations.signal_to_noise(gain, plan.tx_power_w[link], plan.noise_w)

    return signals


@loops_for
def settle_of(formulas: str, between: Callable[..., Any], share: Callable[..., Any]) -> Any:
    """Return the compiled loop that writes slots that are drawn, see `settle` in it."""

    @loop
    def settle(
        unit: Any,
        log: Any,
        rows: Any,
        plan: Any,
        slots: Any,
        links_delay: Any,
        links_rows: Any,
        shown: Any,
    ) -> None:
        """Write the paper's part of slots, unassigned, and what is shown of it.

        Links stand in one axis: `log` (n, M N) of 1 + signal / noise, `links_delay` (..., M N),
        with those of each slot in a row of `links_rows`, so that the compiler takes several at
        once.
        """
        assert formulas
        slots, shown, links_delay = borrowed(slots), borrowed(shown), borrowed(links_delay)
        unit, log, plan = borrowed(unit), borrowed(log), borrowed(plan)
        links, limits, shows = log.shape[1], plan.limits, plan.shown
        num_devices = slots.task_cycles.shape[1]
        num_servers = links // num_devices
        least, most = plan.clipped
        bits, of_link = np.empty(num_devices), np.empty(links)
        for place in range(len(rows)):
            row = index(rows[place])
            numbers, slot = unit[place], mdp.slot_at(slots, row)
            for device in range(num_devices):
                bits[device] = between(numbers[links + device], limits[1, 0], limits[1, 1])
                work = between(numbers[links + num_devices + device], limits[2, 0], limits[2, 1])
                cycles = bits[device] * work if plan.cycles_per_bit else work
                slot.task_cycles[device], slot.sqrt_cycles[device] = cycles, math.sqrt(cycles)
                for link in range(device * num_servers, (device + 1) * num_servers):
                    of_link[link] = bits[device]
            signal, delay = log[place], links_delay[links_rows[place]]
            for link in range(links):
                delay[link] = equations.transmission_delay(
                    of_link[link], equations.rate(signal[link], plan.bandwidth_hz)
                )
            for server in range(num_servers):
                slot.load[server], slot.sqrt_load[server] = 0, 0.0
                if len(plan.server_hz):
                    slot.server_hz[server] = plan.server_hz[server]
                else:
                    drawn = numbers[links + 2 * num_devices + server]
                    slot.server_hz[server] = between(drawn, limits[3, 0], limits[3, 1])
            if len(shows):
                out, low, high = shown[row], limits[0, 0], limits[0, 1]
                first, last = shows[0, 0], shows[0, 1]
                for link in range(links):
                    gain = between(numbers[link], low, high)
                    out[link] = min(max(share(gain, first, last), least), most)
                for device in range(num_devices):
                    size = share(bits[device], shows[1, 0], shows[1, 1])
                    out[links + device] = min(max(size, least), most)
                    work = share(slot.task_cycles[device], shows[2, 0], shows[2, 1])
                    out[links + num_devices + device] = min(max(work, least), most)

    return settle
