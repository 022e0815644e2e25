"""The loops of the batched environment over what scenarios have beside the paper's.

They go over the same rows as those of `mec_gym.envs.loops`, see there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numba.extending import register_jitable

from mec_gym import actions, equations, mdp
from mec_gym.compiling import borrowed, loop, loops_for
from mec_gym.envs.loops import finish_one


class Kept(NamedTuple):
    """What a slot's outcome takes beside a `mec_gym.mdp.Slot`, of length 0 where it does not.

    Attributes:
        energy: of each action, (M, A), joules.
        own_hz: CPU frequency of a task in each column, (M, K), cycles/s.
        deadline_s: of each task, (M,), seconds.
    """

    energy: Any
    own_hz: Any
    deadline_s: Any


@loops_for
def settle_of(formulas: str, between: Callable[..., Any], share: Callable[..., Any]) -> Any:
    """Return the compiled loop that writes what slots have beside the paper's, see `settle`."""

    @loop
    def settle(
        unit: Any,
        tx_delay: Any,
        rows: Any,
        plan: Any,
        values: Any,
        fetch: Any,
        slots: Any,
        kept: Any,
        shown: Any,
    ) -> None:
        """Write the actions of slots of which the paper's part is written, and what is shown.

        Of uniform numbers `unit` (n, ...) and links (n, M, N); see `filling.OptionPlan`. `values`
        (4, M) has the constants of its first four, and room for what is drawn; `fetch` (M, N) room
        for the delays of fetching, (0, N) where there are no services.
        """
        assert formulas
        slots, shown, tx_delay = borrowed(slots), borrowed(shown), borrowed(tx_delay)
        plan, kept = borrowed(plan), borrowed(kept)
        values, fetch = borrowed(values), borrowed(fetch)
        limits, scale, fetched = plan.limits, plan.shown, plan.fetch_delay_s
        num_devices, num_servers = tx_delay.shape[1], tx_delay.shape[2]
        num_actions, widths = slots.server_hz.shape[1], plan.widths
        least, most = plan.clipped
        weight, deadline_s = values[0, : widths[0]], values[3, : widths[3]]
        energy_weight, local_hz = values[1, : widths[1]], values[2, : widths[2]]
        for place, row in enumerate(rows):
            numbers, slot, at = unit[place], mdp.slot_at(slots, row), plan.first_uniform
            entry = plan.first_shown
            for field in range(len(values)):
                if plan.drawn[field]:
                    low, high = limits[field, 0], limits[field, 1]
                    for device in range(num_devices):
                        values[field, device] = between(numbers[at + device], low, high)
                    at += num_devices
                if widths[field] and len(scale):
                    out, first, last = shown[row], scale[field, 0], scale[field, 1]
                    for device in range(num_devices):
                        seen = share(values[field, device], first, last)
                        out[entry + device] = min(max(seen, least), most)
                    entry += num_devices
            for device in range(len(fetch)):
                asked = int(numbers[at + device] * len(fetched))
                for server in range(num_servers):
                    fetch[device, server] = fetched[asked, server]
                    if len(scale):
                        shown[row, entry] = fetched[asked, server] > 0
                        entry += 1
            given = actions.Given(
                tx_delay[place],
                slot.task_cycles,
                slot.server_hz,
                plan.tx_power_w,
                weight,
                energy_weight,
                local_hz,
                plan.switched_capacitance,
                plan.cloud_delay_s,
                plan.cloud_hz,
                plan.drop_penalty_s,
                deadline_s,
                plan.covered,
                fetch,
                plan.wait,
                plan.handover_s,
                plan.last_server,
            )
            made = actions.Actions(
                slot.tx_delay, slot.link_cost, slot.allowed, kept.energy[row], kept.own_hz[row]
            )
            for device in range(num_devices):
                actions.compose(given, device, made, device)
            for device in range(len(weight)):
                slot.sqrt_cycles[device] = math.sqrt(weight[device] * slot.task_cycles[device])
            for device in range(kept.deadline_s.shape[1]):
                kept.deadline_s[row, device] = deadline_s[device]
            for column in range(num_servers, num_actions):
                slot.server_hz[column], slot.load[column] = math.inf, 0
                slot.sqrt_load[column] = 0.0

    return settle


@register_jitable(forceinline=True, error_model="numpy")
def more_of(
    slot: Any,
    kept: Any,
    place: Any,
    chosen: Any,
    cpu_hz: Any,
    task_delay: Any,
    num_servers: Any,
    drops: Any,
) -> Any:
    """Return cost and energy of a slot in all, and how many tasks missed, are dropped and barred.

    Args as of `finish_all` below, of one slot; the frequencies of tasks in columns are written.
    """
    last = len(slot.server_hz) - 1
    cost, energy, missed, dropped, barred = 0.0, 0.0, 0, 0, 0
    for device in range(len(slot.task_cycles)):
        server = chosen[device]
        if server >= num_servers:
            cpu_hz[device] = kept.own_hz[place, device, server - num_servers]
        cost += equations.task_cost(
            slot.link_cost[device][server],
            slot.sqrt_cycles[device],
            slot.server_hz[server],
            slot.sqrt_load[server],
        )
        if kept.energy.shape[1]:
            energy += kept.energy[place, device, server]
        is_dropped = drops and server == last
        dropped += is_dropped
        if kept.deadline_s.shape[1] and not is_dropped:
            missed += task_delay[device] > kept.deadline_s[place, device]
        if len(slot.allowed):
            barred += not slot.allowed[device][server]
    return cost, energy, missed, dropped, barred


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
        kept: Any,
        num_servers: Any,
        drops: Any,
        cost: Any,
        energy: Any,
        missed: Any,
        dropped: Any,
        barred: Any,
    ) -> None:
        """Write what the slots of the copies in `ended` came to, as `loops.finish`'s, and more.

        Args: as there, then what the stock keeps; how many actions are servers, whether the last
        drops the task; and of each slot (B,) the cost and energy of a task on average, and how many
        have missed their deadline, are dropped and barred.
        """
        assert formulas
        slots, kept = borrowed(slots), borrowed(kept)
        chosen, assignment = borrowed(chosen), borrowed(assignment)
        cpu_hz, task_delay = borrowed(cpu_hz), borrowed(task_delay)
        for copy in ended:
            place = row[copy]
            slot = mdp.slot_at(slots, place)
            overloads[copy] = finish_one(
                slot, chosen[copy], assignment[copy], cpu_hz[copy], task_delay[copy]
            )
            cost[copy], energy[copy], missed[copy], dropped[copy], barred[copy] = more_of(
                slot,
                kept,
                place,
                chosen[copy],
                cpu_hz[copy],
                task_delay[copy],
                num_servers,
                drops,
            )
            cost[copy] /= len(slot.task_cycles)
            energy[copy] /= len(slot.task_cycles)
            feasible[copy] = overloads[copy] == 0 and barred[copy] == 0

    return finish_all
