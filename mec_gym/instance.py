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

    Raises:
        ValueError: a shape does not fit, a value is not finite and above 0 (capacity: a whole
            number, at least 0), or `step_gain` is not `gain` where a device sends.
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

    def __post_init__(self) -> None:
        gain = _numbers("gain", self.gain)
        if gain.ndim < 2 or 0 in gain.shape[-2:]:
            raise ValueError(f"gain: shape {gain.shape}; it must be (..., devices, servers)")
        arrays: dict[str, NDArray[Any]] = {}
        shapes = _shapes(gain.shape)
        if self.step_gain is None:
            del shapes["step_gain"], self.__dict__["step_gain"]  # which holds arrays alone
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
        return slots._derive(lambda array: array[positions])

    def __iter__(self) -> Iterator[Self]:
        return (self[row] for row in range(len(self)))

    def flatten(self) -> Self:
        """Return the same slots along one leading dimension."""
        if len(self.batch_shape) == 1:
            return self
        core = len(self.batch_shape)
        return self._derive(lambda array: array.reshape(-1, *array.shape[core:]))

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
        """Check that each slot has as many places as devices.

        Raises:
            ValueError: some slot has no feasible assignment; the message names the first.
        """
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
            if arrays.keys() | {"step_gain"} != set(_NAMES):
                raise ValueError(f"it holds {sorted(arrays)}, not {sorted(_NAMES)}")
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


_NAMES = tuple(field.name for field in fields(Instance))
_PER_DEVICE = ("task_bits", "task_cycles", "bandwidth_hz", "tx_power_w", "noise_w")
_PER_SERVER = ("server_hz", "capacity")


def _shapes(gain: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each attribute beside a gain of this shape."""
    *lead, num_devices, num_servers = gain
    shapes: dict[str, tuple[int, ...]] = {
        "gain": gain,
        "step_gain": (*lead, num_devices, num_devices, num_servers),
    }
    shapes |= dict.fromkeys(_PER_DEVICE, (*lead, num_devices))
    return shapes | dict.fromkeys(_PER_SERVER, (*lead, num_servers))


def _numbers(name: str, value: Any) -> NDArray[Any]:
    whole = name == "capacity"
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: not an array of numbers: {error}") from None
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{name}: must hold finite numbers only")
    if not whole and not (array > 0).all():
        raise ValueError(f"{name}: holds {array.min():g}; every value must be above 0")
    if whole and not ((array >= 0) & (array < 2**53) & (array == np.floor(array))).all():
        raise ValueError(f"{name}: must hold whole numbers, 0 or more, below 2^53")
    return np.array(array, dtype=np.int64 if whole else np.float64)
