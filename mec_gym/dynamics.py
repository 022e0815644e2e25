"""How the slots of an episode follow one another: what a scenario says of it, and its draw.

Each quantity takes uniform numbers of its own behind those of the episode's slots.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import drawing, equations, options
from mec_gym import mobility as models
from mec_gym.channels import PlacedChannel
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.mobility import Static, Trace
from mec_gym.ranges import from_unit

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

OF_SEVERAL = (
    "slot_s",
    "arrivals",
    "background",
    "mobility",
    "handover_s",
    "state_bits",
    "backhaul_bps",
)
"""Fields that mean nothing where an episode is one slot."""

_DRAWN = ("handover_s", "state_bits")
"""Fields that are a number, a range to draw each device's from, or a number each."""

_MOST_GAINS = 10_000_000
"""An episode is drawn as a whole: so many gains take 80 MB."""


def check(scenario: "Scenario") -> None:
    """Check that what a scenario says of its slots fits together.

    Raises:
        ValueError: it does not; the message names the field and the remedy.
    """
    if scenario.slots == 1:
        given = [name for name in OF_SEVERAL if getattr(scenario, name) is not None]
        if given or scenario.left_over != "waits":
            name = given[0] if given else "left_over"
            raise ValueError(f"{name}: it means nothing in one slot; give slots, or leave it out")
        return
    if scenario.slot_s is None:
        raise ValueError("slot_s: needed where slots follow one another; give their length, s")
    if (scenario.state_bits is None) != (scenario.backhaul_bps is None):
        one, other = "state_bits", "backhaul_bps"
        if scenario.state_bits is None:
            one, other = other, one
        raise ValueError(f"{one}: it means nothing without {other}; give both or none")
    for name in _DRAWN:
        value, count = getattr(scenario, name), scenario.num_devices
        each = isinstance(value, tuple) and not options.is_range(value)
        if each and len(value) != count:
            raise ValueError(
                f"{name}: {len(value)} values; needs a number, a range [low, high], or {count},"
                " one each"
            )
    if scenario.channel.correlation < 1:
        raise ValueError(
            "channel.correlation: gains that change within slots that follow one another are not"
            " known; set it to 1"
        )
    if scenario.lookahead is not None:
        raise ValueError(
            "lookahead: devices to come are seen in slots that follow one another; leave it out"
        )
    stay = scenario.mobility is None or isinstance(scenario.mobility, Static)
    if not stay and scenario.coverage_m is not None and scenario.drop_penalty_s is None:
        raise ValueError(
            "coverage_m: devices that move may be where no server with a place left covers them;"
            " give drop_penalty_s as well, so that tasks may be dropped"
        )
    if options.given(scenario, "deadline_s") is not None and scenario.drop_penalty_s is None:
        raise ValueError(
            "deadline_s: work left over may let no server meet it; give drop_penalty_s as well, so"
            " that tasks may be dropped"
        )
    if scenario.arrivals is not None:
        with _of_field("arrivals"):
            scenario.arrivals.check(scenario.slots)
    _ = scenario.timetable  # it is refused where it does not fit
    if scenario.background is not None:
        with _of_field("background"):
            scenario.background.check(scenario.slots, scenario.num_servers)
    gains = scenario.slots * scenario.num_gains
    if gains > _MOST_GAINS:
        raise ValueError(
            f"slots: {gains:,} gains an episode, those of {scenario.num_devices} devices x"
            f" {scenario.num_servers} servers in each of {scenario.slots} slots; the limit is"
            f" {_MOST_GAINS:,}; lower slots"
        )


def check_moving(scenario: "Scenario") -> None:
    """Check that devices can move as a scenario says, over several slots.

    Raises:
        ValueError: they cannot; the message names the field and the remedy.
    """
    mobility, channel = scenario.mobility, scenario.channel
    if mobility is None or scenario.slots == 1 or scenario.slot_s is None:
        return  # or refused in `check`
    if not isinstance(channel, PlacedChannel):
        raise ValueError(
            f"mobility: devices have no places in channel {channel.kind!r}; take one that has, such"
            " as [channel] kind = 'umi', or leave it out"
        )
    if not channel.knows_moving:
        raise ValueError(
            f"mobility: {type(channel).__name__} does not say what gains are where devices move;"
            " write its `steady_along` (or `gains_along`), or leave mobility out"
        )
    if scenario.tasks_have_places:
        raise ValueError(
            "mobility: the table of tasks says where devices are in each slot; leave out its"
            " columns of places, or mobility"
        )
    if isinstance(mobility, Trace):
        _check_trace(mobility, channel)
    with _of_field("mobility"):
        models.check(
            mobility, scenario.slots, scenario.num_devices, scenario.slot_s, channel.area()
        )


def _check_trace(trace: Trace, channel: PlacedChannel) -> None:
    """Check that a trace alone says where devices are, in the coordinates of the servers."""
    for field in ("device_positions_m", "users", "clusters", "placement"):
        if getattr(channel, field) is not None:
            raise ValueError(
                f"channel.{field}: mobility.table says where devices are already; leave one out"
            )
    table = trace.table
    if table.lat is None or table.lon is None:
        if channel.projection is not None:
            raise ValueError(
                "mobility.table: x, y are metres, but channel.sites has degrees; give lat and lon,"
                " or the sites in the same metres"
            )
    elif channel.given_places[0] is not None:
        channel.check_degrees(table.lat, table.lon, "mobility.table")


@contextmanager
def _of_field(name: str) -> Iterator[None]:
    """Name the field of which a part is refused within the block."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from None


def moves_services(scenario: "Scenario") -> bool:
    """Return whether it takes time where a device's task goes to another server than its last."""
    return scenario.handover_s is not None or scenario.state_bits is not None


def limits_hz(scenario: "Scenario") -> tuple[float, float]:
    """Return the least and the greatest CPU frequency that may be left of a server, cycles/s."""
    hz = scenario.server_hz if scenario.deployment_hz is None else scenario.deployment_hz
    most = 0.0 if scenario.background is None else scenario.background.most
    return float(np.min(hz)) * (1 - most), float(np.max(hz))


def num_uniforms(scenario: "Scenario") -> tuple[int, ...]:
    """Return how many uniform numbers slots, arrivals, background, services, moving take."""
    num_slots, num_devices = scenario.slots, scenario.num_devices
    drawn = [options.is_range(getattr(scenario, name)) for name in _DRAWN]
    return (
        num_slots * scenario.num_uniforms,
        scenario.arrivals.num_uniforms(num_slots, num_devices) if scenario.arrivals else 0,
        scenario.background.num_uniforms(num_slots, scenario.num_servers)
        if scenario.background
        else 0,
        *(num_devices * each for each in drawn),
        _num_moving(scenario),
    )


def _num_moving(scenario: "Scenario") -> int:
    if scenario.mobility is None:
        return 0
    num_slots, num_devices = scenario.slots, scenario.num_devices
    channel = scenario.radio
    assert isinstance(channel, PlacedChannel)  # else the scenario is refused
    along = channel.num_uniforms_along(num_slots, num_devices, scenario.num_servers)
    return scenario.mobility.num_uniforms(num_slots, num_devices) + along


def from_uniforms(scenario: "Scenario", unit: FloatArray, places: bool) -> Episodes:
    """Return the episodes made of uniform numbers (n, sum of `num_uniforms`)."""
    num_slots, num_devices, num_servers = scenario.slots, scenario.num_devices, scenario.num_servers
    shape = (len(unit), num_slots)
    ends_at = np.cumsum(num_uniforms(scenario)[:-1])
    of_slots, arrivals, background, *services, moving = np.split(unit, ends_at, axis=-1)
    of_slots = of_slots.reshape(*shape, -1)
    if scenario.timetable is not None:
        # Who has no task is given one of them all the same, which nobody sees.
        of_slots = drawing.of_rows(
            scenario, of_slots, np.maximum(scenario.timetable.at(arrivals), 0)
        )
    assert scenario.slot_s is not None  # else the scenario is refused
    moved = None
    if scenario.mobility is not None:
        channel, size = scenario.radio, (num_devices, num_servers)
        assert isinstance(channel, PlacedChannel)  # else the scenario is refused
        of_channel = of_slots[..., : channel.num_uniforms(*size)]
        moved = channel.along(of_channel, scenario.mobility, moving, scenario.slot_s, *size)
    arrays = scenario.from_uniforms(of_slots, places, moved).arrays()
    between = Between.of(scenario, (arrivals, background, *services))
    if between.left_of_hz is not None:
        arrays["server_hz"] = arrays["server_hz"] * between.left_of_hz
    arrays["backlog_cycles"] = np.zeros(num_servers)
    arrays["slots_left"] = np.broadcast_to(np.arange(num_slots)[::-1], shape)
    arrays["slot_s"] = np.full(shape, scenario.slot_s)
    if between.handover_s is not None:
        arrays["handover_s"] = between.handover_s[:, None, :]
        arrays["last_server"] = np.full(num_devices, -1, np.int64)
    return Episodes(Instance.trusted(**arrays), between.present, scenario.left_over == "waits")


def as_first(scenario: "Scenario", slots: Instance) -> Instance:
    """Return slots (n,) as each would be the first of an episode."""
    services = {}
    if moves_services(scenario):
        drawn = [np.full((len(slots), scenario.num_devices), 0.5)] * len(_DRAWN)  # their means
        services = {
            "handover_s": _handover(scenario, drawn),
            "last_server": np.full(scenario.num_devices, -1, np.int64),
        }
    return Instance.trusted(
        **slots.arrays(),
        **services,
        backlog_cycles=np.zeros(scenario.num_servers),
        slots_left=np.full(len(slots), scenario.slots - 1),
        slot_s=np.full(len(slots), scenario.slot_s),
    )


class Between(NamedTuple):
    """What is drawn of episodes beside their slots.

    Attributes:
        present: which devices have a task, (n, K, M).
        left_of_hz: the share of each server's CPU that is left, (n, K, N); None: all.
        handover_s: delay of moving each device's service, (n, M), seconds; None: there is none.
    """

    present: NDArray[np.bool_]
    left_of_hz: FloatArray | None
    handover_s: FloatArray | None

    @classmethod
    def of(cls, scenario: "Scenario", units: Sequence[FloatArray]) -> "Between":
        """Return it of the uniform numbers of arrivals, background and services, (n, ...) each."""
        arrivals, background, *services = units
        num_slots, num_devices = scenario.slots, scenario.num_devices
        present = np.ones((len(arrivals), num_slots, num_devices), np.bool_)
        if scenario.timetable is not None:
            present = scenario.timetable.at(arrivals) >= 0
        elif scenario.arrivals is not None:
            present = scenario.arrivals.draw(arrivals, num_slots, num_devices)
        left = None
        if scenario.background is not None:
            left = 1 - scenario.background.draw(background, num_slots, scenario.num_servers)
        moves = moves_services(scenario)
        return cls(present, left, _handover(scenario, services) if moves else None)


def _handover(scenario: "Scenario", units: Sequence[FloatArray]) -> FloatArray:
    """Return the delay of moving each device's service, (n, M), seconds."""
    drawn: list[Any] = []
    for name, unit in zip(_DRAWN, units, strict=True):
        value = getattr(scenario, name)
        given = 0.0 if value is None else value
        drawn.append(from_unit(unit, given) if options.is_range(given) else np.asarray(given))
    switching, state_bits = drawn
    moved = equations.transmission_delay(state_bits, scenario.backhaul_bps or 1.0)
    return np.broadcast_to(switching + moved, (len(units[0]), scenario.num_devices))
