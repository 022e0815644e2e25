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
        given = Given(
            borrowed(given.tx_delay),
            borrowed(given.task_cycles),
            borrowed(given.server_hz),
            borrowed(given.tx_power_w),
            borrowed(given.delay_weight),
            borrowed(given.energy_weight),
            borrowed(given.local_hz),
            borrowed(given.switched_capacitance),
            borrowed(given.cloud_delay_s),
            borrowed(given.cloud_hz),
            borrowed(given.drop_penalty_s),
            borrowed(given.deadline_s),
            borrowed(given.covered),
            borrowed(given.fetch_delay_s),
        )
        actions = Actions(
            borrowed(actions.delay),
            borrowed(actions.cost),
            borrowed(actions.allowed),
            borrowed(actions.energy),
            borrowed(actions.own_hz),
        )
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
            )
            out = Actions(
                actions.delay[slot],
                actions.cost[slot],
                actions.allowed[slot],
                actions.energy[slot],
                actions.own_hz[slot],
            )
            for device in range(len(one.task_cycles)):
                compose(one, device, out)

    return compose_all
