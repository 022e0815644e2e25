"""What is varied: `num_servers 2:12`, `server_ghz 2,4,8`, and the network at each value."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import options
from mec_gym.arrivals import Arrivals
from mec_gym.background import Background
from mec_gym.channels import Channel, PlacedChannel
from mec_gym.io.messages import closest, one_line
from mec_gym.io.settings import Settings
from mec_gym.scenario import Scenario

Number = int | float

MOST_POINTS = 1000
_UNITS = {"_ghz": ("_hz", 1e9), "_mhz": ("_hz", 1e6), "_ms": ("_s", 1e-3), "_mw": ("_w", 1e-3)}
"""By the end of a name, the end of the field that it means, and what its unit is worth there."""

_PARTS = ("channel", "arrivals", "background", "mobility")
"""Fields of a scenario that have fields of their own, with a dot between the two."""

_SHORT = {"arrivals": "probability", "background": "shares"}
"""Parts that a number may stand for, and which of their fields it is then, in every slot."""

_LISTED = ("handover_s", "state_bits")
"""Fields that may have a value for each device, beside those of `options`."""

_OF_SITES = {"capacity": ("capacity",), "server_hz": ("hz", "ghz")}
"""Fields that columns of a table of sites may say in their place."""


@dataclass(frozen=True)
class Axis:
    """A field and the values that it is to take.

    Attributes:
        name: as it was given, such as `server_ghz`.
        field: of the scenario, such as `server_hz`; of a part of it with its name before,
            such as `channel.side_m`.
        factor: what 1 of the name's unit is in the field's.
        values: rising, in the name's unit.
    """

    name: str
    field: str
    factor: float
    values: tuple[Number, ...]

    def in_field(self, value: Number) -> Number:
        """Return a value in the field's unit; whole numbers stay whole."""
        return value if self.factor == 1 else value * self.factor


@dataclass(frozen=True)
class Point:
    """A network to look at.

    Attributes:
        values: of each axis.
        scenario: the network; None where there is none such.
        why: why there is none.
    """

    values: tuple[Number, ...]
    scenario: Scenario | None
    why: str = ""


def axis(name: str, values: str, scenario: Scenario) -> Axis:
    """Return what a pair of words such as `num_servers 2:12` means for a scenario.

    Raises:
        ValueError: there is no such field, or the words name no values.
    """
    field, factor = name.replace("-", "_"), 1.0
    known = _known(scenario)
    if field not in known:
        for end, (si, worth) in _UNITS.items():
            if field.endswith(end) and (meant := field.removesuffix(end) + si) in known:
                field, factor = meant, worth
                break
        else:
            meant = closest(field, known) or ""
            guess = f" (did you mean {meant}?)" if meant else ""
            raise ValueError(
                f"vary: no field {name!r}{guess}; give a field of the scenario that is a number,"
                " or channel. and one of its channel's, likewise of arrivals, background, mobility"
            )
    return Axis(name, field, factor, _numbers(name, values))


def points(scenario: Scenario, axes: Sequence[Axis]) -> list[Point]:
    """Return the network at each combination of the axes' values, the last axis the fastest.

    Raises:
        ValueError: a field is varied twice, there are too many points, or no network at any.
    """
    fields = [each.field for each in axes]
    if len(set(fields)) < len(fields):
        raise ValueError(f"vary: {fields[0]} is given twice; give each field once")
    count = math.prod(len(each.values) for each in axes)
    if count > MOST_POINTS:
        raise ValueError(f"vary: {count} points; give {MOST_POINTS} at most")
    made = []
    for values in itertools.product(*(each.values for each in axes)):
        changes = {a.field: a.in_field(v) for a, v in zip(axes, values, strict=True)}
        try:
            made.append(Point(values, at(scenario, changes)))
        except ValueError as error:
            made.append(Point(values, None, one_line(error)))
    if all(point.scenario is None for point in made):
        raise ValueError(f"vary: no value gives a network; the first: {made[0].why}")
    return made


def at(scenario: Scenario, changes: Mapping[str, Number]) -> Scenario:
    """Return a scenario with some fields changed.

    With fewer servers or devices than it lists values for, the first so many of each list count.

    Raises:
        ValueError: there is no such network.
    """
    new: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    servers, devices = changes.get("num_servers"), changes.get("num_devices")
    if isinstance(servers, int) and 1 <= servers < scenario.num_servers:
        new |= of_servers(scenario, range(servers))
    if isinstance(devices, int) and 1 <= devices < scenario.num_devices:
        new |= _of_devices(scenario, devices)
    if said := [field for field in _OF_SITES if field in changes]:
        new = _given_up(scenario, new, said)
    for field, value in changes.items():
        part, dot, name = field.partition(".")
        if dot:
            parts.setdefault(part, {})[name] = value
        elif field in _SHORT:
            parts.setdefault(field, {})[_SHORT[field]] = value
        elif field == "server_hz" and scenario.servers == "listed":
            new[field] = (value,) * int(servers or scenario.num_servers)
        else:
            new[field] = value
    for part, fields in parts.items():
        try:
            new[part] = _part(scenario, new, part, fields)
        except ValueError as error:
            raise ValueError(f"{part}.{error}") from None
    return scenario.replace(**new)


def _part(
    scenario: Scenario, new: Mapping[str, Any], part: str, fields: Mapping[str, Any]
) -> Settings:
    """Return a part of a scenario with some of its fields changed."""
    if part == "background" and "shares" in fields:
        slots = new.get("slots", scenario.slots)
        return Background(shares=(float(fields["shares"]),) * slots)
    there: Settings | None = new.get(part, getattr(scenario, part))
    return Arrivals(**fields) if there is None else there.replace(**fields)


def of_servers(scenario: Scenario, kept: Sequence[int]) -> dict[str, Any]:
    """Return the fields that differ where only some of the servers are built.

    What is drawn for each server, such as its frequency in a slot, stays drawn.

    Args:
        scenario: with all servers.
        kept: which of them.
    """
    new: dict[str, Any] = {"num_servers": len(kept)}
    for field in ("capacity", "services"):
        value = getattr(scenario, field)
        if isinstance(value, tuple):
            new[field] = tuple(value[server] for server in kept)
    shares = scenario.background and scenario.background.shares
    if shares is not None and any(isinstance(share, tuple) for share in shares):
        of_kept = (
            tuple(share[server] for server in kept) if isinstance(share, tuple) else share
            for share in shares
        )
        new["background"] = Background(shares=tuple(of_kept))
    if scenario.servers == "listed":
        assert isinstance(scenario.server_hz, tuple)
        new |= {
            "servers": "listed",
            "server_hz": tuple(scenario.server_hz[server] for server in kept),
        }
    sites = table_of_sites(scenario.channel)
    positions = getattr(scenario.channel, "server_positions_m", None)
    if sites is not None:
        new["channel"] = scenario.channel.replace(sites=_some(scenario, np.asarray(kept)))
    elif positions is not None:
        some = tuple(positions[server] for server in kept)
        new["channel"] = scenario.channel.replace(server_positions_m=some)
    return new


def _some(scenario: Scenario, kept: NDArray[np.int64]) -> Any:
    """Return some rows of the table of sites, which stand to the devices as all of them do."""
    channel, tasks = scenario.channel, scenario.tasks
    assert isinstance(channel, PlacedChannel)  # it has such a table
    assert channel.sites is not None
    some = channel.sites[kept]
    others_in_degrees = channel.users is not None or (tasks is not None and tasks.lat is not None)
    if channel.sites.in_degrees and not others_in_degrees:
        # Devices are over a square about the middle of all sites; that of some is elsewhere.
        places = channel.given_places[0]
        assert places is not None
        some = some.at(places[kept])
    return some


def table_of_sites(channel: Channel) -> Any:
    """Return the table of sites of a channel; None: it has none."""
    return getattr(channel, "sites", None)


def _given_up(scenario: Scenario, new: dict[str, Any], said: Sequence[str]) -> dict[str, Any]:
    """Return changed fields with those columns of a table of sites gone that say the same."""
    channel = new.get("channel", scenario.channel)
    sites = table_of_sites(channel)
    if sites is None:
        return new
    gone = {column for field in said for column in _OF_SITES[field]}
    left = {name: cells for name, cells in sites.columns().items() if name not in gone}
    if "server_hz" in said and scenario.servers == "listed":
        new = {"servers": "listed"} | new
    return new | {"channel": channel.replace(sites=left)}


def _of_devices(scenario: Scenario, count: int) -> dict[str, Any]:
    new = {}
    for field in ("tx_power_w", *options.OF_DEVICES, *_LISTED):
        value = getattr(scenario, field)
        if isinstance(value, tuple) and len(value) == scenario.num_devices:
            if field != "tx_power_w" and options.is_range(value):
                continue
            new[field] = value[:count]
    return new


def _known(scenario: Scenario) -> list[str]:
    parts = {part: getattr(scenario, part) for part in _PARTS}
    of_parts = (
        f"{part}.{name}"
        for part, there in parts.items()
        if there is not None
        for name in type(there).model_fields
    )
    return [*type(scenario).model_fields, *of_parts]


def _numbers(name: str, text: str) -> tuple[Number, ...]:
    """Return the values that a text names: "2:12" and "4:10:2" with both ends, or "2,4,8".

    Raises:
        ValueError: it names none.
    """
    listed = text.split(",")
    spans = text.split(":")
    try:
        if len(spans) == 1:
            values = [_number(each) for each in listed]
        elif len(spans) in (2, 3) and len(listed) == 1:
            low, high, step = (_number(each) for each in [*spans, "1"][:3])
            _check_span(f"vary: {name} {text!r}", low, high, step)
            count = int((high - low) / step + 1e-9) + 1
            values = [low + each * step for each in range(count)]
            if any(isinstance(value, float) for value in values):
                values = [float(f"{value:.12g}") for value in values]
        else:
            raise ValueError
    except _NoSpanError as error:
        raise ValueError(str(error)) from None
    except (ValueError, TypeError):
        raise ValueError(
            f"vary: {name} {text!r} names no values; give FROM:TO or FROM:TO:STEP, both ends"
            " included, or values with commas, as 2,4,8"
        ) from None
    if len(set(values)) < len(values):
        raise ValueError(f"vary: {name} {text!r} names a value twice")
    return tuple(sorted(values))


class _NoSpanError(ValueError):
    """FROM:TO:STEP are numbers, but no span."""


def _check_span(said: str, low: Number, high: Number, step: Number) -> None:
    if not step > 0:
        raise _NoSpanError(f"{said}: the step is {step}; give one above 0")
    if not low < high:
        raise _NoSpanError(f"{said}: from {low} to {high} there is nothing; give TO above FROM")
    if (high - low) / step >= MOST_POINTS:
        raise _NoSpanError(f"{said}: more than {MOST_POINTS} values; give a larger STEP")


def _number(text: str) -> Number:
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
