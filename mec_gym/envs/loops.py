"""The loops of the batched environment, compiled by numba when first called and then kept on disk.

They call the kernels of the package, and a reward and an observation, ours or a user's own. A copy
plays the slot in a row of `slots`, a `Slot` with a leading dimension; arrays over copies have a row
for each of B.
"""

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
