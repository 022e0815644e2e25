"""Instance: drawn slots, everything a policy may know about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations
from mec_gym.io.files import ARRAYS_LIMIT, read_npz
from mec_gym.io.messages import one_line

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Instance:
    """One slot, or a batch of slots along leading dimensions, of M devices and N servers.

    Arrays may be given without the leading dimensions, which are then added; they are copied where
    needed and become read-only.

    Attributes:
        gain: channel gain h_mn, (..., M, N).
        task_bits: input size S_m, (..., M), bits.
        task_cycles: work C_m, (..., M), CPU cycles.
        server_hz: CPU frequency F_n, (..., N), cycles/s.
        capacity: places M_n^max, (..., N), tasks.
        bandwidth_hz: bandwidth B of each device, (..., M), Hz.
        tx_power_w: transmit power P_m, (..., M), W.
        noise_w: noise power sigma^2, (..., M), W.
        step_gain: channel gain h_mn(t) at each decision step t, (..., M, M, N) by t, m, n; None
            where gains are constant within the slot. Device m sends at step m, so what it meets is
            `gain` = h_mn(m), which all delays depend on.
        delay_weight: w^T, what a second of a task's delay costs, (..., M); None: 1.
        energy_weight: w^E, what a joule of the device's energy costs, (..., M), seconds, 0 or more;
            None: 0.
        local_hz: CPU frequency of each device, (..., M), cycles/s, which gives it the column
            `local`; None: no device computes.
        switched_capacitance: kappa of those CPUs, (..., M); a task takes kappa f^2 C joules.
        cloud_delay_s: delay of the way on to the cloud, (..., M), seconds, 0 or more, which gives
            the column `cloud`; None: there is no cloud.
        cloud_hz: CPU frequency that a task has in the cloud, (..., M), cycles/s.
        drop_penalty_s: the delay as which a task counts that is dropped, (..., M), seconds, which
            gives the column `drop`; None: no task may be dropped.
        deadline_s: the delay that a task should keep to, (..., M), seconds; None: there is none.
        covered: whether a server covers a device, (..., M, N), booleans; None: all do.
        fetch_delay_s: delay of fetching the task's service to a server, (..., M, N), seconds; 0
            where the server hosts it, inf where it can neither host nor fetch it; None: all host
            all.
        backlog_cycles: work W_n left over from earlier slots that each server does first, (..., N),
            cycles, 0 or more; None: slots do not follow one another.
        handover_s: delay of moving a device's service to another server than its last, (..., M),
            seconds, 0 or more; None: services stay nowhere.
        last_server: the server that ran each device's task last, (..., M); -1: none did.
        slots_left: how many slots of the episode follow, (...); None: slots do not.
        slot_s: length of the slot tau, (...), seconds, with `slots_left`.
        device_places_m: where each device is, x and y, (..., M, 2), m; None: nobody knows. No delay
            depends on places beyond the gains: they are for maps.
        server_places_m: where each server is, x and y, (..., N, 2), m, with those of devices.

    Raises:
        ValueError: a shape does not fit, a value is not as said, or not finite and above 0
            (capacity: a whole number, at least 0), a column lacks one of its numbers, or
            `step_gain` is not `gain` where a device sends.
    """

    gain: FloatArray
    task_bits: FloatArray
    task_cycles: FloatArray
    server_hz: FloatArray
    capacity: IntArray
    bandwidth_hz: FloatArray
    tx_power_w: FloatArray
    noise_w: FloatArray
    step_gain: FloatArray | None = None
    delay_weight: FloatArray | None = None
    energy_weight: FloatArray | None = None
    local_hz: FloatArray | None = None
    switched_capacitance: FloatArray | None = None
    cloud_delay_s: FloatArray | None = None
    cloud_hz: FloatArray | None = None
    drop_penalty_s: FloatArray | None = None
    deadline_s: FloatArray | None = None
    covered: NDArray[np.bool_] | None = None
    fetch_delay_s: FloatArray | None = None
    backlog_cycles: FloatArray | None = None
    handover_s: FloatArray | None = None
    last_server: IntArray | None = None
    slots_left: IntArray | None = None
    slot_s: FloatArray | None = None
    device_places_m: FloatArray | None = None
    server_places_m: FloatArray | None = None

    def __post_init__(self) -> None:
        gain = _numbers("gain", self.gain)
        if gain.ndim < 2 or 0 in gain.shape[-2:]:
            raise ValueError(f"gain: shape {gain.shape}; it must be (..., devices, servers)")
        arrays: dict[str, NDArray[Any]] = {}
        shapes = _shapes(gain.shape)
        for name in (*OPTIONAL, *PLACES):
            if getattr(self, name) is None:
                del shapes[name], self.__dict__[name]  # which holds arrays alone
        for one, other in _TOGETHER:
            if (one in shapes) != (other in shapes):
                given, missing = (one, other) if one in shapes else (other, one)
                raise ValueError(f"{given}: it needs {missing} beside it")
        for name, shape in shapes.items():
            value = gain if name == "gain" else _numbers(name, getattr(self, name))
            try:
                arrays[name] = np.broadcast_to(value, shape)
            except ValueError:
                raise ValueError(
                    f"{name}: shape {value.shape}; beside a gain of shape {gain.shape} it must be"
                    f" {shape}"
                ) from None
        if "step_gain" in arrays and (gain_at_sending(arrays["step_gain"]) != arrays["gain"]).any():
            raise ValueError(
                "step_gain: at step m the gains of device m are not its `gain`, which they must be"
            )
        self.__setstate__(arrays)

    @classmethod
    def trusted(cls, **arrays: NDArray[Any]) -> Self:
        """Return the slots of arrays that are known to be valid, not checked and not copied."""
        shapes = _shapes(arrays["gain"].shape)
        made = object.__new__(cls)
        made.__setstate__(
            {
                name: array if array.shape == shapes[name] else np.broadcast_to(array, shapes[name])
                for name, array in arrays.items()
            }
        )
        return made

    @cached_property
    def tx_delay(self) -> FloatArray:
        """Transmission delay of each device to each server, (..., M, N), seconds; Eqs. (1), (2)."""
        rate = equations.uplink_rate(
            self.gain,
            self.bandwidth_hz[..., None],
            self.tx_power_w[..., None],
            self.noise_w[..., None],
        )
        delay: FloatArray = equations.transmission_delay(self.task_bits[..., None], rate)
        delay.flags.writeable = False
        return delay

    @property
    def num_devices(self) -> int:
        """How many devices a slot has, M."""
        return int(self.gain.shape[-2])

    @property
    def num_servers(self) -> int:
        """How many servers a slot has, N."""
        return int(self.gain.shape[-1])

    @property
    def columns(self) -> tuple[str, ...]:
        """What a task may choose beside the servers, in the order of `COLUMNS`."""
        return tuple(name for name, field in COLUMNS.items() if field in self.__dict__)

    @property
    def num_actions(self) -> int:
        """Among how many a task chooses: the servers, then the columns."""
        return self.num_servers + len(self.columns)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading dimensions; empty for one slot."""
        return self.gain.shape[:-2]

    def __len__(self) -> int:
        if not self.batch_shape:
            raise TypeError("this instance is one slot and has no length")
        return self.batch_shape[0]

    def __getitem__(self, index: Any) -> Self:
        """Return the slots at `index` of the leading dimensions (an int, slice, mask or array)."""
        if not self.batch_shape:
            raise TypeError("this instance is one slot and cannot be indexed")
        slots = self.flatten()
        positions = np.arange(len(slots)).reshape(self.batch_shape)[index]
        return slots._derive(lambda array: np.asarray(array[positions]))

    def __iter__(self) -> Iterator[Self]:
        return (self[row] for row in range(len(self)))

    def flatten(self) -> Self:
        """Return the same slots along one leading dimension."""
        if len(self.batch_shape) == 1:
            return self
        core = len(self.batch_shape)
        return self._derive(lambda array: array.reshape(-1, *array.shape[core:]))

    def of_devices(self, devices: IntArray) -> Self:
        """Return one slot, or slots (B,), with some of their devices alone.

        Args:
            devices: which, in the order in which they are to stand, (m,) or (B, m).

        Raises:
            ValueError: gains change with each device's turn, so that all are needed.
        """
        if self.step_gain is not None:
            raise ValueError("step_gain: gains change with each device's turn; all are needed")
        at = (np.arange(len(self))[:, None], devices) if self.batch_shape else devices
        kept = {"server_places_m", *_PER_SERVER, *_PER_SLOT}
        made = object.__new__(type(self))
        made.__setstate__(
            {name: array if name in kept else array[at] for name, array in self.arrays().items()}
        )
        return made

    def _derive(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        """Apply `change` to every array; the values are checked already."""
        derived = object.__new__(type(self))
        derived.__setstate__({name: change(array) for name, array in self.__dict__.items()})
        return derived

    def __setstate__(self, arrays: dict[str, NDArray[Any]]) -> None:
        for array in arrays.values():
            array.flags.writeable = False
        self.__dict__.update(arrays)

    def require_feasible(self) -> None:
        """Check that each slot has as many places as devices, the room in its columns included.

        `mec_gym.problem.Problem.require_feasible` looks at the links allowed as well.

        Raises:
            ValueError: some slot has no feasible assignment; the message names the first.
        """
        if not self.columns:
            require_places(self.capacity, self.num_devices)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the attributes by name, but None; `Instance(**arrays)` is the same slots."""
        return {name: self.__dict__[name] for name in _NAMES if name in self.__dict__}

    def save(self, path: str | Path) -> None:
        """Write the slots to an npz file at exactly `path`."""
        with open(path, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self.arrays())

    @classmethod
    def load(cls, path: str | Path, limit: int = ARRAYS_LIMIT) -> Self:
        """Read slots from an npz file; nothing in it is unpickled.

        Args:
            path: of the file.
            limit: bytes that its arrays may take, see `mec_gym.io.files.read_npz`.

        Raises:
            ValueError: the file is missing, is not an instance, or its arrays would take too much;
                the message says why.
        """
        try:
            arrays = read_npz(path, limit)
            if arrays.keys() | {*OPTIONAL, *PLACES} != set(_NAMES):
                needed = sorted(set(_NAMES) - {*OPTIONAL, *PLACES})
                raise ValueError(f"it holds {sorted(arrays)}, not {needed} and what is optional")
            return cls(**arrays)
        except ValueError as error:
            raise ValueError(f"{path}: not an instance file: {one_line(error)}") from None


def gain_at_sending(step_gain: FloatArray) -> FloatArray:
    """Return the gains that each device meets when it sends, h_mn(m), (..., M, N).

    Args:
        step_gain: h_mn(t), (..., M, M, N) by t, m, n.
    """
    own = np.arange(step_gain.shape[-2])
    return step_gain[..., own, own, :]


def require_places(capacity: IntArray, num_devices: int) -> None:
    """Check that each slot has as many places, of `capacity` (..., N), as devices.

    Raises:
        ValueError: some slot has no feasible assignment; the message names the first.
    """
    places = capacity.sum(axis=-1).reshape(-1)
    short = np.flatnonzero(places < num_devices)
    if len(short):
        raise ValueError(
            f"capacity: slot {short[0]} has {places[short[0]]} places for {num_devices}"
            f" devices ({len(short)} of {len(places)} slots have too few); no assignment is"
            " feasible, raise capacity"
        )


COLUMNS = {"local": "local_hz", "cloud": "cloud_delay_s", "drop": "drop_penalty_s"}
"""What a task may choose beside the servers, by the attribute that gives it, in their order."""

_NAMES = tuple(field.name for field in fields(Instance))
PLACES = _NAMES[-2:]
"""The attributes that maps need, of devices and of servers; they may be None."""
OPTIONAL = _NAMES[_NAMES.index("step_gain") : -len(PLACES)]
"""The other attributes that may be None."""

OF_TIME = ("backlog_cycles", "handover_s", "last_server", "slots_left", "slot_s")
"""Those of a slot that follows others."""

_TOGETHER = (
    ("local_hz", "switched_capacitance"),
    ("cloud_delay_s", "cloud_hz"),
    ("handover_s", "last_server"),
    ("slots_left", "slot_s"),
    PLACES,
)
_PER_SERVER = ("server_hz", "capacity", "backlog_cycles")
_PER_LINK = ("gain", "covered", "fetch_delay_s")
_PER_SLOT = ("slots_left", "slot_s")
_PER_DEVICE = tuple(set(_NAMES) - {"step_gain", *_PER_SLOT, *_PER_SERVER, *_PER_LINK, *PLACES})


_LEAST_WHOLE = {"capacity": 0, "last_server": -1, "slots_left": 0}
"""The least value of attributes that are whole numbers."""

_ZERO_TOO = ("energy_weight", "cloud_delay_s", "backlog_cycles", "handover_s")
"""Attributes that may be 0; others must be above."""


def _shapes(gain: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each attribute beside a gain of this shape."""
    *lead, num_devices, num_servers = gain
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_PER_LINK, gain)
    shapes["step_gain"] = (*lead, num_devices, num_devices, num_servers)
    shapes |= dict.fromkeys(_PER_SLOT, (*lead,))
    shapes |= dict.fromkeys(_PER_DEVICE, (*lead, num_devices))
    shapes |= dict(zip(PLACES, ((*lead, num_devices, 2), (*lead, num_servers, 2)), strict=True))
    return shapes | dict.fromkeys(_PER_SERVER, (*lead, num_servers))


def _numbers(name: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: not an array of numbers: {error}") from None
    if name == "covered":
        if array.dtype != np.bool_:
            raise ValueError(f"{name}: must hold booleans, not {array.dtype}")
        return np.array(array)
    numbers = array.dtype.kind in "iuf"
    if name == "fetch_delay_s":
        if not numbers or not (array >= 0).all():
            raise ValueError(f"{name}: must hold numbers only, 0 or more, or inf where barred")
        return np.array(array, dtype=np.float64)
    if not numbers or not np.isfinite(array).all():
        raise ValueError(f"{name}: must hold finite numbers only")
    if name in PLACES:
        return np.array(array, dtype=np.float64)
    if name in _LEAST_WHOLE:
        from_ = _LEAST_WHOLE[name]
        if not ((array >= from_) & (array < 2**53) & (array == np.floor(array))).all():
            raise ValueError(f"{name}: must hold whole numbers, {from_} or more, below 2^53")
        return np.array(array, dtype=np.int64)
    zero_too = name in _ZERO_TOO
    if not (array > 0).all() and not (zero_too and (array >= 0).all()):
        least = "0 or more" if zero_too else "above 0"
        raise ValueError(f"{name}: holds {array.min():g}; every value must be {least}")
    return np.array(array, dtype=np.float64)
