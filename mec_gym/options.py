"""What a scenario may have beside the paper's: how its numbers are drawn, and what they may be.

The functions take a scenario, whose fields of these names document them. Each quantity takes
uniform numbers of its own behind those of the paper's, and none where it is constant: what is not
opted for changes no slot.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.channels import PlacedChannel
from mec_gym.instance import OF_TIME, OPTIONAL, Instance
from mec_gym.problem import Problem
from mec_gym.ranges import from_unit

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

OF_DEVICES = ("delay_weight", "energy_weight", "local_hz", "deadline_s")
"""Fields that are a number for all devices, a range to draw each from, or a number each."""

_IN_TABLE = {"delay_weight": "weight", "deadline_s": "deadline", "services": "service"}
"""The column of a table of tasks that says the same for each of them."""

_BARS = ("coverage_m", "services", "deadline_s")
"""Fields by which a link may not be allowed."""

_NEEDS = {
    "cloud_delay_s": "cloud_hz",
    "cloud_hz": "cloud_delay_s",
    "switched_capacitance": "local_hz",
    "fetch_delay_s": "services",
}
"""Fields that mean nothing without another."""

_FIELD: dict[str, str | None] = {
    "covered": "coverage_m",
    "fetch_delay_s": "services",
    "step_gain": None,  # of the channel
    "switched_capacitance": "local_hz",
    **dict.fromkeys(OF_TIME),  # of what came before
}
"""The field that gives an attribute of an instance, where it has another name."""

_CHECKED_LINKS = 100_000
"""Slots of about so many links are drawn to see whether each task has an action, 256 at most."""


def is_range(value: Any) -> bool:
    """Return whether the value of a field is the two ends [low, high] of a range."""
    return isinstance(value, tuple) and len(value) == 2 and value[0] < value[1]


def limits(value: Any) -> tuple[float, float]:
    """Return the least and the greatest number that the value of a field allows."""
    return (min(value), max(value)) if isinstance(value, tuple) else (value, value)


def given(scenario: "Scenario", name: str) -> Any:
    """Return the value of a field, or the ends of the column of the table in its place; or None."""
    value, column = getattr(scenario, name), _column(scenario, name)
    if value is not None or column is None or name == "services":
        return value
    return float(column.min()), float(column.max())


def _column(scenario: "Scenario", name: str) -> NDArray[Any] | None:
    """Return what the table of tasks has of a field, (R,); None: it has not, or there is none."""
    if scenario.tasks is None or name not in _IN_TABLE:
        return None
    return scenario.tasks.arrays().get(_IN_TABLE[name])


def is_plain(scenario: "Scenario") -> bool:
    """Return whether a scenario has nothing beside the paper's."""
    fields = (*OF_DEVICES, *_BARS, "cloud_delay_s", "drop_penalty_s")
    return all(given(scenario, name) is None for name in fields)


def bars(scenario: "Scenario") -> bool:
    """Return whether some actions of a task may not be allowed."""
    return any(given(scenario, name) is not None for name in _BARS)


def num_uniforms(scenario: "Scenario") -> list[int]:
    """Return how many uniform numbers each of `OF_DEVICES` and the services take of a slot.

    What a table of tasks says takes none.
    """
    drawn = [is_range(getattr(scenario, name)) for name in OF_DEVICES]
    drawn.append(scenario.services is not None and _column(scenario, "services") is None)
    return [scenario.num_devices * each for each in drawn]


def draw(
    scenario: "Scenario",
    units: list[FloatArray],
    distances: FloatArray | None,
    rows: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the optional arrays of `Instance` made of uniform numbers.

    Args:
        scenario: whose slots they are.
        units: (n, ...) of each of `num_uniforms`.
        distances: of each link, (..., M, N), m; None: devices have no places.
        rows: of the table of tasks, (n, M), where there is one.
    """
    made: dict[str, NDArray[Any]] = {}
    *of_devices, services = units
    for name, unit in zip(OF_DEVICES, of_devices, strict=True):
        value = getattr(scenario, name)
        if value is not None:
            made[name] = from_unit(unit, value) if is_range(value) else np.array(value)
        elif (column := _column(scenario, name)) is not None:
            made[name] = column[rows]
    constants = {
        "cloud_delay_s": scenario.cloud_delay_s,
        "cloud_hz": scenario.cloud_hz,
        "drop_penalty_s": scenario.drop_penalty_s,
        "switched_capacitance": scenario.kappa if scenario.local_hz is not None else None,
    }
    made |= {name: np.array(value) for name, value in constants.items() if value is not None}
    if scenario.coverage_m is not None:
        assert distances is not None  # else the scenario is refused
        made["covered"] = distances <= scenario.coverage_m
    if scenario.services is not None:
        named = _column(scenario, "services")
        if named is None:
            delays = fetch_delays(scenario)
            which = (services * len(delays)).astype(int)
        else:
            asked, of_rows = np.unique(named, return_inverse=True)
            delays, which = fetch_delays(scenario, [*map(int, asked)]), of_rows[rows]
        made["fetch_delay_s"] = delays[which]
    return made


def fetch_delays(scenario: "Scenario", asked: Sequence[int] | None = None) -> FloatArray:
    """Return the delay of fetching each service that is asked for to each server, (K, N), seconds.

    Args:
        scenario: whose servers host some; K is 0 where there are no services.
        asked: the services; None: all that are hosted.
    """
    services = scenario.services or ()
    known = sorted({each for hosted in services for each in hosted}) if asked is None else asked
    hosts = [[each in hosted for hosted in services] for each in known]
    fetch = np.inf if scenario.fetch_delay_s is None else scenario.fetch_delay_s
    return np.where(np.array(hosts, np.bool_).reshape(-1, scenario.num_servers), 0.0, fetch)


def attributes(scenario: "Scenario") -> set[str]:
    """Return the names of the optional attributes that a scenario's slots have, but `step_gain`."""
    fields = {name: _FIELD.get(name, name) for name in OPTIONAL}
    return {name for name, field in fields.items() if field and given(scenario, field) is not None}


def check(scenario: "Scenario") -> None:
    """Check that a scenario's options fit each other and it, and that each task has an action.

    Raises:
        ValueError: they do not; the message names the field and the remedy.
    """
    for field, needed in _NEEDS.items():
        if getattr(scenario, field) is not None and getattr(scenario, needed) is None:
            raise ValueError(f"{field}: it means nothing without {needed}; give both or none")
    for name in OF_DEVICES:
        value = getattr(scenario, name)
        if isinstance(value, tuple) and not is_range(value) and len(value) != scenario.num_devices:
            raise ValueError(
                f"{name}: {len(value)} values; needs a number, a range [low, high], or"
                f" {scenario.num_devices}, one each"
            )
    if scenario.coverage_m is not None:
        unit = np.zeros(scenario.channel.num_uniforms(scenario.num_devices, scenario.num_servers))
        if scenario.channel.distances(unit, scenario.num_devices, scenario.num_servers) is None:
            raise ValueError(
                "coverage_m: devices and servers have no places in this channel; take"
                " [channel] kind = 'path-loss', or leave it out"
            )
    if scenario.services is not None:
        _check_services(scenario.services, scenario.num_servers)
    if not is_plain(scenario):
        _check_finite(scenario)
    if bars(scenario) and scenario.drop_penalty_s is None:
        _check_allowed(scenario)


def check_tasks(scenario: "Scenario") -> None:
    """Check that a scenario can use what its table of tasks says beside bits and cycles.

    Raises:
        ValueError: it cannot, or says the same itself; the message has the remedy.
    """
    if scenario.tasks is None:
        return
    columns, channel = scenario.tasks.arrays(), scenario.channel
    for field in OF_DEVICES:
        if getattr(scenario, field) is not None and _column(scenario, field) is not None:
            raise ValueError(
                f"{field}: the table of tasks has a column {_IN_TABLE[field]!r}; leave out one"
            )
    named = "lat, lon" if "lat" in columns else "x, y"
    if columns.keys() & {"lat", "x"}:
        if not isinstance(channel, PlacedChannel):
            raise ValueError(
                f"tasks: {named} are places, of which channel {channel.kind!r} knows nothing; use"
                " kind 'path-loss', or take them out"
            )
        for field in ("device_positions_m", "users", "clusters", "placement"):
            if getattr(channel, field) is not None:
                raise ValueError(
                    f"channel.{field}: the table of tasks has {named} already; leave it out"
                )
        if "lat" in columns:
            channel.check_degrees(columns["lat"], columns["lon"], "tasks")
        elif channel.projection is not None:
            raise ValueError(
                "tasks: x, y are metres, but channel.sites has degrees; give lat and lon"
            )
    if "service" in columns:
        _check_asked(set(columns["service"].tolist()), scenario)


def _check_asked(asked: set[str], scenario: "Scenario") -> None:
    if scenario.services is None:
        raise ValueError(
            "tasks: each has a service, but no server is said to host any; give services, or take"
            " the column out"
        )
    hosted = {each for services in scenario.services for each in services}
    named = sorted(each for each in asked if not (each.isascii() and each.isdecimal()))
    if named or scenario.fetch_delay_s is not None:
        strange = named
    else:
        strange = sorted(each for each in asked if int(each) not in hosted)
    if strange:
        remedy = "give its number, as in services" if named else "give fetch_delay_s, or host it"
        raise ValueError(f"tasks: service {strange[0]!r} is hosted by no server; {remedy}")


def check_instance(scenario: "Scenario", instance: Instance) -> None:
    """Check that slots have those optional attributes that a scenario's slots have.

    Raises:
        ValueError: they have one more, or one less.
    """
    follows = [name for name in OF_TIME if getattr(instance, name) is not None]
    if follows and scenario.slots == 1:
        raise ValueError(f"instance: it has {follows[0]}, the scenario one slot; give it slots")
    for name in OPTIONAL:
        field = _FIELD.get(name, name)
        if field is None:
            continue
        has, wanted = getattr(instance, name) is not None, given(scenario, field) is not None
        if has != wanted:
            raise ValueError(
                f"instance: it has {'' if has else 'no '}{name}, the scenario"
                f" {'' if wanted else 'no '}{field}; give both or none"
            )


def _check_services(services: tuple[tuple[int, ...], ...], num_servers: int) -> None:
    if len(services) != num_servers:
        raise ValueError(f"services: {len(services)} lists; needs {num_servers}, one a server")
    if not any(services) or min(map(min, filter(None, services))) < 0:
        raise ValueError("services: needs numbers of services, 0 or more, hosted by some server")


def _check_finite(scenario: "Scenario") -> None:
    """Check that what tasks may cost by a scenario's options is a number, not inf."""
    weight = limits(given(scenario, "delay_weight") or 1.0)[1]
    per_joule = limits(given(scenario, "energy_weight") or 0.0)[1]
    cycles = np.float64(scenario.task_cycles_range[1])
    with np.errstate(all="ignore"):
        costs = {"delay_weight": weight * cycles}
        if scenario.local_hz is not None:
            slowest, fastest = limits(scenario.local_hz)
            joules = scenario.kappa * np.float64(fastest) ** 2 * cycles
            costs["local_hz"] = weight * (cycles / slowest) + max(per_joule, 1.0) * joules
        if scenario.cloud_hz is not None and scenario.cloud_delay_s is not None:
            delay = scenario.cloud_delay_s + cycles / scenario.cloud_hz
            costs["cloud_delay_s, cloud_hz"] = weight * delay
        for field in ("drop_penalty_s", "fetch_delay_s"):
            costs[field] = weight * np.float64(getattr(scenario, field) or 0.0)
        wrong = [
            field
            for field, cost in costs.items()
            if not np.isfinite(cost * scenario.num_devices**2)
        ]
    if wrong:
        raise ValueError(
            f"{wrong[0]}: tasks may cost more than any number, or take such an energy; check its"
            " unit, and those of weights and work"
        )


def _check_allowed(scenario: "Scenario") -> None:
    """Check on slots that are drawn that all tasks find a place that is allowed."""
    links = scenario.num_devices * scenario.num_actions
    count = max(1, min(256, _CHECKED_LINKS // links))
    try:
        Problem.of(scenario.sample(count, 0)).require_feasible()
    except ValueError as error:
        by = [name for name in _BARS if given(scenario, name) is not None]
        raise ValueError(
            f"{', '.join(by)}: of {count} slots drawn, {str(error).partition('; ')[0]}; let more"
            " links be allowed, or give drop_penalty_s so that tasks may be dropped"
        ) from None
