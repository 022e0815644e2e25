"""Scenario: what is refused, in one line, and which slots fit."""

import math
import os

import numpy as np
import pytest
from slots import changed

from mec_gym import Instance, Scenario

FAST = Scenario.preset("fast-fading")


def test_a_toml_file_that_may_never_end_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "scenario.toml"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ValueError, match=f"{path}: it is longer than 33,554,432 bytes"):
        Scenario.from_toml(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path}: it is not a file"):
        Scenario.from_toml(path)


def test_a_preset_with_changes_is_checked():
    assert Scenario.preset("slack", capacity=4).capacity == 4
    with pytest.raises(ValueError, match="capacity"):
        Scenario.preset("large", capacity=9)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"num_devices": 10}, r"^capacity: .*9 of 10 devices; raise capacity or lower num_devices"),
        ({"capacity": (3, 3, 2)}, r"^capacity: .*8 of 9 devices; raise capacity"),
        ({"num_devices": 0}, "^num_devices: .*0"),
        ({"num_devices": -3}, "^num_devices: .*-3"),
        ({"num_devices": 2.5}, "^num_devices: .*2.5"),
        ({"num_servers": 0}, "^num_servers: .*0"),
        ({"capacity": -1}, "^capacity: .*-1"),
        ({"capacity": 2.5}, "^capacity: .*2.5"),
        ({"capacity": math.nan}, "^capacity: .*nan"),
        ({"capacity": (5, 5)}, "^capacity: 2 .*3"),
        ({"capacity": ()}, "^capacity: 0 .*3"),
        ({"task_bits": 0}, "^task_bits: .*0"),
        ({"task_bits": -1.0}, "^task_bits: .*-1"),
        ({"task_bits": math.nan}, "^task_bits: .*nan"),
        ({"task_bits": math.inf}, "^task_bits: .*inf"),
        ({"task_bits": (5e5, 2e5)}, "^task_bits: .*500000.*200000.*low must be below high"),
        ({"task_bits": (3e5, 3e5)}, "^task_bits: .*empty"),
        ({"task_bits": (0, 3e5)}, "^task_bits: .*0"),
        ({"task_bits": (1e5, math.inf)}, "^task_bits: .*inf"),
        ({"task_cycles": (2e9, 5e8)}, "^task_cycles: .*low must be below high"),
        ({"task_cycles": None}, "task_cycles, cycles_per_bit: give one"),
        ({"task_cycles": 1e9, "cycles_per_bit": 5.0}, "task_cycles, cycles_per_bit: .*not both"),
        ({"cycles_per_bit": 0}, "^cycles_per_bit: .*0"),
        ({"server_hz": (9e9, 5e9)}, "^server_hz: .*low below high"),
        ({"server_hz": (5e9, 6e9, 7e9)}, "^server_hz: .*servers='listed'"),
        ({"server_hz": 0}, "^server_hz: .*0"),
        ({"servers": "listed"}, "^server_hz: 2 .*3"),
        ({"servers": "listed", "server_hz": 5e9}, "^server_hz: .*list"),
        ({"servers": "listed", "server_hz": (5e9, 6e9, math.nan)}, "^server_hz: .*nan"),
        ({"servers": "sometimes"}, "^servers: .*'per-slot'.*sometimes"),
        ({"server_seed": -1}, "^server_seed: .*-1"),
        ({"bandwidth_hz": 0}, "^bandwidth_hz: .*0"),
        ({"bandwidth_hz": math.nan}, "^bandwidth_hz: .*nan"),
        ({"bandwidth_sharing": "some"}, "^bandwidth_sharing: .*'equal'.*some"),
        ({"tx_power_w": -0.1}, "^tx_power_w: .*-0.1"),
        ({"tx_power_w": (0.1, 0.2)}, "^tx_power_w: 2 .*9"),
        ({"noise_psd": 0}, "^noise_psd: .*0"),
        ({"noise_psd": None}, "noise_psd, noise_w: give one"),
        ({"noise_psd": 1e-9, "noise_w": 1e-3}, "noise_psd, noise_w: .*not both"),
        ({"noise_w": math.inf}, "^noise_w: .*inf"),
        ({"lookahead": -1}, "^lookahead: .*-1"),
        ({"lookahead": 1.5}, "^lookahead: .*1.5"),
        ({"lookahead": "all"}, "^lookahead: .*all"),
        ({"num_device": 9}, "^num_device: no such field"),
    ],
)
def test_a_bad_field_gets_one_line_with_its_name_value_and_remedy(changes, says):
    with pytest.raises(ValueError, match=says) as caught:
        Scenario(**changes)
    assert "\n" not in str(caught.value)


def test_whole_numbers_of_numpy_are_numbers():
    # Sweeps are written with np.arange and np.linspace.
    assert Scenario(num_devices=np.int64(6)).num_devices == 6
    assert Scenario(server_hz=np.float64(5e9)).server_hz == 5e9
    assert Scenario(capacity=np.int64(4)).capacity == 4


@pytest.mark.parametrize("name", ["papper", "", None, 3])
def test_an_unknown_preset_is_refused_with_the_names_there_are(name):
    with pytest.raises(ValueError, match=r"scenario: .*paper-complexity") as caught:
        Scenario.preset(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_a_bad_count_or_seed_is_refused_by_name_and_value(n, seed):
    with pytest.raises(ValueError, match=rf"n: {n}, seed: {seed}"):
        Scenario().sample(n, seed)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda slot: {"gain": slot.gain * 4}, "gain .*2;"),
        (lambda slot: {"gain": slot.gain / 4}, "gain .*0.5"),
        (lambda slot: {"task_bits": slot.task_bits * 3}, "task_bits"),
        (lambda slot: {"task_cycles": slot.task_cycles / 5}, "task_cycles"),
        (lambda slot: {"capacity": slot.capacity + 1}, "capacity"),
    ],
)
def test_a_slot_out_of_the_scenarios_law_does_not_fit(change, says):
    slot = Scenario().sample(1, 0)[0]
    with pytest.raises(ValueError, match=f"^instance: .*{says}"):
        Scenario().check(changed(slot, **change(slot)))


def test_changing_gains_that_would_take_too_much_are_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"^channel.correlation: 50,000,000 .*10,000,000.*lower num_devices"
    ) as caught:
        Scenario.preset("city", channel={"kind": "uniform", "correlation": 0.5})
    assert "\n" not in str(caught.value)
    Scenario(num_devices=1000, num_servers=10, capacity=100, channel=FAST.channel)


def test_changing_slots_do_not_fit_a_scenario_whose_gains_are_constant():
    with pytest.raises(ValueError, match=r"^instance: .*step_gain.*correlation below 1"):
        Scenario().check(FAST.sample(2, 0))
    FAST.check(Scenario().sample(2, 0))  # constant is one way to change
    FAST.replace(channel={"kind": "uniform", "correlation": 0.5}).check(FAST.sample(2, 0))


def test_gains_that_leave_the_range_at_some_step_do_not_fit():
    arrays = FAST.sample(2, 0).arrays()
    for value, says in ((0.4, "0.4"), (2.1, "2.1")):
        step_gain = arrays["step_gain"].copy()
        step_gain[1, 0, 5, 2] = value
        with pytest.raises(ValueError, match=rf"^instance: step_gain goes .*{says}.*0.5 to 2;"):
            FAST.check(Instance(**(arrays | {"step_gain": step_gain})))


def test_a_slot_of_another_size_does_not_fit():
    with pytest.raises(ValueError, match=r"^instance: 8 devices x 3 servers .*9 x 3"):
        Scenario().check(Scenario(num_devices=8).sample(1, 0))
