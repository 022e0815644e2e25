"""What can be computed but hardly be meant: warnings that say so, with the field and the remedy.

A scenario warns once, when it is made or read, and a changed copy only of what the one before had
not. What is read again from what the package wrote itself is `quiet`.
"""

import itertools
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mec_gym.channels import PlacedChannel, UniformChannel
from mec_gym.equations import rate, signal_to_noise, uplink_rate
from mec_gym.mobility import Trace
from mec_gym.networks.places import Places
from mec_gym.workload import beyond, mean_load

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

SLOWEST, FASTEST = 1e3, 1e10
"""Rates of links that can be meant, bits/s."""

SHORTEST, LONGEST = 1e-6, 1e3
"""Computation delays of a mean task on a mean server that can be meant, s."""

MOST_MPS = 100.0
"""A speed that devices can be meant to have, m/s: 360 km/h."""

MOST_LOAD = 2.0
"""Work of an episode, over what the servers can do in it, that can be meant to be left over."""

_DECIDING = {
    "channel",
    "mobility",
    "slot_s",
    "bandwidth_hz",
    "bandwidth_sharing",
    "tx_power_w",
    "noise_psd",
    "noise_w",
    "task_cycles",
    "task_bits",
    "cycles_per_bit",
    "tasks",
    "server_hz",
}
"""Fields of which none need be looked at where all have their defaults."""

_WIDEST_DEGREES = 5.0
_MOST_OUTSIDE = 0.25
_MOST_NUMBERS = 2 * 10**6
"""Of slots that take more the links of some devices are looked at."""

_ROOT = f"{Path(__file__).parent}{os.sep}"


class PlausibilityWarning(UserWarning):
    """A scenario that can be computed but hardly be meant; the field, its value and the remedy."""


_known: ContextVar[frozenset[str] | None] = ContextVar("known", default=frozenset())
"""Kinds of findings that are not warned of; None: all."""


@contextmanager
def quiet(before: "Scenario | None" = None) -> Iterator[None]:
    """Warn within the block of nothing, or of nothing that holds for the scenario before."""
    token = _known.set(None if before is None else frozenset(before.implausible))
    try:
        yield
    finally:
        _known.reset(token)


def warn(scenario: "Scenario") -> None:
    """Issue a `PlausibilityWarning` for each finding that is not known."""
    known = _known.get()
    if known is None or scenario.model_fields_set.isdisjoint(_DECIDING):
        return
    for kind, said in scenario.implausible.items():
        if kind not in known:
            warnings.warn(said, PlausibilityWarning, stacklevel=_depth())


def _depth() -> int:
    """Return how far up from `warn` the code is that is not of the package or pydantic."""
    frame: FrameType | None = sys._getframe(1)
    depth = 1
    while frame is not None and (
        frame.f_code.co_filename.startswith(_ROOT) or "pydantic" in frame.f_code.co_filename
    ):
        frame, depth = frame.f_back, depth + 1
    return depth


def findings(scenario: "Scenario") -> dict[str, str]:
    """Return what of a scenario can hardly be meant: a line each, by its kind."""
    kinds: dict[str, Callable[[Scenario], str]] = {"rate": _rate}
    if isinstance(scenario.channel, PlacedChannel):
        kinds = {"degrees": _degrees, "narrow": _narrow, "outside": _outside} | kinds
    # Of places and rates the first alone: those behind it follow from it.
    found = ((kind, said) for kind, look in kinds.items() if (said := look(scenario)))
    first = dict(itertools.islice(found, 1))
    others = {"work": _work(scenario), "moving": _moving(scenario)}
    if not any(others.values()):  # or it follows from them
        others["load"] = _load(scenario)
    return first | {kind: said for kind, said in others.items() if said}


def _degrees(scenario: "Scenario") -> str:
    """Return whether places in metres look like degrees."""
    channel, tasks = scenario.channel, scenario.tasks
    assert isinstance(channel, PlacedChannel)
    given = {
        "channel.server_positions_m": channel.server_positions_m,
        "channel.device_positions_m": channel.device_positions_m,
        "channel.sites": None
        if channel.sites is None or channel.sites.in_degrees
        else channel.sites.metres(None),
        "channel.users": None
        if channel.users is None or channel.users.in_degrees
        else channel.users.metres(None),
        "tasks": None if tasks is None else tasks.places_m,
        "mobility.table": None
        if not isinstance(scenario.mobility, Trace) or scenario.mobility.table.in_degrees
        else scenario.mobility.table.metres(None),
    }
    for field, places in given.items():
        if places is not None and _like_degrees(np.asarray(places)):
            first = ", ".join(f"{number:.9g}" for number in np.asarray(places)[0])
            remedy = "give them as channel.sites and channel.users, columns lat and lon"
            if field in ("channel.sites", "channel.users", "tasks", "mobility.table"):
                remedy = "call the columns lat and lon"
            return f"{field}: ({first}) and the others look like degrees, but are metres; {remedy}"
    return ""


def _like_degrees(places: FloatArray) -> bool:
    """Return whether places (R, 2) are within a few units, with decimals, far from (0, 0)."""
    if len(places) < 2:
        return False
    extent = np.ptp(places, axis=0).max()
    sizes = np.sort(abs(places).max(axis=0))
    fine = (abs(places * 1e3 - np.round(places * 1e3)) > 1e-6).any(axis=-1).mean() > 0.5
    away = np.linalg.norm(places.mean(axis=0)) > 2 * extent
    inside = sizes[0] <= 90 and sizes[1] <= 180
    return bool(inside and 0 < extent <= _WIDEST_DEGREES and fine and away)


def _narrow(scenario: "Scenario") -> str:
    """Return whether all links count as the shortest there is."""
    channel = scenario.radio
    if not isinstance(channel, PlacedChannel) or channel.longest_m > channel.shortest_m:
        return ""
    return (
        f"channel.side_m: {channel.side_m:g}, and places: no device is further than"
        f" {channel.shortest_m:g} m from any server, and shorter distances count as that, so that"
        " all links are alike; check that places and side_m are metres"
    )


def _outside(scenario: "Scenario") -> str:
    """Return whether servers and devices are in different areas."""
    channel = scenario.radio
    if not isinstance(channel, PlacedChannel):
        return ""
    servers, devices = channel.given_places
    tables: list[Places | None] = [channel.sites, channel.users]
    of_devices = "users"
    if isinstance(scenario.mobility, Trace):
        devices, of_devices = scenario.mobility.places_m(channel.area()), "places of mobility.table"
        tables.append(scenario.mobility.table)
    if servers is not None and devices is not None:
        apart = np.maximum(servers.min(0) - devices.max(0), devices.min(0) - servers.max(0)).max()
        if apart <= 0:
            return ""
        return (
            f"channel: the area of the devices and that of the servers are {apart:,.0f} m apart;"
            " check that both are in the same coordinates"
        )
    places, who = (servers, "servers") if servers is not None else (devices, of_devices)
    if places is None:
        return ""
    beyond = int(((places < 0) | (places > channel.side_m)).any(axis=-1).sum())
    if beyond <= _MOST_OUTSIDE * len(places):
        return ""
    (x0, y0), (x1, y1) = places.min(0), places.max(0)
    others = "devices" if who == "servers" else "servers"
    wide = max(x1 - x0, y1 - y0)
    remedy = f"set side_m = {math.ceil(wide / 100) * 100:g}"
    if not any(table is not None and table.in_degrees for table in tables):
        remedy = (
            f"they are from ({x0:.0f}, {y0:.0f}) to ({x1:.0f}, {y1:.0f}): set side_m and move them,"
            f" or give the places of the {others} too"
        )
    return (
        f"channel.side_m: {channel.side_m:g}, but {beyond} of {len(places)} {who} are outside of"
        f" this square, over which the {others} are; {remedy}"
    )


def _moving(scenario: "Scenario") -> str:
    """Return whether devices are too fast, go too far in a slot, or move where no servers are."""
    mobility, channel, slot_s = scenario.mobility, scenario.radio, scenario.slot_s
    if mobility is None or slot_s is None or not isinstance(channel, PlacedChannel):
        return ""
    area = channel.area()
    fastest = mobility.fastest_mps(slot_s, area)
    field = {"random-waypoint": ".speed_mps", "gauss-markov": ".mean_mps", "trace": ".table"}
    named = f"mobility{field.get(mobility.kind, '')}"
    if fastest > MOST_MPS:
        return (
            f"{named}: devices at up to {fastest:,.4g} m/s, {fastest * 3.6:,.4g} km/h; check that"
            " speeds are in m/s, not km/h, and places in metres"
        )
    reach = mobility.reach(area)
    side_m = area.side_m if reach is None else max(area.side_m, float(np.ptp(reach, axis=0).max()))
    if fastest * slot_s > side_m:
        return (
            f"slot_s: {slot_s:g}, in which devices at up to {fastest:.4g} m/s go"
            f" {fastest * slot_s:,.0f} m, further than the {side_m:,.0f} m of the area; lower it,"
            " or check side_m"
        )
    return ""


def _rate(scenario: "Scenario") -> str:
    """Return whether most devices' fastest links, or most links, have a rate that is not meant."""
    power, noise = scenario.tx_power_w, scenario.noise_power_w
    watts = float(np.median(power)) if isinstance(power, tuple) else power
    bandwidth = scenario.device_bandwidth_hz
    if isinstance(scenario.channel, UniformChannel):
        low, high = scenario.channel.gain_range
        gain = (low + high) / 2
        ratio = signal_to_noise(gain, watts, noise)
        fastest = typical = rate(math.log1p(ratio), bandwidth)
    else:
        gains = _gains(scenario)
        typical = float(uplink_rate(np.median(gains), bandwidth, watts, noise))
        best = np.median(gains.max(axis=-1))
        fastest = float(uplink_rate(best, bandwidth, watts, noise))
    density = f"noise_psd: {noise / bandwidth:g}"
    said = density if scenario.noise_w is None else f"noise_w: {noise:g}"
    given = f"{said}, bandwidth_hz {scenario.bandwidth_hz:g}, tx_power_w {watts:g}"
    if fastest < SLOWEST:
        return (
            f"{given}: half of the devices have no link faster than {fastest:.2g} bits/s; check the"
            " units: thermal noise is a noise_psd of 4e-21 W/Hz"
        )
    if typical > FASTEST:
        return f"{given}: half of the links are faster than {typical:.2g} bits/s; check the units"
    return ""


def _gains(scenario: "Scenario") -> FloatArray:
    """Return the gains of a slot's links at its first step, (M, N), or those of some devices."""
    channel, servers = scenario.radio, scenario.num_servers
    devices = scenario.num_devices
    while channel.num_uniforms(devices, servers) > _MOST_NUMBERS and devices > 1:
        devices //= 2
    if devices < scenario.num_devices and isinstance(channel, PlacedChannel):
        channel = channel.replace(placement=None)
    unit = np.random.default_rng(0).random((1, channel.num_uniforms(devices, servers)))
    return np.asarray(channel.draw(unit, devices, servers)[0, 0])


def _work(scenario: "Scenario") -> str:
    """Return whether a mean task on a mean server takes a time that is not meant."""
    if scenario.tasks is not None:
        cycles = float(scenario.tasks.cycles.mean())
    else:
        cycles = sum(scenario.task_cycles_range) / 2
    hz = scenario.server_hz
    mean_hz = sum(hz) / len(hz) if isinstance(hz, tuple) else hz
    delay = cycles / mean_hz
    if SHORTEST <= delay <= LONGEST:
        return ""
    asked = "server_hz is in Hz, not GHz" if delay > LONGEST else "work is in CPU cycles"
    return (
        f"server_hz: {mean_hz:g} cycles/s on average, tasks of {cycles:g} cycles: one takes"
        f" {delay:.2g} s alone; check that {asked}"
    )


def _load(scenario: "Scenario") -> str:
    """Return whether far more work arrives in an episode than the servers can do in it."""
    said = beyond(scenario)
    if not said or mean_load(scenario) <= MOST_LOAD:
        return ""
    return f"slot_s: {scenario.slot_s:g}, {said}; raise slot_s or server_hz, or check the units"
