"""Whether slots and episodes that are given fit a scenario."""

from typing import TYPE_CHECKING

from mec_gym import dynamics, options
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario


def check(scenario: "Scenario", instance: Instance) -> None:
    """Check that slots fit what is seen of a scenario; see `Scenario.check`."""
    shape, own = instance.gain.shape[-2:], (scenario.num_devices, scenario.num_servers)
    fewer = scenario.slots > 1 and shape[0] < own[0]  # the others have no task
    if shape != own and (not fewer or shape[1] != own[1]):
        raise ValueError(
            f"instance: {shape[0]} devices x {shape[1]} servers do not fit the scenario's"
            f" {own[0]} x {own[1]}"
        )
    if (instance.capacity != scenario.capacities).any():
        raise ValueError(f"instance: its capacity is not the scenario's {scenario.capacity}")
    drawn = scenario.ranges
    if instance.step_gain is not None:
        if scenario.num_devices > scenario.num_steps:
            raise ValueError(
                "instance: its gains change within the slot (step_gain), the scenario's do not;"
                " give the scenario's channel a correlation below 1, or leave out step_gain"
            )
        drawn["step_gain"] = scenario.radio.gain_range
    options.check_instance(scenario, instance)
    for field, limits in (drawn | scenario.option_ranges).items():
        value = getattr(instance, field)
        low, high = limits[0] * (1 - 1e-9), limits[1] * (1 + 1e-9)
        if value.min() < low or value.max() > high:
            raise ValueError(
                f"instance: {field} goes from {value.min():g} to {value.max():g}, beyond the"
                f" scenario's {limits[0]:g} to {limits[1]:g}; widen the scenario's range"
            )


def check_episodes(scenario: "Scenario", episodes: Episodes) -> None:
    """Check that episodes fit a scenario; see `Scenario.check_episodes`."""
    own = scenario.slots, scenario.slot_s, scenario.left_over == "waits"
    if (episodes.num_slots, episodes.slot_s, episodes.waits) != own:
        raise ValueError(
            f"episode: {episodes.num_slots} slots of {episodes.slot_s:g} s whose work left over"
            f" {'waits' if episodes.waits else 'is forgotten'} do not fit the scenario's slots,"
            " slot_s, left_over"
        )
    if not episodes.present.any(axis=(-1, -2)).all():
        raise ValueError("episode: no device has a task in any of its slots")
    moves = episodes.slots.last_server is not None
    if moves != dynamics.moves_services(scenario):
        raise ValueError(
            f"episode: it has {'' if moves else 'no '}handover_s, the scenario"
            f" {'no' if moves else 'has'} handover_s or state_bits; give both or none"
        )
    check(scenario, episodes.slots)
