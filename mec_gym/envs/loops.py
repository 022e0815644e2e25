"""The loops of the batched environment, compiled by numba when first called and then kept on disk.

They call the kernels of the package, and a reward and an observation, ours or a user's own. A copy
plays the slot in a row of `slots`, a `Slot` with a leading dimension; arrays over copies have a row
for each of B.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
from numba.core.errors import NumbaError
from numba.extending import register_jitable

from mec_gym import equations, kernels, mdp, rewards
from mec_gym.io.messages import one_line

_CAUSE = "raised a specific error:"

_known: set[Callable[..., Any]] = set()


def sources(*functions: Callable[..., Any]) -> str:
    """Let compiled loops call all kernels and some more functions; return their sources' digest.

    Numba keeps a loop on disk as long as the loop's own file and closure stay the same. Each loop
    has this digest in its closure, so that one whose formulas have changed is compiled anew.
    """
    for function in (*kernels.KERNELS, *functions):
        if function not in _known:
            # To hand a slot over, an array at a time, would take longer than most of them do.
            register_jitable(forceinline=True, error_model="numpy")(function)
            _known.add(function)
    return kernels.sources(*functions)


@contextmanager
def refused(field: str, function: Callable[..., Any]) -> Iterator[None]:
    """Compile within the block: what the compiler refuses in a user's own function is one line.

    Raises:
        ValueError: the compiler refuses `function`; the message names `field`.
    """
    try:
        yield
    except NumbaError as error:
        name = f"{function.__module__}:{function.__qualname__}"
        *_, said = str(error).split(_CAUSE)
        raise ValueError(
            f"{field}: {name} cannot be compiled for a batch: {one_line(said, 300)}; it may use"
            " numbers, arrays, loops and functions marked with mec_gym.kernels.kernel"
        ) from error


@cache
def step_of(reward_of: rewards.Reward) -> Any:
    """Return the compiled loop of one step for a reward, see `step` in it."""
    formulas = sources(reward_of)

    @numba.njit(cache=True, error_model="numpy")
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


@cache
def observe_of(write: Callable[..., None]) -> Any:
    """Return the compiled loop that writes observations, see `observe` in it."""
    formulas = sources(write)

    @numba.njit(cache=True, error_model="numpy")
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
