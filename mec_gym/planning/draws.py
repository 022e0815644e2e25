"""Slots of networks that differ, made of the same random numbers wherever they have the same thing.

Where networks are compared, what they share should be drawn alike: then their difference is that of
the networks, not of the draws. Each uniform number of a slot belongs to something: where a device
is, its bits, its work, the frequency of a server, a link. Those of a device are drawn from a stream
of that quantity, those of a server or of its links from a stream of that server. So device m has
the same place and task in every network, and server n the same fading to it. All numbers stay
independent and uniform: the slots of each network are distributed as `Scenario.sample`'s are.

Where slots follow one another slot k is made so of streams of its own, and so are the tasks that
arrive in it and what others have of a server; how devices move is a stream for all of them, so
that they move alike in networks of as many devices and slots.
"""

import numpy as np
from numpy.typing import NDArray

from mec_gym import drawing, dynamics
from mec_gym.channels import PlacedChannel
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

_CHANNEL, _SERVERS = 0, 3
"""Places of the channel's numbers and of the servers' among `Scenario`'s."""

_OWN, _LINKS = 99, 100
_OF_SLOT, _BETWEEN = 200, 201

Seed = int | tuple[int, ...]


def common_slots(
    scenario: Scenario, count: int, seed: int, most_devices: int, places: bool = False
) -> Instance:
    """Return slots of one of some networks that are compared.

    Args:
        scenario: the network.
        count: how many.
        seed: of all that is drawn.
        most_devices: as many devices as the largest of the networks has, or more.
        places: whether they say where devices and servers are, see `Scenario.sample`.
    """
    return scenario.from_uniforms(uniforms(scenario, count, seed, most_devices), places)


def common_episodes(
    scenario: Scenario, count: int, seed: int, most_devices: int, places: bool = False
) -> Episodes:
    """Return episodes of one of some networks that are compared; see `common_slots`."""
    num_slots, num_devices = scenario.slots, scenario.num_devices
    _, arrivals, background, *services, moving = dynamics.num_uniforms(scenario)
    drawn = [
        uniforms(scenario, count, (seed, _OF_SLOT, slot), most_devices) for slot in range(num_slots)
    ]
    for slot in range(num_slots):
        each, own = divmod(arrivals // num_slots, num_devices)
        stream = _stream(seed, _BETWEEN, slot)
        whole = stream.random((count, own))
        drawn += [whole, stream.random((count, most_devices * each))[:, : num_devices * each]]
    if background:
        of_servers = [
            _stream(seed, _BETWEEN + 1, server).random((num_slots, count)).T
            for server in range(scenario.num_servers)
        ]
        drawn.append(np.stack(of_servers, axis=-1).reshape(count, -1))
    for part, length in enumerate(services, _BETWEEN + 2):
        drawn.append(_stream(seed, part, 0).random((count, most_devices))[:, :length])
    mobility = scenario.mobility
    tracks = 0 if mobility is None else mobility.num_uniforms(num_slots, num_devices)
    for part, length in enumerate((tracks, moving - tracks), _BETWEEN + 4):
        drawn.append(_stream(seed, part, 0).random((count, length)))
    return dynamics.from_uniforms(scenario, np.concatenate(drawn, axis=-1), places)


def uniforms(scenario: Scenario, count: int, seed: Seed, most_devices: int) -> FloatArray:
    """Return the numbers that `Scenario.from_uniforms` takes, (count, `num_uniforms`)."""
    parts = []
    for part, length in enumerate(drawing.num_uniforms(scenario)):
        if part == _CHANNEL:
            parts.append(_of_channel(scenario, length, count, seed, most_devices))
        elif part == _SERVERS:
            columns = [_stream(seed, part, server).random(count) for server in range(length)]
            parts.append(np.stack(columns, axis=-1) if columns else np.empty((count, 0)))
        else:
            parts.append(_of_devices(length, scenario.num_devices, count, seed, part, most_devices))
    return np.concatenate(parts, axis=-1)


def _of_channel(
    scenario: Scenario, length: int, count: int, seed: Seed, most_devices: int
) -> FloatArray:
    """Return a channel's numbers: those of devices, two of which place it, then those of links.

    How many a device takes is what the count would be without servers. A channel that orders its
    numbers otherwise gets them all the same, though fewer of them in common.
    """
    channel, devices, servers = scenario.channel, scenario.num_devices, scenario.num_servers
    with_one, with_two = (channel.num_uniforms(devices, many) for many in (1, 2))
    own = min(max(2 * with_one - with_two, 0), length)
    placed = min(2 * devices, own) if isinstance(channel, PlacedChannel) else 0
    parts = [
        _of_devices(placed, devices, count, seed, _CHANNEL, most_devices),
        _of_devices(own - placed, devices, count, seed, _OWN, most_devices, in_blocks=True),
    ]
    each, left = divmod(length - own, devices * servers)
    if each:
        of_servers = [
            _stream(seed, _LINKS, server).random((count, most_devices, each))[:, :devices]
            for server in range(servers)
        ]
        # Numbers k of device m and server n go to place (k, m, n).
        links = np.stack(of_servers, axis=-1).transpose(0, 2, 1, 3)
        parts.append(links.reshape(count, -1))
    parts.append(_stream(seed, _LINKS + 1, 0).random((count, left)))
    return np.concatenate(parts, axis=-1)


def _of_devices(
    length: int,
    devices: int,
    count: int,
    seed: Seed,
    part: int,
    most_devices: int,
    in_blocks: bool = False,
) -> FloatArray:
    """Return numbers of devices, all of one device side by side, or in blocks of one each."""
    each, left = divmod(length, devices)
    drawn = _stream(seed, part, 0).random((count, most_devices, each))[:, :devices]
    if in_blocks:
        drawn = np.swapaxes(drawn, 1, 2)
    more = _stream(seed, part, 1).random((count, left))
    return np.concatenate([drawn.reshape(count, -1), more], axis=-1)


def _stream(seed: Seed, part: int, which: int) -> np.random.Generator:
    first = seed if isinstance(seed, tuple) else (seed,)
    return np.random.default_rng((*first, part, which))
