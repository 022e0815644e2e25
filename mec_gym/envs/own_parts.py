"""Whether a user's own observation and reward do the same compiled as in plain Python."""

from typing import Any

import numpy as np

from mec_gym.envs.copies import Copies
from mec_gym.io.messages import quoted
from mec_gym.mdp import State
from mec_gym.observations import OBSERVATIONS, Observation
from mec_gym.observations.over_time import OVER_TIME
from mec_gym.rewards import REWARDS, Reward, of_decision, preparation

_TRIED = 12
"""So many decisions are compared."""


def all_ours(reward: Reward, observer: Observation) -> bool:
    """Return whether reward and observation are the package's own."""
    kinds = (*OBSERVATIONS.values(), *OVER_TIME.values())
    return reward in REWARDS.values() and type(observer) in kinds


def check(batch: Copies, longest: int) -> None:
    """Play some slots with copies that play nothing yet, and compare.

    Args:
        batch: those copies.
        longest: at most so many decisions are taken.

    Raises:
        ValueError: the two differ.
    """
    single, scenario = batch.single, batch.single.scenario
    copies = np.arange(min(len(batch), 2))
    slots: Any = scenario.sample(len(copies), 0)
    if batch.following is None:
        batch.begin_given(slots, copies)
    else:
        drawn = scenario.sample_episodes(len(copies), 0)
        batch.begin_given(drawn, copies)
        slots = [batch.following.find(drawn, copy, copy)() for copy in copies.tolist()]
    observer, constants = single.observer, single.observer.constants
    states = [State(slot, preparation(single.reward)) for slot in slots]
    for state in states:
        state.prepared = observer.prepare(state.instance)
    tried = min(slot.num_devices for slot in slots)
    for device in range(min(tried, longest, _TRIED)):
        servers = (device * np.arange(len(batch))) % scenario.num_actions  # overloads the first
        seen = batch.seen(copies)[0]
        earned = batch.assign(copies, servers)[0]
        for copy, (state, server) in enumerate(zip(states, servers.tolist(), strict=False)):
            shown = np.empty_like(seen[copy])
            observer.write(state.slot, device, state.prepared, constants, shown)
            reward = of_decision(single.reward, state, server, single.overload_penalty)
            state.assign(server)
            slot = batch.slot(copy)
            for part, plain, compiled in (
                ("observation", shown, seen[copy]),
                ("reward", reward, earned[copy]),
                ("observation, reward", state.slot.load, slot.load),
                ("observation, reward", state.slot.sqrt_load, slot.sqrt_load),
            ):
                if not np.array_equal(plain, compiled):
                    raise ValueError(
                        f"{part}: before device {device} compiled code makes {quoted(compiled)}"
                        f" of what is {quoted(plain)} in plain Python, so a batch would not"
                        " play what single environments play; lists and arrays, and whole"
                        " numbers, add, slice and divide differently"
                    )
    batch.row[copies], batch.device[copies] = copies, 0
