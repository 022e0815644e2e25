"""Slots of many devices and servers, of which only a list of candidate links is held."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from mec_gym.channels.large import LARGE
from mec_gym.equations import transmission_delay, uplink_rate
from mec_gym.io.names import lookup
from mec_gym.io.settings import Settings
from mec_gym.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BLOCK = 1024
"""So many devices' links to all servers are held at once."""


class Links(Protocol):
    """What gives the costs of all links, some devices at a time."""

    def __call__(self, devices: IntArray) -> FloatArray:
        """Return a_mn of devices, (len(devices), N), seconds; inf: not allowed."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The canonical problem of one slot, with some links of each device at hand.

    Attributes:
        first: where the links of each device begin, and their number, (M + 1,).
        server: of each link, (J,), those of a device one after the other.
        link_cost: of each link, a, (J,), seconds.
        size: q, (M,), sqrt(cycles).
        server_hz: F, (N,), cycles/s; inf: not shared.
        capacity: places, (N,).
        links: the costs of all links of some devices.
    """

    first: IntArray
    server: IntArray
    link_cost: FloatArray
    size: FloatArray
    server_hz: FloatArray
    capacity: IntArray
    links: Links

    @classmethod
    def nearest(
        cls, links: Links, size: FloatArray, server_hz: FloatArray, capacity: IntArray, count: int
    ) -> "Candidates":
        """Return the slot with each device's `count` links of least cost to servers with places.

        Raises:
            ValueError: `count` is no count of servers, or there are too few places.
        """
        num_devices, num_servers = len(size), len(server_hz)
        if not 1 <= count <= num_servers:
            raise ValueError(f"count: {count} links a device; give 1 to {num_servers}")
        if capacity.sum() < num_devices:
            raise ValueError(
                f"capacity: {capacity.sum()} places for {num_devices} devices; raise capacity"
            )
        servers, costs, number = [], [], np.zeros(num_devices, np.int64)
        for devices in blocks(num_devices):
            cost = np.where(capacity > 0, links(devices), np.inf)
            if not np.isfinite(cost).any(axis=1).all():
                device = devices[~np.isfinite(cost).any(axis=1)][0]
                raise ValueError(f"links: device {device} has no allowed link; allow it one")
            chosen = np.sort(np.argpartition(cost, count - 1, axis=1)[:, :count], axis=1)
            kept = np.take_along_axis(cost, chosen, axis=1)
            number[devices] = np.isfinite(kept).sum(axis=1)
            servers.append(chosen[np.isfinite(kept)])
            costs.append(kept[np.isfinite(kept)])
        first = np.concatenate([[0], np.cumsum(number)])
        return cls(
            first, np.concatenate(servers), np.concatenate(costs), size, server_hz, capacity, links
        )

    @classmethod
    def of(cls, problem: Problem, count: int) -> "Candidates":
        """Return the candidates of one slot whose links are all at hand.

        Raises:
            ValueError: as `nearest`, or the slot has no feasible assignment.
        """
        problem.require_feasible()
        return cls.nearest(
            lambda devices: problem.link_cost[devices],
            problem.size,
            problem.server_hz,
            problem.capacity,
            count,
        )

    def numbers(self) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray, IntArray]:
        """Return `first`, `server`, a, q, F and places, as loops over devices take them."""
        of_links = self.first, self.server, self.link_cost
        return *of_links, self.size, self.server_hz, self.capacity

    @property
    def num_devices(self) -> int:
        """How many devices, M."""
        return len(self.size)

    @property
    def device(self) -> IntArray:
        """The device of each link, (J,)."""
        return np.repeat(np.arange(self.num_devices), np.diff(self.first))

    def of_devices(self, devices: IntArray) -> "Candidates":
        """Return the slot of some of its devices, (D,), with all servers."""
        counts = np.diff(self.first)[devices]
        first = np.concatenate([[0], np.cumsum(counts)])
        link = np.repeat(self.first[devices] - first[:-1], counts) + np.arange(first[-1])
        links = self.links  # which may be sent elsewhere, without the rest of the slot
        return Candidates(
            first,
            self.server[link],
            self.link_cost[link],
            self.size[devices],
            self.server_hz,
            self.capacity,
            lambda some: links(devices[some]),
        )

    def with_links(self, device: IntArray, server: IntArray, cost: FloatArray) -> "Candidates":
        """Return the slot with further links, (L,) each; those that it has are not added twice."""
        num_servers = len(self.server_hz)
        key = np.concatenate(
            [self.device * num_servers + self.server, device * num_servers + server]
        )
        key, where = np.unique(key, return_index=True)
        counts = np.bincount(key // num_servers, minlength=self.num_devices)
        return replace(
            self,
            first=np.concatenate([[0], np.cumsum(counts)]),
            server=key % num_servers,
            link_cost=np.concatenate([self.link_cost, cost])[where],
        )

    def cost(self, assignment: IntArray) -> float:
        """Return what an assignment, (M,), costs in all, seconds, from the costs of all links."""
        total = 0.0
        for devices in blocks(self.num_devices):
            chosen = assignment[devices, None]
            total += np.take_along_axis(self.links(devices), chosen, axis=1).sum()
        load = np.bincount(assignment, self.size, len(self.server_hz))
        return float(total + (load**2 / self.server_hz).sum())


def blocks(num_devices: int) -> list[IntArray]:
    """Return the devices, `BLOCK` at a time."""
    return [
        np.arange(start, min(start + BLOCK, num_devices)) for start in range(0, num_devices, BLOCK)
    ]


def _known(channel: str) -> str:
    """Return a name of `LARGE`.

    Raises:
        ValueError: it is none; the message names those there are.
    """
    lookup(LARGE, channel, "channel")
    return channel


class Metropolis(Settings):
    """A recipe for a slot of a large city: devices round hot spots, sites anywhere.

    By channel `path-loss` the loss is a macro cell's, 128.1 + 37.6 log10(km) dB, with at least 35 m
    between device and site, and noise has -174 dBm/Hz. By `uma` it is that of 3GPP TR 38.901 at 3.5
    GHz with line of sight and shadowing, see `channels.large.urban`, and 5 dB more noise. Nothing
    fades. Half of the devices stand round hot spots, so that some sites fill up and capacity
    matters. Places and tasks are the same by either channel.
    """

    num_devices: int = 100_000
    num_servers: int = 1_000
    side_m: float = 20_000.0
    bandwidth_hz: float = 1e6
    spare: float = 1.25
    """Places there are for each device."""
    crowded: float = 0.5
    """The share of devices round hot spots, one for 20 sites, normal within 500 m."""
    seed: int = 0
    channel: Annotated[str, AfterValidator(_known)] = "path-loss"
    """How gains arise: a name of `channels.large.LARGE`."""

    @classmethod
    def sized(cls, num_devices: int, seed: int = 0, **fields: Any) -> "Metropolis":
        """Return a smaller city of the same density: 100 devices a site, 2.5 sites a km^2."""
        num_servers = max(1, num_devices // 100)
        side_m = 20_000.0 * (num_servers / 1000) ** 0.5
        sizes = {"num_devices": num_devices, "num_servers": num_servers, "side_m": side_m}
        return cls(**(sizes | fields), seed=seed)

    def draw(self, count: int = 16) -> Candidates:
        """Return the slot with `count` candidates a device.

        Tasks have 1 to 10 Mbit and 0.1 to 1 Gcycles; devices send with 0.1 to 0.2 W; a site has 50
        to 150 GHz for its hundred or so devices.
        """
        rng, shape = np.random.default_rng(self.seed), self.num_devices
        position, site = self._positions(rng)
        bits, cycles = rng.uniform(1e6, 1e7, shape), rng.uniform(1e8, 1e9, shape)
        power, hz = rng.uniform(0.1, 0.2, shape), rng.uniform(5e10, 1.5e11, self.num_servers)
        gains, noise_psd = LARGE[self.channel](self.seed)
        noise_w = noise_psd * self.bandwidth_hz
        places = int(np.ceil(self.spare * shape / self.num_servers))

        def links(devices: IntArray) -> FloatArray:
            apart = position[devices, None, :] - site
            gain = gains(np.hypot(apart[..., 0], apart[..., 1]), devices)
            rate = uplink_rate(gain, self.bandwidth_hz, power[devices, None], noise_w)
            return np.asarray(transmission_delay(bits[devices, None], rate))

        capacity = np.full(self.num_servers, places, np.int64)
        return Candidates.nearest(links, np.sqrt(cycles), hz, capacity, count)

    def regions(self, rows: int) -> IntArray:
        """Return the square that each device stands in, (M,), of rows x rows from 0 on."""
        position, _ = self._positions(np.random.default_rng(self.seed))
        square = np.minimum((position / self.side_m * rows).astype(np.int64), rows - 1)
        return np.asarray(square @ np.array([rows, 1]))

    def _positions(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return where devices, (M, 2), and sites, (N, 2), are, metres."""
        shape = self.num_devices
        site = rng.uniform(0, self.side_m, (self.num_servers, 2))
        spots = rng.uniform(0, self.side_m, (max(1, self.num_servers // 20), 2))
        position = rng.uniform(0, self.side_m, (shape, 2))
        near = spots[rng.integers(len(spots), size=shape)] + rng.normal(0, 500.0, (shape, 2))
        in_crowd = rng.random(shape) < self.crowded
        return np.where(in_crowd[:, None], np.clip(near, 0, self.side_m), position), site
