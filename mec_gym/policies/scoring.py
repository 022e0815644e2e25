"""Slots assigned by a network that scores servers, in one loop compiled by numba."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import mdp
from mec_gym.compiling import loop, loops_for
from mec_gym.kernels import kernel
from mec_gym.observations import Observation
from mec_gym.policies import held_places
from mec_gym.policies.network import Layer


def assign(
    play: Callable[..., None],
    slots: mdp.Slot,
    prepared: NDArray[Any],
    priced: NDArray[np.float64],
    observer: Observation,
    layers: tuple[Layer, ...],
) -> NDArray[np.int64]:
    """Give the devices of each slot in order to the free server of the greatest score, (B, M).

    Where slots are priced a place is held for each device to come, and a server is passed over
    where that would cost them too much, see `held_places`.

    Args:
        play: the loop, `loop_of` the observation's `write`.
        slots: B slots with nothing assigned, as arrays; they are assigned.
        prepared: what the observation prepares of them.
        priced: what `Observation.priced` returns of them.
        observer: the observation that the network reads, with a row a server.
        layers: what `by_input` returns of the network.
    """
    assignment = np.empty(slots.task_cycles.shape, dtype=np.int64)
    num_servers, widest = slots.server_hz.shape[1], max(max(each.shape) for each, *_ in layers)
    rows = np.empty((2, num_servers, widest), dtype=np.float32)
    held = held_places.room(assignment.shape[1] if priced.size else 0, num_servers)
    play(slots, prepared, priced, observer.constants, layers, rows, held, assignment)
    return assignment


def by_input(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return layers, see `mec_gym.policies.network`, whose weights (in, out) loops go along."""
    return tuple(
        (np.ascontiguousarray(weight.T), bias, np.ascontiguousarray(context.T))
        for weight, bias, context in layers
    )


@kernel
def _add_products(weight: Any, row: Any, start: Any, out: Any) -> None:
    """Write what `start` and the products of a row (in,) with weights (in, out) come to.

    Entry by entry, so that the sums are rounded as they are one at a time, but four while a sum is
    at hand.
    """
    before, after = weight.shape
    for each in range(after):
        out[each] = start[each]
    fours = before - before % 4
    for entry in range(0, fours, 4):
        one, two, three, four = row[entry], row[entry + 1], row[entry + 2], row[entry + 3]
        first, second = weight[entry], weight[entry + 1]
        third, fourth = weight[entry + 2], weight[entry + 3]
        for each in range(after):
            value = out[each] + one * first[each]
            value += two * second[each]
            value += three * third[each]
            out[each] = value + four * fourth[each]
    for entry in range(fours, before):
        one, first = row[entry], weight[entry]
        for each in range(after):
            out[each] += one * first[each]


@kernel
def best_of(layers: Any, rows: Any, free: Any, mean: Any, shared: Any) -> int:
    """Return the free server of the greatest score; the arguments are those of `scored`."""
    return greatest(scored(layers, rows, free, mean, shared), free)


@kernel
def greatest(scores: Any, free: Any) -> int:
    """Return the free server whose row of scores (N, widest) begins with the greatest."""
    best = -1
    for server in range(len(free)):
        if free[server] and (best < 0 or scores[server, 0] > scores[best, 0]):
            best = server
    return best


@kernel
def scored(layers: Any, rows: Any, free: Any, mean: Any, shared: Any) -> Any:
    """Return rows, one of the two of `rows`, that begin with the score of each free server.

    Args:
        layers: what `by_input` returns of the network.
        rows: room for the rows of two layers, (2, N, widest); the first ones are what it sees.
        free: of `mdp.write_mask`, (N,).
        mean: room for a row, (widest,).
        shared: likewise.
    """
    inputs, outputs = rows[0], rows[1]
    num_servers = len(free)
    share = np.float32(1 / free.sum())
    for number, (weight, bias, context) in enumerate(layers, 1):
        before, after = weight.shape
        mean[:before] = 0
        for server in range(num_servers):
            if free[server]:
                row = inputs[server]
                for entry in range(before):
                    mean[entry] += row[entry] * share
        shared[:after] = bias
        for entry in range(before):
            value, along = mean[entry], context[entry]
            for out in range(after):
                shared[out] += value * along[out]
        for server in range(num_servers):
            if free[server]:
                _add_products(weight, inputs[server], shared, outputs[server])
                if number < len(layers):
                    for out in range(after):
                        outputs[server, out] = max(outputs[server, out], np.float32(0))
        inputs, outputs = outputs, inputs
    return inputs


@loops_for
def loop_of(formulas: str, write: Callable[..., None]) -> Any:
    """Return the compiled loop for an observation's `write`, see `assign`."""

    @loop
    def assign_all(
        slots: Any,
        prepared: Any,
        priced: Any,
        constants: Any,
        layers: Any,
        rows: Any,
        held: Any,
        assignment: Any,
    ) -> None:
        assert formulas
        holds = priced.shape[1] > 0
        num_servers, features = slots.server_hz.shape[1], layers[0][0].shape[0]
        free = np.empty(num_servers, np.int8)
        mean = np.empty(rows.shape[2], np.float32)
        shared = np.empty(rows.shape[2], np.float32)
        for row in range(len(assignment)):
            slot = mdp.slot_at(slots, row)
            if holds:
                held_places.hold(held, slot, priced[row])
            for device in range(len(slot.task_cycles)):
                write(slot, device, prepared[row], constants, rows[0, :, :features])
                mdp.write_mask(slot, device, free)
                scores = scored(layers, rows, free, mean, shared)
                best = greatest(scores, free)
                if holds:
                    own = held_places.release(held, device)
                    while not held_places.take(held, device, own, best):
                        free[best] = 0
                        best = greatest(scores, free)
                mdp.assign(slot, device, best)
                assignment[row, device] = best

    return assign_all
