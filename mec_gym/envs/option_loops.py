"""The loops of the batched environment over what scenarios have beside the paper's.

They go over the same rows as those of `mec_gym.envs.loops`, see there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mec_gym import actions, equations, mdp
from mec_gym.compiling import loop, loops_for
from mec_gym.envs.loops import borrowed, borrowed_slots


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
        unit: Any, tx_delay: Any, rows: Any, plan: Any, slots: Any, kept: Any, shown: Any
    ) -> None:
        """Write the actions of slots of which the paper's part is written, and what is shown.

        Of uniform numbers `unit` (n, ...) and links (n, M, N); see `filling.OptionPlan`.
        """
        assert formulas
        slots, shown, tx_delay = borrowed_slots(slots), borrowed(shown), borrowed(tx_delay)
        energy, own_hz = borrowed(kept.energy), borrowed(kept.own_hz)
        deadlines = borrowed(kept.deadline_s)
        num_devices, num_servers = tx_delay.shape[1], tx_delay.shape[2]
        num_actions = slots.server_hz.shape[1]
        own = plan.values.copy()  # of devices: constants, and what is drawn
        fetch = np.empty((num_devices if len(plan.fetch_delay_s) else 0, num_servers))
        weight, _, _, deadline_s = own[0], own[1], own[2], own[3]
        ends = plan.widths
        nowhere = np.empty((0, 0), np.bool_)
        for place, row in enumerate(rows):
            numbers, slot, at = unit[place], mdp.slot_at(slots, row), plan.first_uniform
            entry = plan.first_shown
            for field in range(len(own)):
                low, high = plan.limits[field, 0], plan.limits[field, 1]
                if plan.drawn[field]:
                    for device in range(num_devices):
                        own[field, device] = between(numbers[at + device], low, high)
                    at += num_devices
                if ends[field] and len(plan.shown):
                    out, first, last = shown[row], plan.shown[field, 0], plan.shown[field, 1]
                    for device in range(num_devices):
                        seen = share(own[field, device], first, last)
                        out[entry + device] = min(max(seen, plan.clipped[0]), plan.clipped[1])
                    entry += num_devices
            for device in range(len(fetch)):
                asked = int(numbers[at + device] * len(plan.fetch_delay_s))
                for server in range(num_servers):
                    fetch[device, server] = plan.fetch_delay_s[asked, server]
                    if len(plan.shown):
                        shown[row, entry] = fetch[device, server] > 0
                        entry += 1
            given = actions.Given(
                tx_delay[place],
                slot.task_cycles,
                slot.server_hz,
                plan.tx_power_w,
                weight[: ends[0]],
                own[1, : ends[1]],
                own[2, : ends[2]],
                plan.switched_capacitance,
                plan.cloud_delay_s,
                plan.cloud_hz,
                plan.drop_penalty_s,
                deadline_s[: ends[3]],
                nowhere,
                fetch,
            )
            made = actions.Actions(
                slot.tx_delay, slot.link_cost, slot.allowed, energy[row], own_hz[row]
            )
            for device in range(num_devices):
                actions.compose(given, device, made)
            for device in range(ends[0]):
                slot.sqrt_cycles[device] = math.sqrt(weight[device] * slot.task_cycles[device])
            for device in range(deadlines.shape[1]):
                deadlines[row, device] = deadline_s[device]
            for column in range(num_servers, num_actions):
                slot.server_hz[column], slot.load[column] = math.inf, 0
                slot.sqrt_load[column] = 0.0

    return settle


@loops_for
def report(formulas: str) -> Any:
    """Return the compiled loop over slots that end, see `report_all` in it."""

    @loop
    def report_all(
        slots: Any,
        row: Any,
        ended: Any,
        chosen: Any,
        kept: Any,
        num_servers: Any,
        drops: Any,
        cpu_hz: Any,
        task_delay: Any,
        cost: Any,
        energy: Any,
        missed: Any,
        dropped: Any,
        barred: Any,
    ) -> None:
        """Write what the slots of the copies in `ended` came to beside the paper's outcome.

        Args: as of `loops.finish`, and: whether the last action is to drop the task, and of each
            task its cost and energy (B, M), of each slot how many missed, are dropped and barred.
        """
        assert formulas
        for copy in ended:
            slot = mdp.slot_at(slots, row[copy])
            energies, own_hz = kept.energy[row[copy]], kept.own_hz[row[copy]]
            deadline_s = kept.deadline_s[row[copy]]
            last = len(slot.server_hz) - 1
            for device in range(len(slot.task_cycles)):
                server = chosen[copy, device]
                if server >= num_servers:
                    cpu_hz[copy, device] = own_hz[device, server - num_servers]
                cost[copy, device] = equations.task_cost(
                    slot.link_cost[device][server],
                    slot.sqrt_cycles[device],
                    slot.server_hz[server],
                    slot.sqrt_load[server],
                )
                if len(energies):
                    energy[copy, device] = energies[device, server]
                is_dropped = drops and server == last
                dropped[copy] += is_dropped
                if len(deadline_s) and not is_dropped:
                    missed[copy] += task_delay[copy, device] > deadline_s[device]
                if len(slot.allowed):
                    barred[copy] += not slot.allowed[device][server]

    return report_all
