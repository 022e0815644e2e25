"""The observations of slots that follow one another: those of one slot, and what came before.

Waiting for work left over and moving services are in the delay of each link already. What is added
tells how one slot's choices bear on the next.
"""

import math
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.mdp import Slot, State, is_open
from mec_gym.observations.base import Array, Observation
from mec_gym.observations.paper import PaperObservation, SIObservation
from mec_gym.observations.prices import PricesObservation
from mec_gym.observations.servers import ServersObservation, squashed, within
from mec_gym.scenario import Scenario

_IN_ORDER = 10.0
"""What is added to rows lies between minus this and this, as all else there."""


class OverTime(Observation):
    """An observation of one slot, and `_more` numbers behind it, or behind each of its rows.

    Attributes:
        base: the observation of one slot.
    """

    _kind: ClassVar[type[Observation]]
    _more: int

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.base = self._kind(scenario)
        self._size = self.base.space.shape[-1]  # of what is seen of one slot
        self.free_at, self.any_size = self.base.free_at, self.base.any_size
        assert scenario.slot_s is not None  # slots follow one another
        self.constants = (
            *self.base.constants,
            np.array([scenario.slot_s, scenario.slots, self._size, scenario.num_servers]),
        )

    @property
    def blocks(self) -> NDArray[np.int64] | None:
        """Those of one slot."""
        return self.base.blocks

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return what is worked out of each slot by itself."""
        return self.base.prepare(instance)


class _Flat(OverTime):
    """A list of numbers; what is added stays the same within a slot."""

    def __init__(self, scenario: Scenario) -> None:
        moves = dynamics.moves_services(scenario)
        self._more = 2 * scenario.num_servers + 1 + moves * scenario.num_devices
        super().__init__(scenario)
        first = self.base.free_at.start  # type: ignore[union-attr]  # a slice to the end
        self.free_at = slice(first, self._size)

    def update(self, observation: Array, state: State) -> None:
        """Bring what is seen of the slot up to date."""
        self.base.update(observation[..., : self._size], state)


class SIOverTime(_Flat):
    """Eq. (11) in SI units, and behind it what came before.

    Waits W_n / F_n, s (N); CPU frequencies F_n(t) of this slot, cycles/s (N); slots of the episode
    that follow (1); where services move, the server that ran each device's task last, from 0, and
    -1 where none did (M). In Eq. (11) the devices that have a task come first, in their order; 0
    stands behind them.
    """

    _kind = SIObservation

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """The ranges of one slot; waits as long as all work of an episode on one server takes."""
        base, num_servers = self.base.space, self.scenario.num_servers
        work = self.scenario.slots * self.scenario.num_devices * self.scenario.task_cycles_range[1]
        slowest, fastest = dynamics.limits_hz(self.scenario)
        moves = self._more - 2 * num_servers - 1
        low = [np.minimum(base.low, 0), np.zeros(2 * num_servers + 1), np.full(moves, -1)]
        high = [base.high, np.full(num_servers, work / slowest), np.full(num_servers, fastest)]
        high += [np.full(1, self.scenario.slots), np.full(moves, num_servers)]
        above = np.nextafter(np.concatenate(high, dtype="f"), np.float32(np.inf))
        return gym.spaces.Box(np.concatenate(low, dtype="f"), above)

    @staticmethod
    @kernel
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write Eq. (11), and what came before."""
        numbers = constants[-1]
        first, num_servers = int(numbers[2]), int(numbers[3])
        entry = first + 2 * num_servers
        _write_si(slot, device, prepared, constants[:-1], out[:first])
        for server in range(num_servers):
            out[first + server] = slot.wait[server]
            out[first + num_servers + server] = slot.server_hz[server]
        out[entry] = slot.slots_left
        for each in range(entry + 1, len(out)):
            out[each] = -1.0
        for each in range(len(slot.last_server)):
            out[entry + 1 + each] = slot.last_server[each]


class PaperOverTime(_Flat):
    """Eq. (11) scaled to [0, 1], and behind it what came before, between 0 and 1 as well.

    w / (w + tau) of waits w = W_n / F_n (N); CPU frequencies F_n(t) of this slot over the
    greatest that there is (N); share of the episode's slots that follow (1); where services move,
    (n + 1) / N of the server n that ran each device's task last, 0 where none did (M). In Eq. (11)
    the devices that have a task come first, in their order; 0 stands behind them.
    """

    _kind = PaperObservation

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.constants = (*self.constants, np.array([dynamics.limits_hz(scenario)[1]]))

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """The unit box."""
        return gym.spaces.Box(0.0, 1.0, (self._size + self._more,), np.float32)

    @staticmethod
    @kernel
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write Eq. (11), and what came before."""
        numbers, fastest = constants[-2], constants[-1][0]
        slot_s, num_slots = float(numbers[0]), float(numbers[1])
        first, num_servers = int(numbers[2]), int(numbers[3])
        entry = first + 2 * num_servers
        _write_paper(slot, device, prepared, constants[:-2], out[:first])
        for server in range(num_servers):
            out[first + server] = slot.wait[server] / (slot.wait[server] + slot_s)
            out[first + num_servers + server] = min(slot.server_hz[server] / fastest, 1.0)
        out[entry] = slot.slots_left / num_slots
        for each in range(entry + 1, len(out)):
            out[each] = 0.0
        for each in range(len(slot.last_server)):
            out[entry + 1 + each] = (slot.last_server[each] + 1) / num_servers


class _Rows(OverTime):
    """A row of features an action, see `write_more`."""

    _more = 6
    any_size = True

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """Rows of features."""
        shape = (self.scenario.num_actions, self._size + self._more)
        return gym.spaces.Box(-_IN_ORDER, _IN_ORDER, shape, np.float32)


@kernel
def write_more(slot: Slot, device: int, numbers: Any, out: Array) -> None:
    """Write what came before behind the row of each server; all of it 0 where it is not open.

    tau is the length of a slot, w = W_n / F_n, s(x) = x / (1 + |x| / 3); L and u are the sum of q
    and the number of tasks on the server so far.

    | column | feature |
    |---|---|
    | 0 | s of the wait, w / tau |
    | 1 | s of the wait less its mean over servers, over tau |
    | 2 | s of what is left over in the end, (w - tau + L^2 / (u F)) / tau, of tasks of one size |
    | 3 | s of how much of the slot the task takes by itself, q^2 / (F tau) |
    | 4 | 1 where the server ran the device's task last |
    | 5 | share of the episode's slots that follow |
    """
    slot_s, num_slots, first = float(numbers[0]), float(numbers[1]), int(numbers[2])
    num_servers, mean, shared = len(slot.server_hz), 0.0, 0
    for server in range(num_servers):
        for column in range(first, first + 6):
            out[server, column] = 0.0
        if slot.server_hz[server] < math.inf:
            mean, shared = mean + slot.wait[server], shared + 1
    if device == len(slot.task_cycles):
        return
    mean /= shared
    left = within(slot.slots_left / num_slots, _IN_ORDER)
    size = slot.sqrt_cycles[device]
    for server in range(num_servers):
        hz = slot.server_hz[server]
        if hz == math.inf or not is_open(slot, device, server):
            continue
        wait, load, computing = slot.wait[server], slot.load[server], 0.0
        if load:
            computing = slot.sqrt_load[server] * slot.sqrt_load[server] / load / hz
        out[server, first] = squashed(wait / slot_s)
        out[server, first + 1] = squashed((wait - mean) / slot_s)
        out[server, first + 2] = squashed((wait - slot_s + computing) / slot_s)
        out[server, first + 3] = squashed(size * size / hz / slot_s)
        if len(slot.last_server):
            out[server, first + 4] = slot.last_server[device] == server
        out[server, first + 5] = left


class ServersOverTime(_Rows):
    """The rows of `ServersObservation`, and behind each what came before; see `write_more`."""

    _kind = ServersObservation

    @staticmethod
    @kernel
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write the features of each server; zeros after the last device."""
        numbers = constants[-1]
        _write_servers(slot, device, prepared, constants[:-1], out[:, : int(numbers[2])])
        write_more(slot, device, numbers, out)


class PricesOverTime(_Rows):
    """The rows of `PricesObservation`, and behind each what came before; see `write_more`."""

    _kind = PricesObservation

    @staticmethod
    @kernel
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write the features of each server; zeros after the last device."""
        numbers = constants[-1]
        _write_prices(slot, device, prepared, constants[:-1], out[:, : int(numbers[2])])
        write_more(slot, device, numbers, out)


# Compiled code knows no attributes of classes.
_write_si = kernel(SIObservation.write)
_write_paper = kernel(PaperObservation.write)
_write_servers = kernel(ServersObservation.write)
_write_prices = kernel(PricesObservation.write)

OVER_TIME: dict[type[Observation], type[Observation]] = {
    SIObservation: SIOverTime,
    PaperObservation: PaperOverTime,
    ServersObservation: ServersOverTime,
    PricesObservation: PricesOverTime,
}
"""What shows slots that follow one another in place of what shows one."""
