"""Slots assigned by a network that scores servers, in one loop compiled by numba."""

from functools import cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mec_gym import mdp
from mec_gym.envs import loops
from mec_gym.observations import ServersObservation
from mec_gym.policies.network import Layer


def assign(
    slots: mdp.Slots,
    known: tuple[NDArray[Any], ...],
    constants: tuple[NDArray[Any], ...],
    layers: tuple[Layer, ...],
) -> NDArray[np.int64]:
    """Give the devices of each slot in order to the free server of the greatest score, (B, M).

    Args:
        slots: B slots with nothing assigned, as arrays; they are assigned.
        known: what `ServersObservation.prepare` returns of them.
        constants: of `ServersObservation`.
        layers: what `by_input` returns of the network.
    """
    count = len(slots.task_cycles) // slots.num_devices
    assignment = np.empty((count, slots.num_devices), dtype=np.int64)
    widest = max(max(weight.shape) for weight, *_ in layers)
    rows = np.empty((2, slots.num_servers, widest), dtype=np.float32)
    _loop()(slots, known, constants, layers, rows, assignment)
    return assignment


def by_input(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return layers, see `mec_gym.policies.network`, whose weights (in, out) loops go along."""
    return tuple(
        (np.ascontiguousarray(weight.T), bias, np.ascontiguousarray(context.T))
        for weight, bias, context in layers
    )


@cache
def _loop() -> Any:
    show, features = ServersObservation.show, ServersObservation.NUM_FEATURES
    formulas = loops.sources()

    @numba.njit(cache=True, error_model="numpy")
    def loop(
        slots: Any, known: Any, constants: Any, layers: Any, rows: Any, assignment: Any
    ) -> None:
        assert formulas
        num_servers, num_devices = slots.num_servers, slots.num_devices
        mean = np.empty(rows.shape[2], np.float32)
        shared = np.empty(rows.shape[2], np.float32)
        for row in range(len(assignment)):
            for device in range(num_devices):
                inputs, outputs = rows[0], rows[1]
                show(known, constants, slots, row, device, inputs[:, :features])
                left = 0
                for server in range(num_servers):
                    place = row * num_servers + server
                    left += slots.load[place] < slots.capacity[place]
                share, number = np.float32(1 / left), 0
                for weight, bias, context in layers:
                    number += 1
                    before, after = weight.shape
                    mean[:before] = 0
                    for server in range(num_servers):
                        place = row * num_servers + server
                        if slots.load[place] < slots.capacity[place]:
                            for entry in range(before):
                                mean[entry] += inputs[server, entry] * share
                    shared[:after] = bias
                    for entry in range(before):
                        for out in range(after):
                            shared[out] += mean[entry] * context[entry, out]
                    for server in range(num_servers):
                        place = row * num_servers + server
                        if slots.load[place] >= slots.capacity[place]:
                            continue
                        scores = outputs[server]
                        scores[:after] = shared[:after]
                        for entry in range(before):
                            value = inputs[server, entry]
                            for out in range(after):
                                scores[out] += value * weight[entry, out]
                        if number < len(layers):
                            for out in range(after):
                                scores[out] = max(scores[out], np.float32(0))
                    inputs, outputs = outputs, inputs
                best = -1
                for server in range(num_servers):
                    place = row * num_servers + server
                    free = slots.load[place] < slots.capacity[place]
                    if free and (best < 0 or inputs[server, 0] > inputs[best, 0]):
                        best = server
                mdp.assign(slots, row * num_devices + device, row * num_servers + best)
                assignment[row, device] = best

    return loop
