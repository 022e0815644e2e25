"""Scenario: a network, and the distributions its slots are drawn from."""

import math
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from mec_gym import (
    channels,
    drawing,
    dynamics,
    fitting,
    options,
    plausibility,
    ranges,
    timetable,
)
from mec_gym.channels import Channel, PlacedChannel
from mec_gym.episodes import Episodes
from mec_gym.equations import uplink_rate
from mec_gym.instance import COLUMNS, Instance
from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.io.names import lookup
from mec_gym.networks.places import Users
from mec_gym.presets import PRESETS
from mec_gym.ranges import from_unit, low_high
from mec_gym.scenario_fields import IN_TASKS, OTHER_FORM, ScenarioFields, with_noise

FloatArray = NDArray[np.float64]

_DEPLOYMENT_STREAM = 2

_MOST_CHANGING_GAINS = 10_000_000
"""Gains that change at each step are drawn for the whole slot: so many take 80 MB."""

_LONG: dict[str, Any] = {"tasks": True, "mobility": {"table"}, "background": {"table"}}
_LONG_OF_PLACES = _LONG | {"channel": {"sites", "users"}}
"""Fields that compare faster by themselves, and those of a channel with tables."""


class Scenario(ScenarioFields):
    """A network of M devices and N servers; the defaults are those of Sec. IV-A.

    Where a field is a range, each value is drawn uniformly from it; one number is a constant.
    Units are SI. Derived quantities are properties.

    Raises:
        ValueError: one line that names each wrong field, its value and the remedy.

    Warns:
        PlausibilityWarning: it can be computed but hardly be meant; once for each such thing.
    """

    def __init__(self, /, **fields: Any) -> None:
        super().__init__(**fields)
        plausibility.warn(self)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if type(self) is not Scenario:
            raise ValueError(
                f"scenario: files would not keep that it is a {type(self).__name__}; use Scenario,"
                " and a channel of your own for how gains arise"
            )
        counts = {
            "capacity": (self.capacity, self.num_servers),
            "tx_power_w": (self.tx_power_w, self.num_devices),
        }
        if self.servers == "listed":
            counts["server_hz"] = (self.server_hz, self.num_servers)
            if not isinstance(self.server_hz, tuple):
                raise ValueError("server_hz: servers='listed' needs a list, a frequency a server")
        elif isinstance(self.server_hz, tuple) and not (
            len(self.server_hz) == 2 and self.server_hz[0] < self.server_hz[1]
        ):
            raise ValueError(
                f"server_hz: {quoted(list(self.server_hz))} is not a range [low, high] with low"
                " below high; to give each server its frequency set servers='listed'"
            )
        options.check_tasks(self)
        if isinstance(self.channel, PlacedChannel):
            try:
                self.channel.check_network(self.num_devices, self.num_servers)
            except ValueError as error:
                raise ValueError(f"channel.{error}") from None
        dynamics.check_moving(self)
        positions = getattr(self.channel, "server_positions_m", None)
        if positions is not None:
            counts["channel.server_positions_m"] = (positions, self.num_servers)
        for field, (value, count) in counts.items():
            if isinstance(value, tuple) and len(value) != count:
                raise ValueError(f"{field}: {len(value)} values; needs {count}, one each")
        with np.errstate(all="ignore"):  # refused in what follows
            slowest = uplink_rate(
                self.radio.gain_range[0],
                self.device_bandwidth_hz,
                np.min(self.tx_power_w),
                self.noise_power_w,
            )
        if not 0 < slowest < np.inf:
            raise ValueError(
                f"tx_power_w: the slowest link carries {slowest:g} bits/s; raise tx_power_w,"
                " bandwidth_hz or the gains, or lower the noise"
            )
        channels.check(self.radio, self.num_devices, self.num_servers)
        places = int(self.capacities.sum())
        if places < self.num_devices and not self.columns:
            each = f"{self.num_servers} servers x {self.capacity} places"
            if isinstance(self.capacity, tuple):
                each = f"{self.num_servers} servers"
            raise ValueError(
                f"capacity: {each} hold {places} of {self.num_devices} devices;"
                " raise capacity or lower num_devices"
            )
        if self.num_steps > 1 and self.num_gains > _MOST_CHANGING_GAINS:
            raise ValueError(
                f"channel.correlation: {self.num_gains:,} gains a slot, those of"
                f" {self.num_devices} devices x {self.num_servers} servers at each of"
                f" {self.num_steps} steps; the limit is {_MOST_CHANGING_GAINS:,}; set it to 1 or"
                " lower num_devices"
            )
        options.check(self)
        dynamics.check(self)
        return self

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed; a field's other form gives way.

        A noise density that is the channel's own becomes that of another channel.
        """
        if self.noise_psd == self.channel.default_noise_psd:
            changes = with_noise(changes)
        forms = OTHER_FORM | {other: default for default, other in OTHER_FORM.items()}
        given_up = {forms[name]: None for name in changes if name in forms}
        if changes.get("tasks") is not None:
            given_up |= dict.fromkeys(IN_TASKS)
        elif any(changes.get(name) is not None for name in IN_TASKS):
            given_up["tasks"] = None
        with plausibility.quiet(self):
            return super().replace(**given_up | changes)

    def __eq__(self, other: object) -> bool:
        # pydantic would compare what is cached as well.
        return (
            isinstance(other, Scenario)
            and self._tables == other._tables
            and self.model_dump(exclude=self._long) == other.model_dump(exclude=other._long)
        )

    def __hash__(self) -> int:
        return hash((self._tables, self.model_dump_json(exclude=self._long)))

    @property
    def _tables(self) -> tuple[Any, ...]:
        """The tables, whose digests are kept."""
        channel = self.channel
        tables = (channel.sites, channel.users) if isinstance(channel, PlacedChannel) else ()
        moving = (getattr(each, "table", None) for each in (self.mobility, self.background))
        return self.tasks, *tables, *moving

    @property
    def _long(self) -> dict[str, Any]:
        return _LONG_OF_PLACES if isinstance(self.channel, PlacedChannel) else _LONG

    @classmethod
    def preset(cls, name: str, /, **changes: Any) -> Self:
        """Return the preset called `name`, with some fields changed.

        Raises:
            ValueError: no such preset, or a bad value.
        """
        return cls(**lookup(PRESETS, name, "scenario") | changes)

    @classmethod
    def presets(cls) -> tuple[str, ...]:
        """Return the names of the presets."""
        return tuple(PRESETS)

    @classmethod
    def load(cls, source: str) -> Self:
        """Return what is called `source`: a preset, a TOML file, or your own as "module:name".

        Raises:
            ValueError: there is no such thing, or it is not a good one.
        """
        if source.endswith(".toml"):
            return cls.from_toml(source)
        found = names.find(PRESETS, source, "scenario", f"{names.OWN}, or a file called *.toml")
        if isinstance(found, cls):
            return found
        if source in PRESETS:
            return cls(**found)
        raise ValueError(f"scenario: {source!r} is not a mec_gym.Scenario, but {quoted(found)}")

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return the scenario that is given in any way: by `load`'s text, as a dict, or itself.

        A dict has the fields that differ from the paper's; a path may be a `Path`.

        Raises:
            ValueError: it is none of these, or not a good one.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, os.PathLike):
            given = os.fsdecode(given)
            if not given.endswith(".toml"):
                raise ValueError(f"scenario: the file {given!r} is not called *.toml")
        if isinstance(given, str):
            return cls.load(given)
        if isinstance(given, Mapping):
            if strange := [name for name in given if not isinstance(name, str)]:
                raise ValueError(f"scenario: {quoted(strange[0])} is not the name of a field")
            try:
                return cls(**given)
            except ValueError as error:
                raise ValueError(f"scenario: {error}") from None
        raise ValueError(
            f"scenario: {quoted(given)} is neither a preset's name, a TOML file's path, a dict of"
            " fields nor a mec_gym.Scenario"
        )

    @cached_property
    def implausible(self) -> dict[str, str]:
        """What of it can be computed but hardly be meant: a line each, by its kind."""
        return plausibility.findings(self)

    @property
    def source(self) -> str | dict[str, Any]:
        """What `of` makes this of, as a JSON value: its preset's name, or its fields."""
        label = self.label
        if label in PRESETS:
            return label
        fields: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return fields

    @property
    def label(self) -> str:
        """The name of the preset this is, or "custom"."""
        return next((name for name in PRESETS if type(self).preset(name) == self), "custom")

    @property
    def capacities(self) -> NDArray[np.int64]:
        """Places of each server M_n^max, (N,)."""
        return np.broadcast_to(np.array(self.capacity, dtype=np.int64), self.num_servers)

    @property
    def columns(self) -> tuple[str, ...]:
        """What a task may choose beside the servers, behind them in this order."""
        return tuple(name for name, field in COLUMNS.items() if getattr(self, field) is not None)

    @property
    def num_actions(self) -> int:
        """Among how many a task chooses: the servers, then the columns."""
        return self.num_servers + len(self.columns)

    @property
    def action_names(self) -> tuple[str, ...]:
        """What each action is called, (A,)."""
        return (*(f"server {server}" for server in range(self.num_servers)), *self.columns)

    @property
    def places(self) -> NDArray[np.int64]:
        """Places of each action, (A,): M_n^max, and room for all in the columns."""
        columns = np.full(len(self.columns), self.num_devices)
        return np.concatenate([self.capacities, columns])

    @property
    def kappa(self) -> float:
        """The switched capacitance of the devices' CPUs, W s^3; 1e-27 unless it is given."""
        return 1e-27 if self.switched_capacitance is None else self.switched_capacitance

    @property
    def device_bandwidth_hz(self) -> float:
        """The bandwidth each device transmits in, Hz."""
        shares = self.num_devices if self.bandwidth_sharing == "equal" else 1
        return self.bandwidth_hz / shares

    @property
    def noise_power_w(self) -> float:
        """The noise power sigma^2 in each device's bandwidth, W."""
        if self.noise_psd is not None:
            return self.noise_psd * self.device_bandwidth_hz
        assert self.noise_w is not None  # one of the two is given
        return self.noise_w

    @property
    def tasks_have_places(self) -> bool:
        """Whether the table of tasks says where devices are."""
        return self.tasks is not None and not self.tasks.arrays().keys().isdisjoint({"lat", "x"})

    @cached_property
    def radio(self) -> Channel:
        """The channel, with devices where the table of tasks says, and moving, if they do."""
        tasks, channel = self.tasks, self.channel
        mobility = self.mobility if self.slots > 1 else None
        if mobility is not None and isinstance(channel, PlacedChannel):
            return channel.with_moving(mobility)
        if tasks is None or not isinstance(channel, PlacedChannel):
            return channel
        if tasks.lat is not None:
            users = Users(lat=tasks.lat, lon=tasks.lon)
            return channel.replace(users=users, placement="repeated")
        if tasks.places_m is not None:
            return channel.replace(device_positions_m=tasks.places_m)
        return channel

    @property
    def task_bits_range(self) -> tuple[float, float]:
        """The least and the greatest input size S_m that can occur, bits."""
        if self.tasks is not None:
            return self.tasks.bits_range
        assert self.task_bits is not None  # one of the two is given
        return low_high(self.task_bits)

    @property
    def task_cycles_range(self) -> tuple[float, float]:
        """The least and the most work C_m that can occur, cycles."""
        if self.tasks is not None:
            return self.tasks.cycles_range
        if self.task_cycles is not None:
            return low_high(self.task_cycles)
        assert self.cycles_per_bit is not None  # one of the two is given
        bits, complexity = self.task_bits_range, low_high(self.cycles_per_bit)
        return bits[0] * complexity[0], bits[1] * complexity[1]

    @property
    def hides_tasks(self) -> bool:
        """Whether `lookahead` leaves some devices unseen."""
        return self.lookahead is not None and self.lookahead < self.num_devices - 1

    @property
    def num_steps(self) -> int:
        """At how many decision steps of a slot the gains differ: 1 where they are constant."""
        return self.channel.num_steps(self.num_devices)

    @property
    def num_gains(self) -> int:
        """How many gains a slot has: one a link, at each step where they change."""
        return self.num_steps * self.num_devices * self.num_servers

    @property
    def hides_future(self) -> bool:
        """Whether later tasks are unseen, or the gains that they will meet."""
        return self.hides_tasks or self.num_steps > 1

    @property
    def mean_sqrt_cycles(self) -> float:
        """The mean of sqrt(w^T C_m), sqrt(cycles): what is known of a task not yet seen."""
        mean = 1.0
        if self.tasks is not None:
            mean = self.tasks.mean_sqrt_cycles
        else:
            factors = [self.task_cycles]
            if self.task_cycles is None:
                factors = [self.task_bits, self.cycles_per_bit]  # independent draws
            for each in factors:
                assert each is not None  # work, or work by the bit, is given
                mean *= ranges.mean_sqrt(each)
        weight = self.delay_weight
        if weight is None:
            return mean
        drawn = options.is_range(weight)
        return mean * (ranges.mean_sqrt(weight) if drawn else float(np.sqrt(weight).mean()))  # type: ignore[arg-type]

    def cycles_quantiles(self, count: int) -> FloatArray:
        """Return so many equally likely values of w^T C_m, rising, (count,), cycles.

        Where work follows from bits, or delays have weights, products are sorted.
        """
        if self.tasks is not None:
            work = self.tasks.cycles_quantiles(count)
        elif self.task_cycles is not None:
            work = ranges.quantiles(count, self.task_cycles)
        else:
            assert self.task_bits is not None  # one of two is given
            assert self.cycles_per_bit is not None
            work = ranges.quantiles(count, self.task_bits, self.cycles_per_bit)
        weight = self.delay_weight
        if weight is None:
            return work
        drawn = options.is_range(weight)
        weights = ranges.quantiles(count, weight) if drawn else np.atleast_1d(weight)  # type: ignore[arg-type]
        products = np.sort(np.outer(work, weights), axis=None)
        return np.asarray(products[len(weights) // 2 :: len(weights)])

    @cached_property
    def deployment_hz(self) -> FloatArray | None:
        """CPU frequency of each server, (N,), cycles/s; None where they are drawn each slot."""
        if self.servers == "listed":
            return np.broadcast_to(self.server_hz, self.num_servers)
        if self.servers == "per-slot":
            return None
        # A stream of its own: that of the seed alone may draw slots.
        rng = np.random.default_rng((self.server_seed, _DEPLOYMENT_STREAM))
        unit = rng.random(self.num_servers)
        deployment = from_unit(unit, self.server_hz)  # type: ignore[arg-type]  # a Range, not a list
        deployment.flags.writeable = False
        return deployment

    @property
    def one_slot(self) -> Self:
        """The scenario of its slots by themselves, which follow no others."""
        if self.slots == 1:
            return self
        return self.replace(slots=1, left_over="waits", **dict.fromkeys(dynamics.OF_SEVERAL))

    def sample(self, n: int, seed: int, places: bool = False) -> Instance:
        """Return n slots; the first k of them are those of `sample(k, seed)`.

        Where slots follow one another each is as the first of an episode, with all devices.

        Args:
            n: how many.
            seed: of all that is drawn, 0 or more.
            places: whether they say where devices and servers are, if the channel knows.

        Raises:
            ValueError: n is below 1, or the seed below 0.
        """
        if n < 1 or seed < 0:
            raise ValueError(f"n: {n}, seed: {seed}; n must be at least 1, seed at least 0")
        return self.draw(n, np.random.default_rng(seed), places)

    def draw(self, n: int, rng: np.random.Generator, places: bool = False) -> Instance:
        """Return the next n slots of a generator; n at once or one by one are the same slots."""
        slots = self.from_uniforms(rng.random((n, self.num_uniforms)), places)
        return slots if self.slots == 1 else dynamics.as_first(self, slots)

    def sample_episodes(self, n: int, seed: int, places: bool = False) -> Episodes:
        """Return n episodes of `slots` slots; the first k are those of `sample_episodes(k, seed)`.

        Args and errors as of `sample`, which returns slots that follow no others.
        """
        if n < 1 or seed < 0:
            raise ValueError(f"n: {n}, seed: {seed}; n must be at least 1, seed at least 0")
        return self.draw_episodes(n, np.random.default_rng(seed), places)

    def draw_episodes(self, n: int, rng: np.random.Generator, places: bool = False) -> Episodes:
        """Return the next n episodes of a generator; n at once or one by one are the same.

        Raises:
            ValueError: an episode is one slot.
        """
        if self.slots == 1:
            raise ValueError("slots: 1, so slots follow no others; `draw` and `sample` draw them")
        unit = rng.random((n, sum(dynamics.num_uniforms(self))))
        return dynamics.from_uniforms(self, unit, places)

    def listed(self, rng: np.random.Generator) -> Instance:
        """Return one slot in which each device has the task of its own row of `tasks`.

        All else is drawn as in `draw`.

        Raises:
            ValueError: there are not as many rows as devices.
        """
        count = self.num_devices
        if self.tasks is None or len(self.tasks) != count:
            raise ValueError(f"tasks: {self.tasks}; needs {count} rows, one a device")
        unit = rng.random((1, self.num_uniforms))
        return self.from_uniforms(drawing.of_rows(self, unit, np.arange(count)))[0]

    @cached_property
    def timetable(self) -> timetable.Timetable | None:
        """Which tasks of the table devices have and when; None: it does not say."""
        return timetable.of_scenario(self)

    @property
    def num_decisions(self) -> int:
        """How many tasks an episode has; the mean, rounded up, where they arrive by chance."""
        share = timetable.mean_share(self).sum()
        return math.ceil(round(float(share) * self.num_devices, 6))

    @property
    def num_uniforms(self) -> int:
        """How many uniform numbers one slot takes."""
        return sum(drawing.num_uniforms(self))

    def from_uniforms(
        self,
        unit: FloatArray,
        places: bool = False,
        moved: tuple[FloatArray, FloatArray] | None = None,
    ) -> Instance:
        """Return the slots made of numbers uniform on [0, 1); see `sample`.

        Args:
            unit: (n, `num_uniforms`), or with other leading dimensions.
            places: whether slots say where devices and servers are, if the channel knows.
            moved: gains (n, M, N) and places of the devices (n, M, 2), m, in place of those drawn.
        """
        return drawing.from_uniforms(self, unit, places, moved)

    def check(self, instance: Instance) -> None:
        """Check that slots fit what is seen of this scenario: shape, capacity, ranges of Eq. (11).

        Server frequencies and the radio are not in Eq. (11) and may differ.

        Raises:
            ValueError: the first thing that does not fit, with what would.
        """
        fitting.check(self, instance)

    def check_episodes(self, episodes: Episodes) -> None:
        """Check that episodes fit: each slot as in `check`, their number and length.

        Raises:
            ValueError: the first thing that does not fit, with what would.
        """
        fitting.check_episodes(self, episodes)

    @property
    def option_ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each of `options.OF_DEVICES` that is given."""
        values = {name: options.given(self, name) for name in options.OF_DEVICES}
        return {name: options.limits(value) for name, value in values.items() if value is not None}

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each quantity of the state (11) that is drawn."""
        return {
            "gain": self.radio.gain_range,
            "task_bits": self.task_bits_range,
            "task_cycles": self.task_cycles_range,
        }
