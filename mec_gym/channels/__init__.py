"""How channel gains arise: the paper's uniform draw, or path loss, shadowing and fading of places.

A channel model turns numbers that are uniform on [0, 1) into gains, a fixed count of them for each
slot. So a slot is the same whether it is drawn alone or in a block. Gains are constant within a
slot, or change at each of its decision steps.
"""

from typing import Any

import numpy as np

from mec_gym.channels.base import CHANNELS, Channel
from mec_gym.channels.faded import FadedChannel
from mec_gym.channels.fading import FloatArray, fading
from mec_gym.channels.path_loss import PathLossChannel
from mec_gym.channels.placed import PlacedChannel
from mec_gym.channels.uniform import UniformChannel
from mec_gym.channels.urban import UrbanMacroChannel, UrbanMicroChannel
from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted

__all__ = [
    "CHANNELS",
    "Channel",
    "FadedChannel",
    "FloatArray",
    "PathLossChannel",
    "PlacedChannel",
    "UniformChannel",
    "UrbanMacroChannel",
    "UrbanMicroChannel",
    "check",
    "fading",
    "from_fields",
]

CHANNELS |= {
    "uniform": UniformChannel,
    "path-loss": PathLossChannel,
    "uma": UrbanMacroChannel,
    "umi": UrbanMicroChannel,
}
"""The channel models by kind; a new one is a class in a file beside this one, and an entry here."""


def from_fields(fields: Any) -> Any:
    """Return the channel of a table of fields, of which `kind` says which model it is.

    Raises:
        ValueError: no such kind, or a bad value.
    """
    if not isinstance(fields, dict):
        return fields
    if "kind" not in fields:
        raise ValueError(f"kind: it must be given; there are: {', '.join(sorted(CHANNELS))}")
    kind = names.find(CHANNELS, fields["kind"], "kind")
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
