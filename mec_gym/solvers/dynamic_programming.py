"""Dynamic programming: each device goes where it and all those to come cost least on average."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.outlook import Outlook, assigned, required
from mec_gym.bounds.values import Law, Values, law_of, least, values_of, why_no_values
from mec_gym.compiling import loop, loops_for
from mec_gym.instance import Instance
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_SAMPLES = 256


def dynamic_programming(
    instance: Instance, seed: int = 0, scenario: Scenario | None = None
) -> IntArray:
    """Give each device in turn the action of least cost, with what those to come will cost.

    That is found backwards from the last device over all numbers of tasks that servers may have,
    with 256 sampled tasks for each device, see `mec_gym.bounds.values`: once for each deployment
    of servers. It is for small systems whose devices see their own task alone.

    Args:
        instance: the slots, (...).
        seed: of the sampled tasks.
        scenario: whose slots they are; it says how what is not seen is distributed.

    Raises:
        ValueError: there is no scenario, it is not such a one, the slots are of another size, or
            one has no feasible assignment.
    """
    scenario = required(scenario, "dynamic-programming")
    if reason := why_no_values(scenario):
        raise ValueError(f"scenario: dynamic-programming: {reason}")
    planned: dict[bytes, tuple[Law, Values]] = {}

    def play(outlook: Outlook, assignment: IntArray) -> None:
        key = outlook.server_hz.tobytes() + outlook.capacity.tobytes()
        if outlook.lookahead:  # tasks are known, which the plan is for
            key += outlook.size.tobytes()
        if key not in planned:
            law = law_of(outlook)
            planned.clear()
            planned[key] = law, values_of(law, seed)
        _play()(outlook, *planned[key], assignment)

    return assigned(instance, scenario, seed, _SAMPLES, play)


@loops_for
def _play(formulas: str) -> Any:
    @loop
    def play(outlook: Outlook, law: Law, values: Values, assignment: Any) -> None:
        """Write the assignment of one slot."""
        assert formulas
        num_devices, num_actions = outlook.link_cost.shape
        count, load = np.zeros(num_actions, np.int64), np.zeros(num_actions)
        terms = np.empty(len(values.parent))
        state = 0
        for device in range(num_devices):
            size = outlook.size[device]
            server, _ = least(
                values,
                device,
                outlook.link_cost[device],
                size,
                law.server_hz,
                law.capacity,
                state,
                count,
                load,
                terms,
            )
            assignment[device] = server
            if server < 0:
                return
            state += values.place[server]
            count[server] += 1
            load[server] += size

    return play
