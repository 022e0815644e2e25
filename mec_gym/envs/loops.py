"""The loops of the batched environment, compiled by numba when first called and then kept on disk.

They call the kernels of the package, and a reward and an observation, ours or a user's own. A copy
plays the slot in a row of `slots`, a `Slot` with a leading dimension; arrays over copies have a row
for each of B.
"""

import math
from collections.abc import Callable
from typing import Any

from mec_gym import equations, mdp, rewards
from mec_gym.compiling import loop, loops_for


@loops_for
def step_of(formulas: str, reward_of: rewards.Reward) -> Any:
    """Return the compiled loop of one step for a reward, see `step` in it."""

    @loop
    def step(
        slots: Any,
        row: Any,
        device: Any,
        server: Any,
        overload_penalty: Any,
        length: Any,
        assignment: Any,
        reward: Any,
        terminated: Any,
    ) -> int:
        """Give each copy's device to its server; `reward` and `terminated` are written.

        A copy that is `length` devices into its slot stands still and earns nothing.

        Returns how many copies have now come that far.
        """
        assert formulas
        ended = 0
        num_devices = slots.task_cycles.shape[1]
        for copy in range(len(server)):
            chosen, current = server[copy], device[copy]
            if current == length:
                reward[copy], terminated[copy] = 0.0, False
                continue
            slot = mdp.slot_at(slots, row[copy])
            reward[copy] = rewards.penalised(
                reward_of(slot, current, chosen), slot, chosen, overload_penalty
            )
            mdp.assign(slot, current, chosen)
            assignment[copy, current] = chosen
            device[copy] += 1
            terminated[copy] = device[copy] == num_devices
            ended += device[copy] == length
        return ended

    return step


@loops_for
def observe_of(formulas: str, write: Callable[..., None]) -> Any:
    """Return the compiled loop that writes observations, see `observe` in it."""

    @loop
    def observe(
        slots: Any,
        row: Any,
        device: Any,
        prepared: Any,
        constants: Any,
        observation: Any,
        mask: Any,
    ) -> None:
        """Write what each copy sees, and which of its servers have a free place (B, N)."""
        assert formulas
        for copy in range(len(row)):
            slot = mdp.slot_at(slots, row[copy])
            write(slot, device[copy], prepared[row[copy]], constants, observation[copy])
            for server in range(len(slot.server_hz)):
                mask[copy, server] = slot.load[server] < slot.capacity[server]

    return observe


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
        for copy in ended:
            slot = mdp.slot_at(slots, row[copy])
            for device in range(len(slot.task_cycles)):
                server = chosen[copy, device]
                assignment[copy, device] = server
                cpu_hz[copy, device], task_delay[copy, device] = equations.allocate(
                    slot.tx_delay[device][server],
                    slot.task_cycles[device],
                    slot.sqrt_cycles[device],
                    slot.server_hz[server],
                    slot.sqrt_load[server],
                )
            for server in range(len(slot.server_hz)):
                overloads[copy] += equations.overload(slot.load[server], slot.capacity[server])
            feasible[copy] = overloads[copy] == 0

    return finish_all


@loops_for
def signals_of(formulas: str, between: Callable[..., Any]) -> Any:
    """Return the compiled loop over links that slots are drawn with, see `signals` in it."""

    @loop
    def signals(unit: Any, plan: Any, ratio: Any) -> None:
        """Write the ratio of signal to noise of each link, (n, M, N); see `filling.Plan`."""
        assert formulas
        low, high = plan.limits[0, 0], plan.limits[0, 1]
        num_slots, num_devices, num_servers = ratio.shape
        for slot in range(num_slots):
            for device in range(num_devices):
                for server in range(num_servers):
                    gain = between(unit[slot, device * num_servers + server], low, high)
                    ratio[slot, device, server] = equations.signal_to_noise(
                        gain, plan.tx_power_w[device], plan.noise_w
                    )

    return signals


@loops_for
def settle_of(formulas: str, between: Callable[..., Any], share: Callable[..., Any]) -> Any:
    """Return the compiled loop that writes slots that are drawn, see `settle` in it."""

    @loop
    def settle(unit: Any, log: Any, rows: Any, plan: Any, slots: Any, prepared: Any) -> None:
        """Write slots, unassigned, and what is shown of them; `log` of 1 + signal / noise."""
        assert formulas
        _, num_devices, num_servers = log.shape
        links, limits, shown = num_devices * num_servers, plan.limits, plan.shown
        least, most = plan.clipped
        for place, row in enumerate(rows):
            numbers, slot = unit[place], mdp.slot_at(slots, row)
            for device in range(num_devices):
                bits = between(numbers[links + device], limits[1, 0], limits[1, 1])
                work = between(numbers[links + num_devices + device], limits[2, 0], limits[2, 1])
                cycles = bits * work if plan.cycles_per_bit else work
                slot.task_cycles[device], slot.sqrt_cycles[device] = cycles, math.sqrt(cycles)
                for server in range(num_servers):
                    slot.tx_delay[device, server] = equations.transmission_delay(
                        bits, equations.rate(log[place, device, server], plan.bandwidth_hz)
                    )
                if len(shown):
                    out = prepared[row, 0]
                    out[links + device] = min(max(share(bits, shown[1, 0], shown[1, 1]), least), most)
                    value = min(max(share(cycles, shown[2, 0], shown[2, 1]), least), most)
                    out[links + num_devices + device] = value
            for server in range(num_servers):
                slot.load[server], slot.sqrt_load[server] = 0, 0.0
                if len(plan.server_hz):
                    slot.server_hz[server] = plan.server_hz[server]
                else:
                    drawn = numbers[links + 2 * num_devices + server]
                    slot.server_hz[server] = between(drawn, limits[3, 0], limits[3, 1])
            if len(shown):
                for link in range(links):
                    gain = between(numbers[link], limits[0, 0], limits[0, 1])
                    value = min(max(share(gain, shown[0, 0], shown[0, 1]), least), most)
                    prepared[row, 0, link] = value

    return settle
