"""NumPy's arrays and numbers stand wherever a scenario takes lists and numbers."""

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.channels import CHANNELS
from mec_gym.io.settings import plain

SITES = [(100.0, 100.0), (400.0, 120.0), (250.0, 400.0)]

GIVEN = {
    "num_devices": 5,
    "num_servers": 3,
    "capacity": [2, 3, 4],
    "task_bits": [1e5, 8e5],
    "task_cycles": [2e8, 1e9],
    "cycles_per_bit": [500.0, 900.0],
    "tasks": {"bits": [1e5, 2e5], "cycles": [1e8, 2e8]},
    "server_hz": [5e9, 6e9, 7e9],
    "servers": "listed",
    "server_seed": 3,
    "channel": {"kind": "path-loss", "server_positions_m": SITES},
    "bandwidth_hz": 2e6,
    "bandwidth_sharing": "equal",
    "tx_power_w": [0.1, 0.2, 0.3, 0.4, 0.5],
    "noise_psd": 4e-21,
    "noise_w": 1e-13,
    "lookahead": 2,
    "delay_weight": [1.0, 2.0, 3.0, 4.0, 5.0],
    "energy_weight": [0.0, 2.0, 3.0, 4.0, 5.0],
    "local_hz": [1e9, 2e9],
    "switched_capacitance": 1e-28,
    "cloud_delay_s": 0.2,
    "cloud_hz": 1e10,
    "drop_penalty_s": 3.0,
    "deadline_s": [20.0, 20.0, 30.0, 40.0, 50.0],
    "coverage_m": 900.0,
    "services": [[0, 1], [2, 0], [1, 2]],
    "fetch_delay_s": 0.5,
    "slots": 3,
    "slot_s": 0.5,
    "left_over": "forgotten",
    "arrivals": {"kind": "poisson", "probability": [0.5, 0.6, 0.7]},
    "background": {"levels": [0.0, 0.2, 0.4], "stay": 0.8},
    "mobility": {"kind": "random-waypoint", "speed_mps": [1.0, 2.0]},
    "handover_s": [0.1, 0.2, 0.3, 0.4, 0.5],
    "state_bits": [1e6, 2e6],
    "backhaul_bps": 1e9,
}
"""A value of each field, as lists and Python's own numbers."""

GIVEN_CHANNEL = {
    "kind": "path-loss",
    "correlation": 0.5,
    "side_m": 600.0,
    "server_positions_m": SITES,
    "device_positions_m": [(1.0, 2.0), (3.0, 4.0)],
    "loss_at_1m_db": 20.0,
    "exponent": 3.0,
    "min_distance_m": 5.0,
    "shadowing_db": 4.0,
    "shadowing_distance_m": 30.0,
    "fading": "rayleigh",
    "gain": [0.5, 2.0],
    "noise_figure_db": 7.0,
    "carrier_ghz": 2.0,
    "site_height_m": 20.0,
    "device_height_m": 2.5,
    "indoor_share": 0.5,
    "site_gain_db": 8.0,
    "device_gain_db": -2.0,
    "shadowing": "none",
    "sites": {"lat": [-37.81, -37.82], "lon": [144.96, 144.97], "capacity": [5, 6]},
    "users": {"x": [1.0, 2.0], "y": [3.0, 4.0]},
    "placement": "drawn",
    "clusters": 4,
    "cluster_radius_m": 30.0,
    "cluster_seed": 2,
    "layout": "hexagonal",
    "inter_site_m": 100.0,
}

BESIDE_IN_CHANNEL = {
    "placement": {"device_positions_m": [(1.0, 2.0), (3.0, 4.0)]},
    "inter_site_m": {"layout": "hexagonal"},
}

SEVERAL = {"slots": 3, "slot_s": 1.0}

BESIDE = {
    "server_hz": {"servers": "listed"},
    "servers": {"server_hz": [5e9, 6e9, 7e9]},
    "switched_capacitance": {"local_hz": 1e9},
    "cloud_delay_s": {"cloud_hz": 1e10},
    "cloud_hz": {"cloud_delay_s": 0.2},
    "coverage_m": {"channel": {"kind": "path-loss"}},
    "fetch_delay_s": {"services": [[0, 1], [2, 0], [1, 2]]},
    "slots": {"slot_s": 1.0},
    "slot_s": {"slots": 2},
    "left_over": SEVERAL,
    "arrivals": SEVERAL,
    "background": SEVERAL,
    "mobility": SEVERAL | {"channel": {"kind": "path-loss"}},
    "handover_s": SEVERAL,
    "state_bits": SEVERAL | {"backhaul_bps": 1e9},
    "backhaul_bps": SEVERAL | {"state_bits": 1e6},
}


def as_numpy(value):
    """Return a value as NumPy has it; a text stays."""
    if isinstance(value, dict):
        return {name: as_numpy(each) for name, each in value.items()}
    if isinstance(value, str):
        return value
    array = np.array(value)
    return array if array.ndim else array[()]


def test_each_field_of_a_scenario_and_a_channel_has_a_value_here():
    assert Scenario.model_fields.keys() - GIVEN.keys() == set()
    fields = {name for kind in CHANNELS.values() for name in kind.model_fields}
    assert fields - GIVEN_CHANNEL.keys() == set()


@pytest.mark.parametrize("field", Scenario.model_fields)
def test_each_field_of_a_scenario_takes_an_array(field):
    fields = {"num_devices": 5, "num_servers": 3} | BESIDE.get(field, {}) | {field: GIVEN[field]}
    expected = Scenario(**fields)
    assert Scenario(**as_numpy(fields)) == expected
    assert Scenario.of(as_numpy(fields)) == expected
    assert expected.replace(**{field: as_numpy(GIVEN[field])}) == expected
    assert Scenario(**as_numpy(fields)).to_toml() == expected.to_toml()


@pytest.mark.parametrize("kind", CHANNELS.values(), ids=CHANNELS.keys())
def test_each_field_of_a_channel_takes_an_array(kind):
    for field in kind.model_fields.keys() - {"kind"}:
        beside = BESIDE_IN_CHANNEL.get(field, {})
        assert kind(**{field: as_numpy(GIVEN_CHANNEL[field])}, **beside) == kind(
            **{field: GIVEN_CHANNEL[field]}, **beside
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8])
def test_numbers_of_any_size_are_taken(dtype):
    scenario = Scenario(
        num_devices=dtype(4), tx_power_w=np.array([1, 2, 3, 4], dtype), bandwidth_hz=dtype(100)
    )
    assert scenario == Scenario(num_devices=4, tx_power_w=(1, 2, 3, 4), bandwidth_hz=100)
    assert Scenario(bandwidth_hz=np.array(1e6)) == Scenario()  # of no dimension


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"capacity": np.array([3.0, 3.0, 3.0])}, "capacity: 3.0 is not a whole number"),
        ({"capacity": np.array([3, -1, 3])}, "capacity: -1"),
        ({"capacity": np.array([[3, 3, 3]])}, "capacity: .* is not a whole number"),
        ({"task_bits": np.array([2e5, np.nan])}, "task_bits: nan"),
        ({"task_bits": np.array([1e5, 2e5, 3e5])}, "task_bits: .* one number or a range"),
        ({"tx_power_w": np.array([True] * 9)}, "tx_power_w: True is not a number"),
        ({"tx_power_w": np.ones(9, complex)}, "tx_power_w: .* is not a number"),
        ({"tx_power_w": np.array(["1"] * 9)}, "tx_power_w: '1' is not a number"),
        ({"tx_power_w": np.ones(8)}, "tx_power_w: 8 values; needs 9"),
        ({"server_hz": np.array([])}, "server_hz: "),
        ({"num_devices": np.float64(2.5)}, "num_devices: .*2.5"),
        ({"lookahead": np.array([1])}, "lookahead"),
    ],
)
def test_arrays_that_would_be_refused_as_lists_are(fields, words):
    with pytest.raises(ValueError, match=words):
        Scenario(**fields)
    with pytest.raises(ValueError, match=words):
        Scenario(**plain(fields))


def test_environments_take_them_and_their_specification_is_json():
    fields = as_numpy({"num_devices": 5, "capacity": [2, 3, 4], "tx_power_w": [0.1] * 5})
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=fields)
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=2, scenario=fields)
    assert env.unwrapped.scenario == batch.unwrapped.scenario == Scenario(**plain(fields))
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.scenario == env.unwrapped.scenario
    assert isinstance(fields["capacity"], np.ndarray)  # what was given stays as it was
