"""Local search: moves and swaps from the least-delay start, until none helps."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise
from mec_gym.instance import Instance
from mec_gym.kernels import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SlotNumbers = tuple[FloatArray, FloatArray, FloatArray, IntArray]
"""Transmission delays (B, M, N), sqrt(C) (B, M), F (B, N) and capacities (B, N)."""

_LEAST_GAIN = 1e-12
"""A move must gain this share of the total delay; less could be rounding, and go round for ever."""


def local_search(instance: Instance, seed: int = 0) -> NDArray[np.int64]:
    """Return an assignment that no move of a device and no swap of two improves, (..., M).

    It starts as `least_delay` does, but with the heaviest task first, and keeps to capacity.

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    instance.require_feasible()
    assignment = np.empty(instance.task_cycles.shape, np.int64)
    _descend()(*numbers_of(instance.flatten()), assignment.reshape(-1, instance.num_devices))
    return assignment


def polish(instance: Instance, assignment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what local search makes of an assignment, (..., M); never worse.

    Slots that stand above capacity are left as they are.
    """
    checked = system.check_assignment(instance, assignment)
    lead = checked.shape
    polished = checked.reshape(-1, instance.num_devices)
    feasible = np.flatnonzero(system.is_feasible(instance.flatten(), polished))
    if len(feasible):
        part = polished[feasible]
        _improve()(*numbers_of(instance.flatten()[feasible]), part)
        polished[feasible] = part
    return polished.reshape(lead)


def numbers_of(instance: Instance) -> SlotNumbers:
    """Return the arrays of a batch that the loops take, copied: numba compiles for one layout.

    A server takes all M devices at most, whatever its capacity.
    """
    return (
        np.array(instance.tx_delay),
        np.sqrt(instance.task_cycles),
        np.array(instance.server_hz, order="C"),
        np.minimum(instance.capacity, instance.num_devices, order="C"),
    )


@kernel
def improve_slot(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    """Improve the feasible assignment of one slot, in place, until no move and no swap does.

    Each device in turn makes the best of its moves to another server and its swaps with another
    device. Arguments are `SlotNumbers` of the slot.
    """
    num_devices, num_servers = tx_delay.shape
    left = capacity.copy()
    sqrt_load = np.zeros(num_servers)
    total = 0.0
    for device in range(num_devices):
        server = assignment[device]
        total += delay_rise(
            tx_delay[device, server], sqrt_cycles[device], server_hz[server], sqrt_load[server]
        )
        left[server] -= 1
        sqrt_load[server] += sqrt_cycles[device]

    device = 0
    unchanged = 0
    while unchanged < num_devices:
        here, work = assignment[device], sqrt_cycles[device]
        tx_here = tx_delay[device, here]
        best_change = -_LEAST_GAIN * total
        best_server = best_partner = -1
        leaving = delay_rise(-tx_here, -work, server_hz[here], sqrt_load[here])
        for server in range(num_servers):
            if left[server] > 0 and server != here:
                change = leaving + delay_rise(
                    tx_delay[device, server], work, server_hz[server], sqrt_load[server]
                )
                if change < best_change:
                    best_change, best_server, best_partner = change, server, -1
        for partner in range(num_devices):
            there = assignment[partner]
            if there != here:
                shift = work - sqrt_cycles[partner]
                change = delay_rise(
                    tx_delay[device, there] - tx_here, shift, server_hz[there], sqrt_load[there]
                ) + delay_rise(
                    tx_delay[partner, here] - tx_delay[partner, there],
                    -shift,
                    server_hz[here],
                    sqrt_load[here],
                )
                if change < best_change:
                    best_change, best_server, best_partner = change, there, partner
        unchanged += 1
        if best_server >= 0:
            unchanged = 0
            assignment[device] = best_server
            moved = work
            if best_partner >= 0:
                assignment[best_partner] = here
                moved -= sqrt_cycles[best_partner]
            else:
                left[here] += 1
                left[best_server] -= 1
            sqrt_load[here] -= moved
            sqrt_load[best_server] += moved
        device = (device + 1) % num_devices


@kernel
def descend_slot(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    """Write an assignment of one slot that no move and no swap improves.

    It starts from the least rise in delay, the heaviest task first.
    """
    num_servers = tx_delay.shape[1]
    left = capacity.copy()
    sqrt_load = np.zeros(num_servers)
    for device in np.argsort(-sqrt_cycles, kind="mergesort"):
        least = np.inf
        for server in range(num_servers):
            if left[server] > 0:
                rise = delay_rise(
                    tx_delay[device, server],
                    sqrt_cycles[device],
                    server_hz[server],
                    sqrt_load[server],
                )
                if rise < least:
                    least = rise
                    assignment[device] = server
        left[assignment[device]] -= 1
        sqrt_load[assignment[device]] += sqrt_cycles[device]
    improve_slot(tx_delay, sqrt_cycles, server_hz, capacity, assignment)


def _over_slots(solve: Callable[..., None]) -> Callable[[], Any]:
    """Return what gives the loop over slots of a function of one slot."""

    def make(formulas: str) -> Any:
        @loop
        def over_slots(
            tx_delay: Any, sqrt_cycles: Any, server_hz: Any, capacity: Any, assignment: Any
        ) -> None:
            assert formulas
            for slot in range(len(assignment)):
                solve(
                    tx_delay[slot],
                    sqrt_cycles[slot],
                    server_hz[slot],
                    capacity[slot],
                    assignment[slot],
                )

        return over_slots

    return loops_for(make)


_descend = _over_slots(descend_slot)
_improve = _over_slots(improve_slot)
