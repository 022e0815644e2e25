"""The loops of the batched environment, compiled by numba when first called and then kept on disk.

They call the functions of `mec_gym.mdp`, `mec_gym.observations`, `mec_gym.rewards` and
`mec_gym.system` themselves. A copy plays the slot in a row of `slots`, which is flat; arrays over
copies have a row for each of B.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numba
from numba.extending import register_jitable

from mec_gym import bounds, equations, mdp, observations, rewards
from mec_gym.observations import base, paper, servers

_MODULES: tuple[ModuleType, ...] = (
    equations,
    sys.modules[bounds.fill.__module__],
    mdp,
    rewards,
    observations,
    base,
    paper,
    servers,
)

_CALLED: tuple[Callable[..., Any], ...] = (
    bounds.fill,
    bounds.filled,
    rewards.cheapest,
    rewards.computing_rise,
    rewards.regret,
    servers.squashed,
    servers.ServersObservation.show,
)
_INLINED: tuple[Callable[..., Any], ...] = (  # handing over all of `slots` would take longer
    equations.computation_delay,
    equations.cpu_share,
    equations.delay_rise,
    equations.equal_share_delay,
    mdp.assign,
    rewards.delay,
    rewards.paid,
    rewards.paper,
    paper.SIObservation.show,
)
for _function in _CALLED:
    register_jitable(_function)  # so that compiled code may call it
for _function in _INLINED:
    register_jitable(inline="always")(_function)


@cache
def sources() -> str:
    """Return a digest of the modules whose functions the loops call.

    Numba keeps a loop on disk as long as the loop's own file and closure stay the same. Each loop
    has this digest in its closure, so that one whose formulas have changed is compiled anew.
    """
    text = "".join(inspect.getsource(module) for module in _MODULES)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def step_of(reward: str) -> Any:
    """Return the compiled loop of one step for a reward's name, see `step` in it."""
    cost, formulas = rewards.REWARDS[reward], sources()

    @numba.njit(cache=True, error_model="numpy")
    def step(
        slots: Any,
        row: Any,
        device: Any,
        server: Any,
        overload_penalty: Any,
        assignment: Any,
        reward: Any,
        terminated: Any,
    ) -> int:
        """Give each copy's device to its server; `reward` and `terminated` are written.

        Returns how many copies have ended their slots.
        """
        assert formulas
        ended = 0
        num_devices, num_servers = slots.num_devices, slots.num_servers
        for copy in range(len(server)):
            chosen = server[copy]
            task = row[copy] * num_devices + device[copy]
            place = row[copy] * num_servers + chosen
            link = task * num_servers + chosen
            reward[copy] = rewards.paid(
                slots, place, cost(slots, link, task, place), overload_penalty
            )
            mdp.assign(slots, task, place)
            assignment[copy, device[copy]] = chosen
            device[copy] += 1
            terminated[copy] = device[copy] == num_devices
            ended += terminated[copy]
        return ended

    return step


@cache
def show_of(observation: str) -> Any:
    """Return the compiled loop that writes observations, see `show_all` in it."""
    show, formulas = observations.OBSERVATIONS[observation].show, sources()

    @numba.njit(cache=True, error_model="numpy")
    def show_all(
        known: Any, constants: Any, slots: Any, row: Any, device: Any, observation: Any, mask: Any
    ) -> None:
        """Write what each copy sees, and which of its servers have a free place (B, N)."""
        assert formulas
        num_copies, num_servers = mask.shape
        for copy in range(num_copies):
            show(known, constants, slots, row[copy], device[copy], observation[copy])
            for server in range(num_servers):
                place = row[copy] * num_servers + server
                mask[copy, server] = slots.load[place] < slots.capacity[place]

    return show_all


@cache
def finish() -> Any:
    """Return the compiled loop over slots that end, see `finish_all` in it."""
    formulas = sources()

    @numba.njit(cache=True, error_model="numpy")
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
        num_devices, num_servers = slots.num_devices, slots.num_servers
        for copy in ended:
            for device in range(num_devices):
                task = row[copy] * num_devices + device
                place = row[copy] * num_servers + chosen[copy, device]
                link = task * num_servers + chosen[copy, device]
                assignment[copy, device] = chosen[copy, device]
                cpu_hz[copy, device] = equations.cpu_share(
                    slots.server_hz[place], slots.sqrt_cycles[task], slots.sqrt_load[place]
                )
                task_delay[copy, device] = slots.tx_delay[link] + equations.computation_delay(
                    slots.task_cycles[task], cpu_hz[copy, device]
                )
            for place in range(row[copy] * num_servers, (row[copy] + 1) * num_servers):
                overloads[copy] += max(slots.load[place] - slots.capacity[place], 0)
            feasible[copy] = overloads[copy] == 0

    return finish_all
