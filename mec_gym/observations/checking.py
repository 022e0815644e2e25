"""Checks of a user's own observation on slots of its scenario; ours are tested."""

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.mdp import State
from mec_gym.observations.base import Array, Observation
from mec_gym.options import OF_DEVICES
from mec_gym.scenario import Scenario

_ALL_CHECKED = 12
"""Slots of more devices are looked at before some of their decisions only."""


def check(observer: Observation) -> None:
    """Play two slots, feasibly and not, and check what an observation shows of them.

    Raises:
        ValueError: the first thing that is not as `Observation` says.
    """
    if type(observer).free is not Observation.free:
        raise ValueError("it overrides free; say with free_at where a free server shows")
    if not hasattr(observer, "free_at"):
        raise ValueError("it has no free_at: where a free server shows")
    if not isinstance(observer.constants, tuple):
        raise ValueError(f"constants is a {type(observer.constants).__name__}, not a tuple")
    slots = observer.scenario.sample(2, 0)
    _check_prepared(observer, slots)
    if observer.any_size:
        _check_any_size(observer)
    end = slots.num_devices
    looked_at = range(end + 1) if end <= _ALL_CHECKED else (0, 1, end // 2, end - 1, end)
    for choose in (_first_free, _last_server):
        alone, together = [State(slot) for slot in slots], State(slots)
        unseen = [State(slot) for slot in slots]  # which the observation cannot change
        seen: list[Array] | None = None  # brought up to date since the last decision
        for device in range(end + 1):
            if device in looked_at:
                begun = [observer.begin(state) for state in (*alone, together)]
                for shown in (begun, seen or begun):
                    for row, state in enumerate(alone):
                        written = _written(observer, state)
                        if (written != shown[row]).any() or (written != shown[2][row]).any():
                            raise ValueError("write, begin and update show one slot differently")
                if [state.slot for state in alone] != [state.slot for state in unseen]:
                    raise ValueError("it changes the slot, which it only may read")
                _check_hidden(observer, slots, alone[1])
                seen = begun
            if device < end:
                servers = [choose(state) for state in unseen]
                together.assign(np.array(servers))
                for state, server in zip((*alone, *unseen), servers * 2, strict=True):
                    state.assign(server)
                if device in looked_at and seen:
                    for state, shown_before in zip((*alone, together), seen, strict=True):
                        observer.update(shown_before, state)
                else:
                    seen = None


def _first_free(state: State) -> int:
    return int(state.free.argmax())


def _last_server(state: State) -> int:
    return state.instance.num_actions - 1


def _written(observer: Observation, state: State) -> Array:
    """Return what `write` writes of one slot, checked."""
    space, slot, device = observer.space, state.slot, state.device
    written = np.full(space.shape, np.nan, np.float32)
    observer.write(slot, device, observer.prepare(state.instance), observer.constants, written)
    if not np.isfinite(written).all():
        raise ValueError(f"write leaves an entry out, or writes what is no number: {written}")
    if not space.contains(written):
        raise ValueError(f"it shows {written} for device {device}, outside its space {space}")
    free = observer.free(written)
    if not state.done and (free.shape != state.free.shape or (free != state.free).any()):
        raise ValueError(f"free_at {observer.free_at} shows {free}, but free are {state.free}")
    return written


def _check_prepared(observer: Observation, slots: Instance) -> None:
    """Check that `prepare` returns a row for each slot, which depends on that slot alone."""
    together: NDArray[np.generic] = observer.prepare(slots)
    for row, slot in enumerate(slots):
        alone = observer.prepare(slot)
        fits = isinstance(together, np.ndarray) and together.shape == (len(slots), *alone.shape)
        if not fits or (together[row] != alone).any():
            raise ValueError("prepare does not return, of a batch of slots, a row for each")


def _check_any_size(observer: Observation) -> None:
    """Check that nothing but the rows depends on how many devices and servers a scenario has."""
    made = [
        type(observer)(Scenario(num_devices=size, num_servers=size, capacity=size))
        for size in (2, 5)
    ]
    columns = {one.space.shape[1:] for one in made}
    slots = [one.scenario.sample(1, 0) for one in made]
    prepared = zip(*([one.prepare(each) for each in slots] for one in made), strict=True)
    constants = zip(*(one.constants for one in made), strict=True)
    alike = (
        a.shape == b.shape and (a == b).all() for pairs in (prepared, constants) for a, b in pairs
    )
    if len(columns) > 1 or not all(alike):
        raise ValueError(
            "any_size is said, but columns, constants or prepare depend on the numbers of devices"
            " and servers"
        )


def _check_hidden(observer: Observation, slots: Instance, state: State) -> None:
    """Check that tasks and gains which the scenario hides show in nothing that is written."""
    scenario, device = observer.scenario, state.device
    if state.done or not scenario.hides_future:
        return
    arrays = {name: array.copy() for name, array in slots[1].arrays().items()}
    others = slots[0].arrays()
    seen = scenario.num_devices if scenario.lookahead is None else device + scenario.lookahead + 1
    of_tasks = ("task_bits", "task_cycles", *OF_DEVICES, "covered", "fetch_delay_s")
    for name in ("gain", *(each for each in of_tasks if each in arrays)):
        arrays[name][seen:] = others[name][seen:]
    if "step_gain" in arrays:
        arrays["step_gain"][device + 1 :] = others["step_gain"][device + 1 :]
        arrays["step_gain"][:, seen:] = others["step_gain"][:, seen:]
        steps = np.arange(device + 1, scenario.num_devices)
        arrays["gain"][steps] = arrays["step_gain"][steps, steps]
    other = State(Instance(**arrays))
    for server in state.assignment[:device].tolist():
        other.assign(server)
    if (_written(observer, other) != _written(observer, state)).any():
        raise ValueError(
            f"before device {device} it shows what the scenario hides: tasks beyond a lookahead of"
            f" {scenario.lookahead}, or gains of later steps"
        )
