"""The fields of a scenario: what each is, and of which one of two is given."""

import os
from numbers import Integral
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mec_gym import channels, mobility
from mec_gym.arrivals import Arrivals
from mec_gym.background import Background
from mec_gym.channels import Channel, PlacedChannel, UniformChannel
from mec_gym.io.files import located
from mec_gym.io.messages import quoted
from mec_gym.io.settings import (
    NotNegative,
    NumberOrEach,
    Positive,
    RangeField,
    RangeOrEach,
    RangeOrEachFrom0,
    Settings,
)
from mec_gym.mobility import Mobility
from mec_gym.networks.tasks import Tasks

_TABLES = ("sites", "users")
"""Fields of a channel from which some of a scenario's follow."""

MOST_TASKS = 100_000
"""Rows of a table that a scenario holds: its files have them all."""

OTHER_FORM = {"task_cycles": "cycles_per_bit", "noise_psd": "noise_w"}
"""Fields of which one of two is given; the first has a default."""

NOISE = ("noise_psd", "noise_w")
"""Fields of which one says the noise, or else the channel does."""

IN_TASKS = ("task_bits", "task_cycles", "cycles_per_bit")
"""Fields that give way to a table of tasks."""


def _places(value: Any) -> int | tuple[int, ...]:
    each = isinstance(value, list | tuple)
    places = tuple(value) if each else (value,)
    for count in places:
        if (
            isinstance(count, bool)
            or not isinstance(count, Integral)
            or not 0 <= int(count) < 2**31
        ):
            raise ValueError(f"{count!r} is not a whole number of places, 0 or more")
    return tuple(map(int, places)) if each else int(value)


Capacity = Annotated[int | tuple[int, ...], BeforeValidator(_places)]


def _tasks(value: Any) -> Tasks | None:
    if value is None:
        return None
    tasks = Tasks.of(located(value) if isinstance(value, str | os.PathLike) else value)
    if len(tasks) > MOST_TASKS:
        raise ValueError(
            f"{len(tasks):,} rows; a scenario draws from {MOST_TASKS:,} at most, so give a sample"
            " of them"
        )
    return tasks


TaskTable = Annotated[
    Tasks | None,
    PlainValidator(_tasks),
    PlainSerializer(lambda tasks: tasks and tasks.columns()),
]
"""Tasks as `Tasks.of` takes them; files hold their columns."""

AnyChannel = Annotated[SerializeAsAny[Channel], BeforeValidator(channels.from_fields)]
"""A channel model, also as a table of its fields."""

AnyMobility = Annotated[SerializeAsAny[Mobility], BeforeValidator(mobility.from_fields)]
"""How devices move, also as a table of its fields."""


def with_noise(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the noise of their channel, where they have one and no noise."""
    if "channel" not in fields or any(fields.get(name) is not None for name in NOISE):
        return fields
    try:
        channel = channels.from_fields(fields["channel"])
    except ValueError:
        return fields  # refused where it is validated
    if not isinstance(channel, Channel):
        return fields
    return fields | {"channel": channel, "noise_psd": channel.default_noise_psd}


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value


def _said_twice(name: str, given: Any, count: int) -> str:
    """Return what is wrong with a field that the table of `count` sites says otherwise."""
    if name == "num_servers":
        return f"num_servers: {quoted(given)}, but channel.sites has {count}; leave it out"
    column = {"server_hz": "hz or ghz", "servers": "hz or ghz"}.get(name, name)
    return (
        f"{name}: {quoted(given)}, but channel.sites has a column {column}; leave out one of the"
        " two"
    )


class ScenarioFields(Settings):
    """What a `mec_gym.scenario.Scenario` is given; each field has its description."""

    num_devices: int = Field(9, ge=1, le=10**6, description="Number of devices, M.")
    num_servers: int = Field(3, ge=1, le=10**6, description="Number of edge servers, N.")
    capacity: Capacity = Field(
        3, description="Places of a server, M_n^max: one number for all servers, or one each."
    )
    task_bits: RangeField | None = Field(
        (2e5, 5e5),
        description="Input size S_m, bits; 1 kb is 1000 bits; none where tasks is given.",
    )
    task_cycles: RangeField | None = Field(
        (5e8, 2e9), description="Work C_m, cycles; none where cycles_per_bit is given."
    )
    cycles_per_bit: RangeField | None = Field(
        None, description="Task complexity (Fig. 5), cycles/bit: C_m is S_m times this."
    )
    tasks: TaskTable = Field(
        None,
        description="Table that each device draws its task from, a row as likely as any other: a"
        " CSV file, beside the TOML file that names it, or columns bits, cycles and others.",
    )
    server_hz: NumberOrEach = Field(
        (5e9, 9e9), description="CPU frequency F_n, cycles/s; a list of N where servers='listed'."
    )
    servers: Literal["fixed", "per-slot", "listed"] = Field(
        "fixed",
        description="Whether F_n is drawn once from server_seed, drawn anew each slot, or listed.",
    )
    server_seed: int = Field(0, ge=0, description="Seed of the one deployment of servers='fixed'.")
    channel: AnyChannel = Field(UniformChannel(), description="How the gains h_mn arise.")
    bandwidth_hz: Positive = Field(1e6, description="Uplink bandwidth B, Hz.")
    bandwidth_sharing: Literal["none", "equal"] = Field(
        "none", description="Whether each device has B (none, Eq. 1), or B/M (equal)."
    )
    tx_power_w: NumberOrEach = Field(
        0.1, description="Transmit power P_m, W: one number for all devices, or one each."
    )
    noise_psd: Positive | None = Field(
        1e-9,
        description="Noise density, W/Hz; sigma^2 is this times a device's bandwidth. Where it is"
        " not given it is the channel's: 1e-9 of uniform gains, as in the paper; thermal, 3.98e-21"
        " (-174 dBm/Hz), and their noise figure of channels with places.",
    )
    noise_w: Positive | None = Field(
        None, description="Noise power sigma^2, W, given directly; noise_psd is then none."
    )

    lookahead: int | None = Field(
        None,
        ge=0,
        strict=True,
        description="How many of the devices to come are seen; none: all of them, as in the paper.",
    )

    delay_weight: RangeOrEach | None = Field(
        None,
        description="Weight w^T of a task's delay in its cost: a number, a range, or one each;"
        " none: 1.",
    )
    energy_weight: RangeOrEachFrom0 | None = Field(
        None,
        description="Cost w^E of the device's energy, s/J: a number, a range, or one each;"
        " none: 0.",
    )
    local_hz: RangeOrEach | None = Field(
        None,
        description="CPU frequency of the devices, cycles/s, on which tasks may then stay: a"
        " number, a range, or one each; none: no device computes.",
    )
    switched_capacitance: Positive | None = Field(
        None,
        description="Effective switched capacitance kappa of the devices' CPUs, W s^3: a task that"
        " stays takes kappa f^2 C joules; none: 1e-27 where local_hz is given.",
    )
    cloud_delay_s: NotNegative | None = Field(
        None,
        description="Delay of the way on to a cloud, s, to which tasks may then be sent over their"
        " fastest link; none: there is no cloud.",
    )
    cloud_hz: Positive | None = Field(
        None, description="CPU frequency that each task has in the cloud, cycles/s."
    )
    drop_penalty_s: Positive | None = Field(
        None,
        description="Delay as which a task counts that is dropped, s, as tasks then may be; none:"
        " each must be done.",
    )
    deadline_s: RangeOrEach | None = Field(
        None,
        description="Delay that a task should keep to, s: a number, a range, or one each. A link"
        " that cannot, with the whole CPU, is not allowed; none: there is none.",
    )
    coverage_m: Positive | None = Field(
        None,
        description="Distance up to which a server covers a device, m; others are not allowed;"
        " none: all cover all.",
    )
    services: tuple[tuple[int, ...], ...] | None = Field(
        None,
        description="Numbers of the services that each server hosts, a list a server. Each task"
        " asks for one of them, equally often; none: all host all.",
    )
    fetch_delay_s: Positive | None = Field(
        None,
        description="Delay of fetching a service to a server that does not host it, s; none: such"
        " links are not allowed.",
    )

    slots: int = Field(
        1,
        ge=1,
        le=10**5,
        description="Slots of an episode, K, that follow one another, all devices deciding anew in"
        " each; 1: each slot is an episode, as in the paper.",
    )
    slot_s: Positive | None = Field(
        None, description="Length of a slot tau, s; given where there are several."
    )
    left_over: Literal["waits", "forgotten"] = Field(
        "waits",
        description="Whether work that a server has not finished when a slot ends is done first in"
        " the next, and those who join wait for it, or is forgotten, so that slots do not touch.",
    )
    arrivals: Arrivals | None = Field(
        None, description="Which devices have a task in a slot; none: all."
    )
    background: Background | None = Field(
        None, description="What share of the servers' CPUs others have; none: nothing."
    )
    mobility: AnyMobility | None = Field(
        None,
        description="How devices move from slot to slot; none: each slot is drawn by itself.",
    )
    handover_s: RangeOrEachFrom0 | None = Field(
        None,
        description="Delay where a device's task goes to another server than its last did, s: a"
        " number, a range, or one each; none: there is no such delay.",
    )
    state_bits: RangeOrEach | None = Field(
        None,
        description="What is then moved over the backhaul as well, bits: a number, a range, or one"
        " each; none: nothing.",
    )
    backhaul_bps: Positive | None = Field(
        None, description="Rate of the backhaul between servers, bits/s, for state_bits."
    )

    _LATER: ClassVar[tuple[str, ...]] = ("slots", "left_over")
    """Fields that are not written where they have their default."""

    @model_serializer(mode="wrap")
    def _leave_out_what_came_later(
        self, fields_of: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        # What was written before there were these fields still reads and compares the same.
        fields: dict[str, Any] = fields_of(self)
        for name in self._LATER:
            if fields.get(name) == type(self).model_fields[name].default:
                del fields[name]
        return fields

    @model_validator(mode="before")
    @classmethod
    def _following(cls, fields: Any) -> Any:
        """Add what follows from the channel's tables.

        Given as well, it must be the same, as it is where it was read from what was written.
        """
        if not isinstance(fields, dict):
            return fields
        channel = fields.get("channel")
        if isinstance(channel, dict) and any(channel.get(table) is not None for table in _TABLES):
            try:
                channel = channels.from_fields(channel)
            except ValueError as error:
                raise ValueError(f"channel: {error}") from None
            fields = fields | {"channel": channel}
        if not isinstance(channel, PlacedChannel):
            return fields
        for name, value in channel.follows.items():
            given = fields.get(name)
            if given is None:
                fields = fields | {name: value}
            elif name != "num_devices" and _as_tuple(given) != value:
                raise ValueError(_said_twice(name, given, len(channel.sites or ())))
        return fields

    @model_validator(mode="after")
    def _what_follows_is_not_given(self) -> Self:
        """Let what follows from tables give way in `replace` where they do."""
        if isinstance(self.channel, PlacedChannel):
            for name, value in self.channel.follows.items():
                if getattr(self, name) == value:
                    self.model_fields_set.discard(name)
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, fields: Any) -> Any:
        """Give way with a default where the field's other form is given."""
        if not isinstance(fields, dict):
            return fields  # refused by what follows
        if fields.get("tasks") is not None:
            if both := [name for name in IN_TASKS if fields.get(name) is not None]:
                raise ValueError(f"tasks, {both[0]}: give one of the two, not both")
            fields = fields | dict.fromkeys(IN_TASKS)
        elif "task_bits" in fields and fields["task_bits"] is None:
            raise ValueError("tasks, task_bits: give one of the two")
        for default, other in OTHER_FORM.items():
            if default in IN_TASKS and fields.get("tasks") is not None:
                continue
            if fields.get(other) is not None:
                if fields.get(default) is not None:
                    raise ValueError(f"{default}, {other}: give one of the two, not both")
                fields = fields | {default: None}
            elif default in fields and fields[default] is None:
                raise ValueError(f"{default}, {other}: give one of the two")
        return with_noise(fields)
