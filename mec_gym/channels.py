"""How channel gains arise: the paper's uniform draw, or path loss, shadowing and fading.

A channel model turns numbers that are uniform on [0, 1) into gains, a fixed count of them for each
slot. So a slot is the same whether it is drawn alone or in a block. Gains are constant within a
slot, or change at each of its decision steps.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted
from mec_gym.io.settings import Positive, RangeField, Settings
from mec_gym.ranges import from_unit, low_high, to_unit

FloatArray = NDArray[np.float64]

SHADOWING_LIMIT = 3.0
"""Shadowing is a normal draw (in dB) cut off at so many standard deviations."""

_MOST_LINKS = 10**7
"""Distances are worked out at once, so that lists of positions may not be of any length."""

FADING_LIMITS = (0.001, 0.999)
"""Rayleigh fading is an exponential draw of the power, cut off at these quantiles."""


def fading(unit: FloatArray, num_devices: int, num_servers: int, correlation: float) -> FloatArray:
    """Return the quantile of each link's fading at each decision step, (..., T, M, N), in [0, 1].

    T is 1 where `correlation` is 1, else M. A link's complex amplitude g is Gauss-Markov: normal of
    mean power 1 at the first step, then g(t) = rho g(t - 1) + sqrt(1 - rho^2) w(t) with w of the
    same distribution. The power |g|^2 is exponential, so its quantile 1 - exp(-|g|^2) is uniform
    at each step, whatever rho.

    Args:
        unit: numbers uniform on [0, 1), (..., `num_fading_uniforms`).
        num_devices: M.
        num_servers: N.
        correlation: rho.
    """
    lead, links = unit.shape[:-1], (num_devices, num_servers)
    if correlation == 1:
        return unit.reshape(*lead, 1, *links)
    numbers = unit.reshape(*lead, 2, num_devices, *links)
    if correlation == 0:
        return numbers[..., 0, :, :, :]  # the quantile of each |w|^2 is what it is made of
    size = np.sqrt(_exponential(numbers[..., 0, :, :, :]))
    angle = 2 * np.pi * numbers[..., 1, :, :, :]
    real, imaginary = size * np.cos(angle), size * np.sin(angle)
    fresh = math.sqrt(1 - correlation**2)
    for part in (real, imaginary):
        for step in range(1, num_devices):
            before, now = part[..., step - 1, :, :], part[..., step, :, :]
            now[...] = correlation * before + fresh * now
    return np.asarray(-np.expm1(-(real**2 + imaginary**2)))


def num_fading_uniforms(num_devices: int, num_servers: int, correlation: float) -> int:
    """Return how many uniform numbers `fading` takes: one a link, or two a link and step."""
    links = num_devices * num_servers
    return links if correlation == 1 else 2 * num_devices * links


class Channel(Settings, ABC):
    """What every channel model has; a new one needs `gain_range`, `num_uniforms` and `draw`.

    Its parameters are fields, whose values must be such as `mec_gym.io.settings.Settings` takes.
    """

    correlation: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Correlation rho of a link's complex fading amplitude from one decision step to"
        " the next; 1: constant within the slot, 0: independent.",
    )
    kind: str = Field(
        "", description='Name of the model, or your own class as "module:name"; found by itself.'
    )

    @property
    @abstractmethod
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur, above 0."""

    @abstractmethod
    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes."""

    @abstractmethod
    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers (..., `num_uniforms`).

        T is `num_steps`. Each slot depends on its own numbers alone.
        """

    def distances(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray | None:
        """Return the distance of each link (..., M, N), m, of the numbers that `draw` takes.

        By default None: devices and servers have no places.
        """
        return None

    def to_unit(self, gain: FloatArray) -> FloatArray:
        """Map gains to [0, 1]; by default linearly."""
        return to_unit(gain, self.gain_range)

    def num_steps(self, num_devices: int) -> int:
        """Return at how many decision steps of a slot the gains differ: 1, or all M."""
        return 1 if self.correlation == 1 else num_devices

    @model_validator(mode="before")
    @classmethod
    def _kind_is_the_class(cls, fields: Any) -> Any:
        """Set the kind by which `from_fields` finds the class."""
        if not isinstance(fields, dict):
            return fields
        name = names.name_of(cls, CHANNELS, "kind")
        if fields.get("kind", name) != name:
            raise ValueError(f"kind: {quoted(fields['kind'])} is not that of {name}; leave it out")
        return fields | {"kind": name}

    @model_serializer(mode="wrap")
    def _leave_out_no_correlation(self, fields_of: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What was written before there was a correlation still reads and compares the same.
        fields: dict[str, Any] = fields_of(self)
        if self.correlation == 1:
            del fields["correlation"]
        return fields


class UniformChannel(Channel):
    """Gains h_mn uniform and independent (Sec. IV-A: U[0.5, 2.0])."""

    gain: RangeField = Field((0.5, 2.0), description="Gain h_mn of a link.")

    @property
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur."""
        return low_high(self.gain)

    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes: those of the fading."""
        return num_fading_uniforms(num_devices, num_servers, self.correlation)

    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers; see `Channel.draw`."""
        return from_unit(fading(unit, num_devices, num_servers, self.correlation), self.gain)


class PathLossChannel(Channel):
    """Gains from distance, log-normal shadowing and Rayleigh fading.

    The loss in dB is `loss_at_1m_db + 10 exponent log10(distance / 1 m) + shadowing`. The defaults
    are 128.1 + 37.6 log10(distance / 1 km) with 8 dB of shadowing: 3GPP TR 36.814, macro cell,
    2 GHz. Devices are placed uniformly over a square, or at positions drawn from
    `device_positions_m`. Positions and shadowing are constant within a slot.
    """

    side_m: Positive = Field(500.0, description="Side of the square that holds the devices, m.")
    server_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None, description="Place x, y of each server, m; none: a regular grid over the square."
    )
    device_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None,
        description="Places x, y that devices are drawn from, m; none: anywhere in the square.",
    )
    loss_at_1m_db: float = Field(15.3, ge=-100, le=200, description="Loss at 1 m, dB.")
    exponent: Positive = Field(3.76, description="Exponent of the distance in the loss.")
    min_distance_m: Positive = Field(10.0, description="Distance as which shorter ones count, m.")
    shadowing_db: float = Field(
        8.0, ge=0, le=30, description="Standard deviation of the shadowing, dB; 0: none."
    )
    fading: Literal["rayleigh", "none"] = Field(
        "rayleigh", description="Fading of each link, or none."
    )

    @model_validator(mode="after")
    def _positions_are_numbers(self) -> "PathLossChannel":
        for field in ("server_positions_m", "device_positions_m"):
            positions = getattr(self, field)
            if positions is not None and not (len(positions) and np.isfinite(positions).all()):
                raise ValueError(f"{field}: needs at least one x, y pair, all finite")
        if self.fading == "none" and self.correlation < 1:
            raise ValueError(
                f"correlation: {self.correlation:g}, but without fading no gain changes; set it to"
                " 1, or fading to 'rayleigh'"
            )
        links = len(self.device_positions_m or ()) * len(self.server_positions_m or ())
        if links > _MOST_LINKS:
            raise ValueError(
                f"device_positions_m: {links} pairs with server_positions_m are too many; give"
                f" fewer, {_MOST_LINKS} pairs at most"
            )
        with np.errstate(all="ignore"):  # refused in what follows
            low, high = self.gain_range
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"exponent: gains from {low:g} to {high:g} are not numbers above 0; lower the"
                " exponent, the distances or the loss"
            )
        return self

    @property
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur."""
        corners = [(0.0, 0.0), (0.0, self.side_m), (self.side_m, 0.0), (self.side_m, self.side_m)]
        devices = np.array(self.device_positions_m or corners)
        # Without given positions servers stand inside the square: no further than its diagonal.
        servers = np.array(self.server_positions_m or corners)
        longest = max(self._distance(devices, servers).max(), self.min_distance_m)
        shadow = SHADOWING_LIMIT * self.shadowing_db
        fade_low, fade_high = _exponential(np.array(FADING_LIMITS))
        if self.fading == "none":
            fade_low = fade_high = 1.0
        return (
            float(self._gain(longest, shadow) * fade_low),
            float(self._gain(self.min_distance_m, -shadow) * fade_high),
        )

    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes: positions, shadowing, fading."""
        steady = 2 * num_devices + num_devices * num_servers
        return steady + num_fading_uniforms(num_devices, num_servers, self.correlation)

    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers; see `Channel.draw`."""
        from scipy.special import ndtr, ndtri

        lead, links = unit.shape[:-1], num_devices * num_servers
        _, shadow, faded = np.split(unit, [2 * num_devices, 2 * num_devices + links], axis=-1)
        distance = self.distances(unit, num_devices, num_servers)
        tails = (ndtr(-SHADOWING_LIMIT), ndtr(SHADOWING_LIMIT))
        shadow_db = self.shadowing_db * ndtri(from_unit(shadow, tails))
        gain = self._gain(distance, shadow_db.reshape(*lead, num_devices, num_servers))
        gain = gain[..., None, :, :]  # at each step
        if self.fading == "rayleigh":
            quantile = fading(faded, num_devices, num_servers, self.correlation)
            gain = gain * _exponential(from_unit(quantile, FADING_LIMITS))
        return np.asarray(gain)

    def distances(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return the distance of each link (..., M, N), m; see `Channel.distances`."""
        positions = unit[..., : 2 * num_devices].reshape(*unit.shape[:-1], num_devices, 2)
        return self._distance(self._devices(positions), self._servers(num_servers))

    def at_places(self, unit: FloatArray, drawn: FloatArray) -> FloatArray:
        """Return uniform numbers with which `drawn`, (..., M), draw from `device_positions_m`.

        Args:
            unit: as `draw` takes them.
            drawn: numbers uniform on [0, 1), one a device.
        """
        placed = unit.copy()
        placed[..., : 2 * drawn.shape[-1] : 2] = drawn
        return placed

    def to_unit(self, gain: FloatArray) -> FloatArray:
        """Map gains to [0, 1], linearly in dB."""
        low, high = self.gain_range
        return to_unit(np.log(gain), (math.log(low), math.log(high)))

    def _devices(self, unit: FloatArray) -> FloatArray:
        if self.device_positions_m is None:
            return from_unit(unit, (0.0, self.side_m))
        row = (unit[..., 0] * len(self.device_positions_m)).astype(int)
        return np.take(np.array(self.device_positions_m), row, axis=0)

    def _servers(self, num_servers: int) -> FloatArray:
        if self.server_positions_m is not None:
            return np.array(self.server_positions_m)
        columns = math.ceil(math.sqrt(num_servers))
        rows = math.ceil(num_servers / columns)
        row, column = np.divmod(np.arange(num_servers), columns)
        return self.side_m * np.stack([(column + 0.5) / columns, (row + 0.5) / rows], axis=-1)

    def _distance(self, devices: FloatArray, servers: FloatArray) -> FloatArray:
        distance = np.linalg.norm(devices[..., :, None, :] - servers, axis=-1)
        return np.asarray(np.maximum(distance, self.min_distance_m))

    def _gain(self, distance: FloatArray | float, shadow_db: FloatArray | float) -> FloatArray:
        loss_db = self.loss_at_1m_db + 10 * self.exponent * np.log10(distance) + shadow_db
        with np.errstate(over="ignore"):  # refused when the channel is made
            return np.asarray(10 ** (-loss_db / 10))


def _exponential(quantile: FloatArray) -> FloatArray:
    return -np.log1p(-quantile)


CHANNELS: dict[str, type[Channel]] = {"uniform": UniformChannel, "path-loss": PathLossChannel}
"""The channel models by kind; a new one is a class here and an entry in this table."""


def from_fields(fields: Any) -> Any:
    """Return the channel of a table of fields, of which `kind` says which model it is.

    Raises:
        ValueError: no such kind, or a bad value.
    """
    if not isinstance(fields, dict):
        return fields
    kind = names.find(CHANNELS, fields.get("kind"), "kind")
    if not (isinstance(kind, type) and issubclass(kind, Channel)):
        raise ValueError(
            f"kind: {quoted(fields['kind'])} is not a subclass of mec_gym.channels.Channel"
        )
    try:
        return kind(**fields)
    except TypeError as error:  # a method is missing
        raise ValueError(one_line(error)) from None


def check(channel: Channel, num_devices: int, num_servers: int) -> None:
    """Check the gains that a model of a user's own draws for a network; ours are tested.

    Raises:
        ValueError: they have another shape, are beyond its range, or cannot be drawn.
    """
    if type(channel) in CHANNELS.values():
        return
    name = type(channel).__name__
    written = channel.model_dump(mode="json", exclude_none=True)
    if from_fields(written) != channel:
        raise ValueError(
            f"channel: {name} is not read back from what is written of it, {quoted(written)}; a"
            " field's default must not hide None, and what is not a field is not kept"
        )
    if channel.correlation < 1 and channel.num_steps(num_devices) == 1:
        raise ValueError(
            f"channel: {name} takes a correlation of {channel.correlation:g}, but its num_steps"
            " makes nothing of it"
        )
    try:
        shape = (2, channel.num_steps(num_devices), num_devices, num_servers)
        low, high = channel.gain_range
        unit = np.random.default_rng(0).random((2, channel.num_uniforms(num_devices, num_servers)))
        gain = np.asarray(channel.draw(unit, num_devices, num_servers))
        alone = channel.draw(unit[1:], num_devices, num_servers)[0]
    except Exception as error:  # whatever a user's own code raises
        raise ValueError(f"channel: {name} draws no gains: {one_line(repr(error))}") from error
    if gain.shape != shape:
        raise ValueError(
            f"channel: {name}.draw returns shape {gain.shape} of 2 slots, not {shape}: slot, step,"
            " device, server"
        )
    slack = 1e-9
    if not (low * (1 - slack) <= gain.min() and gain.max() <= high * (1 + slack)):
        raise ValueError(
            f"channel: {name} draws gains from {gain.min():g} to {gain.max():g}, beyond its"
            f" gain_range {low:g} to {high:g}"
        )
    if (gain[1] != alone).any():
        raise ValueError(f"channel: {name} draws a slot otherwise beside others than alone")
