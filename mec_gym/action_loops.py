"""The loop that composes the actions of slots, compiled by numba when first called."""

from typing import Any

from mec_gym.actions import Actions, Given, compose
from mec_gym.compiling import borrowed, loop, loops_for


@loops_for
def composing(formulas: str) -> Any:
    """Return the compiled loop over slots, see `compose_all` in it."""

    @loop
    def compose_all(given: Any, actions: Any) -> None:
        """Write the actions of slots; all arrays have a leading dimension."""
        assert formulas
        given, actions = borrowed(given), borrowed(actions)
        for slot in range(len(given.tx_delay)):
            one = Given(
                given.tx_delay[slot],
                given.task_cycles[slot],
                given.server_hz[slot],
                given.tx_power_w[slot],
                given.delay_weight[slot],
                given.energy_weight[slot],
                given.local_hz[slot],
                given.switched_capacitance[slot],
                given.cloud_delay_s[slot],
                given.cloud_hz[slot],
                given.drop_penalty_s[slot],
                given.deadline_s[slot],
                given.covered[slot],
                given.fetch_delay_s[slot],
                given.wait[slot],
                given.handover_s[slot],
                given.last_server[slot],
            )
            out = Actions(
                actions.delay[slot],
                actions.cost[slot],
                actions.allowed[slot],
                actions.energy[slot],
                actions.own_hz[slot],
            )
            for device in range(len(one.task_cycles)):
                compose(one, device, out, device)

    return compose_all
