"""Channels whose devices and servers have places."""

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator

from mec_gym.channels import layouts
from mec_gym.channels.base import Channel
from mec_gym.channels.fading import FloatArray
from mec_gym.channels.tables import SiteTable, UserTable
from mec_gym.io.settings import Positive
from mec_gym.mobility import Area, Mobility
from mec_gym.networks.places import FARTHEST_M
from mec_gym.networks.projection import Projection
from mec_gym.ranges import from_unit, to_unit

THERMAL_NOISE_PSD = 10 ** (-174 / 10) / 1000
"""Of a receiver that adds none, W/Hz: -174 dBm/Hz."""

_MOST_LINKS = 10**7
"""Distances are worked out at once, so that lists of positions may not be of any length."""

_ONE_OF = (
    ("sites", "server_positions_m"),
    ("sites", "inter_site_m"),
    ("server_positions_m", "inter_site_m"),
    ("users", "device_positions_m"),
    ("users", "clusters"),
    ("device_positions_m", "clusters"),
)
"""Fields that say the same otherwise."""


class PlacedChannel(Channel):
    """A channel that knows where devices and servers are; places are constant within a slot.

    Servers stand at `sites` or `server_positions_m`, or in a `layout` over a square. Devices stand
    at `users` or `device_positions_m`, as `placement` says, or over the square, uniformly or about
    `clusters`. Places in degrees are projected about the middle of the sites (of the users where
    there are no sites), which is then the middle of the square. The first 2 M of a slot's uniform
    numbers place the devices.
    """

    side_m: Positive = Field(500.0, description="Side of the square that holds the devices, m.")
    server_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None, description="Place x, y of each server, m; none: a regular grid over the square."
    )
    device_positions_m: tuple[tuple[float, float], ...] | None = Field(
        None,
        description="Places x, y that devices are drawn from, m; none: anywhere in the square.",
    )
    noise_figure_db: float = Field(
        0.0,
        ge=0,
        le=50,
        description="Noise figure of the sites' receivers, dB, of the noise where none is given.",
    )
    sites: SiteTable = Field(
        None,
        description="Table of the sites, a server each: a CSV file, beside the TOML file that names"
        " it, or columns lat and lon or x and y, and capacity, hz or ghz, services, id if known.",
    )
    users: UserTable = Field(
        None,
        description="Table of where users are, as sites: columns lat and lon, or x and y.",
    )
    placement: Literal["each", "drawn", "repeated"] | None = Field(
        None,
        description="Device m at the m-th place of users or device_positions_m (each), or at one"
        " that is drawn each slot, without replacement (drawn) or with it (repeated); none: each"
        " where there are as many users as devices, drawn where there are more, repeated for"
        " device_positions_m.",
    )
    clusters: int | None = Field(
        None,
        ge=1,
        le=10**6,
        description="Number of hot spots that devices are about, each as likely as any other; they"
        " are the same in all slots; none: devices are anywhere in the square.",
    )
    cluster_radius_m: Positive = Field(
        50.0,
        description="Standard deviation of devices about their hot spot, in x and in y, m; at the"
        " edges of the square it is cut off.",
    )
    cluster_seed: int = Field(0, ge=0, description="Seed of where the hot spots are.")
    layout: Literal["grid", "hexagonal"] = Field(
        "grid",
        description="How servers stand whose places are not given: on a regular grid, or in rings"
        " about the middle of the square, 1, 7, 19 and so on.",
    )
    inter_site_m: Positive | None = Field(
        None,
        description="Distance of neighbours in layout='hexagonal', m; none: as far as the square"
        " holds them.",
    )

    _reach: FloatArray | None = PrivateAttr(None)
    """Places that devices may come to where they move, (R, 2), m; None: they do not."""

    _LATER: ClassVar[tuple[str, ...]] = (
        *Channel._LATER,
        "noise_figure_db",
        "sites",
        "users",
        "placement",
        "clusters",
        "cluster_radius_m",
        "cluster_seed",
        "layout",
        "inter_site_m",
    )

    @model_validator(mode="after")
    def _positions_are_numbers(self) -> "PlacedChannel":
        for field in ("server_positions_m", "device_positions_m"):
            positions = getattr(self, field)
            if positions is not None and not (len(positions) and np.isfinite(positions).all()):
                raise ValueError(f"{field}: needs at least one x, y pair, all finite")
        self._check_tables()
        self._check_fields()
        sizes = [0 if places is None else len(places) for places in self.given_places]
        if math.prod(sizes) > _MOST_LINKS:
            servers = "server_positions_m" if self.sites is None else "sites"
            devices = "device_positions_m" if self.users is None else "users"
            raise ValueError(
                f"{devices}: {math.prod(sizes)} pairs with {servers} are too many; give"
                f" fewer, {_MOST_LINKS} pairs at most"
            )
        return self

    def __eq__(self, other: object) -> bool:
        # pydantic would compare what is cached as well.
        return type(other) is type(self) and all(
            getattr(self, name) == getattr(other, name) for name in type(self).model_fields
        )

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self).model_fields))

    def _check_fields(self) -> None:
        for one, other in _ONE_OF:
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"{one}, {other}: give one of the two, not both")
        if self.inter_site_m is not None and self.layout != "hexagonal":
            raise ValueError(
                f"inter_site_m: {self.inter_site_m:g} means nothing on a grid; set"
                " layout='hexagonal', or leave it out"
            )
        if self.layout == "hexagonal" and self.given_places[0] is not None:
            raise ValueError(
                "layout: the servers' places are given; leave out layout, or sites and"
                " server_positions_m"
            )
        if self.placement is not None and self.given_places[1] is None:
            raise ValueError(
                f"placement: {self.placement!r} means nothing without places; give users or"
                " device_positions_m"
            )

    def _check_tables(self) -> None:
        """Check that places of devices and of servers are in the same coordinates."""
        sites, users = self.sites, self.users
        if self.device_positions_m is not None and sites is not None and sites.in_degrees:
            raise ValueError(
                "device_positions_m: they are metres, sites has degrees; give the devices' places"
                " as users with lat and lon"
            )
        if users is None or (sites is None and self.server_positions_m is None):
            return
        if sites is None or sites.in_degrees != users.in_degrees:
            if users.in_degrees:
                where = "server_positions_m" if sites is None else "sites"
                raise ValueError(
                    f"users: they have lat and lon, {where} is in metres; give both in degrees, the"
                    " servers as sites, or both in metres"
                )
            if sites is not None:
                raise ValueError(
                    "users: they have x and y, sites has lat and lon; give both in degrees or both"
                    " in metres"
                )
        if sites is not None and users.lat is not None and users.lon is not None:
            self.check_degrees(users.lat, users.lon, "users")

    @cached_property
    def projection(self) -> Projection | None:
        """The plane that places in degrees are projected on; None: there are none in tables."""
        tables = [table for table in (self.sites, self.users) if table is not None]
        return tables[0].middle if tables else None

    def check_degrees(self, lat: FloatArray, lon: FloatArray, field: str) -> None:
        """Check that places (R,) in degrees can be among those of this channel.

        Args:
            lat: degrees.
            lon: degrees.
            field: what gives them, for messages.

        Raises:
            ValueError: no table of this channel is in degrees, or these are far from its places.
        """
        plane = self.projection
        if plane is None:
            raise ValueError(
                f"{field}: lat, lon are degrees; give x, y in the metres of"
                " channel.server_positions_m, or the servers as channel.sites in degrees"
            )
        away = plane.distance(lat, lon)
        most = int(np.argmax(away))
        if away[most] <= FARTHEST_M:
            return
        said = "correct them"
        if abs(lon).max() <= 90 and np.median(plane.distance(lon, lat)) <= FARTHEST_M:
            said = "lat and lon are swapped in one of the two"
        other = "sites" if self.sites is not None else "users"
        raise ValueError(
            f"{field}: ({lat[most]:g}, {lon[most]:g}) is {away[most] / 1e3:,.0f} km from the"
            f" middle of {other}, ({plane.lat:g}, {plane.lon:g}); {said}"
        )

    @property
    @abstractmethod
    def shortest_m(self) -> float:
        """The distance as which shorter ones count, m."""

    @cached_property
    def longest_m(self) -> float:
        """A distance that no link is longer than, m."""
        corners = [(0.0, 0.0), (0.0, self.side_m), (self.side_m, 0.0), (self.side_m, self.side_m)]
        # Without given positions servers stand inside the square: no further than its diagonal.
        servers, devices = (np.array(corners) if it is None else it for it in self.given_places)
        if self._reach is not None:
            devices = np.concatenate([devices, self._reach])
        return float(max(self._distance(devices, servers).max(), self.shortest_m))

    @property
    def default_noise_psd(self) -> float:
        """The noise density of a scenario that gives none, W/Hz: thermal, and the noise figure."""
        return THERMAL_NOISE_PSD * 10 ** (self.noise_figure_db / 10)

    @property
    def follows(self) -> dict[str, Any]:
        """Fields of a scenario that follow from the tables, by name."""
        found: dict[str, Any] = {}
        if self.users is not None:
            found["num_devices"] = len(self.users)
        if self.sites is not None:
            found["num_servers"] = len(self.sites)
            if self.sites.capacity is not None:
                found["capacity"] = tuple(self.sites.capacity.tolist())
            if self.sites.server_hz is not None:
                found["server_hz"] = tuple(self.sites.server_hz.tolist())
                found["servers"] = "listed"
            if self.sites.hosted is not None:
                found["services"] = self.sites.hosted
        return found

    def check_network(self, num_devices: int, num_servers: int) -> None:
        """Check that there are places for so many devices and servers.

        Raises:
            ValueError: there are not.
        """
        self._placement(num_devices)
        places = self._servers(num_servers)
        if len(places) != num_servers:
            field = "server_positions_m" if self.sites is None else "sites"
            raise ValueError(
                f"{field}: {len(places)} values; needs {num_servers}, one each, or leave out"
                " num_servers"
            )

    def places(
        self, unit: FloatArray, num_devices: int, num_servers: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the places x, y of devices (..., M, 2) and servers (N, 2), m."""
        positions = unit[..., : 2 * num_devices].reshape(*unit.shape[:-1], num_devices, 2)
        return self._devices(positions), self._servers(num_servers)

    def distances(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return the distance of each link (..., M, N), m; see `Channel.distances`."""
        return self._distance(*self.places(unit, num_devices, num_servers))

    def distances_at(self, places: FloatArray, num_servers: int) -> FloatArray:
        """Return the distance of each link (..., M, N), m, of devices at places (..., M, 2), m."""
        return self._distance(places, self._servers(num_servers))

    def along(
        self,
        unit: FloatArray,
        mobility: Mobility,
        moving: FloatArray,
        slot_s: float,
        num_devices: int,
        num_servers: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gains of slots whose devices move, (..., K, M, N), and places, (..., K, M, 2).

        Args:
            unit: numbers as `draw` takes them, for each slot, (..., K, `num_uniforms`); the first
                slot's place the devices.
            mobility: how they move on.
            moving: numbers that it takes, and `num_uniforms_along` more.
            slot_s: length of a slot, s.
            num_devices: M.
            num_servers: N.
        """
        num_slots = unit.shape[-2]
        start, _ = self.places(unit[..., 0, :], num_devices, num_servers)
        first = mobility.num_uniforms(num_slots, num_devices)
        area = self.area()
        places = mobility.places(moving[..., :first], start, num_slots, slot_s, area)
        return self.gains_along(unit, moving[..., first:], places, slot_s, num_servers), places

    @property
    def knows_moving(self) -> bool:
        """Whether it says what gains are where devices move: it has a `gains_along`."""
        return type(self).gains_along is not PlacedChannel.gains_along

    def num_uniforms_along(self, num_slots: int, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers `gains_along` takes beside those of the slots."""
        return 0

    def gains_along(
        self,
        unit: FloatArray,
        more: FloatArray,
        places: FloatArray,
        slot_s: float,
        num_servers: int,
    ) -> FloatArray:
        """Return the gains (..., K, M, N) of slots whose devices are at some places.

        Args:
            unit: numbers as `draw` takes them, for each slot, (..., K, `num_uniforms`).
            more: others, of the whole episode, (..., `num_uniforms_along`).
            places: of the devices in each slot, (..., K, M, 2), m.
            slot_s: length of a slot, s.
            num_servers: N.
        """
        raise NotImplementedError  # `knows_moving` is False

    def area(self) -> Area:
        """Return the square that devices move in.

        That of `side_m`; where given places of devices are outside of it, the smallest one about
        the middle of these that is no smaller.
        """
        corner, side_m = np.zeros(2), self.side_m
        places = self.given_places[1]
        if places is not None and ((places < 0) | (places > side_m)).any():
            low, high = places.min(axis=0), places.max(axis=0)
            side_m = max(side_m, float((high - low).max()) * (1 + 1e-9))
            corner = (low + high - side_m) / 2
        return Area((float(corner[0]), float(corner[1])), side_m, self.projection, self.side_m / 2)

    def with_moving(self, mobility: Mobility) -> Self:
        """Return the same channel, of which the longest link is one of devices that move so."""
        moving = self.replace()
        moving._reach = mobility.reach(self.area())
        moving.__dict__.pop("longest_m", None)  # kept since the channel was checked
        return moving

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

    @cached_property
    def given_places(self) -> tuple[FloatArray | None, FloatArray | None]:
        """The given places of servers, (N, 2), and those of devices, (R, 2), m; or None each."""
        found: list[FloatArray | None] = []
        for table, positions in (
            (self.sites, self.server_positions_m),
            (self.users, self.device_positions_m),
        ):
            if table is not None:
                middle = self.side_m / 2 if table.in_degrees else 0.0
                found.append(table.metres(self.projection) + middle)
            else:
                found.append(None if positions is None else np.array(positions))
        return found[0], found[1]

    def _placement(self, num_devices: int) -> str:
        """Return how so many devices get places, where these are given."""
        if self.given_places[1] is None:
            return ""
        count = len(self.given_places[1])
        by_number = "each" if num_devices == count else "drawn"
        how = self.placement or ("repeated" if self.users is None else by_number)
        if (how == "each" and num_devices != count) or (how == "drawn" and num_devices > count):
            field = "users" if self.users is not None else "device_positions_m"
            needed = "as many" if how == "each" and self.placement else "at least as many"
            raise ValueError(
                f"{field}: {count} places, {num_devices} devices; placement={how!r} needs {needed}"
                " places; change num_devices, or set placement='repeated'"
            )
        return how

    def _rows(self, unit: FloatArray) -> NDArray[np.int64]:
        """Return at which of the given places devices stand, (..., M)."""
        places = self.given_places[1]
        assert places is not None  # asked for where there are some
        how = self._placement(unit.shape[-1])
        if how == "each":
            return np.broadcast_to(np.arange(len(places)), unit.shape)
        return getattr(layouts, how)(unit, len(places))  # type: ignore[no-any-return]  # as named

    def _devices(self, unit: FloatArray) -> FloatArray:
        places = self.given_places[1]
        if places is not None:
            return np.take(places, self._rows(unit[..., 0]), axis=0)
        if self.clusters is None:
            return from_unit(unit, (0.0, self.side_m))
        spots = layouts.hot_spots(self.clusters, self.side_m, self.cluster_seed)
        return layouts.clustered(unit, spots, self.cluster_radius_m, self.side_m)

    def _servers(self, num_servers: int) -> FloatArray:
        places = self.given_places[0]
        if places is not None:
            return places.copy()
        if self.layout == "hexagonal":
            return layouts.hexagonal(num_servers, self.side_m, self.inter_site_m)
        return layouts.grid(num_servers, self.side_m)

    def _distance(self, devices: FloatArray, servers: FloatArray) -> FloatArray:
        distance = np.linalg.norm(devices[..., :, None, :] - servers, axis=-1)
        return np.asarray(np.maximum(distance, self.shortest_m))
