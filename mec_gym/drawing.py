"""Slots of a scenario made of uniform numbers: the same numbers, the same slots."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mec_gym import options
from mec_gym.channels import PlacedChannel
from mec_gym.instance import PLACES, Instance, gain_at_sending
from mec_gym.ranges import from_unit

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]


def num_uniforms(scenario: "Scenario") -> tuple[int, ...]:
    """Return how many numbers channel, bits (or rows of tasks), work, servers and options take."""
    return (
        scenario.channel.num_uniforms(scenario.num_devices, scenario.num_servers),
        scenario.num_devices,
        scenario.num_devices if scenario.tasks is None else 0,
        scenario.num_servers if scenario.deployment_hz is None else 0,
        *options.num_uniforms(scenario),
    )


def from_uniforms(
    scenario: "Scenario",
    unit: FloatArray,
    places: bool = False,
    moved: tuple[FloatArray, FloatArray] | None = None,
) -> Instance:
    """Return the slots made of numbers uniform on [0, 1); see `Scenario.from_uniforms`."""
    ends_at = np.cumsum(num_uniforms(scenario)[:-1])
    channel, bits, work, servers, *more = np.split(unit, ends_at, axis=-1)
    rows = None
    if scenario.tasks is not None:
        rows = scenario.tasks.rows(bits)
        task_bits, task_cycles = scenario.tasks.bits[rows], scenario.tasks.cycles[rows]
        if scenario.tasks_have_places:
            assert isinstance(scenario.radio, PlacedChannel)
            channel = scenario.radio.at_places(channel, bits)
    else:
        assert scenario.task_bits is not None  # one of the two is given
        task_bits = from_unit(bits, scenario.task_bits)
        if scenario.cycles_per_bit is None:
            assert scenario.task_cycles is not None  # one of the two is given
            task_cycles = from_unit(work, scenario.task_cycles)
        else:
            task_cycles = task_bits * from_unit(work, scenario.cycles_per_bit)
    server_hz = scenario.deployment_hz
    if server_hz is None:
        server_hz = from_unit(servers, scenario.server_hz)  # type: ignore[arg-type]  # a Range
    met, found, distances = _met(scenario, channel, moved)
    if places and found is not None:
        met |= dict(zip(PLACES, found, strict=True))
    return Instance.trusted(
        **met,
        task_bits=task_bits,
        task_cycles=task_cycles,
        server_hz=server_hz,
        capacity=scenario.capacities,
        bandwidth_hz=np.array(scenario.device_bandwidth_hz),
        tx_power_w=np.array(scenario.tx_power_w),
        noise_w=np.array(scenario.noise_power_w),
        **({} if options.is_plain(scenario) else options.draw(scenario, more, distances, rows)),
    )


def _met(
    scenario: "Scenario", unit: FloatArray, moved: tuple[FloatArray, FloatArray] | None
) -> tuple[dict[str, FloatArray], tuple[FloatArray, FloatArray] | None, FloatArray | None]:
    """Return gains by name, places of devices and servers, and distances if they are needed."""
    size, radio = (scenario.num_devices, scenario.num_servers), scenario.radio
    covers = scenario.coverage_m is not None
    if moved is not None:
        assert isinstance(radio, PlacedChannel)  # else the scenario is refused
        gains, devices = moved
        _, servers = radio.places(unit, *size)
        distances = radio.distances_at(devices, scenario.num_servers) if covers else None
        return {"gain": gains}, (devices, servers), distances
    gains = radio.draw(unit, *size)
    met = {"gain": gains[..., 0, :, :]}
    if scenario.num_steps > 1:
        met = {"gain": gain_at_sending(gains), "step_gain": gains}
    return met, radio.places(unit, *size), radio.distances(unit, *size) if covers else None


def of_rows(scenario: "Scenario", unit: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
    """Return uniform numbers (..., K) by which devices draw rows (..., M) of a scenario's tasks.

    Args:
        scenario: with a table of tasks.
        unit: what all else is drawn by, (..., K).
        rows: of `tasks`, which there are.
    """
    assert scenario.tasks is not None  # of which they are rows
    made, first = unit.copy(), num_uniforms(scenario)[0]
    made[..., first : first + scenario.num_devices] = (rows + 0.5) / len(scenario.tasks)
    return made
