"""The loop over the devices of a slot that holds a network to prices, compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mec_gym import mdp
from mec_gym.bounds.outlook import mean_to_come
from mec_gym.compiling import loop, loops_for
from mec_gym.policies.scoring import best_of
from mec_gym.solvers.online_prices import cheapest, next_plan, paid, plan


@loops_for
def loop_of(formulas: str, write: Callable[..., None]) -> Any:
    """Return the loop for an observation's `write`, see `mec_gym.policies.near_prices`.

    It assigns one slot, and returns what it paid more, as a share of what was expected.
    """

    @loop
    def play(
        outlook: Any,
        slots: Any,
        row: Any,
        prepared: Any,
        constants: Any,
        layers: Any,
        rows: Any,
        allowed: Any,
        assignment: Any,
    ) -> Any:
        assert formulas
        slot, features = mdp.slot_at(slots, row), layers[0][0].shape[0]
        num_devices, num_servers = outlook.link_cost.shape
        free = np.empty(num_servers, np.int8)
        mean, shared = np.empty(rows.shape[2], np.float32), np.empty(rows.shape[2], np.float32)
        left, load = outlook.capacity.copy(), np.zeros(num_servers)
        price, charge = np.empty(num_servers), np.empty(num_servers)
        planned_until, expected, allowance = 0, 0.0, 0.0
        for device in range(num_devices):
            if device >= planned_until:
                bound = plan(outlook, device, load, left, price, charge)
                planned_until = next_plan(device, num_devices)
                if device == 0:
                    expected = bound
                    allowance = allowed * expected
            write(slot, device, prepared, constants, rows[0, :, :features])
            mdp.write_mask(slot, device, free)
            server = best_of(layers, rows, free, mean, shared)
            safe, to_come = cheapest(outlook, device, load, left, price, charge), 0.0
            if server != safe:
                to_come = mean_to_come(outlook, device)
                more = paid(outlook, device, load, price, charge, server, to_come)
                more -= paid(outlook, device, load, price, charge, safe, to_come)
                if more <= allowance:
                    allowance -= max(more, 0.0)
                else:
                    server = safe
            mdp.assign(slot, device, server)
            assignment[device] = server
            load[server] += outlook.size[device]
            left[server] = max(left[server] - 1, 0)
            if left[server] == 0:
                planned_until = device + 1
        return allowed - allowance / expected if expected > 0 else 0.0

    return play
