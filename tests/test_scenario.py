"""Scenario: presets, and a scenario as a value: equality, copies, changes, TOML."""

import copy
import pickle

import pytest
from hypothesis import given, settings
from slots import assert_same_slots
from strategies import scenarios

from mec_gym import Scenario
from mec_gym.channels import PathLossChannel

FAST = Scenario.preset("fast-fading")


def test_the_presets_are_those_of_the_contract():
    names = {"paper", "paper-varied", "paper-frequency", "paper-complexity"}
    names |= {"slack", "large", "city", "online", "online-slack", "fast-fading"}
    assert names <= set(Scenario.presets())


def test_the_default_is_the_preset_paper():
    assert Scenario() == Scenario.preset("paper")


def test_the_preset_paper_holds_the_numbers_of_sec_iv_a():
    paper = Scenario.preset("paper")
    assert (paper.num_devices, paper.num_servers, paper.capacity) == (9, 3, 3)
    assert paper.task_bits == (200e3, 500e3)
    assert paper.task_cycles == (5e8, 2e9)
    assert paper.server_hz == (5e9, 9e9)
    assert paper.bandwidth_hz == 1e6
    assert paper.tx_power_w == 0.1
    assert paper.channel.gain == (0.5, 2.0)
    assert paper.noise_psd == 1e-9


@pytest.mark.parametrize(
    ("name", "shape", "capacity", "servers"),
    [
        ("paper", (9, 3), 3, "fixed"),
        ("paper-varied", (9, 3), 3, "per-slot"),
        ("slack", (9, 3), 5, "per-slot"),
        ("large", (50, 5), 10, "per-slot"),
        ("city", (1000, 50), 20, "per-slot"),
        ("online", (9, 3), 3, "per-slot"),
        ("online-slack", (9, 3), 5, "per-slot"),
        ("fast-fading", (9, 3), 3, "fixed"),
    ],
)
def test_a_preset_has_the_size_of_the_contract(name, shape, capacity, servers):
    scenario = Scenario.preset(name)
    assert (scenario.num_devices, scenario.num_servers) == shape
    assert (scenario.capacity, scenario.servers) == (capacity, servers)


@pytest.mark.parametrize(
    ("online", "offline"), [("online", "paper-varied"), ("online-slack", "slack")]
)
def test_an_online_preset_is_another_whose_devices_come_into_sight_one_by_one(online, offline):
    assert Scenario.preset(online) == Scenario.preset(offline, lookahead=0)
    assert Scenario.preset(offline).lookahead is None
    assert_same_slots(Scenario.preset(online).sample(3, 0), Scenario.preset(offline).sample(3, 0))


@pytest.mark.parametrize("name", Scenario.presets())
def test_the_label_of_a_preset_is_its_name_and_of_another_lookahead_custom(name):
    scenario = Scenario.preset(name)
    assert scenario.label == name
    assert scenario.one_slot.replace(lookahead=3).label == "custom"


@pytest.mark.parametrize("lookahead", [None, 0, 4])
def test_lookahead_reads_back_from_toml_and_is_left_out_where_all_is_seen(tmp_path, lookahead):
    scenario = Scenario(lookahead=lookahead)
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert Scenario.from_toml(path) == scenario
    assert Scenario.from_toml(path).lookahead == lookahead
    assert ("lookahead" in scenario.to_toml()) == (lookahead is not None)
    assert Scenario(lookahead=2).replace(lookahead=lookahead) == scenario


# A scenario is a value.


@pytest.mark.slow
@given(scenarios())
def test_a_scenario_reads_back_from_its_toml_equal(tmp_path_factory, scenario):
    path = tmp_path_factory.mktemp("toml") / "scenario.toml"
    path.write_text(scenario.to_toml(), encoding="utf-8")
    read = Scenario.from_toml(path)
    assert read == scenario
    assert_same_slots(read.sample(2, 0), scenario.sample(2, 0))


@pytest.mark.parametrize("name", Scenario.presets())
def test_every_preset_reads_back_from_its_toml_equal(tmp_path, name):
    path = tmp_path / "scenario.toml"
    path.write_text(Scenario.preset(name).to_toml(), encoding="utf-8")
    assert Scenario.from_toml(path) == Scenario.preset(name)


@pytest.mark.parametrize("channel", [{"kind": "uniform", "gain": 0.9}, {"kind": "path-loss"}])
def test_toml_names_the_kind_of_channel(tmp_path, channel):
    scenario = Scenario(channel=channel)
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert f'kind = "{channel["kind"]}"' in scenario.to_toml()
    assert Scenario.from_toml(path) == scenario


def test_a_scenario_written_by_hand_needs_only_what_differs(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'num_devices = 4\nnum_servers = 2\nservers = "listed"\nserver_hz = [5e9, 6e9]\n'
        'cycles_per_bit = [500, 1000]\n[channel]\nkind = "path-loss"\nside_m = 200\n'
    )
    assert Scenario.from_toml(path) == Scenario(
        num_devices=4,
        num_servers=2,
        servers="listed",
        server_hz=(5e9, 6e9),
        cycles_per_bit=(500.0, 1000.0),
        channel=PathLossChannel(side_m=200.0),
    )


def test_scenarios_stay_comparable_after_they_have_drawn():
    one, other = Scenario(), Scenario()
    one.sample(1, 0)
    other.sample(1, 0)
    assert one == other
    assert one != Scenario(capacity=4)
    assert hash(one) == hash(other)


def test_copies_of_a_scenario_that_has_drawn_equal_it():
    scenario = Scenario()
    scenario.sample(1, 0)
    assert copy.deepcopy(scenario) == scenario
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_the_deployment_cannot_be_written_to():
    scenario = Scenario()
    with pytest.raises(ValueError, match="read-only"):
        scenario.deployment_hz[0] = 1.0


def test_replace_swaps_one_form_of_a_quantity_for_the_other_however_the_scenario_was_made(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(Scenario().to_toml())
    for scenario in (Scenario(), Scenario.from_toml(path)):
        changed = scenario.replace(task_cycles=None, cycles_per_bit=750.0)
        assert changed == Scenario.preset("paper-complexity")
        assert scenario.replace(noise_psd=None, noise_w=1e-3) == Scenario(noise_w=1e-3)
        assert scenario.replace(capacity=4) == Scenario(capacity=4)


def test_the_preset_fast_fading_is_the_paper_with_independent_gains_at_each_step():
    assert Scenario(channel={"kind": "uniform", "correlation": 0.0}) == FAST
    assert FAST.channel.gain == Scenario().channel.gain
    assert (FAST.num_steps, FAST.num_gains) == (9, 243)
    assert (Scenario().num_steps, Scenario().num_gains) == (1, 27)


@pytest.mark.parametrize(
    ("scenario", "hides"),
    [
        (Scenario(), False),
        (FAST, True),
        (Scenario.preset("online"), True),
        (Scenario(lookahead=8), False),
        (FAST.replace(lookahead=8), True),
        (Scenario(channel={"kind": "path-loss", "correlation": 0.99}, noise_psd=4e-21), True),
    ],
)
def test_the_future_is_hidden_where_tasks_are_or_where_gains_change(scenario, hides):
    assert scenario.hides_future == hides


@settings(max_examples=10)
@given(scenarios())
def test_presets_and_scenarios_tell_their_derived_quantities(scenario):
    assert scenario.capacities.shape == (scenario.num_servers,)
    assert scenario.capacities.sum() >= scenario.num_devices
    shares = scenario.num_devices if scenario.bandwidth_sharing == "equal" else 1
    assert scenario.device_bandwidth_hz == scenario.bandwidth_hz / shares
